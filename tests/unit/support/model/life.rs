//! A process, as far as it can be killed and frozen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Counts the steps that a process takes in the world outside it, and ends it at one of them.
/// Whoever takes that step never comes back from it. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Life(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    steps_left: AtomicU64,
    dead: CancellationToken,
    frozen: AtomicBool,
    woken: Notify,
    asleep: Mutex<Asleep>,
}

/// What a process is frozen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freeze {
    /// SIGSTOP: both of its clocks go on.
    Stopped,
    /// Its machine is suspended: its steady clock stands still, its wall clock goes on.
    Suspended,
}

/// The time that a steady clock does not see.
#[derive(Debug, Default)]
struct Asleep {
    since: Option<Duration>,
    before: Duration,
}

impl Life {
    /// One that ends only when it is killed.
    pub(crate) fn long() -> Self {
        Self::of(u64::MAX)
    }

    /// One that ends at this step.
    pub(crate) fn of(steps: u64) -> Self {
        Self(Arc::new(Inner {
            steps_left: AtomicU64::new(steps),
            dead: CancellationToken::new(),
            frozen: AtomicBool::new(false),
            woken: Notify::new(),
            asleep: Mutex::default(),
        }))
    }

    /// One step. Between any two of them nothing can be seen from outside, so a process that can
    /// be killed or frozen at each of these can be killed or frozen everywhere.
    pub(crate) async fn step(&self) {
        self.step_at_once().await;
        self.thawed().await;
    }

    /// A step that a process cannot be frozen at: what lies between the last check and the first
    /// byte, which no check can guard.
    pub(super) async fn step_at_once(&self) {
        let left = self.0.steps_left.load(Ordering::Relaxed).saturating_sub(1);
        self.0.steps_left.store(left, Ordering::Relaxed);
        if left == 0 {
            self.0.dead.cancel();
        }
        if self.0.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends it now.
    pub(crate) fn end(&self) {
        self.0.dead.cancel();
    }

    /// Until its end.
    pub(crate) async fn ended(&self) {
        self.0.dead.cancelled().await;
    }

    /// Freezes it. `now` is the time since the scene's start.
    pub(super) fn freeze(&self, by: Freeze, now: Duration) {
        if by == Freeze::Suspended {
            self.0.asleep.lock().unwrap().since = Some(now);
        }
        self.0.frozen.store(true, Ordering::Relaxed);
    }

    pub(super) fn thaw(&self, now: Duration) {
        let mut asleep = self.0.asleep.lock().unwrap();
        asleep.before = asleep.until(now);
        asleep.since = None;
        self.0.frozen.store(false, Ordering::Relaxed);
        self.0.woken.notify_waiters();
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    /// Until it is not frozen, and not at all if it is dead.
    pub(super) async fn thawed(&self) {
        while self.is_frozen() {
            self.0.woken.notified().await; // one thread: nobody wakes it in between
        }
    }

    /// How much of the time up to `now` its steady clock has not seen.
    pub(super) fn unseen(&self, now: Duration) -> Duration {
        self.0.asleep.lock().unwrap().until(now)
    }
}

impl Asleep {
    fn until(&self, now: Duration) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}
