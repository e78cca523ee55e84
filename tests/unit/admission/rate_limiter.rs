//! The limiter: never faster than it may be, hardly slower, and slow after an outage or a pause.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use smartsend::admission::circuit_breaker::ProbeResult;
use smartsend::admission::rate_limiter::{Rate, RateLimiter};
use smartsend::admission::signal::{FailureKind, Signal};
use smartsend::admission::{Admission, Limits, Next};
use smartsend::domain::call::Priority;

use super::{DENIED, MAX_RETRY_AFTER, at, at_ms, closed_with, rate, throttled};

const START: Duration = Duration::from_hours(1);

/// In any window that begins with one of them there are at most `rate * T + burst`.
pub(super) fn assert_never_too_many(taken: &[Duration], rate: Rate) {
    let (per_second, burst) = (u128::from(rate.per_second.get()), u128::from(rate.burst.get()));
    for (i, from) in taken.iter().enumerate() {
        for (count, to) in taken[i..].iter().enumerate() {
            let allowed = (*to - *from).as_nanos() * per_second / 1_000_000_000 + burst;
            assert!((count as u128) < allowed, "{} in {:?}", count + 1, *to - *from);
        }
    }
}

#[test]
fn it_starts_empty() {
    for burst in [1, 2, 5] {
        let mut limiter = RateLimiter::empty(rate(10, burst), START);
        let wait = limiter.take(START).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100), "burst {burst}");
        assert!(limiter.take(START + wait - Duration::from_nanos(1)).is_err());
        assert!(limiter.take(START + wait).is_ok());
        assert!(limiter.take(START + wait).is_err());
    }
}

#[test]
fn after_idleness_it_gives_its_burst_and_no_more() {
    let mut limiter = RateLimiter::empty(rate(10, 3), START);
    let later = START + Duration::from_hours(5);
    let given = (0..10).filter(|_| limiter.take(later).is_ok()).count();
    assert_eq!(given, 3);
}

#[test]
fn what_it_says_to_wait_is_enough_and_not_too_long() {
    let mut limiter = RateLimiter::empty(rate(3, 2), START);
    let mut now = START;
    for _ in 0..1000 {
        if let Err(wait) = limiter.take(now) {
            assert!(limiter.take(now + wait - Duration::from_nanos(1)).is_err());
            now += wait;
            assert!(limiter.take(now).is_ok());
        }
    }
}

/// A timer wakes 1 to 3 ms late; the contract's burst of 2 makes up for it.
#[test]
fn late_timers_cost_at_most_two_percent() {
    for per_second in [1, 10, 50, 100, 200] {
        let mut limiter = RateLimiter::empty(rate(per_second, 2), START);
        let (mut now, mut given) = (START, 0_u32);
        let end = START + Duration::from_mins(1);
        let mut late = [1_u64, 3, 2, 3, 3, 1].iter().cycle();
        while now < end {
            match limiter.take(now) {
                Ok(()) => given += 1,
                Err(wait) => now += wait + Duration::from_millis(*late.next().unwrap()),
            }
        }
        let share = f64::from(given) / f64::from(per_second * 60);
        assert!(share >= 0.98, "{per_second} per second: {share}");
    }
}

/// When requests go that never wait for anything else, for so long.
fn taken(limiter: &mut RateLimiter, from: Duration, within: Duration) -> Vec<Duration> {
    let (mut now, mut taken) = (from, Vec::new());
    while now < from + within {
        match limiter.take(now) {
            Ok(()) => taken.push(now),
            Err(wait) => now += wait,
        }
    }
    taken
}

fn between(taken: &[Duration], from: u64, to: u64) -> usize {
    let (from, to) = (START + Duration::from_secs(from), START + Duration::from_secs(to));
    taken.iter().filter(|at| (from..to).contains(*at)).count()
}

#[test]
fn a_slow_start_is_an_eighth_a_quarter_a_half_and_the_whole_ten_seconds_each() {
    let mut limiter = RateLimiter::empty(rate(80, 2), START);
    assert!(limiter.take(START + Duration::from_mins(1)).is_ok(), "it has a whole burst");
    let start = START + Duration::from_mins(1);
    limiter.start_slowly(start);
    let taken = taken(&mut limiter, start, Duration::from_secs(50));
    let steps = [(60, 70), (70, 80), (80, 90), (90, 100), (100, 110)];
    let steps = steps.map(|(from, to)| between(&taken, from, to));
    // Each begins with an empty limiter, whose first request is a whole interval later.
    assert_eq!(steps, [99, 199, 399, 799, 800]);
}

/// Each step is built at its own beginning, whenever it is asked for.
#[test]
fn whoever_comes_when_the_slow_start_is_long_over_finds_the_whole_burst() {
    let mut limiter = RateLimiter::empty(rate(10, 3), START);
    limiter.start_slowly(START);
    let later = START + Duration::from_mins(1);
    assert_eq!((0..10).filter(|_| limiter.take(later).is_ok()).count(), 3);
}

#[test]
fn a_slow_start_during_a_slow_start_begins_anew() {
    let mut limiter = RateLimiter::empty(rate(80, 2), START);
    limiter.start_slowly(START);
    limiter.start_slowly(START + Duration::from_secs(25));
    let taken = taken(&mut limiter, START + Duration::from_secs(25), Duration::from_secs(10));
    assert_eq!(taken.len(), 99);
}

proptest! {
    #[test]
    fn in_no_window_there_are_more_than_rate_and_burst_allow(
        per_second in 1..200_u32,
        burst in 1..6_u32,
        steps in vec((0..4000_u64, 1..6_u32, 0..100_u8), 1..200),
    ) {
        let rate = rate(per_second, burst);
        let mut limiter = RateLimiter::empty(rate, START);
        let (mut now, mut taken) = (START, Vec::new());
        for (millis, tries, event) in steps {
            now += Duration::from_millis(millis);
            match event {
                0..5 => limiter.start_slowly(now),
                5..10 => limiter.drain(now),
                _ => {}
            }
            for _ in 0..tries {
                if limiter.take(now).is_ok() {
                    taken.push(now);
                }
            }
        }
        assert_never_too_many(&taken, rate);
    }
}

fn at_ten_per_second() -> Admission {
    closed_with(Limits { rate: rate(10, 2), concurrency: 16, max_retry_after: MAX_RETRY_AFTER })
}

/// How many calls go within so many seconds.
fn calls(admission: &mut Admission, from: u64, seconds: u64) -> usize {
    let (mut now, end, mut count) = (from * 1000, (from + seconds) * 1000, 0);
    admission.enqueue(Priority::New);
    while now < end {
        match admission.next(at_ms(now)) {
            Next::Grant(grant) => {
                admission.release(&grant);
                admission.enqueue(Priority::New);
                count += 1;
            }
            Next::Wait(Some(wait)) => now += u64::try_from(wait.as_millis()).unwrap().max(1),
            next @ (Next::Wait(None) | Next::TurnAway(_)) => panic!("{next:?}"),
        }
    }
    count
}

#[test]
fn after_an_outage_or_a_denial_the_rate_grows_from_when_the_breaker_closes() {
    let broken = [Signal::Failed(FailureKind::Broken); 5].as_slice();
    for signals in [broken, &[DENIED]] {
        let mut admission = at_ten_per_second();
        for signal in signals {
            admission.record(None, *signal, at(60));
        }
        admission.probed(ProbeResult::Good, at(61));
        admission.record(None, Signal::Answered, at(100));
        let counts = [calls(&mut admission, 100, 10), calls(&mut admission, 110, 30)];
        assert_eq!(counts[0], 12, "an eighth");
        assert!((24 + 49 + 99..=25 + 50 + 100).contains(&counts[1]), "{counts:?}");
        assert!((99..=101).contains(&calls(&mut admission, 150, 10)));
    }
}

#[test]
fn after_a_pause_the_rate_grows_too() {
    let mut admission = at_ten_per_second();
    admission.record(None, throttled(30), at(30));
    assert_eq!(calls(&mut admission, 30, 30), 0);
    assert_eq!(calls(&mut admission, 60, 10), 12);
    assert!((99..=101).contains(&calls(&mut admission, 100, 10)));
}

#[test]
fn who_begins_or_takes_over_needs_no_slow_start_but_has_nothing_saved_up() {
    let mut admission = at_ten_per_second();
    assert!((99..=100).contains(&calls(&mut admission, 0, 10)));
    admission.on_activated(at(3600));
    assert!((9..=10).contains(&calls(&mut admission, 3600, 1)), "no burst");
    admission.record(None, Signal::Answered, at(3601));
    assert!((99..=101).contains(&calls(&mut admission, 3601, 10)));
}

#[test]
fn a_rate_says_how_many_requests_a_window_may_hold() {
    for (window, most) in [(10_000, 802), (9999, 802), (500, 82)] {
        let (rate, window) = (rate(80, 2), Duration::from_millis(window));
        let mut limiter = RateLimiter::empty(rate, START);
        let later = START + Duration::from_hours(1); // its burst is saved up
        let taken = taken(&mut limiter, later, window).len();
        let said = rate.most_within(window);
        assert!(taken <= said && said <= most + 80, "{taken} in {window:?}, at most {said}");
    }
}
