//! A provider that is down: what says so, what does not, and the way back.

use std::time::Duration;

use smartsend::admission::Admission;
use smartsend::admission::circuit_breaker::{BreakerState, ProbeResult};
use smartsend::admission::signal::{FailureKind, Signal, TripReason};
use smartsend::domain::call::{NoAnswer, NotSent, Priority};
use smartsend::domain::classify::UnknownReason;
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};
use smartsend::domain::decide::Requests;
use smartsend::ports::Moment;

use super::{
    DENIED, FOREIGN, at, closed, granted, half_open, is_closed, is_down, is_half_open, limits,
    probe_due,
};

const BROKEN: Signal = Signal::Failed(FailureKind::Broken);
const SILENT: Signal = Signal::Failed(FailureKind::Silent);
const UNREACHABLE: Signal = Signal::Failed(FailureKind::Unreachable);

/// One whose breaker opened because the provider is down, at this moment.
fn down_at(now: u64) -> Admission {
    let mut admission = closed();
    for _ in 0..5 {
        admission.record(None, BROKEN, at(now));
    }
    assert!(is_down(&admission), "{:?}", admission.state());
    admission
}

/// Probes it when a probe is due, as often as the probes say.
fn probe_when_due(admission: &mut Admission, probes: impl IntoIterator<Item = ProbeResult>) -> u64 {
    let mut now = 0;
    for probe in probes {
        now = probe_due(admission).unwrap();
        admission.probed(probe, at(now));
    }
    now
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    for failure in [BROKEN, SILENT, UNREACHABLE] {
        let mut admission = closed();
        for _ in 0..4 {
            admission.record(None, failure, at(100));
        }
        assert!(is_closed(&admission));
        admission.record(None, Signal::Answered, at(200));
        for _ in 0..4 {
            admission.record(None, failure, at(300));
        }
        assert!(is_closed(&admission), "one good answer ends the row");
        admission.record(None, failure, at(400));
        assert!(is_down(&admission));
        assert_eq!(probe_due(&admission), Some(401));
    }
}

#[test]
fn a_merchant_with_an_intent_a_minute_does_not_burn_them_for_hours() {
    let mut admission = closed();
    for minute in 0..4 {
        admission.record(None, SILENT, at(minute * 60));
    }
    assert!(is_closed(&admission));
    admission.record(None, SILENT, at(4 * 60));
    assert!(is_down(&admission));
}

#[test]
fn failures_that_are_hours_apart_are_not_in_a_row() {
    let mut admission = closed();
    for number in 0..20 {
        admission.record(None, SILENT, at(number * 3601));
        assert!(is_closed(&admission));
    }
}

/// Half of the last twenty seconds' creates, and at least ten of them.
#[test]
fn a_provider_that_fails_in_every_other_call_is_down() {
    let mut admission = closed();
    let mut pairs = 0;
    while is_closed(&admission) {
        admission.record(None, Signal::Answered, at(100 + pairs));
        admission.record(None, BROKEN, at(100 + pairs));
        pairs += 1;
        assert!(pairs < 10);
    }
    assert_eq!(pairs, 5, "with fewer than ten calls there is no share");
}

#[test]
fn one_failure_in_three_is_bad_weather_and_opens_nothing() {
    let mut admission = closed();
    for number in 0..3000 {
        let report = if number % 3 == 0 { BROKEN } else { Signal::Answered };
        admission.record(None, report, at(number / 5));
        assert!(is_closed(&admission), "call {number}");
    }
}

#[test]
fn what_was_good_long_ago_outweighs_nothing() {
    let mut admission = closed();
    for _ in 0..1000 {
        admission.record(None, Signal::Answered, at(0));
    }
    for number in 0..5 {
        admission.record(None, Signal::Answered, at(21 + number));
        admission.record(None, BROKEN, at(21 + number));
    }
    assert!(is_down(&admission));
}

/// What a provider answers to a lookup for a reference that it does not know is its own affair.
#[test]
fn lookups_that_fail_for_ever_open_nothing() {
    for trouble in [FailureKind::Broken, FailureKind::Silent] {
        let mut admission = closed();
        for number in 0..1000 {
            admission.record(None, Signal::LookupFailed(trouble), at(number));
            assert!(is_closed(&admission));
        }
        admission.record(None, BROKEN, at(1000));
        assert!(is_closed(&admission), "a lookup's failures do not count for a create");
    }
}

#[test]
fn good_lookups_do_not_hide_that_creates_fail() {
    let mut admission = closed();
    for number in 0..5 {
        admission.record(None, Signal::LookedUp, at(number));
        admission.record(None, BROKEN, at(number));
        admission.record(None, Signal::LookedUp, at(number));
    }
    assert!(is_down(&admission));
}

/// It is the same host: no create is needed to see that it is not there.
#[test]
fn connections_are_judged_together() {
    let mut admission = closed();
    for number in 0..3 {
        admission.record(None, Signal::LookupFailed(FailureKind::Unreachable), at(number));
    }
    admission.record(None, UNREACHABLE, at(3));
    assert!(is_closed(&admission));
    admission.record(None, Signal::LookupFailed(FailureKind::Unreachable), at(4));
    let why = TripReason::Down(FailureKind::Unreachable);
    let breaker = admission.state().breaker;
    assert!(matches!(breaker, BreakerState::Open { why: open, .. } if open == why));

    let mut admission = closed();
    for number in 0..100 {
        admission.record(None, Signal::LookupFailed(FailureKind::Unreachable), at(number));
        admission.record(None, Signal::LookupFailed(FailureKind::Broken), at(number));
        admission.record(None, Signal::LookedUp, at(number));
        assert!(is_closed(&admission), "an answer, of whatever kind, takes a connection");
    }
}

#[test]
fn after_a_good_probe_one_create_that_fails_opens_it_again_and_waits_go_on_to_grow() {
    let mut admission = down_at(0);
    let mut waits = Vec::new();
    for _ in 0..7 {
        let due = probe_due(&admission).unwrap();
        admission.probed(ProbeResult::Good, at(due));
        assert!(is_half_open(&admission));
        admission.record(None, Signal::LookedUp, at(due));
        assert!(is_half_open(&admission), "a lookup does not close it");
        admission.record(None, BROKEN, at(due));
        waits.push(probe_due(&admission).unwrap() - due);
    }
    assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30]);
    let due = probe_when_due(&mut admission, [ProbeResult::Good]);
    admission.record(None, Signal::Answered, at(due));
    assert!(is_closed(&admission));
    for _ in 0..5 {
        admission.record(None, BROKEN, at(due));
    }
    assert_eq!(probe_due(&admission), Some(due + 1), "after an answered create they begin anew");
}

/// One that has just begun is not suspected: one odd answer opens nothing.
#[test]
fn a_breaker_that_is_half_open_for_another_reason_takes_as_many_failures_as_a_closed_one() {
    let mut denied = closed();
    denied.record(None, DENIED, at(0));
    denied.probed(ProbeResult::Good, at(1));
    for mut admission in [half_open(), denied] {
        for number in 0..4 {
            admission.record(None, BROKEN, at(10 + number));
            assert!(is_half_open(&admission));
        }
        admission.record(None, BROKEN, at(14));
        assert!(is_down(&admission));
    }
}

#[test]
fn an_error_to_a_probe_is_an_answer_to_who_was_denied_and_none_of_a_provider_that_is_down() {
    let mut admission = closed();
    admission.record(None, DENIED, at(0));
    admission.probed(ProbeResult::Error, at(1));
    assert!(is_half_open(&admission));

    let mut admission = down_at(0);
    admission.probed(ProbeResult::Error, at(1));
    assert!(is_down(&admission));
}

/// Details may be silent for ever, and a breaker that only details can close would stay open.
#[test]
fn of_ten_probes_that_only_details_leaves_open_one_counts_as_good_for_whatever_reason_it_is_open() {
    let mut denied = closed();
    denied.record(None, DENIED, at(0));
    for mut admission in [denied, down_at(0)] {
        probe_when_due(&mut admission, [ProbeResult::Silent; 9]);
        assert!(admission.state().breaker.is_open());
        probe_when_due(&mut admission, [ProbeResult::Silent]);
        assert!(is_half_open(&admission));
    }
    let mut admission = down_at(0);
    probe_when_due(&mut admission, [ProbeResult::Bad(None); 100]);
    assert!(is_down(&admission), "no token, no connection: nothing can be created");
}

/// Details may be broken for ever, while creates work again.
#[test]
fn of_ten_errors_to_a_probe_one_lets_a_create_try() {
    let mut admission = down_at(0);
    let due = probe_when_due(&mut admission, [ProbeResult::Error; 9]);
    assert!(is_down(&admission));
    let tried = probe_when_due(&mut admission, [ProbeResult::Error]);
    assert!(tried > due && tried < 5 * 60, "{tried}");
    assert!(is_half_open(&admission));
    admission.record(None, BROKEN, at(tried));
    probe_when_due(&mut admission, [ProbeResult::Error; 9]);
    assert!(is_down(&admission));
    let tried = probe_when_due(&mut admission, [ProbeResult::Error]);
    admission.record(None, Signal::Answered, at(tried));
    assert!(is_closed(&admission));
}

#[test]
fn a_denial_on_the_way_back_is_a_denial_and_a_foreign_link_ends_it_all() {
    let mut admission = down_at(0);
    admission.probed(ProbeResult::Good, at(1));
    admission.record(None, DENIED, at(2));
    let breaker = admission.state().breaker;
    assert!(matches!(breaker, BreakerState::Open { why: TripReason::Denied(_), .. }));
    admission.probed(ProbeResult::Good, at(10));
    admission.record(None, BROKEN, at(11));
    assert!(is_half_open(&admission), "by now it was denied, and is not on its way back");

    let mut admission = down_at(0);
    admission.record(None, FOREIGN, at(1));
    assert_eq!(probe_due(&admission), None);
}

/// A call that has hung since before the outage says nothing of the time after it.
#[test]
fn a_failure_of_what_was_sent_before_the_breaker_opened_last_does_not_open_it_again() {
    let mut admission = closed();
    let send = |admission: &mut Admission, now| {
        admission.enqueue(Priority::New);
        granted(admission, at(now)).pop().unwrap()
    };
    let old = send(&mut admission, 1);
    for _ in 0..5 {
        admission.record(None, BROKEN, at(2));
    }
    admission.probed(ProbeResult::Good, at(3));
    admission.record(Some(&old), BROKEN, at(4));
    assert!(is_half_open(&admission));
    admission.release(&old);
    let trial = send(&mut admission, 5);
    admission.record(Some(&trial), BROKEN, at(6));
    assert!(is_down(&admission));
    admission.probed(ProbeResult::Good, at(10));
    admission.record(Some(&trial), Signal::Answered, at(11));
    assert!(is_closed(&admission), "a good answer is good news, however late");
}

#[test]
fn a_clock_that_stands_still_or_starts_at_zero_changes_nothing() {
    let now = Moment { wall: at(0).wall, steady: Duration::ZERO };
    let mut admission = Admission::new(limits(16), now);
    admission.record(None, Signal::Answered, now);
    for _ in 0..5 {
        assert!(is_closed(&admission));
        admission.record(None, SILENT, now);
    }
    assert!(is_down(&admission));
}

#[test]
fn what_may_be_one_intent_s_fault_says_nothing_of_the_provider() {
    let of = |why| Signal::of_create(&Outcome::Unknown(why));
    for status in [400, 402, 406, 409, 413, 422, 425, 451, 499] {
        assert_eq!(of(UnknownReason::Status(status)), Signal::Nothing, "{status}");
    }
    assert_eq!(of(UnknownReason::NoLink), Signal::Nothing);
    assert_eq!(Signal::of_create(&Outcome::NotSent(NotSent::Unbuildable)), Signal::Nothing);
    for answered in [Outcome::Rejected(1106), Outcome::Duplicate(None), Outcome::Refused(None)] {
        assert_eq!(Signal::of_create(&answered), Signal::Answered);
    }
    for status in [301, 408, 500, 502, 503, 504, 599] {
        assert_eq!(of(UnknownReason::Status(status)), BROKEN, "{status}");
    }
    for why in [UnknownReason::NoEnvelope, UnknownReason::OtherReference] {
        assert_eq!(of(why), BROKEN);
    }
    for (why, report) in [
        (NoAnswer::Timeout, SILENT),
        (NoAnswer::Connection, SILENT),
        (NoAnswer::CutBody, BROKEN),
        (NoAnswer::TooLarge, BROKEN),
    ] {
        assert_eq!(of(UnknownReason::NoAnswer(why)), report);
    }
    let unsent = [
        NotSent::Dns,
        NotSent::Connect,
        NotSent::ConnectTimeout,
        NotSent::Unstarted,
        NotSent::NoToken,
    ];
    for why in unsent {
        assert_eq!(Signal::of_create(&Outcome::NotSent(why)), UNREACHABLE);
        let look = Lookup::Failed(LookupFailure::NotSent(why));
        assert_eq!(Signal::of_lookup(&look), Signal::LookupFailed(FailureKind::Unreachable));
    }
    for (status, signal) in [
        (403, Signal::LookedUp),
        (404, Signal::LookedUp),
        (500, Signal::LookupFailed(FailureKind::Broken)),
        (503, Signal::LookupFailed(FailureKind::Broken)),
    ] {
        let lookup = Lookup::Failed(LookupFailure::Status(status));
        assert_eq!(Signal::of_lookup(&lookup), signal);
    }
    assert_eq!(Signal::of_lookup(&Lookup::NotFound), Signal::LookedUp);
}

/// Under `strict`, or where everything is in doubt, an outage shows in lookups only.
#[test]
fn lookups_that_fail_are_an_outage_where_no_call_is_answered_and_hold_no_create_up() {
    for kind in [FailureKind::Silent, FailureKind::Broken] {
        let mut admission = closed();
        for second in 1..=4 {
            admission.record(None, Signal::LookupFailed(kind), at(second));
        }
        admission.record(None, Signal::LookedUp, at(5));
        for second in 6..=9 {
            admission.record(None, Signal::LookupFailed(kind), at(second));
        }
        assert_eq!(admission.requests(at(9)), Requests::Flow);
        admission.record(None, Signal::Nothing, at(10));
        assert_eq!(admission.requests(at(10)), Requests::Flow);
        admission.record(None, Signal::LookupFailed(kind), at(11));
        assert_eq!(admission.requests(at(11)), Requests::Unanswered);
        assert!(is_closed(&admission), "creates may work all the same");
        let day_after_the_answer = 5 + 24 * 60 * 60;
        assert_eq!(admission.requests(at(day_after_the_answer - 1)), Requests::Unanswered);
        assert_eq!(admission.requests(at(day_after_the_answer)), Requests::Flow);
        admission.record(None, Signal::Answered, at(12));
        assert_eq!(admission.requests(at(12)), Requests::Flow);
    }
}

/// Simulation, seeds 10888, 41448 and 56288: between two pauses of a provider that throttled for
/// hours requests seemed to flow, and intents grew old.
#[test]
fn a_provider_that_throttles_every_call_answers_none() {
    let mut admission = closed();
    for minute in 1..=4 {
        admission.record(None, Signal::Throttled(None), at(60 * minute));
        assert_eq!(admission.requests(at(60 * minute)), Requests::Flow);
    }
    admission.record(None, Signal::Throttled(None), at(300));
    assert_eq!(admission.requests(at(300)), Requests::Unanswered);
    assert!(is_closed(&admission), "a throttle opens no breaker");
    admission.record(None, Signal::LookedUp, at(360));
    assert_eq!(admission.requests(at(360)), Requests::Flow);
}
