//! What an account allows, divided between its intents and its commands.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use smartsend::admission::rate_limiter::RateLimiter;
use smartsend::admission::{DividedLimits, Limits};

use super::rate_limiter::assert_never_too_many;
use super::{MAX_RETRY_AFTER, rate};

fn whole(per_second: u32, burst: u32, concurrency: u32) -> Limits {
    Limits { rate: rate(per_second, burst), concurrency, max_retry_after: MAX_RETRY_AFTER }
}

/// Rate, burst and concurrency.
fn numbers(limits: Limits) -> [u32; 3] {
    [limits.rate.per_second.get(), limits.rate.burst.get(), limits.concurrency]
}

/// Those of intents, and those of commands.
fn divided(whole: Limits, commands_per_second: u32) -> Option<[[u32; 3]; 2]> {
    let commands_per_second = NonZeroU32::new(commands_per_second).unwrap();
    let DividedLimits { intents, commands } = DividedLimits::divided(whole, commands_per_second)?;
    let commands = commands.unwrap();
    assert_eq!(intents.max_retry_after, whole.max_retry_after);
    assert_eq!(commands.max_retry_after, whole.max_retry_after);
    Some([numbers(intents), numbers(commands)])
}

#[test]
fn burst_and_concurrency_are_divided_as_the_rate_is() {
    for (limits, commands, expected) in [
        (whole(10, 2, 16), 1, [[9, 1, 14], [1, 1, 2]]),
        (whole(10, 10, 20), 4, [[6, 6, 12], [4, 4, 8]]),
        (whole(100, 10, 64), 25, [[75, 7, 48], [25, 3, 16]]),
        (whole(100, 4, 16), 1, [[99, 3, 15], [1, 1, 1]]),
        (whole(100, 4, 16), 99, [[1, 1, 1], [99, 3, 15]]),
        (whole(2, 2, 2), 1, [[1, 1, 1], [1, 1, 1]]),
        (
            whole(100_000, 100_000, u32::MAX),
            50_000,
            [[50_000, 50_000, 0x7fff_ffff], [50_000, 50_000, 0x8000_0000]],
        ),
    ] {
        assert_eq!(divided(limits, commands), Some(expected), "{limits:?}, {commands}");
    }
}

#[test]
fn what_leaves_a_side_with_nothing_is_not_divided() {
    for (limits, commands) in [
        (whole(10, 2, 16), 10),
        (whole(10, 2, 16), 11),
        (whole(10, 1, 16), 1),
        (whole(10, 2, 1), 1),
        (whole(10, 2, 0), 1),
    ] {
        assert_eq!(divided(limits, commands), None, "{limits:?}, {commands}");
    }
}

#[test]
fn without_commands_intents_have_all_of_it() {
    let limits = whole(10, 2, 16);
    assert_eq!(DividedLimits::undivided(limits), DividedLimits { intents: limits, commands: None });
}

proptest! {
    #[test]
    fn every_sum_is_exactly_the_whole_and_each_side_has_something(
        (per_second, commands) in (2..=100_000_u32).prop_flat_map(|all| (Just(all), 1..all)),
        burst in 2..=100_000_u32,
        concurrency in 2..=10_000_u32,
    ) {
        let limits = whole(per_second, burst, concurrency);
        let parts = divided(limits, commands).unwrap();
        let [intents, of_commands] = parts;
        for (all, (intents, commands)) in numbers(limits).iter().zip(intents.iter().zip(of_commands)) {
            prop_assert_eq!(u64::from(*intents) + u64::from(commands), u64::from(*all));
            prop_assert!(*intents >= 1 && commands >= 1);
        }
        prop_assert_eq!(of_commands[0], commands);
        // A burst above a second's worth is another rate in disguise.
        for [per_second, part, _] in parts {
            prop_assert!(part <= per_second || burst > limits.rate.per_second.get());
        }
    }

    /// Two processes that never hear of each other, each as fast as it may at its own moments.
    #[test]
    fn two_that_keep_to_their_parts_keep_to_the_whole(
        (per_second, commands) in (2..60_u32).prop_flat_map(|all| (Just(all), 1..all)),
        burst in 2..9_u32,
        steps in vec((any::<bool>(), 0..400_u64), 1..150),
    ) {
        let burst = burst.min(per_second.max(2));
        let limits = whole(per_second, burst, 16);
        let commands_per_second = NonZeroU32::new(commands).unwrap();
        let parts = DividedLimits::divided(limits, commands_per_second).unwrap();
        let mut now = Duration::from_hours(1);
        let of = |limits: Limits| RateLimiter::empty(limits.rate, now);
        let (mut intents, mut commands) = (of(parts.intents), of(parts.commands.unwrap()));
        let mut taken = Vec::new();
        for (is_command, millis) in steps {
            now += Duration::from_millis(millis);
            let limiter = if is_command { &mut commands } else { &mut intents };
            while limiter.take(now).is_ok() {
                taken.push(now);
            }
        }
        assert_never_too_many(&taken, limits.rate);
    }
}
