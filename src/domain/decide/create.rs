//! What follows a create call.

use super::{IntentCase, IntentDecision, Surroundings, park, settle};
use crate::domain::classify::create::Outcome;
use crate::domain::record::Seen;
use crate::domain::verdict::{LinkSource, Unresolved, Verdict};

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

    /// Every copy of the intent gets the same answer. But another message with its reference may
    /// have made a link; and if this one was sent before, its own create may have been made late. So
    /// it takes one lookup, or those of a whole quarantine.
    fn after_rejected(&mut self, code: i64, around: &Surroundings) -> IntentDecision<'a> {
        let decision = self.doubt(Seen::Refused, Some(code), around.now);
        if self.record.attempts == 1 { self.lookup(around) } else { decision }
    }
}
