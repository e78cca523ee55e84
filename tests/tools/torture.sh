#!/bin/sh
# Kills the worker over and over while it works, and prints how every intent ended.
#
#   tests/tools/torture.sh [INTENTS [KILLS [SEED]]]      by default 20000 intents and 20 kills
#
# Three runs go on at once, so 70000 intents and 170 kills are 210,000 and 510 in all. Each sends its
# intents through a real RabbitMQ (Debian's `rabbitmq-server` must be installed; a private node is
# started and removed afterwards) to the sandbox, which loses one answer in ten after it has made
# the link. The worker is killed with SIGKILL at random moments:
#
#   killed         every intent once, the default settings
#   killed, twice  every twentieth intent published twice
#   naive, strict  the same, with a provider that would make a second link for a reference, and
#                  `policy = "strict"`: what a crash leaves in doubt is parked, and counted
#                  separately (`both`: another copy of it got the link)
#
# And beside them two with commands to cancel and extend links:
#
#   mixed                   a seventh of the intents and half of the kills, by V2
#   mixed, three merchants  SMARTSEND_MIXED_INTENTS and SMARTSEND_MIXED_KILLS, by V1 and V2
#
# It succeeds only if no reference has two links, no intent is lost or wrongly failed, every
# outcome has one event id, the queues are empty, and the events of each link say what the ledger
# says of it.
set -eu
cd "$(dirname "$0")/../.."

SMARTSEND_TORTURE_INTENTS=${1:-20000}
SMARTSEND_TORTURE_KILLS=${2:-20}
SMARTSEND_TORTURE_SEED=${3:-$(date +%s)}
export SMARTSEND_TORTURE_INTENTS SMARTSEND_TORTURE_KILLS SMARTSEND_TORTURE_SEED

report=$(mktemp)
trap 'rm -f "$report" "$report.out"' EXIT INT TERM
status=0
cargo test --release --locked --test it -- --test-threads=4 --nocapture torture:: \
    >"$report.out" 2>"$report" || status=$?

grep -m 1 '^run  ' "$report" || true
grep -E '^(killed|naive)' "$report" || true
grep -E '^(mixed|links|cancelled|claimed|expired|extended|made)' "$report" || true
if [ "$status" -ne 0 ]; then
    cat "$report" "$report.out" >&2
fi
exit "$status"
