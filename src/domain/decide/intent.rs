//! What follows for an intent, step by step.

use super::{
    Case, CreateCall, Decision, DeliveryInfo, Input, Interrupted, Policy, Surroundings, park,
};
use crate::domain::classify::create::Outcome;
use crate::domain::intent::Intent;
use crate::domain::record::Record;
use crate::domain::verdict::{Unresolved, Verdict};

/// An intent that is being processed.
pub type IntentCase<'a> = Case<'a, Intent, Verdict>;
/// What follows for an intent.
pub type IntentDecision<'a> = Decision<CreateCall<'a>, Verdict>;

impl<'a> IntentCase<'a> {
    /// Opens an intent with what its delivery says.
    pub fn open(intent: &'a Intent, policy: &'a Policy, info: DeliveryInfo<'_, Verdict>) -> Self {
        let foreign = Verdict::Unresolved(Unresolved::AccountChanged);
        Self::of_delivery(intent, policy, info, foreign, Record::doubted)
    }

    /// Says what follows.
    pub fn decide(&mut self, input: Input<Outcome>, around: &Surroundings) -> IntentDecision<'a> {
        let decision = match input {
            Input::Start => self.start(around),
            Input::Attempted(outcome) => self.after_create(outcome, around),
            Input::Lookup(lookup) => self.after_lookup(lookup, around),
            Input::Waited(duration) => {
                self.record.count_wait(duration, around.requests.age_intents());
                self.next(around)
            }
            Input::Interrupted { why, waited } => {
                self.record.count_wait(waited, around.requests.age_intents());
                self.interrupted(why, around)
            }
        };
        self.after_takeover(self.while_clocks_agree(decision, around), around)
    }

    fn start(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        match self.opening.disposition(self.policy) {
            Some(disposition) => Decision::Dispose(disposition),
            None => self.next(around),
        }
    }

    pub(super) fn next(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        if self.record.is_in_doubt() {
            return self.lookup_when_due(around);
        }
        if self.is_over_limit() {
            return park(Unresolved::OverLimit);
        }
        if self.is_overdue(around) || self.is_too_old() {
            return self.lookup_when_due(around);
        }
        // By this clock no lookup was after the deadline yet, whatever another clock has said.
        self.record.restart_lookups();
        if self.policy.is_strict() { self.lookup(around) } else { self.create_first() }
    }

    /// A create whose deadline cannot be judged waits. Neither replica nor provider is late, so that
    /// makes no intent older.
    fn while_clocks_agree(
        &self,
        decision: IntentDecision<'a>,
        around: &Surroundings,
    ) -> IntentDecision<'a> {
        let is_create = matches!(decision, Decision::Attempt(_));
        if !is_create || self.subject.deadline.is_none() || around.clocks_agree {
            return decision;
        }
        let delay = self.policy.delays.within(self.policy.quarantine);
        self.hand_back_for(delay, "the wall clock has jumped")
    }

    /// Nothing is created until what another process sent has had time to show, and the lookup
    /// that licenses a first create starts after that too.
    fn after_takeover(
        &self,
        decision: IntentDecision<'a>,
        around: &Surroundings,
    ) -> IntentDecision<'a> {
        let leads_to_create = match &decision {
            Decision::Attempt(_) | Decision::Lookup(_) => !self.record.is_in_doubt(),
            Decision::Wait(_)
            | Decision::Pause(_)
            | Decision::PauseUpTo(_)
            | Decision::Dispose(_) => false,
        };
        if !leads_to_create || around.no_create_for.is_zero() {
            return decision;
        }
        let left = self.policy.lease.saturating_sub(around.age);
        if left.is_zero() {
            return self.hand_back(Interrupted::Late.reason());
        }
        Decision::Pause(around.no_create_for.min(left))
    }

    /// Checks only what was never sent, and never fails it: `max_amount` may have been larger when
    /// another copy was sent.
    pub(super) fn is_over_limit(&self) -> bool {
        self.subject.amount > self.policy.max_amount
    }

    pub(super) fn is_overdue(&self, around: &Surroundings) -> bool {
        let has_passed = |deadline| around.clocks_agree && around.now > deadline;
        self.subject.deadline.is_some_and(has_passed)
    }
}
