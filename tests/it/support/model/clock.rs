//! Simulated time, and chance from a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smartsend::ports::{Clock, Moment};
use tokio::time::Instant;

use crate::support::canary;

/// Chance that comes out the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..end)
    }

    /// True so many times out of a hundred.
    pub(crate) fn percent(&self, share: u64) -> bool {
        self.below(100) < share
    }

    /// Anything up to `longest`.
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        self.0.lock().unwrap().random_range(Duration::ZERO..=longest)
    }
}

/// tokio's paused time. Clones show the same.
#[derive(Clone, Debug)]
pub(crate) struct ModelClock {
    started: Instant,
    wall_started: Timestamp,
    jumped: Arc<Mutex<SignedDuration>>,
    chance: Chance,
}

impl ModelClock {
    /// 2026-11-24T09:30:00Z, an hour after the steady clock's start.
    pub(crate) fn new(chance: Chance) -> Self {
        canary::watch();
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock, and its time is simulated"
        )]
        let started = Instant::now();
        let wall_started = "2026-11-24T09:30:00Z".parse().unwrap();
        Self { started, wall_started, jumped: Arc::default(), chance }
    }

    /// Time since it was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Makes the wall clock alone jump.
    pub(crate) fn jump_wall(&self, by: SignedDuration) {
        *self.jumped.lock().unwrap() += by;
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Moment {
        let elapsed = self.elapsed();
        let jumped = *self.jumped.lock().unwrap();
        Moment {
            wall: self.wall_started + elapsed + jumped,
            steady: Duration::from_hours(1) + elapsed,
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn part_of(&self, longest: Duration) -> Duration {
        self.chance.up_to(longest)
    }
}
