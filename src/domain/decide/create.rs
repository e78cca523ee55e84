//! What follows a create call.

use std::time::Duration;

use jiff::Timestamp;

use super::{Decision, IntentCase, IntentDecision, Surroundings, park, settle};
use crate::domain::classify::create::Outcome;
use crate::domain::record::{Doubt, Seen, State};
use crate::domain::retry_delays::quick_wait_max;
use crate::domain::verdict::{LinkSource, Unresolved, Verdict};

/// How many quick tries follow a call that was not sent.
const QUICK_TRIES: u32 = 2;

impl<'a> IntentCase<'a> {
    pub(super) fn after_create(
        &mut self,
        outcome: Outcome,
        around: &Surroundings,
    ) -> IntentDecision<'a> {
        match outcome {
            Outcome::Created(made) => {
                self.count_attempt();
                settle(Verdict::Created { made, source: LinkSource::Create })
            }
            Outcome::ForeignLink => {
                self.count_attempt();
                park(Unresolved::LinkHost)
            }
            Outcome::Rejected(code) => self.after_rejected(code, around),
            Outcome::NotSent(_) => self.after_not_sent(around),
            Outcome::NoToken(_) => self.next(around), // admission decides when it goes on
            Outcome::StaleToken => {
                self.record.turned_away_at = Some(around.now);
                self.count_attempt();
                self.next(around)
            }
            Outcome::Throttled(_) | Outcome::Denied(_) => self.after_turned_away(around),
            Outcome::Duplicate(code) => self.doubt(Seen::Duplicate, code, around.now),
            Outcome::Refused(code) => self.doubt(Seen::Refused, code, around.now),
            Outcome::Unknown(_) => self.doubt(Seen::Unknown, None, around.now),
        }
    }

    pub(super) fn count_attempt(&mut self) {
        self.record.attempts = self.record.attempts.saturating_add(1);
    }

    /// Every copy of the intent gets the same answer. But another message with its reference may
    /// have made a link; and if this one was sent before, its own create may have been made late. So
    /// it takes one lookup, or those of a whole quarantine.
    fn after_rejected(&mut self, code: i64, around: &Surroundings) -> IntentDecision<'a> {
        let decision = self.doubt(Seen::Refused, Some(code), around.now);
        if self.record.attempts == 1 { self.lookup(around) } else { decision }
    }

    fn after_not_sent(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        if self.quick_tries < QUICK_TRIES {
            self.quick_tries = self.quick_tries.saturating_add(1);
            return Decision::PauseUpTo(quick_wait_max(self.quick_tries));
        }
        let delay = self.policy.delays.after(self.record.returns);
        self.retry_later(delay, "nothing could be sent", around)
    }

    /// The create may have left: lookups and quarantine start over, with the answer's kind of
    /// doubt, whatever it was before.
    pub(super) fn doubt(
        &mut self,
        seen: Seen,
        code: Option<i64>,
        now: Timestamp,
    ) -> IntentDecision<'a> {
        self.count_attempt();
        self.record.lookups = 0;
        self.record.quarantined = Duration::ZERO;
        self.record.state = State::InDoubt(Doubt { seen, last_sent: Some(now), code });
        Decision::Wait(self.policy.first_lookup)
    }
}
