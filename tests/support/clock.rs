//! A clock that moves only when a test says so.

use std::time::Duration;

use jiff::Timestamp;
use smartsend::ports::{Clock, Moment};
use tokio::sync::watch;

use super::canary;

/// Both clocks, held by hand. Clones show the same time.
#[derive(Clone)]
pub(crate) struct ManualClock(pub(crate) watch::Sender<Moment>);

impl ManualClock {
    /// 2026-11-24T09:30:00Z, an hour after the steady clock's start.
    pub(crate) fn new() -> Self {
        canary::watch();
        let wall = "2026-11-24T09:30:00Z".parse::<Timestamp>().unwrap();
        Self(watch::Sender::new(Moment { wall, steady: Duration::from_hours(1) }))
    }

    /// Lets time pass on both clocks.
    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|moment| {
            moment.steady += by;
            moment.wall += by;
        });
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self.0.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now().steady + duration;
        let mut time = self.0.subscribe();
        time.wait_for(|moment| moment.steady >= until).await.unwrap();
    }

    fn part_of(&self, longest: Duration) -> Duration {
        longest
    }
}
