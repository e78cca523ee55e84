//! When the next lookup is due.

use std::time::Duration;

use super::{CLOCK_SKEW, Case, Decision};
use crate::domain::record::State;

impl<S, V> Case<'_, S, V> {
    /// The quarantine that has to be over.
    fn quarantine(&self) -> Duration {
        match self.record.state {
            State::New => self.policy.quarantine.saturating_add(CLOCK_SKEW),
            State::InDoubt(_) => self.policy.quarantine,
        }
    }

    /// How long until the next lookup is due: the first after `first_lookup`, the last when the
    /// quarantine is over, the others evenly between. A new intent's first lookup is due at once.
    pub(super) fn time_to_lookup(&self) -> Duration {
        let quarantine = self.quarantine();
        let due = match (&self.record.state, self.record.lookups) {
            (State::New, 0) => return Duration::ZERO,
            (State::New | State::InDoubt(_), lookups) => {
                let steps = self.policy.lookups.saturating_sub(1).max(1);
                let step = quarantine.saturating_sub(self.policy.first_lookup).checked_div(steps);
                let step = step.unwrap_or(quarantine).saturating_mul(lookups.min(steps));
                self.policy.first_lookup.saturating_add(step).min(quarantine)
            }
        };
        due.saturating_sub(self.record.quarantined)
    }

    /// Whether there were enough lookups, and the quarantine is over.
    pub(super) fn are_lookups_over(&self) -> bool {
        self.record.lookups >= self.policy.lookups && self.record.quarantined >= self.quarantine()
    }

    pub(super) fn lookup_later<C>(&self) -> Decision<C, V> {
        Decision::Wait(self.time_to_lookup().max(self.policy.first_lookup))
    }

    /// A failed lookup does not count. Each one in a row waits twice as long.
    pub(super) fn after_failed_lookup<C>(&mut self) -> Decision<C, V> {
        let wait = self.policy.first_lookup.saturating_mul(1 << self.failed_lookups.min(6));
        self.failed_lookups = self.failed_lookups.saturating_add(1);
        Decision::Wait(wait.max(self.time_to_lookup()))
    }
}
