//! Every way from one state of the gate to another.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod outage;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use smartsend::domain::call::RetryAfter;
use smartsend::domain::classify::Denial;
use smartsend::gate::{Admission, Closure, Gate, Probe, Report, State};
use smartsend::ports::Moment;

const DENIED: Report = Report::Shut(Closure::Denied(Denial::Forbidden));
const FOREIGN: Report = Report::Shut(Closure::ForeignLink);
const MAX_PAUSE: Duration = Duration::from_mins(15);

/// So many seconds after the start, by both clocks.
fn at(seconds: u64) -> Moment {
    let start: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let wall = start + Duration::from_secs(seconds);
    Moment { wall, steady: Duration::from_secs(3600 + seconds) }
}

fn throttled(seconds: u64) -> Report {
    Report::Throttled(Some(RetryAfter::In(Duration::from_secs(seconds))))
}

fn open_gate() -> Gate {
    let mut gate = Gate::probing(MAX_PAUSE);
    gate.told(Report::Answered, at(0));
    assert_eq!(gate.state(), State::Open);
    gate
}

/// How long after `now` it lets something go.
fn pause_of(gate: &mut Gate, now: Moment) -> Option<Duration> {
    match gate.admission(now) {
        Admission::NotBefore(until) => Some(until - now.steady),
        Admission::Free | Admission::One | Admission::Shut => None,
    }
}

fn probe_due(gate: &Gate) -> Option<u64> {
    let State::Closed { probe_at, .. } = gate.state() else { panic!("{:?}", gate.state()) };
    probe_at.map(|due| due.as_secs() - 3600)
}

#[test]
fn it_begins_probing_and_opens_with_an_answered_create() {
    let mut gate = Gate::probing(MAX_PAUSE);
    assert_eq!(gate.admission(at(0)), Admission::One);
    gate.told(Report::Nothing, at(1));
    assert_eq!(gate.admission(at(1)), Admission::One);
    gate.told(Report::Answered, at(2));
    assert_eq!(gate.admission(at(2)), Admission::Free);
}

#[test]
fn a_pause_lasts_as_long_as_the_provider_asks() {
    let mut gate = open_gate();
    gate.told(throttled(60), at(10));
    assert_eq!(pause_of(&mut gate, at(10)), Some(Duration::from_mins(1)));
    assert_eq!(pause_of(&mut gate, at(69)), Some(Duration::from_secs(1)));
    assert_eq!(gate.admission(at(70)), Admission::Free);
    assert_eq!(gate.state(), State::Open);
}

#[test]
fn a_pause_may_end_at_a_date() {
    let mut gate = open_gate();
    gate.told(Report::Throttled(Some(RetryAfter::At(at(45).wall))), at(10));
    assert_eq!(pause_of(&mut gate, at(10)), Some(Duration::from_secs(35)));
}

#[test]
fn a_date_in_the_past_means_at_once() {
    let mut gate = open_gate();
    gate.told(Report::Throttled(Some(RetryAfter::At(at(5).wall))), at(10));
    assert_eq!(gate.admission(at(10)), Admission::Free);
}

#[test]
fn an_absurd_pause_is_cut_and_the_next_call_is_a_probe() {
    for absurd in [RetryAfter::In(Duration::MAX), RetryAfter::At(Timestamp::MAX)] {
        let mut gate = open_gate();
        gate.told(Report::Throttled(Some(absurd)), at(0));
        assert_eq!(pause_of(&mut gate, at(0)), Some(MAX_PAUSE));
        assert_eq!(gate.admission(at(15 * 60)), Admission::One);
        assert_eq!(gate.state(), State::Probing);
    }
}

#[test]
fn without_a_word_each_pause_in_a_row_is_twice_as_long() {
    let mut gate = open_gate();
    let mut now = 0;
    for expected in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
        gate.told(Report::Throttled(None), at(now));
        assert_eq!(pause_of(&mut gate, at(now)), Some(Duration::from_secs(expected)));
        now += expected;
        assert_eq!(gate.admission(at(now)), Admission::Free);
    }
    gate.told(Report::Answered, at(now));
    gate.told(Report::Throttled(None), at(now));
    assert_eq!(pause_of(&mut gate, at(now)), Some(Duration::from_secs(5)));
}

#[test]
fn several_throttles_at_once_are_one_pause() {
    let mut gate = open_gate();
    for _ in 0..16 {
        gate.told(Report::Throttled(None), at(0));
    }
    assert_eq!(pause_of(&mut gate, at(0)), Some(Duration::from_secs(5)));
    assert_eq!(gate.admission(at(5)), Admission::Free);
    gate.told(Report::Throttled(None), at(5));
    assert_eq!(pause_of(&mut gate, at(5)), Some(Duration::from_secs(10)));
}

#[test]
fn what_was_in_flight_when_the_pause_began_does_not_end_the_row() {
    let mut gate = open_gate();
    gate.told(Report::Throttled(None), at(0));
    gate.told(Report::Answered, at(0));
    assert_eq!(pause_of(&mut gate, at(0)), Some(Duration::from_secs(5)));
    assert_eq!(gate.admission(at(5)), Admission::Free);
    gate.told(Report::Throttled(None), at(5));
    assert_eq!(pause_of(&mut gate, at(5)), Some(Duration::from_secs(10)));
}

#[test]
fn a_pause_is_never_made_shorter() {
    let mut gate = open_gate();
    gate.told(throttled(60), at(0));
    gate.told(throttled(1), at(1));
    gate.told(Report::Throttled(None), at(2));
    assert_eq!(pause_of(&mut gate, at(2)), Some(Duration::from_secs(58)));
}

#[test]
fn a_throttled_probe_is_followed_by_a_probe() {
    let mut gate = Gate::probing(MAX_PAUSE);
    gate.told(throttled(7), at(0));
    assert_eq!(pause_of(&mut gate, at(0)), Some(Duration::from_secs(7)));
    assert_eq!(gate.admission(at(7)), Admission::One);
}

#[test]
fn a_denial_closes_it_from_any_state() {
    let mut paused = open_gate();
    paused.told(Report::Throttled(None), at(0));
    for mut gate in [open_gate(), Gate::probing(MAX_PAUSE), paused] {
        gate.told(DENIED, at(1));
        assert_eq!(gate.admission(at(1)), Admission::Shut);
        assert_eq!(probe_due(&gate), Some(2));
        gate.told(Report::Answered, at(2));
        gate.told(Report::Throttled(None), at(2));
        assert_eq!(gate.admission(at(500)), Admission::Shut, "only a probe opens it");
    }
}

#[test]
fn probes_get_rarer_and_a_good_one_leads_back_through_probing() {
    let mut gate = open_gate();
    gate.told(DENIED, at(0));
    let mut due = Vec::new();
    for _ in 0..8 {
        let now = probe_due(&gate).unwrap();
        due.push(now);
        gate.probed(Probe::Bad, at(now));
    }
    assert_eq!(due, [1, 3, 7, 15, 31, 61, 91, 121]);
    gate.probed(Probe::Good, at(151));
    assert_eq!(gate.admission(at(151)), Admission::One);
    gate.told(Report::Answered, at(152));
    assert_eq!(gate.admission(at(152)), Admission::Free);
    gate.told(DENIED, at(153));
    assert_eq!(probe_due(&gate), Some(154), "after a good create the waits begin anew");
}

#[test]
fn a_gate_that_closes_again_before_a_create_was_answered_keeps_its_patience() {
    let mut gate = open_gate();
    gate.told(DENIED, at(0));
    gate.probed(Probe::Good, at(1));
    gate.told(DENIED, at(2));
    assert_eq!(probe_due(&gate), Some(4));
}

#[test]
fn a_foreign_link_closes_it_until_a_restart() {
    let mut gate = open_gate();
    gate.told(FOREIGN, at(0));
    assert_eq!(probe_due(&gate), None);
    gate.probed(Probe::Good, at(1));
    gate.probed(Probe::Bad, at(1));
    gate.told(Report::Answered, at(1));
    gate.told(DENIED, at(1));
    gate.took_over();
    assert_eq!(gate.admission(at(1000)), Admission::Shut);
    assert_eq!(probe_due(&gate), None);
}

#[test]
fn a_foreign_link_counts_also_when_the_gate_is_closed_already() {
    let mut gate = open_gate();
    gate.told(DENIED, at(0));
    gate.told(FOREIGN, at(0));
    gate.probed(Probe::Good, at(1));
    assert_eq!(gate.admission(at(1)), Admission::Shut);
    assert_eq!(probe_due(&gate), None);
}

#[test]
fn who_takes_over_begins_with_one_call_at_a_time() {
    let mut gate = open_gate();
    gate.took_over();
    assert_eq!(gate.admission(at(0)), Admission::One);
}

#[test]
fn who_takes_over_during_a_pause_probes_after_it() {
    let mut gate = open_gate();
    gate.told(throttled(10), at(0));
    gate.took_over();
    assert_eq!(pause_of(&mut gate, at(0)), Some(Duration::from_secs(10)));
    assert_eq!(gate.admission(at(10)), Admission::One);
}

#[test]
fn closed_time_is_summed_over_every_closure() {
    let mut gate = open_gate();
    gate.told(DENIED, at(10));
    gate.probed(Probe::Good, at(30));
    gate.told(DENIED, at(50));
    let since = |from: u64, now: u64| gate.closed_since(at(from).wall, at(now).wall).as_secs();
    assert_eq!(since(0, 60), 30);
    assert_eq!(since(20, 60), 20);
    assert_eq!(since(40, 60), 10);
    assert_eq!(since(55, 60), 5);
    assert_eq!(since(70, 60), 0);
}

#[test]
fn closed_time_is_not_forgotten_in_a_long_outage() {
    let mut gate = open_gate();
    for round in 0..500 {
        gate.told(DENIED, at(round * 100));
        gate.probed(Probe::Good, at(round * 100 + 90));
    }
    let closed = gate.closed_since(at(0).wall, at(50_000).wall).as_secs();
    assert!(closed >= 45_000, "{closed:?}");
}

#[test]
fn a_wall_clock_that_jumps_back_makes_no_closed_time() {
    let mut gate = open_gate();
    gate.told(DENIED, at(100));
    let earlier = at(100).wall - SignedDuration::from_hours(2);
    assert_eq!(gate.closed_since(at(0).wall, earlier), Duration::ZERO);
}
