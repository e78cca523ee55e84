//! How fast: at most `rate * T + burst` requests in any T seconds.
//!
//! The algorithm is that of the crate `governor`. Added here: the limiter starts empty, so that a
//! crash loop gains nothing, and it has no clock of its own, so that tests control time.
//!
//! A provider that has just come back faces everybody's backlog, and the full load at once would
//! bring it down again. So after an outage or a pause there is a **slow start**: the limiter is
//! rebuilt, empty, at an eighth of the rate, and then at a quarter, a half and the whole.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};

/// The divisor of the rate at each step of a slow start.
const STEPS: [u32; 3] = [8, 4, 2];
/// How long a step of the slow start takes.
const STEP: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_second: NonZeroU32,
    pub burst: NonZeroU32,
}

impl Rate {
    /// The most requests in a window of this length. A second that has begun counts as a whole one.
    pub fn most_within(self, window: Duration) -> usize {
        let seconds = window.as_secs().saturating_add(1);
        let paced = u64::from(self.per_second.get()).saturating_mul(seconds);
        let most = paced.saturating_add(u64::from(self.burst.get()));
        usize::try_from(most).unwrap_or(usize::MAX)
    }
}

/// A limiter of requests. All times are moments of the steady clock.
#[derive(Debug)]
pub struct RateLimiter {
    rate: Rate,
    /// When the slow start began, until it is over.
    slow_since: Option<Duration>,
    /// The divisor of the rate that the limiter was built with.
    divisor: u32,
    governor: Governor,
    time: GivenTime,
}

type Governor = governor::RateLimiter<NotKeyed, InMemoryState, GivenTime, NoOpMiddleware<Duration>>;

impl RateLimiter {
    /// A limiter of the whole rate that is empty at `now`.
    pub fn empty(rate: Rate, now: Duration) -> Self {
        let time = GivenTime::at(now);
        let governor = build_empty(rate, 1, &time);
        Self { rate, slow_since: None, divisor: 1, governor, time }
    }

    /// Takes one request's worth, or returns how long until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.step(now);
        self.time.set(now);
        self.governor.check().map_err(|not_until| not_until.wait_time_from(now))
    }

    pub fn start_slowly(&mut self, now: Duration) {
        self.slow_since = Some(now);
        self.step(now);
        self.drain(now);
    }

    /// Discards the saved-up burst.
    pub fn drain(&mut self, now: Duration) {
        self.time.set(now);
        self.governor = build_empty(self.rate, self.divisor, &self.time);
    }

    /// Rebuilds the limiter if another step of the slow start has begun.
    fn step(&mut self, now: Duration) {
        let Some(since) = self.slow_since else { return };
        let passed = now.saturating_sub(since).as_secs().checked_div(STEP.as_secs());
        let number = STEPS.len().min(passed.and_then(|n| n.try_into().ok()).unwrap_or(usize::MAX));
        let began =
            since.saturating_add(STEP.saturating_mul(number.try_into().unwrap_or(u32::MAX)));
        let divisor = STEPS.get(number).copied();
        if divisor.is_none() {
            self.slow_since = None;
        }
        let divisor = divisor.unwrap_or(1);
        if divisor != self.divisor {
            self.divisor = divisor;
            self.drain(began);
        }
    }
}

fn build_empty(rate: Rate, divisor: u32, time: &GivenTime) -> Governor {
    let period = (Duration::from_secs(1) / rate.per_second.get()).saturating_mul(divisor);
    // `None` only for no time at all, which is less than a nanosecond between two requests.
    let quota = Quota::with_period(period).unwrap_or_else(|| Quota::per_second(rate.per_second));
    let governor = Governor::direct_with_clock(quota.allow_burst(rate.burst), time.clone());
    let emptied = governor.check_n(rate.burst);
    debug_assert!(matches!(emptied, Ok(Ok(()))), "a new limiter holds its whole burst");
    governor
}

/// The last time that the limiter was given.
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
