#!/usr/bin/env bash
# A first look at smartsend: a RabbitMQ, the sandbox in place of PayU, a worker, and 200 intents, 14
# of them bad. It needs only Rust, and sends nothing to any other machine.
#
#   deploy/quickstart.sh          leaves everything running until Ctrl-C
#   deploy/quickstart.sh --once   stops what it started, and exits 0
#
# It uses the broker at SMARTSEND_BROKER__URLS. If that is not set, it installs Debian's package and
# runs a private node of it below target/quickstart.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/rabbitmq.sh
. deploy/rabbitmq.sh

once=
case "${1-}" in
  "") ;;
  --once) once=yes ;;
  *) say "usage: deploy/quickstart.sh [--once]"; exit 2 ;;
esac

home=$PWD/target/quickstart
prefix=smartsend-quickstart
mkdir -p "$home"
command -v cargo >/dev/null || die "cargo is missing: install Rust (see rust-version in Cargo.toml)"

private='' sandbox='' worker=''
stop_all() {
  trap - EXIT INT TERM
  local child
  for child in "$worker" "$sandbox"; do
    if [ -n "$child" ] && kill -TERM "$child" 2>/dev/null; then wait "$child" || true; fi
  done
  [ -z "$private" ] || rabbitmq_stop "$home/rabbitmq"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# Waits until $2 appears in the file $1, and prints what follows it, up to a space or a quote.
value_in() {
  local found
  for _ in $(seq 150); do
    found=$(grep -m 1 -oE "$2[^ \"]+" "$1" 2>/dev/null | head -n 1) && { printf '%s\n' "${found#"$2"}"; return; }
    sleep 0.1
  done
  cat "$1" >&2
  die "It did not start; its output is above."
}

say "1. Building smartsend (the first time takes a few minutes) ..."
cargo build --release --locked
bin=$PWD/target/release/smartsend

say "2. Starting RabbitMQ ..."
if [ -n "${SMARTSEND_BROKER__URLS-}" ]; then
  version=$(rabbitmq_version_at "${SMARTSEND_BROKER__URLS%%,*}") || version=
  if [ -n "$version" ]; then rabbitmq_check_version "$version"; fi
  say "   the one at SMARTSEND_BROKER__URLS ${version:+(RabbitMQ $version)}"
else
  rabbitmq_install
  rm -rf "$home/rabbitmq"
  port=$(rabbitmq_start "$home/rabbitmq")
  private=yes
  export SMARTSEND_BROKER__URLS="amqp://guest:guest@127.0.0.1:$port/%2f"
  say "   a private node on port $port, in $home/rabbitmq"
fi

say "3. Starting the sandbox, which stands in for PayU ..."
"$bin" sandbox --listen 127.0.0.1:0 >"$home/sandbox.out" 2>&1 &
sandbox=$!
url=$(value_in "$home/sandbox.out" "listening on ")
say "   $url"

cat >"$home/smartsend.toml" <<TOML
[broker]
prefix = "$prefix"

[merchants.default]
payout_merchant_id = "1111312"
api = "v2"
api_url = "$url/payout"
auth_url = "$url/oauth/token"
client_id = "quickstart"
client_secret = "sandbox-secret"
rate_per_second = 50
burst = 2
max_amount = "200000.00"
sandbox = true

[ops]
listen = "127.0.0.1:0"
TOML
export SMARTSEND_CONFIG=$home/smartsend.toml

say "4. Declaring the exchanges and queues, and starting the worker ..."
"$bin" topology apply --results-queue "$prefix.results" >"$home/topology.out"
"$bin" run >"$home/worker.out" 2>&1 &
worker=$!
ops=$(value_in "$home/worker.out" '"ops.address":"')
say "   health pages: http://$ops/readyz, /status and /metrics"

# Seven of every hundred rows are bad, each in a different way.
awk 'BEGIN {
  print "merchantRefId,amount,description,custName,custMobile,custEmail,metadata.orderId"
  for (i = 1; i <= 200; i++) {
    ref = sprintf("quickstart-%03d", i); amount = sprintf("%d.%02d", 10 + i, i % 100)
    mobile = sprintf("9%09d", i); mail = sprintf("customer%d@example.com", i)
    if (i % 100 == 11) amount = "1e2"
    if (i % 100 == 22) amount = "-5.00"
    if (i % 100 == 33) amount = "0.001"
    if (i % 100 == 44) mobile = "12345"
    if (i % 100 == 55) { mobile = ""; mail = "" }
    if (i % 100 == 66) mail = "not an address"
    if (i % 100 == 77) ref = "order " i
    printf "%s,%s,Refund for order %d,Customer %d,%s,%s,%d\n", ref, amount, i, i, mobile, mail, i
  }
}' >"$home/sample.csv"

say "5. Submitting $home/sample.csv: 200 intents, 14 of them bad ..."
rm -f "$home/sample.results.csv"
submitted=0
"$bin" submit "$home/sample.csv" --yes --skip-bad --wait >"$home/submit.out" || submitted=$?
results=$home/sample.results.csv
if [ ! -s "$results" ]; then
  die "submit ended with $submitted and wrote no results; the worker's output is in $home/worker.out"
fi

say "6. Ten of the results: seven links, and three rows that were skipped because they are bad"
awk -F, 'NR > 1 && ($4 == "created" ? ++links <= 7 : ++bad <= 3) {
  rest = $0
  sub(/^[^,]*,[^,]*,[^,]*,[^,]*,/, "", rest)
  gsub(/^,?"?|"?,?$/, "", rest)
  printf "   row %-4s %-15s %9s  %-9s %s\n", $1, $2, $3, $4, rest
}' "$results"
printf '\n'
sed 's/^/   /' "$home/submit.out"
links=$(awk -F, 'NR > 1 && $4 == "created"' "$results" | wc -l)
[ "$links" = 186 ] || die "186 rows should have a link, and $links have; the worker's output is in $home/worker.out"
say "
All 200 rows are in that results file. The links are made up: the sandbox has no customers.
The worker's log is in $home/worker.out."

if [ -n "$once" ]; then
  say "Stopping everything. To look around while it runs: deploy/quickstart.sh"
  exit 0
fi
say "
Everything runs until Ctrl-C. To look around:
   what the sandbox made     curl '$url/sandbox/ledger?summary=true'
   the worker's health       curl http://$ops/readyz, /status or /metrics
   another file              SMARTSEND_CONFIG=$SMARTSEND_CONFIG SMARTSEND_BROKER__URLS='$SMARTSEND_BROKER__URLS' \\
                               $bin submit FILE.csv --wait"
wait "$worker"
