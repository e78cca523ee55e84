//! What follows an attempt of any kind.

use jiff::Timestamp;

use super::{Case, Decision, Surroundings};
use crate::domain::record::{Doubt, Seen, State};
use crate::domain::retry_delays::quick_wait_max;

/// How many quick tries follow a call that was not sent.
const QUICK_TRIES: u32 = 2;

impl<S, V: Clone> Case<'_, S, V> {
    /// Whether it was tried before, in this delivery or another one.
    pub(super) fn was_tried(&self) -> bool {
        let tries = [self.quick_tries, self.record.returns, self.record.attempts];
        tries.iter().any(|tries| *tries > 0)
    }

    pub(super) fn count_attempt(&mut self) {
        self.record.attempts = self.record.attempts.saturating_add(1);
    }

    pub(super) fn after_not_sent<C>(&mut self, around: &Surroundings) -> Decision<C, V> {
        if self.quick_tries < QUICK_TRIES {
            self.quick_tries = self.quick_tries.saturating_add(1);
            return Decision::PauseUpTo(quick_wait_max(self.quick_tries));
        }
        let delay = self.policy.delays.after(self.record.returns);
        self.retry_later(delay, "nothing could be sent", around)
    }

    /// The call may have left: lookups and quarantine start over, with the answer's kind of doubt,
    /// whatever it was before.
    pub(super) fn put_in_doubt(&mut self, seen: Seen, code: Option<i64>, now: Timestamp) {
        self.count_attempt();
        self.record.restart_lookups();
        self.record.state = State::InDoubt(Doubt { seen, last_sent: Some(now), code });
    }

    /// The same, and the first lookup is due in a while.
    pub(super) fn doubt<C>(
        &mut self,
        seen: Seen,
        code: Option<i64>,
        now: Timestamp,
    ) -> Decision<C, V> {
        self.put_in_doubt(seen, code, now);
        Decision::Wait(self.policy.first_lookup)
    }
}
