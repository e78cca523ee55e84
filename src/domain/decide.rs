//! What follows from what is known of an intent and what happened last.
//!
//! The danger is a second link, and the way to it is always the same: something that may have
//! been sent is taken for something that was not. So there are two kinds of record, and only one
//! path from *in doubt* to a create call: through lookups that found nothing, over a whole
//! quarantine, in a process that has seen lookups show a link at all. And `link.failed` is a
//! verdict that every copy of the intent would get; anything else that cannot be settled goes to a
//! person.
//!
//! [`Case::decide`] is the only way in: an input and the surroundings go in, a decision comes out.
//! The decision table in the documentation has a row for each arm, and each row has a test by its
//! name.

mod calls;
mod copies;
mod create;
mod interrupted;
mod lookup;
mod open;
mod policy;
mod surroundings;
mod turned_away;

use std::time::Duration;

use super::classify::create::Outcome;
use super::classify::lookup::Lookup;
use super::intent::Intent;
use super::record::Record;
use super::retry_delays::RetryDelay;
use super::verdict::{Unresolved, Verdict};
pub use calls::{CreateCall, CreateKind, LookupCall, Start};
pub use interrupted::Interrupted;
use open::Opening;
pub use open::{DeliveryInfo, RETURNS_MAX};
pub use policy::{InDoubtPolicy, Policy};
pub use surroundings::{LastAnswers, Requests, Surroundings};

/// How far apart the clocks of two replicas may be: after a deadline the lookups last this much
/// longer, because the other replica may still have created when this one considered it passed.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// What happened last.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Nothing new: the intent has arrived, a pause is over, or a call was not started because its
    /// intent's deadline has passed.
    Start,
    /// A create call came to this.
    Create(Outcome),
    /// A lookup came to this.
    Lookup(Lookup),
    /// A wait was gone through.
    Waited(Duration),
    /// A call did not start, or a wait ended early.
    Interrupted {
        /// Why.
        why: Interrupted,
        /// How much of a wait was gone through.
        waited: Duration,
    },
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Ask for the link.
    Create(CreateCall<'a>),
    /// Look the reference up.
    Lookup(LookupCall),
    /// Hold the delivery this long, if a place is free, and come back with [`Input::Waited`].
    Wait(Duration),
    /// Hold the delivery this long, whether or not a place is free, and come back with
    /// [`Input::Start`].
    Pause(Duration),
    /// The same, for a random part of this long.
    PauseUpTo(Duration),
    /// Dispose of the delivery.
    Dispose(Disposition),
}

/// How a delivery ends at the broker.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposition {
    /// Publish the verdict's event, and acknowledge.
    Settle(Verdict),
    /// Publish a copy to a retry queue, and acknowledge.
    RetryLater(RetryLater),
    /// Requeue it: nothing that replaces it could be published.
    Requeue,
    /// Leave it unacknowledged: its channel has ended, or has to, and it comes back by itself.
    Abandon,
}

/// A trip through a retry queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryLater {
    /// The queue.
    pub delay: RetryDelay,
    /// Whether the trip counts as one, and its delay as waited for. A hand-back counts as neither.
    pub counted: bool,
    /// Whether its delay makes the intent older.
    pub ages: bool,
    /// Why, for the log.
    pub why: &'static str,
}

/// One intent that is being processed: what is known of it, and what was tried during this
/// delivery.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    intent: &'a Intent,
    policy: &'a Policy,
    record: Record,
    opening: Opening,
    quick_tries: u32,
    failed_lookups: u32,
}

impl<'a> Case<'a> {
    /// What is known so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Says what follows.
    pub fn decide(&mut self, input: Input, around: &Surroundings) -> Decision<'a> {
        let decision = match input {
            Input::Start => self.start(around),
            Input::Create(outcome) => self.after_create(outcome, around),
            Input::Lookup(lookup) => self.after_lookup(lookup, around),
            Input::Waited(duration) => {
                self.count_wait(duration, around.requests.age_intents());
                self.next(around)
            }
            Input::Interrupted { why, waited } => {
                self.count_wait(waited, around.requests.age_intents());
                self.interrupted(why, around)
            }
        };
        self.after_takeover(self.while_clocks_agree(decision, around), around)
    }

    /// The record after a trip: a delay that counts is waited for certain, since the copy cannot
    /// come back earlier.
    pub fn record_after(&self, later: RetryLater) -> Record {
        let mut after = self.clone();
        if later.counted {
            after.count_wait(later.delay.duration(), later.ages);
            after.record.returns = after.record.returns.saturating_add(1);
        }
        after.record.looked_up_anew_if_turned_away()
    }

    /// Counts a wait that was gone through. The quarantine of a new intent begins with its first
    /// lookup after the deadline; what was waited before then does not count towards it.
    fn count_wait(&mut self, duration: Duration, ages: bool) {
        if self.record.is_in_doubt() || self.record.lookups > 0 {
            self.record.quarantined = self.record.quarantined.saturating_add(duration);
        }
        if ages {
            self.record.waited = self.record.waited.saturating_add(duration);
        }
    }

    fn next(&mut self, around: &Surroundings) -> Decision<'a> {
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
        self.record.lookups = 0;
        self.record.quarantined = Duration::ZERO;
        if self.policy.is_strict() { self.lookup(around) } else { self.create_first() }
    }

    /// A create whose deadline cannot be judged waits. Neither replica nor provider is late, so that
    /// makes no intent older.
    fn while_clocks_agree(&self, decision: Decision<'a>, around: &Surroundings) -> Decision<'a> {
        let is_create = matches!(decision, Decision::Create(_));
        if !is_create || self.intent.deadline.is_none() || around.clocks_agree {
            return decision;
        }
        let delay = self.policy.delays.within(self.policy.quarantine);
        self.hand_back_for(delay, "the wall clock has jumped")
    }

    /// Nothing is created until what another process sent has had time to show, and the lookup
    /// that licenses a first create starts after that too.
    fn after_takeover(&self, decision: Decision<'a>, around: &Surroundings) -> Decision<'a> {
        let leads_to_create = match &decision {
            Decision::Create(_) | Decision::Lookup(_) => !self.record.is_in_doubt(),
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

    fn interrupted(&self, why: Interrupted, around: &Surroundings) -> Decision<'a> {
        if why == Interrupted::ChannelEnded {
            return Decision::Dispose(Disposition::Abandon);
        }
        if let Some(disposition) = self.opening.disposition(self) {
            return Decision::Dispose(disposition);
        }
        match why {
            Interrupted::NoPlace(wait) => {
                self.retry_later(self.policy.delays.within(wait), why.reason(), around)
            }
            // Other lookups come first, so it waits where it takes up no place.
            Interrupted::LookupLate if around.requests == Requests::Flow => {
                let delay = self.policy.delays.after(self.record.returns);
                self.retry_later(delay, why.reason(), around)
            }
            // Each trip waits longer, since the other copy may stay for a whole quarantine and there
            // may be thousands. Its wait is not the intent's.
            Interrupted::ReferenceBusy => {
                let delay = self.policy.delays.after(self.record.returns);
                let why = why.reason();
                let later = RetryLater { delay, counted: true, ages: false, why };
                Decision::Dispose(Disposition::RetryLater(later))
            }
            Interrupted::Stopping
            | Interrupted::BreakerOpen
            | Interrupted::Late
            | Interrupted::LookupLate
            | Interrupted::CacheFull
            | Interrupted::ChannelEnded => self.hand_back(why.reason()),
        }
    }

    /// A trip that counts, unless the circuit breaker is open: then the intent goes back unchanged.
    fn retry_later(
        &self,
        delay: RetryDelay,
        why: &'static str,
        around: &Surroundings,
    ) -> Decision<'a> {
        if around.requests == Requests::Stopped {
            return self.hand_back(Interrupted::BreakerOpen.reason());
        }
        let ages = around.requests.age_intents();
        Decision::Dispose(Disposition::RetryLater(RetryLater { delay, counted: true, ages, why }))
    }

    /// Nothing was done: the intent comes back soon, unchanged.
    fn hand_back(&self, why: &'static str) -> Decision<'a> {
        self.hand_back_for(self.policy.delays.shortest(), why)
    }

    fn hand_back_for(&self, delay: RetryDelay, why: &'static str) -> Decision<'a> {
        let later = RetryLater { delay, ..back(self.policy, why) };
        Decision::Dispose(Disposition::RetryLater(later))
    }

    /// Checks only what was never sent, and never fails it: `max_amount` may have been larger when
    /// another copy was sent.
    fn is_over_limit(&self) -> bool {
        self.intent.amount > self.policy.max_amount
    }

    fn is_overdue(&self, around: &Surroundings) -> bool {
        let has_passed = |deadline| around.clocks_agree && around.now > deadline;
        self.intent.deadline.is_some_and(has_passed)
    }

    fn is_too_old(&self) -> bool {
        self.record.waited >= self.policy.max_age
    }
}

fn back(policy: &Policy, why: &'static str) -> RetryLater {
    RetryLater { delay: policy.delays.shortest(), counted: false, ages: false, why }
}

fn settle<'a>(verdict: Verdict) -> Decision<'a> {
    Decision::Dispose(Disposition::Settle(verdict))
}

fn park<'a>(why: Unresolved) -> Decision<'a> {
    settle(Verdict::Unresolved(why))
}
