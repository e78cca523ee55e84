//! Every way from one state of the circuit breaker to another.

use smartsend::admission::circuit_breaker::{BreakerState, ProbeResult};
use smartsend::admission::signal::{FailureKind, Signal, TripReason};
use smartsend::domain::call::{NoAnswer, NotSent, Priority};
use smartsend::domain::classify::Denial;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};

use super::{
    DENIED, FOREIGN, at, closed, enqueue, granted, half_open, is_closed, is_half_open, probe_due,
    throttled, turned_away,
};

#[test]
fn it_begins_half_open_and_closes_with_an_answered_create() {
    let mut admission = half_open();
    for signal in [Signal::Nothing, Signal::LookedUp, Signal::Failed(FailureKind::Broken)] {
        admission.record(None, signal, at(1));
        assert!(is_half_open(&admission), "{signal:?}");
    }
    admission.record(None, Signal::Answered, at(2));
    assert!(is_closed(&admission));
}

#[test]
fn a_denial_opens_it_from_any_state() {
    let mut paused = closed();
    paused.record(None, Signal::Throttled(None), at(0));
    for mut admission in [closed(), half_open(), paused] {
        admission.record(None, DENIED, at(1));
        assert_eq!(probe_due(&admission), Some(2));
        admission.record(None, Signal::Answered, at(20));
        admission.record(None, throttled(1), at(20));
        assert_eq!(turned_away(&mut admission, at(5000)), []);
        assert!(admission.state().breaker.is_open(), "only a probe closes it");
    }
}

#[test]
fn an_open_breaker_turns_everyone_away_but_probes() {
    let mut admission = closed();
    let priorities = [Priority::New, Priority::Lookup, Priority::Token, Priority::Retry];
    let [new, lookup, token, retry] = enqueue(&mut admission, priorities);
    let probe = admission.enqueue(Priority::Probe);
    admission.record(None, throttled(5), at(1));
    admission.record(None, DENIED, at(1));
    assert_eq!(turned_away(&mut admission, at(1)), [token, lookup, retry, new]);
    let goes: Vec<_> = granted(&mut admission, at(7)).iter().map(|grant| grant.ticket).collect();
    assert_eq!(goes, [probe]);
    let late = admission.enqueue(Priority::New);
    assert_eq!(turned_away(&mut admission, at(8)), [late]);
}

#[test]
fn probes_get_rarer_and_a_good_one_leads_back_through_half_open() {
    let mut admission = closed();
    admission.record(None, DENIED, at(0));
    let mut due = Vec::new();
    for _ in 0..8 {
        let now = probe_due(&admission).unwrap();
        due.push(now);
        admission.probed(ProbeResult::Bad(None), at(now));
    }
    assert_eq!(due, [1, 3, 7, 15, 31, 61, 91, 121]);
    admission.probed(ProbeResult::Good, at(151));
    assert!(is_half_open(&admission));
    admission.record(None, Signal::Answered, at(152));
    assert!(is_closed(&admission));
    admission.record(None, DENIED, at(153));
    assert_eq!(probe_due(&admission), Some(154), "after an answered create they begin anew");
}

/// An operator acts on the reason, and what was wrong an hour ago may be mended by now.
#[test]
fn a_probe_that_leaves_it_open_says_why_it_is_open_by_now() {
    let (denied, down) = (TripReason::Denied(Denial::Credentials), TripReason::Down);
    let mut admission = closed();
    for _ in 0..5 {
        admission.record(None, Signal::Failed(FailureKind::Unreachable), at(0));
    }
    let failed = Lookup::Failed;
    for (lookup, why) in [
        (failed(LookupFailure::NotSent(NotSent::NoSecret)), down(FailureKind::NoSecret)),
        (Lookup::Denied(Denial::Credentials), denied),
        (Lookup::Throttled(None), denied), // which says nothing new
        (failed(LookupFailure::NoAnswer(NoAnswer::Timeout)), down(FailureKind::Silent)),
        (failed(LookupFailure::NotSent(NotSent::Dns)), down(FailureKind::Unreachable)),
        (failed(LookupFailure::Status(503)), down(FailureKind::Broken)),
    ] {
        let due = probe_due(&admission).unwrap();
        admission.probed(ProbeResult::of(&lookup), at(due));
        let BreakerState::Open { why: shown, .. } = admission.state().breaker else { panic!() };
        assert_eq!(shown, why);
    }
}

#[test]
fn a_breaker_that_opens_again_before_a_create_was_answered_keeps_its_patience() {
    let mut admission = closed();
    admission.record(None, DENIED, at(0));
    admission.probed(ProbeResult::Good, at(1));
    admission.record(None, DENIED, at(2));
    assert_eq!(probe_due(&admission), Some(4));
}

#[test]
fn a_foreign_link_opens_it_until_a_restart() {
    let mut admission = closed();
    admission.record(None, FOREIGN, at(0));
    assert_eq!(probe_due(&admission), None);
    admission.probed(ProbeResult::Good, at(1));
    admission.probed(ProbeResult::Bad(None), at(1));
    admission.record(None, Signal::Answered, at(1));
    admission.record(None, DENIED, at(1));
    admission.on_activated(at(1));
    assert_eq!(turned_away(&mut admission, at(100_000)), []);
    assert_eq!(probe_due(&admission), None);
}

#[test]
fn a_foreign_link_counts_also_when_the_breaker_is_open_already() {
    let mut admission = closed();
    admission.record(None, DENIED, at(0));
    admission.record(None, FOREIGN, at(0));
    admission.probed(ProbeResult::Good, at(1));
    assert_eq!(probe_due(&admission), None);
}

#[test]
fn who_takes_over_begins_with_one_call_at_a_time() {
    let mut admission = closed();
    admission.on_activated(at(0));
    assert!(is_half_open(&admission));
}

/// Otherwise an intent that may not be sent would wait for ever for one that may.
#[test]
fn a_half_open_breaker_that_no_create_closes_is_closed_after_an_hour() {
    let mut down = closed();
    down.record(None, DENIED, at(0));
    down.probed(ProbeResult::Good, at(1));
    let mut begun = half_open();
    for (admission, since) in [(&mut down, 1), (&mut begun, 0)] {
        assert!(granted(admission, at(since + 3599)).is_empty());
        assert!(is_half_open(admission));
        assert!(granted(admission, at(since + 3600)).is_empty());
        assert_eq!(admission.state().breaker, BreakerState::Closed);
    }
}

/// It is read in `/readyz` and the log by whoever has to act.
#[test]
fn why_it_is_open_says_what_to_check() {
    for (why, part) in [
        (TripReason::Misdirected(404), "answered 404 to a create; check api_url"),
        (TripReason::Denied(Denial::Credentials), "check client_id and client_secret"),
        (TripReason::Denied(Denial::Unauthorized), "check payout_merchant_id"),
        (TripReason::Denied(Denial::Forbidden), "check the account's rights"),
        (TripReason::Denied(Denial::Merchant), "does not know this payout_merchant_id"),
        (TripReason::ForeignLink, "not in link_hosts"),
        (TripReason::Down(FailureKind::Unreachable), "check the network, api_url and auth_url"),
        (TripReason::Down(FailureKind::NoSecret), "the file of a secret"),
        (TripReason::Down(FailureKind::Silent), "within `timeout`"),
        (TripReason::Down(FailureKind::Broken), "errors or make no sense"),
    ] {
        assert!(why.to_string().contains(part), "{why}");
    }
}
