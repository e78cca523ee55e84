//! What follows from what is known of an intent and what was seen of it last.
//!
//! The danger is a second link, and the way to it is always the same: something that may have
//! been sent is taken for something that was not. So there are two kinds of record, and only one
//! path from *in doubt* to a create call: through lookups that found nothing, over a whole
//! quarantine, in a process that has seen details show a link at all. And `link.failed` is a
//! verdict that every copy of the intent would come to; whatever else cannot be settled goes to a
//! person.
//!
//! Each arm of [`Case::after`] is a row of the table in the README, and has a test by its name.

mod open;
mod lookup;

use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;
use super::amount::Amount;
use super::classify::ClassifyRules;
use super::classify::create::Outcome;
use super::classify::lookup::Lookup;
use super::intent::Intent;
use super::record::{Doubt, Record, Seen, State};
use super::retry_delays::{RetryDelay, RetryDelays};
use super::verdict::{Failure, Unresolved, Verdict};
pub use open::{DeliveryInfo, Opened, RETURNS_MAX};

/// What a merchant's configuration says about decisions.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The account and API that intents belong to.
    pub account: Account,
    /// What answers mean here.
    pub rules: ClassifyRules,
    /// The largest amount that is sent.
    pub max_amount: Amount,
    /// The retry queues' delays.
    pub delays: RetryDelays,
    /// After this an intent that cannot be settled is parked.
    pub max_age: Duration,
    /// Before the first lookup.
    pub settle: Duration,
    /// How many not-found answers it takes, at least 1.
    pub lookups: u32,
    /// How long details may take to show a link.
    pub quarantine: Duration,
    /// What follows when no link was found.
    pub in_doubt: InDoubtPolicy,
}

impl Policy {
    /// Whether even a provider that does not refuse duplicates must not make two links.
    pub fn is_strict(&self) -> bool {
        self.in_doubt == InDoubtPolicy::Strict
    }
}

/// What follows when lookups and quarantine are over and no link was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubtPolicy {
    /// Send the same reference again, once per quarantine.
    Resend,
    /// Park it for a person.
    Park,
    /// Park it, and look up before every first create: relies on no refusal of a second link.
    Strict,
}

/// How far the clocks of two replicas may be apart: so much longer a deadline is looked after,
/// because the other replica may still have created when this one called it passed.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How many quick tries follow a call that was not sent.
const QUICK_TRIES: u32 = 2;

/// What was seen last.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Nothing new: the intent has arrived, or a wait is over.
    Nothing,
    /// A create call came to this.
    Create(Outcome),
    /// A lookup came to this.
    Lookup(Lookup),
}

/// What the world looks like at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The wall clock.
    pub now: Timestamp,
    /// Whether this process has seen details show a link that this API made for this merchant.
    /// Until then "not found" may only mean that details is blind.
    pub readback: bool,
    /// For how long of the intent's age the gate was closed.
    pub closed_for: Duration,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Ask for the link.
    Create(CreateCall<'a>),
    /// Look the reference up.
    Lookup,
    /// Wait so long, in hand if there is room, and come back with [`Input::Nothing`].
    Wait(Duration),
    /// Wait a random part of so long, in hand, and come back with [`Input::Nothing`].
    TryAgain(Duration),
    /// Go through the retry queue of this delay.
    Return(RetryDelay),
    /// Settle it.
    Settle(Verdict),
}

/// A call that asks for a link. Only a decision makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreateCall<'a> {
    intent: &'a Intent,
    kind: CreateKind,
}

/// Whether a create is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKind {
    /// Nothing was sent before, by all that is known. Its delivery has to be young: an old one
    /// may be in other hands by now.
    First,
    /// Looks found nothing after an earlier create. The broker has to confirm that the delivery
    /// is still ours.
    Resend,
}

impl<'a> CreateCall<'a> {
    /// The intent whose link is asked for.
    pub fn intent(&self) -> &'a Intent {
        self.intent
    }

    /// Whether it is the first.
    pub fn kind(&self) -> CreateKind {
        self.kind
    }
}

/// One intent in hand: what is known of it, and what was tried during this delivery.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    intent: &'a Intent,
    policy: &'a Policy,
    record: Record,
    quick_tries: u32,
    failed_looks: u32,
}

impl<'a> Case<'a> {
    /// What is known by now.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether a create was tried before, in this delivery or in an earlier one, and not sent.
    pub fn was_tried(&self) -> bool {
        self.quick_tries > 0 || self.record.returns > 0
    }

    /// Whether the intent's own deadline has passed. Asked once more after the turn, right before
    /// the send, since a turn can be long in coming.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.intent.deadline.is_some_and(|deadline| now > deadline)
    }

    /// Counts a wait that was gone through. The quarantine of a new intent begins with its first
    /// look after the deadline; what was waited before then does not count.
    pub fn waited(&mut self, duration: Duration) {
        if self.record.is_in_doubt() || self.record.lookups > 0 {
            self.record.waited = self.record.waited.saturating_add(duration);
        }
    }

    /// What follows.
    pub fn after(&mut self, input: Input, view: Surroundings) -> Decision<'a> {
        match input {
            Input::Nothing => self.next(view),
            Input::Create(outcome) => self.after_create(outcome, view),
            Input::Lookup(look) => self.after_look(look, view),
        }
    }

    fn next(&mut self, view: Surroundings) -> Decision<'a> {
        if self.record.is_in_doubt() {
            return self.look_when_due();
        }
        if self.is_over_limit() {
            return park(Unresolved::OverLimit);
        }
        if self.is_overdue(view.now) {
            return self.look_when_due();
        }
        // By this clock no lookup was after the deadline yet, whatever another clock has said.
        self.record.lookups = 0;
        self.record.waited = Duration::ZERO;
        if self.policy.is_strict() { Decision::Lookup } else { self.create(CreateKind::First) }
    }

    fn look_when_due(&self) -> Decision<'a> {
        match self.time_to_look() {
            Duration::ZERO => Decision::Lookup,
            wait => Decision::Wait(wait),
        }
    }

    /// Judges what was never sent, and never fails it: `max_amount` may have been larger when
    /// another copy was sent.
    fn is_over_limit(&self) -> bool {
        self.intent.amount > self.policy.max_amount
    }

    fn create(&self, kind: CreateKind) -> Decision<'a> {
        Decision::Create(CreateCall { intent: self.intent, kind })
    }

    fn after_create(&mut self, outcome: Outcome, view: Surroundings) -> Decision<'a> {
        match outcome {
            Outcome::Created(made) => {
                self.count_attempt();
                settle(Verdict::Created { made, recovered: false })
            }
            Outcome::ForeignLink => {
                self.count_attempt();
                park(Unresolved::LinkHost)
            }
            Outcome::Rejected(code) => {
                self.count_attempt();
                settle(Verdict::Failed(Failure::Rejected(code)))
            }
            Outcome::NotSent(_) => self.after_unsent(),
            // Not processed: the attempt does not count, and the gate decides when it goes on.
            Outcome::Throttled(_) | Outcome::Denied(_) => self.next(view),
            Outcome::Duplicate(code) => self.doubt(Seen::Duplicate, code, view.now),
            Outcome::Refused(code) => self.doubt(Seen::Refused, code, view.now),
            Outcome::Unknown(_) => self.doubt(Seen::Unknown, None, view.now),
        }
    }

    fn count_attempt(&mut self) {
        self.record.attempts = self.record.attempts.saturating_add(1);
    }

    fn after_unsent(&mut self) -> Decision<'a> {
        if self.quick_tries < QUICK_TRIES {
            self.quick_tries = self.quick_tries.saturating_add(1);
            return Decision::TryAgain(super::retry_delays::quick_wait_max(self.quick_tries));
        }
        Decision::Return(self.policy.delays.after(self.record.returns))
    }

    /// The create may have left: looks and quarantine begin anew, with the kind that the answer
    /// has, whatever it was before.
    fn doubt(&mut self, seen: Seen, code: Option<i64>, now: Timestamp) -> Decision<'a> {
        self.count_attempt();
        self.record.lookups = 0;
        self.record.waited = Duration::ZERO;
        self.record.state = State::InDoubt(Doubt { seen, last_sent: Some(now), code });
        Decision::Wait(self.policy.settle)
    }
}

fn settle<'a>(verdict: Verdict) -> Decision<'a> {
    Decision::Settle(verdict)
}

fn park<'a>(why: Unresolved) -> Decision<'a> {
    Decision::Settle(Verdict::Unresolved(why))
}
