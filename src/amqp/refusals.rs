//! A target that refuses is tried by one publish at a time, ever more seldom.
//!
//! Hundreds of results may wait for one queue. Each attempt costs a channel, and everyone's share
//! of the broker's work, and one attempt says as much as all of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::routes::Route;
use crate::ports::PublishError;

const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The targets that refuse.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<Route, Refusal>>);

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
    route: &'a Route,
    /// Whether the target refuses, and this attempt is the one that finds out if it still does.
    is_trial: bool,
}

impl Refusals {
    /// Leave to publish, or the last refusal, which holds for everyone until the next trial.
    pub(super) fn attempt<'a>(
        &'a self,
        route: &'a Route,
        now: Duration,
    ) -> Result<Attempt<'a>, PublishError> {
        let mut refusals = self.lock();
        let refusal = refusals.get_mut(route);
        let is_trial = refusal.is_some();
        if let Some(refusal) = refusal {
            if refusal.trying || now < refusal.next_try {
                return Err(refusal.error);
            }
            refusal.trying = true;
        }
        Ok(Attempt { refusals: self, route, is_trial })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Route, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    pub(super) fn accepted(self) {
        self.refusals.lock().remove(self.route);
    }

    pub(super) fn refused(self, error: PublishError, now: Duration) {
        let mut refusals = self.refusals.lock();
        let last = refusals.get(self.route);
        let wait = match last {
            Some(refusal) if self.is_trial => refusal.wait.saturating_mul(2).min(WAIT_MAX),
            Some(refusal) => refusal.wait, // of those that were on their way together
            None => WAIT_FIRST,
        };
        let trying = !self.is_trial && last.is_some_and(|refusal| refusal.trying);
        let next_try = now.saturating_add(wait);
        refusals.insert(self.route.clone(), Refusal { error, wait, next_try, trying });
    }
}

impl Drop for Attempt<'_> {
    /// One without an answer leaves the next trial to somebody else.
    fn drop(&mut self) {
        if self.is_trial
            && let Some(refusal) = self.refusals.lock().get_mut(self.route)
        {
            refusal.trying = false;
        }
    }
}
