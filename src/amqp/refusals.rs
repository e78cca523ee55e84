//! A target that refuses is tried by one publish at a time, ever more seldom.
//!
//! Hundreds of results may wait for one queue. Each attempt costs a channel, and everyone's share
//! of the broker's work, and one attempt says as much as all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::PublishError;

/// The first wait after a refusal.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What is known of one target.
#[derive(Default)]
pub(super) struct Refusals {
    last: Mutex<Option<Refusal>>,
}

struct Refusal {
    error: PublishError,
    wait: Duration,
    /// On the steady clock.
    next_try: Duration,
    trying: bool,
}

/// Leave to publish to a target.
pub(super) struct Attempt<'a> {
    refusals: &'a Refusals,
    /// Whether the target refuses, and this attempt is the one that finds out if it still does.
    is_trial: bool,
}

impl Refusals {
    /// Leave to publish, or the last refusal, which holds for everyone until the next trial.
    pub(super) fn attempt(&self, now: Duration) -> Result<Attempt<'_>, PublishError> {
        let mut last = self.lock();
        let Some(refusal) = last.as_mut() else {
            return Ok(Attempt { refusals: self, is_trial: false });
        };
        if refusal.trying || now < refusal.next_try {
            return Err(refusal.error);
        }
        refusal.trying = true;
        Ok(Attempt { refusals: self, is_trial: true })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The target has taken a message.
    pub(super) fn accepted(self) {
        *self.refusals.lock() = None;
    }

    /// The target has refused one.
    pub(super) fn refused(self, error: PublishError, now: Duration) {
        let mut last = self.refusals.lock();
        let wait = match &*last {
            Some(refusal) if self.is_trial => refusal.wait.saturating_mul(2).min(WAIT_MAX),
            Some(refusal) => refusal.wait, // of those that were on their way together
            None => WAIT_FIRST,
        };
        let trying = !self.is_trial && last.as_ref().is_some_and(|refusal| refusal.trying);
        *last = Some(Refusal { error, wait, next_try: now.saturating_add(wait), trying });
    }
}

impl Drop for Attempt<'_> {
    /// One without an answer leaves the next trial to somebody else.
    fn drop(&mut self) {
        if let (true, Some(refusal)) = (self.is_trial, self.refusals.lock().as_mut()) {
            refusal.trying = false;
        }
    }
}
