#!/usr/bin/env bash
# Runs the tests that need no broker, installs one, and runs those that do. They start RabbitMQ nodes
# of their own; without a broker to be had this fails and says so.
#
#   deploy/test.sh [arguments of the test binaries, such as a part of a test's name]
#
# The tests that attack the broker (`brokers::`) run on this system's RabbitMQ, or on each version
# that is named: SMARTSEND_TEST_BROKERS=3.10,4.0,4.3 (deploy/brokers.sh tells how these are had).
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/rabbitmq.sh

command -v cargo >/dev/null || die "cargo is missing: install Rust (see rust-version in Cargo.toml)"
cargo test --locked --test unit -- "$@"
rabbitmq_install
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || die "there is no rabbitmq-server to test against"
IFS=', ' read -ra versions <<<"${SMARTSEND_TEST_BROKERS-}"
deploy/brokers.sh "${versions[@]}"
cargo test --locked --test it -- "$@"
