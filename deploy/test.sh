#!/usr/bin/env bash
# Runs the tests that need no broker, installs one, and runs those that do. They start RabbitMQ nodes
# of their own.
#
#   deploy/test.sh [arguments for the test binaries, such as a part of a test's name]
#
# The tests that attack the broker (`brokers::`) run on this system's RabbitMQ, or on each version
# in SMARTSEND_TEST_BROKERS=3.10,4.0,4.3 (tests/tools/brokers.sh installs them).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=deploy/rabbitmq.sh
. deploy/rabbitmq.sh

command -v cargo >/dev/null || die "cargo is missing: install Rust (see rust-version in Cargo.toml)"
cargo test --locked --test unit -- "$@"
rabbitmq_install
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || die "rabbitmq-server is not installed where the tests look for it: /usr/lib/rabbitmq/bin"
IFS=', ' read -ra versions <<<"${SMARTSEND_TEST_BROKERS-}"
tests/tools/brokers.sh "${versions[@]}"
cargo test --locked --test it -- "$@"
