//! A process, as far as it can be killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

/// Counts the steps that a process takes in the world outside it, and ends it at one of them.
/// Whoever takes that step never comes back from it.
#[derive(Clone)]
pub(crate) struct Life {
    steps_left: Arc<AtomicU64>,
    dead: CancellationToken,
}

impl Life {
    /// One that ends only when it is killed.
    pub(crate) fn long() -> Self {
        Self::of(u64::MAX)
    }

    /// One that ends at this step.
    pub(crate) fn of(steps: u64) -> Self {
        Self { steps_left: Arc::new(AtomicU64::new(steps)), dead: CancellationToken::new() }
    }

    /// One step. Between any two of them nothing can be seen from outside, so a process that can
    /// be killed at each of these can be killed everywhere.
    pub(crate) async fn step(&self) {
        let left = self.steps_left.load(Ordering::Relaxed).saturating_sub(1);
        self.steps_left.store(left, Ordering::Relaxed);
        if left == 0 {
            self.dead.cancel();
        }
        if self.dead.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Until its end.
    pub(crate) async fn ended(&self) {
        self.dead.cancelled().await;
    }
}
