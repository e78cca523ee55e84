//! What follows from what is known of an intent and what happened last.
//!
//! The danger is a second link, and the way to it is always the same: something that may have
//! been sent is taken for something that was not. So there are two kinds of record, and only one
//! path from *in doubt* to a create call: through lookups that found nothing, over a whole
//! quarantine, in a process that has seen lookups show a link at all. And `link.failed` is a
//! verdict that every copy of the intent would get; anything else that cannot be settled goes to a
//! person.
//!
//! [`IntentCase::decide`] is the only way in: an input and the surroundings go in, a decision comes
//! out. The decision table in the documentation has a row for each arm, and each row has a test by
//! its name.

mod attempt;
mod calls;
mod command;
mod copies;
mod create;
mod intent;
mod interrupted;
mod lookup;
mod lookup_times;
mod open;
mod policy;
mod surroundings;
mod turned_away;

use std::time::Duration;

use super::classify::lookup::Lookup;
use super::record::Record;
use super::retry_delays::RetryDelay;
use super::verdict::{Unresolved, Verdict};
pub use calls::{CreateCall, CreateKind, LookupCall, Start};
pub use command::{CommandCase, CommandDecision, ManageCall};
pub use intent::{IntentCase, IntentDecision};
pub use interrupted::Interrupted;
use open::Opening;
pub use open::{DeliveryInfo, RETURNS_MAX};
pub use policy::{InDoubtPolicy, Policy};
pub use surroundings::{LastAnswers, Requests, Surroundings};

/// How far apart the clocks of two replicas may be: after a deadline the lookups last this much
/// longer, because the other replica may still have created when this one considered it passed.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// What happened last; `O` is what an attempt can come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<O> {
    /// Nothing new: the delivery has arrived, a pause is over, or a create was not started because
    /// its intent's deadline has passed.
    Start,
    /// An attempt came to this.
    Attempted(O),
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

/// What follows; `C` is the call that is attempted, `V` a verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<C, V> {
    /// Attempt this call, which changes something at the provider.
    Attempt(C),
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
    Dispose(Disposition<V>),
}

/// How a delivery ends at the broker.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposition<V> {
    /// Publish the verdict's event, and acknowledge.
    Settle(V),
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

/// One intent or command that is being processed: what is known of it, and what was tried during
/// this delivery.
#[derive(Clone, Debug)]
pub struct Case<'a, S, V> {
    subject: &'a S,
    policy: &'a Policy,
    record: Record,
    opening: Opening<V>,
    quick_tries: u32,
    failed_lookups: u32,
}

impl<S, V: Clone> Case<'_, S, V> {
    /// What is known so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record after a trip: a delay that counts is waited for certain, since the copy cannot
    /// come back earlier.
    pub fn record_after(&self, later: RetryLater) -> Record {
        let mut record = self.record.clone();
        if later.counted {
            record.count_wait(later.delay.duration(), later.ages);
            record.returns = record.returns.saturating_add(1);
        }
        record.looked_up_anew_if_turned_away()
    }

    fn interrupted<C>(&self, why: Interrupted, around: &Surroundings) -> Decision<C, V> {
        if why == Interrupted::ChannelEnded {
            return Decision::Dispose(Disposition::Abandon);
        }
        if let Some(disposition) = self.opening.disposition(self.policy) {
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
            | Interrupted::LimitReached
            | Interrupted::Paused
            | Interrupted::ChannelEnded => self.hand_back(why.reason()),
        }
    }

    /// A trip that counts, unless the circuit breaker is open: then the intent goes back unchanged.
    fn retry_later<C>(
        &self,
        delay: RetryDelay,
        why: &'static str,
        around: &Surroundings,
    ) -> Decision<C, V> {
        if around.requests == Requests::Stopped {
            return self.hand_back(Interrupted::BreakerOpen.reason());
        }
        let ages = around.requests.age_intents();
        Decision::Dispose(Disposition::RetryLater(RetryLater { delay, counted: true, ages, why }))
    }

    /// Nothing was done: the intent comes back soon, unchanged.
    fn hand_back<C>(&self, why: &'static str) -> Decision<C, V> {
        self.hand_back_for(self.policy.delays.shortest(), why)
    }

    fn hand_back_for<C>(&self, delay: RetryDelay, why: &'static str) -> Decision<C, V> {
        let later = RetryLater { delay, ..back(self.policy, why) };
        Decision::Dispose(Disposition::RetryLater(later))
    }

    fn is_too_old(&self) -> bool {
        self.record.waited >= self.policy.max_age
    }
}

fn back(policy: &Policy, why: &'static str) -> RetryLater {
    RetryLater { delay: policy.delays.shortest(), counted: false, ages: false, why }
}

fn settle<C, V>(verdict: V) -> Decision<C, V> {
    Decision::Dispose(Disposition::Settle(verdict))
}

fn park<C>(why: Unresolved) -> Decision<C, Verdict> {
    settle(Verdict::Unresolved(why))
}
