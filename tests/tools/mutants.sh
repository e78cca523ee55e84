#!/usr/bin/env bash
# Mutation testing of the core: changes src/domain in one place at a time, and checks that the core's
# tests notice (cargo-mutants).
#
#   tests/tools/mutants.sh                     every mutant of src/domain
#   tests/tools/mutants.sh --changed [BASE]    at most 40 mutants of the lines that changed since BASE;
#                                              by default since the branch left main, or on main
#                                              since the previous commit
#
# Further arguments go to cargo-mutants, such as `--shard 0/4`. It fails if the tests miss a mutant
# that .cargo/mutants.toml does not explain. A mutant that makes the tests hang counts as noticed.
#
# Building the whole project for each of hundreds of mutants would take hours. The core needs nothing
# else of the project, so it is copied below target/mutants with its own tests, and built there.
set -euo pipefail
cd "$(dirname "$0")/../.."

CHANGED_MAX=40
work=target/mutants
tree=$work/tree
out=$work/out

say() { printf '%s\n' "$*" >&2; }

# Prints the commit that the branch started from; nothing if the history is too shallow for that.
base_of_branch() {
  local branch base
  for branch in origin/main main; do
    base=$(git merge-base HEAD "$branch" 2>/dev/null) || continue
    [ "$base" != "$(git rev-parse HEAD)" ] || base=$(git rev-parse --verify --quiet HEAD^) || continue
    printf '%s' "$base"
    return
  done
}

copy_core() {
  rm -rf "$tree/src" "$tree/tests" "$out"
  mkdir -p "$tree/src/cli" "$tree/tests/unit" "$out"
  cp tests/mutants/Cargo.toml Cargo.lock "$tree/"
  cp tests/mutants/lib.rs "$tree/src/"
  cp -R src/domain.rs src/domain "$tree/src/"
  cp src/cli/exit.rs src/cli/explain.rs "$tree/src/cli/"
  cp tests/mutants/main.rs "$tree/tests/unit/"
  local module
  while read -r module; do
    cp "tests/unit/$module.rs" "$tree/tests/unit/"
    [ ! -d "tests/unit/$module" ] || cp -R "tests/unit/$module" "$tree/tests/unit/"
  done < <(sed -n 's/^mod \(.*\);$/\1/p' tests/mutants/main.rs)
}

# Without a mutant to check, what the others would be built from is built all the same, so that a
# change elsewhere cannot break it unseen.
no_mutants() {
  say "$1: no mutant to check"
  copy_core
  cargo test --quiet --no-run --manifest-path "$tree/Cargo.toml"
  exit 0
}

# Prints how many mutants had the result $1, such as `missed`.
count() { wc -l <"$out/mutants.out/$1.txt"; }

only=()
layer="mutants: src/domain"
if [ "${1:-}" = --changed ]; then
  shift
  base=
  case ${1:-} in '' | -*) base=$(base_of_branch) ;; *) base=$1; shift ;; esac
  if [ -z "$base" ]; then
    no_mutants "the history is too shallow to tell which lines changed"
  fi
  mkdir -p "$work"
  git diff "$base" -- src/domain >"$work/changed.diff"
  if [ ! -s "$work/changed.diff" ]; then
    no_mutants "no line of src/domain has changed since $base"
  fi
  only=(--in-diff "$PWD/$work/changed.diff")
  layer="mutants: changed lines"
fi

command -v cargo-mutants >/dev/null ||
  cargo install --quiet --locked cargo-mutants --version 27.1.0
copy_core
options=(--dir "$tree" --config "$PWD/.cargo/mutants.toml" --file 'src/domain/**' "${only[@]}" "$@")
if [ ${#only[@]} != 0 ]; then
  mutants=$(cargo mutants "${options[@]}" --list | wc -l)
  parts=$(((mutants + CHANGED_MAX - 1) / CHANGED_MAX))
  if [ "$parts" -gt 1 ]; then
    say "the changed lines have $mutants mutants; one in $parts is checked (without --changed: all)"
    options+=(--sharding round-robin --shard "0/$parts")
  fi
  if [ "$mutants" = 0 ]; then
    no_mutants "the changed lines of src/domain have no mutants"
  fi
fi

status=0
cargo mutants "${options[@]}" --in-place --output "$out" --minimum-test-timeout 60 --build-timeout 600 \
  --no-shuffle --colors never >&2 || status=$?
# 2: some were missed; 3: some hung. Anything else means that cargo-mutants itself failed.
case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac

caught=$(count caught) missed=$(count missed) hung=$(count timeout) unviable=$(count unviable)
say "caught $caught, hung $hung, missed $missed, unviable $unviable"
row=$(printf '{"layer":"%s","runs":%s,"unit":"mutants","intents":0,"faults":%s,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":"missed %s"}' \
  "$layer" $((caught + missed + hung)) $((caught + missed + hung)) "$missed")
say "proof: $row"
[ -z "${SMARTSEND_PROOF:-}" ] || printf '%s\n' "$row" >>"$SMARTSEND_PROOF"
[ "$missed" = 0 ]
