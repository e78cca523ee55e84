//! The broker under attack: the real binary and real RabbitMQ, of every chosen version.
//!
//! `SMARTSEND_TEST_BROKERS=3.10,4.0,4.3` chooses the versions; without it that is this system's
//! own. What they may do in their own ways is tested on each of them, the rest on the first (see
//! [`lease`]). Every test ends in the same way: the worker stops with nothing left to do, and the provider's ledger and
//! the results say that every intent has its one link.
//!
//! The environment makes runs longer: `SMARTSEND_BROKER_ROUNDS` (how often connections, nodes and
//! alarms come and go in the search for leaks), `SMARTSEND_BROKER_OUTAGE` (seconds without a
//! quorum).

mod lease;
mod ground;
mod connections;
mod restarts;
mod alarms;
mod queues;
mod freezes;
mod clusters;
mod rounds;

use crate::support::broker::version::Version;

#[test]
fn a_version_that_is_not_here_fails_and_says_how_to_get_it() {
    let why = Version::find("2.7").unwrap_err();
    assert!(why.contains("tests/tools/brokers.sh 2.7"), "{why}");
}
