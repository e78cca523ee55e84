//! How fast: at most `rate * T + burst` requests in any T seconds.
//!
//! The algorithm is the crate `governor`'s. What is ours is the discipline around it: it starts
//! empty, so that a crash loop buys nothing, it is built anew after a pause, because an idle
//! limiter refills to the whole burst, and it has no clock of its own, so that tests hold time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// A rate and what may go at once after idleness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// A limiter of requests.
#[derive(Debug)]
pub struct Limiter {
    governor: RateLimiter<NotKeyed, InMemoryState, GivenTime, NoOpMiddleware<Duration>>,
    time: GivenTime,
}

impl Limiter {
    /// A limiter that is empty at `now`, a moment of the steady clock.
    pub fn empty(rate: Rate, now: Duration) -> Self {
        let time = GivenTime::at(now);
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let governor = RateLimiter::direct_with_clock(quota, time.clone());
        let emptied = governor.check_n(rate.burst);
        debug_assert!(matches!(emptied, Ok(Ok(()))), "a new limiter holds its whole burst");
        Self { governor, time }
    }

    /// Takes a request's worth, or says how long until there is one.
    pub fn take(&self, now: Duration) -> Result<(), Duration> {
        self.time.set(now);
        self.governor.check().map_err(|not_until| not_until.wait_time_from(now))
    }
}

/// The time that the limiter was told last.
#[derive(Clone, Debug)]
struct GivenTime(Arc<AtomicU64>);

impl GivenTime {
    fn at(now: Duration) -> Self {
        let time = Self(Arc::default());
        time.set(now);
        time
    }

    fn set(&self, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for GivenTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
