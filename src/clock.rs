//! The machine's clocks.
//!
//! A rule that reads the clock itself can be tested only by waiting. So this is the only place that
//! does; everything else is given a moment, or a [`Clock`].

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::ports::{Clock, Moment};

/// The real time. Its steady clock counts from when it was made, which is the process's start.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the steady clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the steady clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the wall clock")]
    fn now(&self) -> Moment {
        Moment { wall: Timestamp::now(), steady: self.started.elapsed() }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn part_of(&self, longest: Duration) -> Duration {
        rand::random_range(Duration::ZERO..=longest)
    }
}
