#!/usr/bin/env bash
# Mutation testing of what decides and what sequences: changes src/domain, src/admission and src/worker
# in one place at a time, and checks that their tests notice (cargo-mutants).
#
#   tests/tools/mutants.sh                     every mutant
#   tests/tools/mutants.sh --only PART         one part: cures (see below), domain, admission or worker
#   tests/tools/mutants.sh --changed [BASE]    at most 40 mutants of the lines of each that changed since
#                                              BASE, and the cures in the files that changed; by default
#                                              since the branch left main, or on main since the
#                                              previous commit
#
# Further arguments go to cargo-mutants, such as `--shard 0/4`. It fails if the tests miss a mutant
# that .cargo/mutants.toml does not explain. A mutant that makes the tests hang counts as noticed.
#
# Before the mutants come the cures: each patch in tests/mutants/cures takes out what a trace of the
# protocol taught, and the test that it names has to find the trace again.
#
# It takes hours. If it is interrupted, it goes on where it was, as long as the code and the further
# arguments are the same, and no line of the tests is gone.
#
# Building the whole project for each of a thousand mutants would take days. These three need little
# else of the project, so they are copied below target/mutants with their tests, and built there.
set -euo pipefail
cd "$(dirname "$0")/../.."

CHANGED_MAX=40
LAYERS=(domain admission worker)
# The target that a mutant of each layer is built into, and those of its tests that hold the layer and
# take a second or two.
declare -A TARGET=(
  [domain]="-C=--test=domain"
  [admission]="-C=--test=worker -C=--features=worker"
  [worker]="-C=--test=worker -C=--features=worker"
)
declare -A TESTS=(
  [domain]=""
  [admission]="admission::"
  [worker]="worker:: delivery:: dedup:: given_links:: dead_letters:: --skip=outages::hours --skip=fail_for_hours"
)
work=target/mutants
tree=$work/tree

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

# Copies the modules $3.. of the folder $1 to the folder $2, each with its submodules.
copy_modules() {
  local from=$1 to=$2 module
  shift 2
  for module in "$@"; do
    mkdir -p "$(dirname "$to/$module")"
    cp "$from/$module.rs" "$to/$module.rs"
    [ ! -d "$from/$module" ] || cp -R "$from/$module" "$to/$module"
  done
}

copy_tree() {
  local modules
  rm -rf "$tree/src" "$tree/tests"
  copy_modules src "$tree/src" "${LAYERS[@]}" ports clock telemetry config explain page
  mapfile -t modules < <(sed -n '/^mod support;$/d; s/^mod \(.*\);$/\1/p' tests/mutants/{domain,worker}.rs)
  copy_modules tests/unit "$tree/tests/unit" "${modules[@]}" support/{account,log_lines,model}
  copy_modules tests/support "$tree/tests/support" canary waiting
  cp tests/mutants/lib.rs "$tree/src/"
  cp tests/mutants/domain.rs "$tree/tests/unit/domain_mutants.rs"
  cp tests/mutants/worker.rs "$tree/tests/unit/worker_mutants.rs"
  cp tests/mutants/support.rs "$tree/tests/unit/"
  cp tests/mutants/Cargo.toml Cargo.lock README.md "$tree/"
}

# Prints what the outcome of a mutant depends on, but for the tests.
fingerprint() {
  find "$tree"/{src,Cargo.toml,Cargo.lock} .cargo/mutants.toml -type f | sort | xargs sha256sum
  printf '%s\n' "${TARGET[*]}" "${TESTS[*]}" "$*"
}

# Keeps the outcomes in the folder $1 of an earlier run, if they still count: a mutant that was caught
# is caught by more tests too.
keep_outcomes() {
  local out=$1
  shift
  fingerprint "$@" >"$work/fingerprint"
  if ! cmp --quiet "$work/fingerprint" "$out/fingerprint" ||
    diff --recursive --exclude=proptest-regressions "$out/tests" "$tree/tests" | grep -q "^<\|^Only in $out"; then
    rm -rf "$out"
    mkdir -p "$out"
  fi
  mv "$work/fingerprint" "$out/fingerprint"
  rm -rf "$out/tests"
  cp -R "$tree/tests" "$out/tests"
}

# Checks the mutants of a layer that cargo-mutants finds with these options, and writes a row of the
# proof.
check() {
  local layer=$1 out=$work/out/$1 target tests status=0 caught missed hung unviable unviable_before row
  shift
  say "mutants of src/$layer"
  keep_outcomes "$out" "$@"
  # The next run counts these among those that were caught before.
  cat "$out"/mutants.out/unviable.txt >>"$out/unviable.before" 2>/dev/null || true
  read -ra target <<<"${TARGET[$layer]}"
  read -ra tests <<<"${TESTS[$layer]}"
  cargo mutants "$@" "${target[@]}" --in-place --iterate --output "$out" --minimum-test-timeout 20 --build-timeout 600 \
    --no-shuffle --colors never -- -- "${tests[@]}" >&2 || status=$?
  # 2: some were missed; 3: some hung. Anything else means that cargo-mutants itself failed.
  case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac

  count() { cat "$@" | wc -l; }
  unviable_before=$(count "$out/unviable.before")
  cd "$out/mutants.out"
  caught=$(($(count caught.txt previously_caught.txt) - unviable_before))
  missed=$(count missed.txt) hung=$(count timeout.txt) unviable=$(($(count unviable.txt) + unviable_before))
  cd - >/dev/null
  say "caught $caught, hung $hung, missed $missed, unviable $unviable"
  row=$(printf '{"layer":"mutants: src/%s","runs":%s,"unit":"mutants","intents":0,"faults":%s,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":"missed %s"}' \
    "$layer" $((caught + missed + hung)) $((caught + missed + hung)) "$missed")
  say "proof: $row"
  [ -z "${SMARTSEND_PROOF:-}" ] || printf '%s\n' "$row" >>"$SMARTSEND_PROOF"
  all_missed=$((all_missed + missed))
}

# Whether a cure is to be taken out: with --changed only if a file that it is in has changed.
is_cure_wanted() {
  local file
  [ -n "$changed" ] || return 0
  while read -r file; do
    ! grep -qF "+++ b/$file" "$diff" || return 0
  done < <(sed -n 's/^--- \(src[^[:space:]]*\).*/\1/p' "$1")
  return 1
}

# Takes out one cure after the other, and checks that the test that its patch names fails.
check_cures() {
  local patch target name flags found=0 missed=0 row
  say "cures that are taken out"
  for patch in tests/mutants/cures/*.diff; do
    target=$(sed -n 's/^target: //p' "$patch")
    name=$(sed -n 's/^test: //p' "$patch")
    flags=()
    [ "$target" = domain ] || flags=(--features worker)
    # One that does not apply any more is found in any case.
    patch --quiet --dry-run --strip=0 --fuzz=0 --directory="$tree" <"$patch"
    is_cure_wanted "$patch" || continue
    patch --quiet --strip=0 --fuzz=0 --directory="$tree" <"$patch"
    cargo test --quiet --no-run --manifest-path "$tree/Cargo.toml" --test "$target" "${flags[@]}"
    if cargo test --quiet --manifest-path "$tree/Cargo.toml" --test "$target" "${flags[@]}" -- "$name" \
      >"$work/cure.log" 2>&1; then
      say "not found again: $(head -n 1 "$patch") ($patch)"
      missed=$((missed + 1))
    else
      found=$((found + 1))
    fi
    patch --quiet --strip=0 --fuzz=0 --reverse --directory="$tree" <"$patch"
  done
  say "found again $found, missed $missed"
  row=$(printf '{"layer":"mutants: cures taken out","runs":%s,"unit":"mutants","intents":0,"faults":%s,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":"missed %s"}' \
    $((found + missed)) $((found + missed)) "$missed")
  say "proof: $row"
  [ -z "${SMARTSEND_PROOF:-}" ] || printf '%s\n' "$row" >>"$SMARTSEND_PROOF"
  all_missed=$((all_missed + missed))
}

# Writes the diff of what changed since the commit $1; since where the branch started if it is empty.
write_diff() {
  local base=${1:-$(base_of_branch)} paths=("${LAYERS[@]/#/src/}")
  if [ -z "$base" ]; then
    say "the history is too shallow to show which lines changed"
    : >"$diff"
    return
  fi
  git diff "$base" -- "${paths[@]/%/*}" >"$diff"
}

changed='' parts=(cures "${LAYERS[@]}")
if [ "${1:-}" = --only ]; then
  parts=("${2:-}")
  case ${parts[0]} in
    cures | domain | admission | worker) shift 2 ;;
    *) say "--only takes cures, domain, admission or worker"; exit 2 ;;
  esac
elif [ "${1:-}" = --changed ]; then
  changed=1
  diff=$PWD/$work/changed.diff
  mkdir -p "$work"
  shift
  case ${1:-} in
    '' | -*) write_diff "" ;;
    *) write_diff "$1"; shift ;;
  esac
fi

command -v cargo-mutants >/dev/null ||
  cargo install --quiet --locked cargo-mutants --version 27.1.0
copy_tree
# Built even if there is no mutant to check, so that a change elsewhere cannot break it unseen.
cargo test --quiet --no-run --manifest-path "$tree/Cargo.toml" --features worker
# A mutant can allocate without end.
ulimit -v $((8 << 20))
all_missed=0
for layer in "${parts[@]}"; do
  if [ "$layer" = cures ]; then
    check_cures
    continue
  fi
  options=(--dir "$tree" --config "$PWD/.cargo/mutants.toml" --file "src/$layer{.rs,/**}")
  if [ -n "$changed" ]; then
    options+=(--in-diff "$diff")
    mutants=0
    [ ! -s "$diff" ] || mutants=$(cargo mutants "${options[@]}" "$@" --list | wc -l)
    shards=$(((mutants + CHANGED_MAX - 1) / CHANGED_MAX))
    say "the changed lines of src/$layer have $mutants mutants"
    [ "$mutants" != 0 ] || continue
    if [ "$shards" -gt 1 ]; then
      say "one in $shards of them is checked (without --changed: all)"
      options+=(--sharding round-robin --shard "0/$shards")
    fi
  fi
  check "$layer" "${options[@]}" "$@"
done
[ "$all_missed" = 0 ]
