//! A provider that is down: what says so, what does not, and the way back.

use std::time::Duration;

use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::UnknownReason;
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};
use smartsend::gate::{Admission, Closure, Gate, Probe, Report, State, Trouble};
use smartsend::ports::Moment;

use super::{DENIED, at, open_gate, probe_due, throttled};

const BROKEN: Report = Report::Failed(Trouble::Broken);
const SILENT: Report = Report::Failed(Trouble::Silent);
const UNREACHABLE: Report = Report::Failed(Trouble::Unreachable);

fn is_down(gate: &Gate) -> bool {
    matches!(gate.state(), State::Closed { why: Closure::Down(_), .. })
}

/// A gate that is closed because the provider is down, at this moment.
fn down_at(now: u64) -> Gate {
    let mut gate = open_gate();
    for _ in 0..5 {
        gate.told(BROKEN, at(now));
    }
    assert!(is_down(&gate), "{:?}", gate.state());
    gate
}

/// Probes it when a probe is due, as often as the probes say.
fn probe_when_due(gate: &mut Gate, probes: impl IntoIterator<Item = Probe>) -> u64 {
    let mut now = 0;
    for probe in probes {
        now = probe_due(gate).unwrap();
        gate.probed(probe, at(now));
    }
    now
}

#[test]
fn five_failures_in_a_row_close_it_and_four_do_not() {
    for failure in [BROKEN, SILENT, UNREACHABLE] {
        let mut gate = open_gate();
        for _ in 0..4 {
            gate.told(failure, at(100));
        }
        assert_eq!(gate.state(), State::Open);
        gate.told(Report::Answered, at(200));
        for _ in 0..4 {
            gate.told(failure, at(300));
        }
        assert_eq!(gate.state(), State::Open, "one good answer ends the row");
        gate.told(failure, at(400));
        assert!(is_down(&gate));
        assert_eq!(gate.admission(at(400)), Admission::Shut);
        assert_eq!(probe_due(&gate), Some(401));
    }
}

#[test]
fn a_merchant_with_an_intent_a_minute_does_not_burn_them_for_hours() {
    let mut gate = open_gate();
    for minute in 0..4 {
        gate.told(SILENT, at(minute * 60));
    }
    assert_eq!(gate.state(), State::Open);
    gate.told(SILENT, at(4 * 60));
    assert!(is_down(&gate));
}

#[test]
fn failures_that_are_hours_apart_are_no_row() {
    let mut gate = open_gate();
    for number in 0..20 {
        gate.told(SILENT, at(number * 3601));
        assert_eq!(gate.state(), State::Open);
    }
}

/// Half of the last twenty seconds' creates, and at least ten of them.
#[test]
fn a_provider_that_fails_in_every_other_call_is_down() {
    let mut gate = open_gate();
    let mut pairs = 0;
    while gate.state() == State::Open {
        gate.told(Report::Answered, at(100 + pairs));
        gate.told(BROKEN, at(100 + pairs));
        pairs += 1;
        assert!(pairs < 10);
    }
    assert_eq!(pairs, 5, "with fewer than ten calls there is no share");
}

#[test]
fn one_failure_in_three_is_bad_weather_and_closes_nothing() {
    let mut gate = open_gate();
    for number in 0..3000 {
        let report = if number % 3 == 0 { BROKEN } else { Report::Answered };
        gate.told(report, at(number / 5));
        assert_eq!(gate.state(), State::Open, "call {number}");
    }
}

#[test]
fn what_was_good_long_ago_outweighs_nothing() {
    let mut gate = open_gate();
    for _ in 0..1000 {
        gate.told(Report::Answered, at(0));
    }
    for number in 0..5 {
        gate.told(Report::Answered, at(21 + number));
        gate.told(BROKEN, at(21 + number));
    }
    assert!(is_down(&gate));
}

#[test]
fn a_throttle_is_no_failure_and_a_paused_gate_can_find_out_that_the_provider_is_down() {
    let mut gate = open_gate();
    for number in 0..20 {
        gate.told(throttled(1), at(number * 10));
    }
    assert!(matches!(gate.state(), State::Paused { .. }));
    for _ in 0..5 {
        gate.told(SILENT, at(190));
    }
    assert!(is_down(&gate));
}

/// What a provider answers to a lookup for a reference that it does not know is its own affair.
#[test]
fn looks_that_fail_for_ever_close_nothing() {
    for trouble in [Trouble::Broken, Trouble::Silent] {
        let mut gate = open_gate();
        for number in 0..1000 {
            gate.told(Report::LookFailed(trouble), at(number));
            assert_eq!(gate.state(), State::Open);
        }
        gate.told(BROKEN, at(1000));
        assert_eq!(gate.state(), State::Open, "a look's failures are none of a create's");
    }
}

#[test]
fn good_looks_do_not_hide_that_creates_fail() {
    let mut gate = open_gate();
    for number in 0..5 {
        gate.told(Report::Looked, at(number));
        gate.told(BROKEN, at(number));
        gate.told(Report::Looked, at(number));
    }
    assert!(is_down(&gate));
}

/// It is the same host: no create is needed to see that it is not there.
#[test]
fn connections_are_judged_together() {
    let mut gate = open_gate();
    for number in 0..3 {
        gate.told(Report::LookFailed(Trouble::Unreachable), at(number));
    }
    gate.told(UNREACHABLE, at(3));
    assert_eq!(gate.state(), State::Open);
    gate.told(Report::LookFailed(Trouble::Unreachable), at(4));
    let why = Closure::Down(Trouble::Unreachable);
    assert!(matches!(gate.state(), State::Closed { why: closed, .. } if closed == why));

    let mut gate = open_gate();
    for number in 0..100 {
        gate.told(Report::LookFailed(Trouble::Unreachable), at(number));
        gate.told(Report::LookFailed(Trouble::Broken), at(number));
        gate.told(Report::Looked, at(number));
        assert_eq!(gate.state(), State::Open, "an answer, of whatever kind, takes a connection");
    }
}

#[test]
fn after_a_good_probe_one_create_that_fails_closes_it_again_and_waits_go_on_to_grow() {
    let mut gate = down_at(0);
    let mut waits = Vec::new();
    for _ in 0..7 {
        let due = probe_due(&gate).unwrap();
        gate.probed(Probe::Good, at(due));
        assert_eq!(gate.admission(at(due)), Admission::One);
        gate.told(Report::Looked, at(due));
        assert_eq!(gate.admission(at(due)), Admission::One, "a look does not open it");
        gate.told(BROKEN, at(due));
        waits.push(probe_due(&gate).unwrap() - due);
    }
    assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30]);
    let due = probe_when_due(&mut gate, [Probe::Good]);
    gate.told(Report::Answered, at(due));
    assert_eq!(gate.state(), State::Open);
    for _ in 0..5 {
        gate.told(BROKEN, at(due));
    }
    assert_eq!(probe_due(&gate), Some(due + 1), "after an answered create they begin anew");
}

/// Who begins is not suspected: one odd answer closes nothing.
#[test]
fn a_gate_that_probes_for_another_reason_takes_as_many_failures_as_an_open_one() {
    let mut denied = open_gate();
    denied.told(DENIED, at(0));
    denied.probed(Probe::Good, at(1));
    for mut gate in [Gate::probing(super::MAX_PAUSE), denied] {
        for number in 0..4 {
            gate.told(BROKEN, at(10 + number));
            assert_eq!(gate.state(), State::Probing);
        }
        gate.told(BROKEN, at(14));
        assert!(is_down(&gate));
    }
}

#[test]
fn an_error_to_a_probe_is_an_answer_to_who_was_denied_and_none_of_a_provider_that_is_down() {
    let mut gate = open_gate();
    gate.told(DENIED, at(0));
    gate.probed(Probe::Error, at(1));
    assert_eq!(gate.state(), State::Probing);

    let mut gate = down_at(0);
    gate.probed(Probe::Error, at(1));
    assert!(is_down(&gate));
}

/// Details may be silent for ever, and a gate that only details can open would stay closed.
#[test]
fn of_ten_probes_that_only_details_leaves_open_one_counts_as_good_for_whatever_reason_it_is_closed()
{
    let mut denied = open_gate();
    denied.told(DENIED, at(0));
    for mut gate in [denied, down_at(0)] {
        probe_when_due(&mut gate, [Probe::Silent; 9]);
        assert!(matches!(gate.state(), State::Closed { .. }));
        probe_when_due(&mut gate, [Probe::Silent]);
        assert_eq!(gate.state(), State::Probing);
    }
    let mut gate = down_at(0);
    probe_when_due(&mut gate, [Probe::Bad; 100]);
    assert!(is_down(&gate), "no token, no connection: nothing can be created");
}

/// Details may be broken for ever, while creates work again.
#[test]
fn of_ten_errors_to_a_probe_one_lets_a_create_try() {
    let mut gate = down_at(0);
    let due = probe_when_due(&mut gate, [Probe::Error; 9]);
    assert!(is_down(&gate));
    let tried = probe_when_due(&mut gate, [Probe::Error]);
    assert!(tried > due && tried < 5 * 60, "{tried}");
    assert_eq!(gate.admission(at(tried)), Admission::One);
    gate.told(BROKEN, at(tried));
    probe_when_due(&mut gate, [Probe::Error; 9]);
    assert!(is_down(&gate));
    let tried = probe_when_due(&mut gate, [Probe::Error]);
    gate.told(Report::Answered, at(tried));
    assert_eq!(gate.state(), State::Open);
}

#[test]
fn the_doubt_is_closed_time_until_a_create_is_answered() {
    let mut gate = down_at(100);
    gate.probed(Probe::Good, at(101));
    assert!(gate.is_in_doubt());
    gate.told(BROKEN, at(121));
    gate.probed(Probe::Good, at(200));
    gate.told(Report::Answered, at(250));
    assert!(!gate.is_in_doubt());
    assert!(gate.was_down_lately(at(549)) && !gate.was_down_lately(at(550)));
    let closed = |from: u64, now: u64| gate.closed_since(at(from).wall, at(now).wall).as_secs();
    assert_eq!(closed(0, 1000), 150);
    assert_eq!(closed(240, 1000), 10);
}

/// Otherwise an intent that may not be sent would wait for ever for one that may.
#[test]
fn a_doubt_that_no_create_ends_is_over_after_a_while() {
    let mut gate = down_at(0);
    gate.probed(Probe::Good, at(1));
    assert_eq!(gate.admission(at(3600)), Admission::One);
    assert!(gate.is_in_doubt());
    assert_eq!(gate.admission(at(3601)), Admission::One, "it probes all the same");
    assert!(!gate.is_in_doubt());
    assert_eq!(gate.closed_since(at(0).wall, at(5000).wall), Duration::from_secs(3601));
}

#[test]
fn a_denial_on_the_way_back_is_a_denial_and_a_foreign_link_ends_it_all() {
    let mut gate = down_at(0);
    gate.probed(Probe::Good, at(1));
    gate.told(DENIED, at(2));
    assert!(matches!(gate.state(), State::Closed { why: Closure::Denied(_), .. }));
    gate.probed(Probe::Good, at(10));
    assert!(!gate.is_in_doubt());
    assert_eq!(gate.closed_since(at(0).wall, at(100).wall), Duration::from_secs(10));

    let mut gate = down_at(0);
    gate.told(Report::Shut(Closure::ForeignLink), at(1));
    assert_eq!(probe_due(&gate), None);
}

#[test]
fn each_closure_counts_so_that_what_was_sent_before_it_can_be_told_apart() {
    let mut gate = down_at(0);
    assert_eq!(gate.closures(), 1);
    gate.told(BROKEN, at(0));
    assert_eq!(gate.closures(), 1);
    gate.probed(Probe::Good, at(1));
    gate.told(BROKEN, at(2));
    assert_eq!(gate.closures(), 2);
}

#[test]
fn a_clock_that_stands_still_or_starts_at_zero_changes_nothing() {
    let now = Moment { wall: at(0).wall, steady: Duration::ZERO };
    let mut gate = Gate::probing(super::MAX_PAUSE);
    gate.told(Report::Answered, now);
    for _ in 0..5 {
        assert_eq!(gate.state(), State::Open);
        gate.told(SILENT, now);
    }
    assert!(is_down(&gate));
}

#[test]
fn what_may_be_one_intent_s_fault_says_nothing_of_the_provider() {
    let of = |why| Report::of_create(&Outcome::Unknown(why));
    for status in [400, 402, 406, 409, 413, 422, 425, 451, 499] {
        assert_eq!(of(UnknownReason::Status(status)), Report::Nothing, "{status}");
    }
    assert_eq!(of(UnknownReason::NoLink), Report::Nothing);
    assert_eq!(Report::of_create(&Outcome::NotSent(NotSent::Unbuildable)), Report::Nothing);
    for answered in [Outcome::Rejected(1106), Outcome::Duplicate(None), Outcome::Refused(None)] {
        assert_eq!(Report::of_create(&answered), Report::Answered);
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
        assert_eq!(Report::of_create(&Outcome::NotSent(why)), UNREACHABLE);
        let look = Lookup::Failed(LookupFailure::NotSent(why));
        assert_eq!(Report::of_look(&look), Report::LookFailed(Trouble::Unreachable));
    }
    for status in [403, 404, 500, 503] {
        let look = Lookup::Failed(LookupFailure::Status(status));
        assert_eq!(Report::of_look(&look), Report::LookFailed(Trouble::Broken));
    }
    assert_eq!(Report::of_look(&Lookup::NotFound), Report::Looked);
}
