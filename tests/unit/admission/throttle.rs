//! The pause that the provider asks for.

use std::time::Duration;

use jiff::Timestamp;
use smartsend::admission::Admission;
use smartsend::admission::signal::{FailureKind, Signal};
use smartsend::domain::call::Priority;
use smartsend::domain::call::RetryAfter;
use smartsend::ports::Moment;

use super::{
    DENIED, MAX_RETRY_AFTER, at, closed, granted, half_open, is_closed, is_down, is_half_open,
    throttled, wait,
};

const UNNAMED: Signal = Signal::Throttled(None);

/// How long after `now` the pause ends.
fn pause(admission: &mut Admission, now: Moment) -> Option<Duration> {
    let wait = wait(admission, now);
    let left = admission.state().throttled_until.map(|until| until - now.steady);
    assert!(left.is_none() || wait == left, "it looks again when the pause is over");
    left
}

#[test]
fn a_pause_lasts_as_long_as_the_provider_asks() {
    let mut admission = closed();
    admission.record(None, throttled(60), at(10));
    assert_eq!(pause(&mut admission, at(10)), Some(Duration::from_mins(1)));
    assert_eq!(pause(&mut admission, at(69)), Some(Duration::from_secs(1)));
    assert_eq!(pause(&mut admission, at(70)), None);
    assert!(is_closed(&admission));
}

#[test]
fn nothing_goes_during_a_pause_not_even_a_token() {
    let mut admission = closed();
    admission.record(None, throttled(60), at(10));
    for priority in [Priority::Probe, Priority::Token, Priority::Lookup, Priority::New] {
        admission.enqueue(priority);
    }
    assert_eq!(granted(&mut admission, at(69)), []);
    assert_eq!(granted(&mut admission, at(75)).len(), 4);
}

/// What the provider asks for holds whatever the breaker is.
#[test]
fn a_probe_of_an_open_breaker_waits_for_the_end_of_the_pause_too() {
    let mut admission = closed();
    admission.record(None, DENIED, at(0));
    admission.record(None, throttled(60), at(1));
    admission.enqueue(Priority::Probe);
    assert_eq!(granted(&mut admission, at(60)), []);
    assert_eq!(granted(&mut admission, at(62)).len(), 1);
}

#[test]
fn a_pause_may_end_at_a_date() {
    let mut admission = closed();
    admission.record(None, Signal::Throttled(Some(RetryAfter::At(at(45).wall))), at(10));
    assert_eq!(pause(&mut admission, at(10)), Some(Duration::from_secs(35)));
}

#[test]
fn a_date_in_the_past_means_at_once() {
    let mut admission = closed();
    admission.record(None, Signal::Throttled(Some(RetryAfter::At(at(5).wall))), at(10));
    assert_eq!(pause(&mut admission, at(10)), None);
}

#[test]
fn an_absurd_pause_is_cut_and_then_one_call_goes_at_a_time() {
    for absurd in [RetryAfter::In(Duration::MAX), RetryAfter::At(Timestamp::MAX)] {
        let mut admission = closed();
        admission.record(None, Signal::Throttled(Some(absurd)), at(0));
        assert_eq!(pause(&mut admission, at(0)), Some(MAX_RETRY_AFTER));
        assert_eq!(pause(&mut admission, at(15 * 60)), None);
        assert!(is_half_open(&admission));
    }
}

#[test]
fn without_a_header_each_pause_in_a_row_is_twice_as_long() {
    let mut admission = closed();
    let mut now = 0;
    for expected in [5, 10, 20, 40, 80, 160, 320, 640, 900, 900] {
        admission.record(None, UNNAMED, at(now));
        assert_eq!(pause(&mut admission, at(now)), Some(Duration::from_secs(expected)));
        now += expected;
        assert_eq!(pause(&mut admission, at(now)), None);
        assert!(is_closed(&admission), "it was not cut");
    }
    admission.record(None, Signal::Answered, at(now));
    admission.record(None, UNNAMED, at(now));
    assert_eq!(pause(&mut admission, at(now)), Some(Duration::from_secs(5)));
}

#[test]
fn several_throttles_at_once_are_one_pause() {
    let mut admission = closed();
    for _ in 0..16 {
        admission.record(None, UNNAMED, at(0));
    }
    assert_eq!(pause(&mut admission, at(0)), Some(Duration::from_secs(5)));
    assert_eq!(pause(&mut admission, at(5)), None);
    admission.record(None, UNNAMED, at(5));
    assert_eq!(pause(&mut admission, at(5)), Some(Duration::from_secs(10)));
}

#[test]
fn what_was_in_flight_when_the_pause_began_ends_no_row_and_closes_no_breaker() {
    let mut admission = closed();
    admission.on_activated(at(0));
    admission.record(None, UNNAMED, at(0));
    admission.record(None, Signal::Answered, at(0));
    assert!(is_half_open(&admission));
    assert_eq!(pause(&mut admission, at(5)), None);
    admission.record(None, UNNAMED, at(5));
    assert_eq!(pause(&mut admission, at(5)), Some(Duration::from_secs(10)));
}

/// Whether anybody asks when the pause is over makes no difference.
#[test]
fn an_answer_after_the_pause_counts_also_when_its_end_was_not_seen() {
    let mut admission = half_open();
    admission.record(None, UNNAMED, at(0));
    admission.record(None, Signal::Answered, at(5));
    assert!(is_closed(&admission));
}

#[test]
fn a_pause_is_never_made_shorter() {
    let mut admission = closed();
    admission.record(None, throttled(60), at(0));
    admission.record(None, throttled(1), at(1));
    admission.record(None, UNNAMED, at(2));
    assert_eq!(pause(&mut admission, at(2)), Some(Duration::from_secs(58)));
}

#[test]
fn a_half_open_breaker_is_half_open_after_the_pause() {
    let mut admission = half_open();
    admission.record(None, throttled(7), at(0));
    assert_eq!(pause(&mut admission, at(0)), Some(Duration::from_secs(7)));
    assert_eq!(pause(&mut admission, at(7)), None);
    assert!(is_half_open(&admission));
}

#[test]
fn who_takes_over_during_a_pause_begins_with_one_call_at_a_time_after_it() {
    let mut admission = closed();
    admission.record(None, throttled(10), at(0));
    admission.on_activated(at(1));
    assert_eq!(pause(&mut admission, at(1)), Some(Duration::from_secs(9)));
    assert_eq!(pause(&mut admission, at(10)), None);
    assert!(is_half_open(&admission));
}

#[test]
fn a_throttle_is_not_a_failure_and_a_pause_can_show_that_the_provider_is_down() {
    let mut admission = closed();
    for number in 0..20 {
        admission.record(None, throttled(1), at(number * 10));
        assert!(is_closed(&admission));
    }
    for _ in 0..5 {
        admission.record(None, Signal::Failed(FailureKind::Silent), at(190));
    }
    assert!(is_down(&admission));
    assert!(admission.state().throttled_until.is_some(), "the pause is not forgotten");
}
