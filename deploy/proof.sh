#!/usr/bin/env bash
# Runs the whole proof, layer by layer, and prints one table. deploy/PROOF.md explains it.
#
#   deploy/proof.sh                  the full proof, some six hours
#   deploy/proof.sh --minutes N      about N minutes: the open-ended layers are cut
#   deploy/proof.sh --only LAYER     one layer; may be repeated
#   deploy/proof.sh --list           lists the layers, each with the command that runs it alone
#   deploy/proof.sh --write          the full proof; if it holds, its tables go into deploy/PROOF.md
#                                    and deploy/docs/proof-table.md
#   deploy/proof.sh --continue       resumes an interrupted run: a layer that has held with this very
#                                    code, tests and size keeps its rows; can be combined with --write
#   deploy/proof.sh --keep           puts the rows of each layer that holds into deploy/docs/proof, where
#                                    --continue finds them in any clone; can be combined with --only
#
# It ends with 1 if a layer fails or reports nothing, if a promise is broken, or if a full proof
# killed the worker, or sent it intents, too few times. A failed layer does not stop those after it.
# The output and the rows of each layer are kept in target/proof.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/rabbitmq.sh
. deploy/rabbitmq.sh

FULL_MINUTES=120
FOLDER=target/proof
# One file for each layer that has held: its claim, the seconds that it took, and its rows.
KEPT=deploy/docs/proof
UNIT="cargo test --release --locked --test unit --"
TESTS="cargo test --release --locked --test it --"
BOTH="cargo test --release --locked --test unit --test it --"

usage() {
  sed -n '/^#  /s/^# *//p' "$0" >&2
  exit 2
}

# Prints the size $1 of the full proof, cut in proportion to the minutes, but at least $2.
sized() {
  local full=$1 least=$2
  local size=$((full * minutes / FULL_MINUTES))
  printf '%s\n' $((size > least ? size : least))
}

# Adds the layer $1, which the command $2 runs. It is made of the program and of what $3.. name.
layer() {
  names+=("$1")
  commands+=("$2")
  shift 2
  made_of+=("$*")
}

layers() {
  layer simulation "SMARTSEND_SEEDS=0..$(sized 100000 2000) $UNIT simulation::" tests/unit
  layer model "SMARTSEND_MODEL_FAULTS=1 $BOTH --test-threads=2 protocol::" tests/unit tests/it
  layer wire "SMARTSEND_WIRE_IDLE=10000 $BOTH faults::" tests/unit tests/it
  layer crash-points "SMARTSEND_CRASH_NTH=$(sized 2 1) $TESTS --test-threads=1 crash_points::" tests/it
  layer drain "SMARTSEND_DRAIN_ROUNDS=$(sized 40 6) $TESTS --test-threads=1 drain::" tests/it
  layer replicas "SMARTSEND_REPLICAS_INTENTS=$(sized 3000 600) SMARTSEND_REPLICAS_FAULTS=$(sized 30 6) $TESTS --test-threads=1 replicas::" tests/it
  layer default-times "SMARTSEND_DEFAULTS_INTENTS=$(sized 1000 100) SMARTSEND_DEFAULTS_UNMADE=$(sized 60 20) $TESTS --test-threads=2 default_times::" tests/it
  layer torture "SMARTSEND_MIXED_INTENTS=$(sized 3000 240) SMARTSEND_MIXED_KILLS=$(sized 10 2) tests/tools/torture.sh $(sized 70000 1500) $(sized 180 5)" tests/it tests/tools/torture.sh
  layer brokers "tests/tools/brokers.sh 3.10 && SMARTSEND_TEST_BROKERS=3.10 SMARTSEND_BROKER_OUTAGE=60 SMARTSEND_BROKER_ROUNDS=$(sized 100 9) $TESTS --test-threads=1 brokers::" tests/it tests/tools/brokers.sh
  layer newer-brokers "tests/tools/brokers.sh 4.0 4.3 && for version in 4.0 4.3; do SMARTSEND_TEST_BROKERS=\$version SMARTSEND_BROKER_OUTAGE=60 SMARTSEND_BROKER_ROUNDS=$(sized 30 9) $TESTS --test-threads=1 brokers:: || exit; done" tests/it tests/tools/brokers.sh
  layer canary "$BOTH --test-threads=1 canary::" tests/unit tests/it
  layer suite "deploy/test.sh" tests README.md deploy/test.sh
  layer fuzz "tests/tools/fuzz.sh --minutes $(sized 10 5)" tests/fuzz tests/tools/fuzz.sh
  for part in cures domain admission worker; do
    layer mutants-$part "tests/tools/mutants.sh --only $part" tests/unit tests/mutants tests/tools/mutants.sh
  done
  layer backlog "cargo bench --locked --bench bench -- --backlog $(sized 1000000 100000)" tests/bench
  layer batch "cargo bench --locked --bench bench -- --batch $(sized 1000000 100000)" tests/bench
  layer batch-kills "SMARTSEND_BATCH_ROWS=$(sized 50000 2000) SMARTSEND_BATCH_KILLS=$(sized 50 12) $TESTS --test-threads=1 batch::" tests/it
  layer cancels "cargo bench --locked --bench bench -- --rates 100 --cancels $(sized 10000 1000)" tests/bench
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
  # The suite runs every layer in its short form too; those rows do not count.
  local to=$PWD/$rows
  [ "$name" != suite ] || to=/dev/null
  SMARTSEND_PROOF=$to bash -c "$command" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" != 0 ]; then
    tail -n 20 "$log" >&2
    fail "$name ended with $status; its output is in $log"
  elif grep -q '^running 0 tests$' "$log"; then
    fail "$name: its command matches no test"
  elif [ "$name" = suite ]; then
    suite_row "$log" >"$rows"
  fi
  [ -s "$rows" ] || fail "$name reported nothing"
}

# Prints what a layer that has held has shown: what it is made of, and its command.
claim() {
  local command=$1 folders=$2 path
  for path in src Cargo.toml Cargo.lock tests/support $folders; do
    git rev-parse "HEAD:$path"
  done | sha256sum | cut -c 1-40
  printf '%s\n' "$command"
}

# Whether the layer $1 has held with the claim $2, here or where somebody has kept it.
has_held() {
  local name=$1 what=$2 kept=$KEPT/$1 note=$FOLDER/$1.held held=''
  if [ -f "$note" ]; then read -r held <"$note"; fi
  [ "$held" != "$what" ] || return 0
  if [ -f "$kept" ]; then read -r held <"$kept"; fi
  [ "$held" = "$what" ] || return 1
  head -n 2 "$kept" >"$note"
  tail -n +3 "$kept" >"$FOLDER/$name.rows"
}

# Runs a layer, unless it is being resumed and has held before. A layer that holds leaves a note with
# its claim and the seconds that it took.
prove_layer() {
  local name=$1 command=$2 note=$FOLDER/$1.held
  local what started=$SECONDS broken=${#failures[@]} took
  what=$(claim "$command" "$3" | paste -s -d ' ')
  if [ -n "$resume" ] && has_held "$name" "$what"; then
    say "$name has held with this code before"
    took=$(sed -n 2p "$note")
  else
    rm -f "$note"
    run_layer "$name" "$command"
    took=$((SECONDS - started))
    say "  $took s, $(wc -l <"$FOLDER/$name.rows") rows"
    [ ${#failures[@]} != "$broken" ] || printf '%s\n' "$what" $took >"$note"
  fi
  proof_seconds=$((proof_seconds + took))
  [ -z "$keep" ] || [ ! -f "$note" ] || cat "$note" "$FOLDER/$name.rows" >"$KEPT/$name"
}

# Prints the row of the suite: how many tests passed.
suite_row() {
  local passed
  passed=$(awk '/^test result: ok\. / { sum += $4 } END { print sum + 0 }' "$1")
  printf '{"layer":"suite","runs":%s,"unit":"tests","intents":0,"faults":0,"kills":0,"links":0,"doubles":0,"lost":0,"wrong_failed":0,"unresolved":0,"seeds":""}\n' "$passed"
}

# Prints the table by layer, writes the one of every row to the file $1, and names what is broken.
table() {
  local files=() name
  for name in "${chosen[@]}"; do
    files+=("$PWD/$FOLDER/$name.rows")
  done
  cargo bench --quiet --locked --bench bench -- \
    proof-table ${full:+--full} --every-row "$1" "${files[@]}"
}

# Prints what was proved, when and where.
origin() {
  local version model memory
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
  model=$(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo)
  memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
  printf 'smartsend %s at commit %s, %s, %s minutes on %s cores of %s with %s GiB, Linux %s, %s.\n' \
    "$version" "$(git rev-parse --short HEAD)" "$(date -u +%F)" $((proof_seconds / 60)) \
    "$(nproc)" "$model" "$memory" "$(uname -r)" "$(rustc --version | cut -d ' ' -f 1,2)"
}

# Puts the file $2 between the markers of the page $1.
write_page() {
  local page=$1 content=$2
  awk -v content="$content" '
    /^<!-- table: end -->$/ { inside = 0 }
    !inside
    /^<!-- table: begin -->$/ {
      inside = 1
      while ((getline line < content) > 0) print line
    }
  ' "$page" >"$FOLDER/page"
  cat "$FOLDER/page" >"$page"
}

minutes=$FULL_MINUTES full=yes list='' write='' resume='' keep='' only=()
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
    --keep) keep=yes ;;
    *) usage ;;
  esac
  shift
done

names=() commands=() made_of=() failures=() chosen=()
layers
for name in "${only[@]}"; do
  [[ " ${names[*]} " == *" $name "* ]] || die "there is no layer $name; the layers are ${names[*]}"
done

if [ -n "$list" ]; then
  for index in "${!names[@]}"; do
    printf '%-17s %s\n' "${names[index]}" "${commands[index]}"
  done
  exit
fi
if [ -n "$write" ]; then
  [ -n "$full" ] || die "--write is for a full proof: leave out --minutes and --only"
fi
if [ -n "$keep" ]; then
  [ $minutes = $FULL_MINUTES ] || die "--keep is for layers in full: leave out --minutes"
fi
commit=$(git rev-parse HEAD)
if [ -n "$(git status --porcelain -- . ":!$KEPT")" ]; then
  [ -z "$write$resume$keep" ] || die "commit first: --write, --continue and --keep are about one commit"
  commit="changed after $commit"
fi

rabbitmq_install
mkdir -p "$FOLDER" "$KEPT"
say "Building ..."
cargo test --quiet --release --locked --test unit --test it --no-run
cargo bench --quiet --locked --bench bench --no-run

proof_seconds=0
for index in "${!names[@]}"; do
  name=${names[index]}
  [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $name "* ]] || continue
  chosen+=("$name")
  prove_layer "$name" "${commands[index]}" "${made_of[index]}"
done

by_layer=$FOLDER/by-layer.md every_row=$FOLDER/every-row.md
{ origin; printf '\n'; } >"$by_layer"
cp "$by_layer" "$every_row"
table "$PWD/$FOLDER/rows.md" >>"$by_layer" || fail "the proof does not hold"
cat "$FOLDER/rows.md" >>"$every_row"
cat "$by_layer"
if [ ${#failures[@]} != 0 ]; then
  printf 'FAILED: %s\n' "${failures[@]}" >&2
  exit 1
fi
if [ -n "$write" ]; then
  write_page deploy/PROOF.md "$by_layer"
  write_page deploy/docs/proof-table.md "$every_row"
fi
