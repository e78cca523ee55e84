#!/usr/bin/env bash
# Mutation testing of the core: changes src/domain in one place after the other, and sees whether
# the core's tests notice (cargo-mutants).
#
#   deploy/mutants.sh                     every mutant of src/domain
#   deploy/mutants.sh --changed [BASE]    those of lines that have changed since BASE, at most 40 of
#                                         them; without BASE since the branch left main, or on main
#                                         since the commit before
#
# Further arguments go to cargo-mutants, such as `--shard 0/4`. It fails if a mutant is missed that
# .cargo/mutants.toml does not explain. One that makes the tests hang counts as noticed.
#
# Building the whole project for each of hundreds of mutants would take hours, so the core, which
# needs nothing of the rest, is laid out with its own tests below target/mutants.
set -euo pipefail
cd "$(dirname "$0")/.."

CHANGED_MAX=40
work=target/mutants
tree=$work/tree
out=$work/out

say() { printf '%s\n' "$*" >&2; }

# What the branch began with; nothing where the history does not reach back that far.
base_of_branch() {
  local branch base
  for branch in origin/main main; do
    base=$(git merge-base HEAD "$branch" 2>/dev/null) || continue
    [ "$base" != "$(git rev-parse HEAD)" ] || base=$(git rev-parse --verify --quiet HEAD^) || continue
    printf '%s' "$base"
    return
  done
}

lay_out() {
  rm -rf "$tree/src" "$tree/tests" "$out"
  mkdir -p "$tree/src/cli" "$tree/tests/unit" "$out"
  cp tests/mutants/Cargo.toml Cargo.lock "$tree/"
  cp tests/mutants/lib.rs "$tree/src/"
  cp -R src/domain.rs src/domain "$tree/src/"
  cp src/cli/explain.rs "$tree/src/cli/"
  cp tests/mutants/main.rs "$tree/tests/unit/"
  local module
  for module in $(sed -n 's/^mod \(.*\);$/\1/p' tests/mutants/main.rs); do
    cp "tests/unit/$module.rs" "$tree/tests/unit/"
    [ ! -d "tests/unit/$module" ] || cp -R "tests/unit/$module" "$tree/tests/unit/"
  done
}

# The mutants with a result, such as `missed`.
count() { wc -l <"$out/mutants.out/$1.txt"; }

only=()
layer="mutants: src/domain"
if [ "${1:-}" = --changed ]; then
  shift
  base=
  case ${1:-} in '' | -*) base=$(base_of_branch) ;; *) base=$1; shift ;; esac
  if [ -z "$base" ]; then
    say "the history is too short to tell which lines have changed: no mutant is checked"
    exit 0
  fi
  mkdir -p "$work"
  git diff "$base" -- src/domain >"$work/changed.diff"
  if [ ! -s "$work/changed.diff" ]; then
    say "no line of src/domain has changed since $base: there is no mutant to check"
    exit 0
  fi
  only=(--in-diff "$PWD/$work/changed.diff")
  layer="mutants: changed lines"
fi

command -v cargo-mutants >/dev/null ||
  cargo install --quiet --locked cargo-mutants --version 27.1.0
lay_out
options=(--dir "$tree" --config "$PWD/.cargo/mutants.toml" --file 'src/domain/**' "${only[@]}" "$@")
if [ ${#only[@]} != 0 ]; then
  mutants=$(cargo mutants "${options[@]}" --list | wc -l)
  parts=$(((mutants + CHANGED_MAX - 1) / CHANGED_MAX))
  if [ "$parts" -gt 1 ]; then
    say "the changed lines have $mutants mutants: one in $parts is checked; deploy/mutants.sh checks all"
    options+=(--sharding round-robin --shard "0/$parts")
  fi
  if [ "$mutants" = 0 ]; then
    say "the changed lines of src/domain have no mutants"
    exit 0
  fi
fi

status=0
cargo mutants "${options[@]}" --in-place --output "$out" --minimum-test-timeout 60 --build-timeout 600 \
  --no-shuffle --colors never >&2 || status=$?
# 2: some were missed; 3: some hung. Anything else is no result at all.
case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac

caught=$(count caught) missed=$(count missed) hung=$(count timeout) unviable=$(count unviable)
say "caught $caught, hung $hung, missed $missed, unviable $unviable"
row=$(printf '{"layer":"%s","runs":%s,"unit":"mutants","intents":0,"faults":%s,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":"missed %s"}' \
  "$layer" $((caught + missed + hung)) $((caught + missed + hung)) "$missed")
say "proof: $row"
[ -z "${SMARTSEND_PROOF:-}" ] || printf '%s\n' "$row" >>"$SMARTSEND_PROOF"
[ "$missed" = 0 ]
