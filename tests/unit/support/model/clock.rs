//! Simulated time, and chance from a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smartsend::ports::{Clock, Moment};
use tokio::time::Instant;

use super::life::Life;
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

    /// One of these.
    pub(crate) fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()].clone()
    }
}

/// The time of whoever's clock is right, so long after the start.
pub(crate) fn wall_at(elapsed: Duration) -> Timestamp {
    let started: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    started + elapsed
}

/// tokio's paused time, as the scene or one process sees it.
#[derive(Clone, Debug)]
pub(crate) struct ModelClock {
    started: Instant,
    wall_started: Timestamp,
    /// Shared by all of the scene's clocks.
    jumped: Arc<Mutex<SignedDuration>>,
    /// How far this wall clock is ahead of the scene's.
    ahead: SignedDuration,
    chance: Chance,
    life: Life,
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
        let wall_started = wall_at(Duration::ZERO);
        let (jumped, ahead, life) = (Arc::default(), SignedDuration::ZERO, Life::long());
        Self { started, wall_started, jumped, ahead, chance, life }
    }

    /// The clock of one process. It goes on with the process's life, and its wall clock is so far
    /// ahead.
    pub(super) fn of_process(&self, life: Life, ahead: SignedDuration) -> Self {
        Self { ahead, life, ..self.clone() }
    }

    /// Time since it was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Makes the wall clocks jump, all of them.
    pub(crate) fn jump_wall(&self, by: SignedDuration) {
        *self.jumped.lock().unwrap() += by;
    }

    fn steady(&self) -> Duration {
        let elapsed = self.elapsed();
        Duration::from_hours(1) + elapsed.saturating_sub(self.life.unseen(elapsed))
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Moment {
        let jumped = *self.jumped.lock().unwrap();
        Moment {
            wall: self.wall_started + self.elapsed() + jumped + self.ahead,
            steady: self.steady(),
        }
    }

    async fn sleep(&self, duration: Duration) {
        let due = self.steady().saturating_add(duration);
        tokio::time::sleep(duration).await;
        loop {
            self.life.thawed().await;
            let left = due.saturating_sub(self.steady());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn part_of(&self, longest: Duration) -> Duration {
        self.chance.up_to(longest)
    }
}
