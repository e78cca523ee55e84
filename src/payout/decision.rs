//! What follows from what is known of an intent and what was seen of it last.
//!
//! The danger is a second link, and the way to it is always the same: something that may have
//! been sent is taken for something that was not. So there are two kinds of record, and only one
//! path from *unsure* to a create call: through looks that found nothing, over a whole
//! quarantine, in a process that has seen details show a link at all. And `link.failed` is a
//! verdict that every copy of the intent would come to; whatever else cannot be settled goes to a
//! person.
//!
//! Each arm of [`Case::after`] is a row of the table in the README, and has a test by its name.

mod arrival;
mod verdict;

use std::time::Duration;

use jiff::Timestamp;

use super::amount::Amount;
use super::intent::Intent;
use super::outcome::look::{Details, DetailsLink, Likeness, Look, LookFailure};
use super::outcome::{Outcome, Terms};
use super::record::{Account, Doubt, Record, Seen, State};
use super::retry::Delays;
pub use arrival::{Arrival, Opened, RETURNS_MAX};
pub use verdict::{Failure, Unresolved, Verdict};

/// What a merchant's configuration says about decisions.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The account and API that intents belong to.
    pub account: Account,
    /// What answers mean here.
    pub terms: Terms,
    /// The largest amount that is sent.
    pub max_amount: Amount,
    /// The retry queues' delays.
    pub delays: Delays,
    /// After this an intent that cannot be settled is parked.
    pub max_age: Duration,
    /// Before the first look.
    pub settle: Duration,
    /// How many not-found answers it takes, at least 1.
    pub looks: u32,
    /// How long details may take to show a link.
    pub quarantine: Duration,
    /// What follows when no link was found.
    pub on_not_found: OnNotFound,
    /// Whether a look comes before every first create.
    pub look_first: bool,
}

impl Policy {
    /// Whether even a provider that does not refuse duplicates must not make two links.
    pub fn is_strict(&self) -> bool {
        self.look_first && self.on_not_found == OnNotFound::Park
    }
}

/// What follows when looks and quarantine are over and no link was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNotFound {
    /// Send the same reference again, once per quarantine.
    Resend,
    /// Park it for a person.
    Park,
}

/// How far the clocks of two replicas may be apart: so much longer a deadline is looked after,
/// because the other replica may still have created when this one called it passed.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How many quick tries follow a call that was not sent.
const QUICK_TRIES: u32 = 2;

/// What was seen last.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// Nothing new: the intent has arrived, or a wait is over.
    Nothing,
    /// A create call came to this.
    Create(Outcome),
    /// A look came to this.
    Look(Look),
}

/// What the world looks like at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The wall clock.
    pub now: Timestamp,
    /// Whether this process has seen details show a link that this API made for this merchant.
    /// Until then "not found" may only mean that details is blind.
    pub details_proven: bool,
    /// For how long of the intent's age the gate was closed.
    pub closed_for: Duration,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Ask for the link.
    Create(CreateCall<'a>),
    /// Look the reference up.
    Look,
    /// Wait so long, in hand if there is room, and come back with [`Happened::Nothing`].
    Wait(Duration),
    /// Wait a random part of so long, in hand, and come back with [`Happened::Nothing`].
    TryAgain(Duration),
    /// Go through the retry queue of this delay.
    Return(Duration),
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
    clean: bool,
    quick_tries: u32,
    failed_looks: u32,
}

impl<'a> Case<'a> {
    /// What is known by now.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether the intent's own deadline has passed. Asked once more after the turn, right before
    /// the send, since a turn can be long in coming.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.intent.deadline.is_some_and(|deadline| now > deadline)
    }

    /// Counts a wait that was gone through. The quarantine of a new intent begins with its first
    /// look after the deadline; what was waited before then does not count.
    pub fn waited(&mut self, duration: Duration) {
        if self.record.is_unsure() || self.record.looks > 0 {
            self.record.waited = self.record.waited.saturating_add(duration);
        }
    }

    /// What follows.
    pub fn after(&mut self, happened: Happened, view: View) -> Decision<'a> {
        match happened {
            Happened::Nothing => self.next(view),
            Happened::Create(outcome) => self.after_create(outcome, view),
            Happened::Look(look) => self.after_look(look, view),
        }
    }

    fn next(&mut self, view: View) -> Decision<'a> {
        if self.clean && self.intent.amount > self.policy.max_amount {
            return park(Unresolved::OverLimit);
        }
        match self.record.state {
            State::New if self.policy.look_first => Decision::Look,
            State::New if self.is_overdue(view.now) => match self.time_to_look() {
                Duration::ZERO => Decision::Look,
                wait => Decision::Wait(wait),
            },
            State::New => self.create(CreateKind::First),
            State::Unsure(_) => match self.time_to_look() {
                Duration::ZERO => Decision::Look,
                wait => Decision::Wait(wait),
            },
        }
    }

    fn create(&self, kind: CreateKind) -> Decision<'a> {
        Decision::Create(CreateCall { intent: self.intent, kind })
    }

    fn after_create(&mut self, outcome: Outcome, view: View) -> Decision<'a> {
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
            return Decision::TryAgain(super::retry::quick_wait_max(self.quick_tries));
        }
        Decision::Return(self.policy.delays.after(self.record.returns))
    }

    /// The create may have left: looks and quarantine begin anew, with the kind that the answer
    /// has, whatever it was before.
    fn doubt(&mut self, seen: Seen, code: Option<i64>, now: Timestamp) -> Decision<'a> {
        self.count_attempt();
        self.record.looks = 0;
        self.record.waited = Duration::ZERO;
        self.record.state = State::Unsure(Doubt { seen, last_sent: Some(now), code });
        Decision::Wait(self.policy.settle)
    }

    fn after_look(&mut self, look: Look, view: View) -> Decision<'a> {
        match look {
            Look::Found(details) => self.after_found(&details, view),
            Look::NotFound => self.after_not_found(view),
            Look::Failed(LookFailure::NotSent(_)) => self.after_failed_look(),
            Look::Failed(LookFailure::Silence(_) | LookFailure::Status(_) | LookFailure::Odd) => {
                if self.is_too_old(view) {
                    park(self.unsettled())
                } else {
                    self.after_failed_look()
                }
            }
            Look::Throttled(_) | Look::Denied(_) => self.next(view),
        }
    }

    fn after_found(&mut self, details: &Details, view: View) -> Decision<'a> {
        if details.is_closed {
            return park(Unresolved::LinkClosed);
        }
        match (details.likeness(self.intent), &details.link) {
            (Likeness::Other, _) if self.is_clean_duplicate() => {
                settle(Verdict::Failed(Failure::DuplicateReference))
            }
            (Likeness::Other, _) => park(Unresolved::ReferenceConflict),
            (_, DetailsLink::Foreign) => park(Unresolved::LinkHost),
            (Likeness::Same, DetailsLink::Here(made)) => {
                settle(Verdict::Created { made: made.clone(), recovered: true })
            }
            (Likeness::Same, DetailsLink::Absent)
            | (Likeness::Untold, DetailsLink::Here(_) | DetailsLink::Absent) => {
                self.after_vague_look(view)
            }
        }
    }

    /// This intent's first and only create, of a record that was never in doubt, was answered
    /// "duplicate": so whatever link there is, this intent did not make it.
    fn is_clean_duplicate(&self) -> bool {
        match &self.record.state {
            State::Unsure(doubt) => doubt.seen == Seen::Duplicate && self.record.attempts == 1,
            State::New => false,
        }
    }

    /// There is a link, but not one to send out yet. Nothing may be created any more.
    fn after_vague_look(&mut self, view: View) -> Decision<'a> {
        if self.record.state == State::New {
            self.record.waited = Duration::ZERO;
            self.record.state =
                State::Unsure(Doubt { seen: Seen::Duplicate, last_sent: None, code: None });
        }
        if self.record.waited >= self.policy.quarantine || self.is_too_old(view) {
            return park(Unresolved::LinkUnknown);
        }
        self.after_failed_look()
    }

    fn after_not_found(&mut self, view: View) -> Decision<'a> {
        self.failed_looks = 0;
        let new = self.record.state == State::New;
        if new && !self.is_overdue(view.now) {
            return self.create(CreateKind::First); // the look that `look_first` asks for
        }
        self.record.looks = self.record.looks.saturating_add(1);
        if self.is_too_old(view) {
            return park(self.unsettled());
        }
        if self.record.looks < self.policy.looks || self.record.waited < self.quarantine() {
            return self.look_later();
        }
        match &self.record.state {
            State::New if view.details_proven => settle(Verdict::Failed(Failure::DeadlinePassed)),
            State::New => park(Unresolved::NotSent),
            State::Unsure(doubt) if self.may_resend(doubt, view) => self.create(CreateKind::Resend),
            State::Unsure(_) => park(self.unsettled()),
        }
    }

    fn may_resend(&self, doubt: &Doubt, view: View) -> bool {
        doubt.seen.may_resend()
            && view.details_proven
            && self.policy.on_not_found == OnNotFound::Resend
            && !self.is_overdue(view.now)
    }

    /// Why an intent that cannot be settled is parked.
    fn unsettled(&self) -> Unresolved {
        match &self.record.state {
            State::New => Unresolved::NotSent,
            State::Unsure(doubt) if doubt.seen.may_resend() => Unresolved::OutcomeUnknown,
            State::Unsure(doubt) => Unresolved::Refused(doubt.code),
        }
    }

    fn is_too_old(&self, view: View) -> bool {
        let age = view.now.duration_since(self.record.first_seen);
        let age = Duration::try_from(age).unwrap_or_default();
        age.saturating_sub(view.closed_for) >= self.policy.max_age
    }

    /// The quarantine that has to be over.
    fn quarantine(&self) -> Duration {
        match self.record.state {
            State::New => self.policy.quarantine.saturating_add(CLOCK_SKEW),
            State::Unsure(_) => self.policy.quarantine,
        }
    }

    /// How long until the next look is due: the first after `settle`, the last when the
    /// quarantine is over, the others evenly between. A new intent's first look is due at once.
    fn time_to_look(&self) -> Duration {
        let quarantine = self.quarantine();
        let due = match (&self.record.state, self.record.looks) {
            (State::New, 0) => return Duration::ZERO,
            (State::New | State::Unsure(_), looks) => {
                let steps = self.policy.looks.saturating_sub(1).max(1);
                let step = quarantine.saturating_sub(self.policy.settle).checked_div(steps);
                let step = step.unwrap_or(quarantine).saturating_mul(looks.min(steps));
                self.policy.settle.saturating_add(step).min(quarantine)
            }
        };
        due.saturating_sub(self.record.waited)
    }

    fn look_later(&self) -> Decision<'a> {
        Decision::Wait(self.time_to_look().max(self.policy.settle))
    }

    /// A failed look does not count. Each one in a row waits twice as long.
    fn after_failed_look(&mut self) -> Decision<'a> {
        let wait = self.policy.settle.saturating_mul(1 << self.failed_looks.min(6));
        self.failed_looks = self.failed_looks.saturating_add(1);
        Decision::Wait(wait.max(self.time_to_look()))
    }
}

fn settle<'a>(verdict: Verdict) -> Decision<'a> {
    Decision::Settle(verdict)
}

fn park<'a>(why: Unresolved) -> Decision<'a> {
    Decision::Settle(Verdict::Unresolved(why))
}
