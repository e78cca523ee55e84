//! The limiter: never faster than it may be, and hardly slower.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use smartsend::pace::{Limiter, Rate};

fn rate(per_second: u32, burst: u32) -> Rate {
    let [per_second, burst] = [per_second, burst].map(|n| NonZeroU32::new(n).unwrap());
    Rate { per_second, burst }
}

const START: Duration = Duration::from_hours(1);

/// In any window that begins with one of them there are at most `rate * T + burst`.
fn assert_never_too_many(taken: &[Duration], rate: Rate) {
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
        let limiter = Limiter::empty(rate(10, burst), START);
        let wait = limiter.take(START).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100), "burst {burst}");
        assert!(limiter.take(START + wait - Duration::from_nanos(1)).is_err());
        assert!(limiter.take(START + wait).is_ok());
        assert!(limiter.take(START + wait).is_err());
    }
}

#[test]
fn after_idleness_it_gives_its_burst_and_no_more() {
    let limiter = Limiter::empty(rate(10, 3), START);
    let later = START + Duration::from_hours(5);
    let given = (0..10).filter(|_| limiter.take(later).is_ok()).count();
    assert_eq!(given, 3);
}

#[test]
fn what_it_says_to_wait_is_enough_and_not_too_long() {
    let limiter = Limiter::empty(rate(3, 2), START);
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
        let limiter = Limiter::empty(rate(per_second, 2), START);
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

proptest! {
    #[test]
    fn in_no_window_there_are_more_than_rate_and_burst_allow(
        per_second in 1..200_u32,
        burst in 1..6_u32,
        steps in vec((0..400_u64, 1..6_u32), 1..200),
    ) {
        let rate = rate(per_second, burst);
        let limiter = Limiter::empty(rate, START);
        let (mut now, mut taken) = (START, Vec::new());
        for (millis, tries) in steps {
            now += Duration::from_millis(millis);
            for _ in 0..tries {
                if limiter.take(now).is_ok() {
                    taken.push(now);
                }
            }
        }
        assert_never_too_many(&taken, rate);
    }
}
