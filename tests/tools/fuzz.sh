#!/usr/bin/env bash
# Fuzzes every parser of outside data: intents, the provider's answers, Retry-After, the
# configuration, record headers, envelopes. Each target gets an equal share of the time.
#
#   tests/tools/fuzz.sh [--minutes N] [TARGET ...]       by default 10 minutes and all targets
#
# It needs nightly Rust (`rustup toolchain install nightly --profile minimal`) and installs cargo-fuzz.
# The corpus is kept below target/fuzz/corpus, and the next run starts from it. An input that breaks
# something is printed; put it into tests/fuzz/seeds/<target>, which the ordinary tests replay on
# stable Rust.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { printf '%s\n' "$*" >&2; exit 1; }

minutes=10
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=${2:?--minutes needs a number}; shift 2 ;;
    -*) die "there is no option $1" ;;
    *) targets+=("$1"); shift ;;
  esac
done
[[ $minutes =~ ^[1-9][0-9]*$ ]] || die "--minutes takes a whole number, at least 1"
if [ ${#targets[@]} = 0 ]; then
  for seeds in tests/fuzz/seeds/*/; do targets+=("$(basename "$seeds")"); done
fi
for target in "${targets[@]}"; do
  [ -d "tests/fuzz/seeds/$target" ] || die "there is no target $target"
done

cargo +nightly --version >/dev/null 2>&1 ||
  die "nightly Rust is missing: rustup toolchain install nightly --profile minimal"
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz --version 0.13.2

# No sanitizer: the crate has no unsafe code to watch (`unsafe_code = "forbid"`).
cargo +nightly fuzz build --fuzz-dir tests/fuzz --target-dir target/fuzz \
  --sanitizer none --codegen-units 16
built=target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release

# Adds a row to the proof's table, in the format of tests/support/proof.rs.
row() {
  local row
  row=$(printf '{"layer":"fuzz: %s","runs":%s,"unit":"inputs","intents":0,"faults":0,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":"%s"}' "$1" "$2" "$3")
  printf 'proof: %s\n' "$row" >&2
  [ -z "${SMARTSEND_PROOF:-}" ] || printf '%s\n' "$row" >>"$SMARTSEND_PROOF"
}

status=0
seconds=$((minutes * 60 / ${#targets[@]}))
mkdir -p target/fuzz/found
for target in "${targets[@]}"; do
  corpus=target/fuzz/corpus/$target
  log=target/fuzz/$target.log
  seed=$(((RANDOM << 15 | RANDOM) + 1))
  mkdir -p "$corpus"
  printf '%s for %s s, seed %s\n' "$target" "$seconds" "$seed" >&2
  result=0
  "$built/$target" -seed=$seed -max_total_time=$seconds -timeout=10 -print_final_stats=1 \
    -artifact_prefix="target/fuzz/found/$target-" "$corpus" "tests/fuzz/seeds/$target" \
    2>"$log" || result=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [ "$result" != 0 ]; then
    status=1
    printf 'an input breaks %s:\n' "$target" >&2
    grep -v '^#' "$log" | tail -n 40 >&2
  fi
  row "$target" "${runs:-0}" "libFuzzer -seed=$seed"
done
exit $status
