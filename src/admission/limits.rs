//! The limits of one merchant, and how its two queues share them.
//!
//! Intents and commands may be consumed by two processes that know nothing of each other. So what
//! the account allows is divided beforehand, and each process keeps to its own part: whichever they
//! are, both together never spend more than the whole.

use std::num::NonZeroU32;
use std::time::Duration;

use super::rate_limiter::Rate;

/// The limits of one merchant, or of one of its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub rate: Rate,
    /// Calls in flight at once, at least 1.
    pub concurrency: u32,
    /// The longest pause that the provider may ask for.
    pub max_retry_after: Duration,
}

/// One merchant's limits, as its queues share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DividedLimits {
    pub intents: Limits,
    /// `None` if the merchant takes no commands.
    pub commands: Option<Limits>,
}

impl DividedLimits {
    pub fn undivided(whole: Limits) -> Self {
        Self { intents: whole, commands: None }
    }

    /// So many requests per second for commands and the rest for intents; burst and concurrency in
    /// proportion. The sums are exactly the whole. `None` if a side would be left without anything.
    pub fn divided(whole: Limits, commands_per_second: NonZeroU32) -> Option<Self> {
        let all = whole.rate.per_second;
        let intents_per_second = rest(all.get(), commands_per_second)?;
        let part = |of: u32| part(of, commands_per_second, all);
        let burst = part(whole.rate.burst.get())?;
        let concurrency = part(whole.concurrency)?;
        let limits = |per_second, burst, concurrency: NonZeroU32| Limits {
            rate: Rate { per_second, burst },
            concurrency: concurrency.get(),
            max_retry_after: whole.max_retry_after,
        };
        let intents = limits(
            intents_per_second,
            rest(whole.rate.burst.get(), burst)?,
            rest(whole.concurrency, concurrency)?,
        );
        let commands = limits(commands_per_second, burst, concurrency);
        Some(Self { intents, commands: Some(commands) })
    }
}

/// The whole number next to `of * share / all` that leaves at least 1 on either side.
fn part(of: u32, share: NonZeroU32, all: NonZeroU32) -> Option<NonZeroU32> {
    let most = NonZeroU32::new(of.checked_sub(1)?)?;
    let (share, all) = (u64::from(share.get()), u64::from(all.get()));
    let nearest = (u64::from(of) * share + all / 2) / all; // u64 holds the product of any two u32
    let nearest = u32::try_from(nearest).ok().and_then(NonZeroU32::new);
    Some(nearest.unwrap_or(NonZeroU32::MIN).min(most))
}

/// What is left of `all` without a part, if anything is.
fn rest(all: u32, part: NonZeroU32) -> Option<NonZeroU32> {
    all.checked_sub(part.get()).and_then(NonZeroU32::new)
}
