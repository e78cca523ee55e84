//! What follows a call that was turned away: 401, 403, 429, or an answer that says so.
//!
//! Such an answer is about the whole merchant, and admission stops or pauses everything for it. But
//! it may be about one intent alone, such as one whose text a firewall dislikes. So the intent steps
//! aside, and others show which of the two it is: while they are answered and this one is not, it is
//! singled out, waits longer each time, and grows old.

use jiff::Timestamp;

use super::{
    Case, Decision, Disposition, IntentCase, IntentDecision, RetryLater, Surroundings, park,
};
use crate::domain::record::Seen;

/// An intent that was singled out so often goes through the longest retry queue from then on, where
/// it disturbs nobody.
const SINGLED_OUT_MAX: u32 = 3;

impl<'a> IntentCase<'a> {
    /// "Not processed" is the provider's word only, so it counts as an attempt. This delivery is
    /// sent again all the same, without a lookup; under the strict policy not even that is believed.
    pub(super) fn after_turned_away(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        if self.policy.is_strict() {
            self.put_in_doubt(Seen::TurnedAway, None, around.now);
        } else {
            self.count_attempt();
        }
        self.step_aside(around.last_answers.attempt, around)
    }

    /// A lookup was turned away, which says nothing of the intent.
    pub(super) fn after_lookup_turned_away(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        let last_answer = around.last_answers.lookup;
        if self.is_too_old() && self.is_singled_out(last_answer, around) {
            return park(self.unsettled());
        }
        self.step_aside(last_answer, around)
    }
}

impl<S, V> Case<'_, S, V> {
    /// In an outage, where others are turned away as well, it comes back as old as it was.
    pub(super) fn step_aside<C>(
        &mut self,
        last_answer: Option<Timestamp>,
        around: &Surroundings,
    ) -> Decision<C, V> {
        let is_singled_out = self.is_singled_out(last_answer, around);
        self.record.turned_away_at = Some(around.now);
        if is_singled_out {
            self.record.singled_out = self.record.singled_out.saturating_add(1);
        }
        let delay = if self.record.singled_out >= SINGLED_OUT_MAX {
            self.policy.delays.longest()
        } else {
            self.policy.delays.after(self.record.returns)
        };
        Decision::Dispose(Disposition::RetryLater(RetryLater {
            delay,
            counted: is_singled_out,
            ages: is_singled_out,
            why: "it was turned away",
        }))
    }

    /// Whether others were answered since it was turned away before, as far as the clock can tell.
    pub(super) fn is_singled_out(
        &self,
        last_answer: Option<Timestamp>,
        around: &Surroundings,
    ) -> bool {
        let before = self.record.turned_away_at;
        around.clocks_agree && before.is_some_and(|before| last_answer > Some(before))
    }
}
