#!/usr/bin/env bash
# Runs the whole proof, layer by layer, and prints one table. deploy/PROOF.md says what it shows.
#
#   deploy/proof.sh                  the full proof
#   deploy/proof.sh --minutes N      the same, what is open-ended cut to about N minutes
#   deploy/proof.sh --only LAYER     one layer; may be given again
#   deploy/proof.sh --list           the layers, each with the command that runs it alone
#   deploy/proof.sh --write          the full proof; if it holds, deploy/PROOF.md gets the table
#   deploy/proof.sh --continue       goes on where a run was cut off: a layer that has held at this
#                                    very commit, at this size, keeps its rows; goes with --write
#
# It ends with 1 if a layer fails or reports nothing, if a promise is broken, or if a full proof has
# killed or sent too little. Every layer runs to its end, whatever became of those before it. Its
# output and its rows are kept in target/proof.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/rabbitmq.sh
. deploy/rabbitmq.sh

FULL_MINUTES=120
FOLDER=target/proof
PAGE=deploy/PROOF.md
UNIT="cargo test --release --locked --test unit --"
TESTS="cargo test --release --locked --test it --"
BOTH="cargo test --release --locked --test unit --test it --"

usage() {
  sed -n '/^#  /s/^# *//p' "$0" >&2
  exit 2
}

# A size of the full proof, cut like the minutes, but never below a least.
sized() {
  local full=$1 least=$2
  local size=$((full * minutes / FULL_MINUTES))
  printf '%s\n' $((size > least ? size : least))
}

layer() {
  names+=("$1")
  commands+=("$2")
}

layers() {
  layer simulation "SMARTSEND_SEEDS=0..$(sized 100000 2000) $UNIT simulation::"
  layer model "SMARTSEND_MODEL_FAULTS=1 $BOTH protocol::"
  layer wire "SMARTSEND_WIRE_IDLE=10000 $BOTH faults::"
  layer crash-points "SMARTSEND_CRASH_NTH=$(sized 2 1) $TESTS --test-threads=1 crash_points::"
  layer drain "SMARTSEND_DRAIN_ROUNDS=$(sized 40 6) $TESTS --test-threads=1 drain::"
  layer replicas "SMARTSEND_REPLICAS_INTENTS=$(sized 3000 600) SMARTSEND_REPLICAS_FAULTS=$(sized 30 6) $TESTS --test-threads=1 replicas::"
  layer torture "tests/tools/torture.sh $(sized 70000 1500) $(sized 180 5)"
  layer brokers "tests/tools/brokers.sh 3.10 && SMARTSEND_TEST_BROKERS=3.10 SMARTSEND_BROKER_OUTAGE=60 SMARTSEND_BROKER_ROUNDS=$(sized 100 9) $TESTS --test-threads=1 brokers::"
  layer newer-brokers "tests/tools/brokers.sh 4.0 4.3 && SMARTSEND_TEST_BROKERS=4.0,4.3 SMARTSEND_BROKER_OUTAGE=60 SMARTSEND_BROKER_ROUNDS=$(sized 30 9) $TESTS --test-threads=1 brokers::"
  layer canary "$BOTH --test-threads=1 canary::"
  layer suite "deploy/test.sh"
  layer fuzz "tests/tools/fuzz.sh --minutes $(sized 10 5)"
  layer mutants "tests/tools/mutants.sh"
  layer backlog "cargo bench --locked --bench bench -- --backlog $(sized 1000000 100000)"
}

fail() {
  failures+=("$1")
  say "FAILED: $1"
}

run_layer() {
  local name=$1 command=$2
  local rows=$FOLDER/$name.rows log=$FOLDER/$name.log status=0
  : >"$rows"
  say "$name: $command"
  # The suite runs every layer in its short form; those rows are not the proof's.
  local to=$PWD/$rows
  [ "$name" != suite ] || to=/dev/null
  SMARTSEND_PROOF=$to bash -c "$command" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" != 0 ]; then
    tail -n 20 "$log" >&2
    fail "$name ended with $status; its output is in $log"
  elif grep -q '^running 0 tests$' "$log"; then
    fail "$name: no test has the name that was asked for"
  elif [ "$name" = suite ]; then
    suite_row "$log" >"$rows"
  fi
  [ -s "$rows" ] || fail "$name reported nothing"
}

# Runs a layer, unless it has held before and that still counts. What holds leaves a note of what
# it was and of the seconds that it took.
prove_layer() {
  local name=$1 command=$2 note=$FOLDER/$1.held
  local what="$commit: $command" started=$SECONDS broken=${#failures[@]} held='' took=0
  if [ -n "$resume" ] && [ -f "$note" ]; then
    { read -r held && read -r took; } <"$note"
  fi
  if [ "$held" = "$what" ]; then
    say "$name has held at this commit"
    proof_seconds=$((proof_seconds + took))
    return
  fi
  rm -f "$note"
  run_layer "$name" "$command"
  took=$((SECONDS - started))
  say "  $took s, $(wc -l <"$FOLDER/$name.rows") rows"
  proof_seconds=$((proof_seconds + took))
  [ ${#failures[@]} != "$broken" ] || printf '%s\n' "$what" $took >"$note"
}

# The suite's row: how many tests have passed.
suite_row() {
  local passed
  passed=$(awk '/^test result: ok\. / { sum += $4 } END { print sum + 0 }' "$1")
  printf '{"layer":"suite","runs":%s,"unit":"tests","intents":0,"faults":0,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":""}\n' "$passed"
}

# Prints the table of all rows, and names what is broken.
table() {
  local files=() name
  for name in "${chosen[@]}"; do
    files+=("$PWD/$FOLDER/$name.rows")
  done
  cargo bench --quiet --locked --bench bench -- proof-table ${full:+--full} "${files[@]}"
}

# What was proved, when and where.
origin() {
  local version model memory
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
  model=$(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo)
  memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
  printf 'smartsend %s at commit %s, %s, %s minutes on %s cores of %s with %s GiB, Linux %s, %s.\n' \
    "$version" "$(git rev-parse --short HEAD)" "$(date -u +%F)" $((proof_seconds / 60)) \
    "$(nproc)" "$model" "$memory" "$(uname -r)" "$(rustc --version | cut -d ' ' -f 1,2)"
}

# Puts the result between the markers of the page.
write_page() {
  local result=$1
  awk -v result="$result" '
    /^<!-- table: end -->$/ { inside = 0 }
    !inside
    /^<!-- table: begin -->$/ {
      inside = 1
      while ((getline line < result) > 0) print line
    }
  ' "$PAGE" >"$FOLDER/page"
  cat "$FOLDER/page" >"$PAGE"
}

minutes=$FULL_MINUTES full=yes list='' write='' resume='' only=()
while [ $# -gt 0 ]; do
  case $1 in
    --minutes)
      [[ ${2-} =~ ^[1-9][0-9]{0,4}$ ]] || usage
      minutes=$2 full=''
      shift
      ;;
    --only)
      [ -n "${2-}" ] || usage
      only+=("$2") full=''
      shift
      ;;
    --list) list=yes ;;
    --write) write=yes ;;
    --continue) resume=yes ;;
    *) usage ;;
  esac
  shift
done

names=() commands=() failures=() chosen=()
layers
for name in "${only[@]}"; do
  [[ " ${names[*]} " == *" $name "* ]] || die "there is no layer $name; the layers are ${names[*]}"
done

if [ -n "$list" ]; then
  for index in "${!names[@]}"; do
    printf '%-13s %s\n' "${names[index]}" "${commands[index]}"
  done
  exit
fi
if [ -n "$write" ]; then
  [ -n "$full" ] || die "only a full proof is written down: --write goes with neither --minutes nor --only"
fi
commit=$(git rev-parse HEAD)
if [ -n "$(git status --porcelain)" ]; then
  [ -z "$write$resume" ] || die "commit first: what is written down, or kept, is about one commit"
  commit="changed after $commit"
fi

rabbitmq_install
mkdir -p "$FOLDER"
say "Building ..."
cargo test --quiet --release --locked --test unit --test it --no-run
cargo bench --quiet --locked --bench bench --no-run

proof_seconds=0
for index in "${!names[@]}"; do
  name=${names[index]}
  [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $name "* ]] || continue
  chosen+=("$name")
  prove_layer "$name" "${commands[index]}"
done

result=$FOLDER/result.md
origin >"$result"
printf '\n' >>"$result"
table >>"$result" || fail "the proof does not hold"
cat "$result"
if [ ${#failures[@]} != 0 ]; then
  printf 'FAILED: %s\n' "${failures[@]}" >&2
  exit 1
fi
[ -z "$write" ] || write_page "$result"
