//! What follows for a command: to cancel or extend a link that exists.
//!
//! Both may be sent twice without harm, so the danger is not a second one. It is to say *cancelled*
//! of a link that can still be claimed, or *failed* of one that will be cancelled after all. So no
//! answer of a call is believed, and an event says only what a lookup has shown. And a command can
//! overtake its intent, which may wait in doubt: *not found* means *not yet*, until `max_age`.

use std::time::Duration;

use super::{
    Case, Decision, DeliveryInfo, Input, LookupCall, Policy, Requests, Start, Surroundings, settle,
};
use crate::domain::call::Priority;
use crate::domain::classify::link_status::{LinkStatus, Payment};
use crate::domain::classify::lookup::{Details, Lookup, LookupFailure};
use crate::domain::classify::manage::ManageOutcome;
use crate::domain::codes::{EXPIRY_DATE_INVALID, LINK_NOT_FOUND};
use crate::domain::command::{Action, Command};
use crate::domain::record::{Doubt, Record, Seen, State};
use crate::domain::verdict::{CommandFailure, CommandUnresolved, CommandVerdict, LinkView};

/// A command that is being processed.
pub type CommandCase<'a> = Case<'a, Command, CommandVerdict>;
/// What follows for a command.
pub type CommandDecision<'a> = Decision<ManageCall<'a>, CommandVerdict>;

/// How often a command is sent whose answers show nothing: what was accepted or refused twice, and
/// has changed nothing in a whole quarantine each time, is for a person.
const ANSWERED_MAX: u32 = 2;

/// A call that changes a link. Only a decision makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManageCall<'a> {
    command: &'a Command,
    priority: Priority,
    must_start_by: Duration,
    needs_vouching: bool,
}

/// What has become of a link, for someone who wants to change it.
enum Standing {
    /// It can be claimed, or may be.
    Open,
    /// This keeps it from being changed.
    Over(CommandFailure),
}

impl<'a> ManageCall<'a> {
    /// The command that is carried out.
    pub fn command(&self) -> &'a Command {
        self.command
    }

    /// Who it goes before.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The age of the delivery by which it has to start.
    pub fn must_start_by(&self) -> Duration {
        self.must_start_by
    }

    /// Whether the broker has to confirm first that the delivery is still ours.
    pub fn needs_vouching(&self) -> bool {
        self.needs_vouching
    }

    /// Judges the moment right before the first byte: a process that was frozen must not take back
    /// what another one has done since.
    pub fn start(&self, around: &Surroundings) -> Start {
        if around.age >= self.must_start_by { Start::Late } else { Start::Now }
    }
}

impl<'a> CommandCase<'a> {
    /// Opens a command with what its delivery says.
    pub fn open(
        command: &'a Command,
        policy: &'a Policy,
        info: DeliveryInfo<'_, CommandVerdict>,
    ) -> Self {
        let foreign = CommandVerdict::Unresolved(CommandUnresolved::AccountChanged);
        Self::of_delivery(command, policy, info, foreign, Record::doubted_anew)
    }

    /// Says what follows.
    pub fn decide(
        &mut self,
        input: Input<ManageOutcome>,
        around: &Surroundings,
    ) -> CommandDecision<'a> {
        match input {
            Input::Start => match self.opening.disposition(self.policy) {
                Some(disposition) => Decision::Dispose(disposition),
                None => self.next_step(around),
            },
            Input::Attempted(outcome) => self.after_attempt(&outcome, around),
            Input::Lookup(lookup) => self.after_command_lookup(&lookup, around),
            Input::Waited(duration) => {
                self.record.count_wait(duration, around.requests.age_intents());
                self.next_step(around)
            }
            Input::Interrupted { why, waited } => {
                self.record.count_wait(waited, around.requests.age_intents());
                self.interrupted(why, around)
            }
        }
    }

    fn next_step(&self, around: &Surroundings) -> CommandDecision<'a> {
        if self.record.is_in_doubt() {
            return match self.time_to_lookup() {
                Duration::ZERO => self.look(around),
                wait => Decision::Wait(wait),
            };
        }
        match self.subject.action {
            Action::Cancel if !self.is_too_old() => self.attempt(around),
            Action::Cancel | Action::Extend(_) => self.look(around),
        }
    }

    fn look(&self, around: &Surroundings) -> CommandDecision<'a> {
        Decision::Lookup(LookupCall {
            priority: if self.record.is_in_doubt() { Priority::Lookup } else { Priority::New },
            must_start_by: around.age.saturating_add(self.policy.lease),
            precedes_create: false,
        })
    }

    fn attempt(&self, around: &Surroundings) -> CommandDecision<'a> {
        Decision::Attempt(ManageCall {
            command: self.subject,
            priority: match self.subject.action {
                Action::Cancel if !self.was_tried() => Priority::New,
                Action::Cancel | Action::Extend(_) => Priority::Retry, // it was looked up
            },
            must_start_by: if self.record.is_in_doubt() {
                around.age.saturating_add(self.policy.lease)
            } else {
                self.policy.lease
            },
            needs_vouching: self.record.is_in_doubt(),
        })
    }

    fn after_attempt(
        &mut self,
        outcome: &ManageOutcome,
        around: &Surroundings,
    ) -> CommandDecision<'a> {
        match outcome {
            ManageOutcome::Done => self.look_after(Seen::Accepted, None, around),
            ManageOutcome::Refused(code) => self.look_after(Seen::Refused, *code, around),
            ManageOutcome::Unknown(_) => self.doubt(Seen::Unknown, None, around.now),
            ManageOutcome::NotSent(_) => self.after_not_sent(around),
            ManageOutcome::NoToken(_) => self.next_step(around), // admission decides when it goes on
            ManageOutcome::Throttled(_) | ManageOutcome::Denied(_) => {
                self.put_in_doubt(Seen::TurnedAway, None, around.now);
                self.step_aside(around.last_answers.attempt, around)
            }
        }
    }

    /// Nearly always details shows at once what was done.
    fn look_after(
        &mut self,
        seen: Seen,
        code: Option<i64>,
        around: &Surroundings,
    ) -> CommandDecision<'a> {
        self.put_in_doubt(seen, code, around.now);
        self.look(around)
    }

    fn after_command_lookup(
        &mut self,
        lookup: &Lookup,
        around: &Surroundings,
    ) -> CommandDecision<'a> {
        match lookup {
            Lookup::Found(details) => self.after_found_link(details, around),
            Lookup::NotFound => self.after_no_link(around),
            Lookup::Failed(LookupFailure::NotSent(_)) => self.after_failed_lookup(),
            Lookup::Failed(
                LookupFailure::NoAnswer(_) | LookupFailure::Status(_) | LookupFailure::Odd,
            ) => {
                // A provider that is down answers nothing, so its silence does not end a command.
                if self.is_too_old() && around.requests == Requests::Flow {
                    self.give_up()
                } else {
                    self.after_failed_lookup()
                }
            }
            Lookup::NoToken(_) => self.next_step(around),
            Lookup::Throttled(_) | Lookup::Denied(_) => {
                let last_answer = around.last_answers.lookup;
                if self.is_too_old() && self.is_singled_out(last_answer, around) {
                    return self.give_up();
                }
                self.step_aside(last_answer, around)
            }
        }
    }

    /// It may still be made: its intent may wait behind a backlog, or in doubt. What was sent so far
    /// found no link to act on, as far as lookups show links.
    fn after_no_link(&mut self, around: &Surroundings) -> CommandDecision<'a> {
        self.failed_lookups = 0;
        if self.is_too_old() {
            return if self.may_be_done_unseen() {
                self.give_up()
            } else {
                fail(CommandFailure::LinkNotFound, None)
            };
        }
        if let State::InDoubt(doubt) = &mut self.record.state {
            doubt.seen = Seen::TurnedAway;
        }
        let delay = self.policy.delays.after(self.record.returns);
        self.retry_later(delay, "there is no link yet", around)
    }

    /// Whether a cancel may have found the link that no lookup has shown. Unless PayU said itself that
    /// there was none, this may be a link that lookups do not show. An extend is sent only once one
    /// has shown it.
    fn may_be_done_unseen(&self) -> bool {
        match (self.subject.action, &self.record.state) {
            (Action::Cancel, State::InDoubt(doubt)) => doubt.code != Some(LINK_NOT_FOUND),
            (Action::Cancel, State::New) | (Action::Extend(_), _) => false,
        }
    }

    fn after_found_link(
        &mut self,
        details: &Details,
        around: &Surroundings,
    ) -> CommandDecision<'a> {
        self.failed_lookups = 0;
        let view = LinkView::of(details);
        match (Standing::of(details), self.subject.action) {
            (Standing::Over(CommandFailure::Cancelled), Action::Cancel) => {
                settle(CommandVerdict::Cancelled(view))
            }
            (Standing::Over(why), _) => fail(why, Some(view)),
            (Standing::Open, Action::Extend(asked)) => match details.expiry {
                Some(expiry) if expiry.as_second() == asked.as_second() => {
                    settle(CommandVerdict::Extended(view))
                }
                Some(expiry) if expiry > asked => fail(CommandFailure::ExpiryInvalid, Some(view)),
                Some(_) | None => self.while_open(view, around),
            },
            (Standing::Open, Action::Cancel) => self.while_open(view, around),
        }
    }

    /// The link is as it was. What may still take effect is waited for, at `max_age` too: what was
    /// refused then may be done all the same.
    fn while_open(&mut self, view: LinkView, around: &Surroundings) -> CommandDecision<'a> {
        let State::InDoubt(Doubt { seen, code, .. }) = self.record.state else {
            return if self.is_too_old() { self.give_up() } else { self.attempt(around) };
        };
        match seen {
            Seen::Redelivered | Seen::Recent | Seen::TurnedAway | Seen::Duplicate => {
                if self.is_too_old() { self.give_up() } else { self.attempt(around) }
            }
            Seen::Refused if code == Some(EXPIRY_DATE_INVALID) && self.record.attempts == 1 => {
                self.end(seen, code, view)
            }
            Seen::Accepted | Seen::Unknown | Seen::Refused => {
                let left = self.policy.first_lookup.saturating_sub(self.record.quarantined);
                if !left.is_zero() {
                    return Decision::Wait(left);
                }
                self.record.lookups = self.record.lookups.saturating_add(1);
                if !self.are_lookups_over() {
                    return self.lookup_later();
                }
                let may_be_sent = seen == Seen::Unknown || self.record.attempts < ANSWERED_MAX;
                if may_be_sent && !self.is_too_old() {
                    return self.attempt(around);
                }
                self.end(seen, code, view)
            }
        }
    }

    /// It was sent often enough, or for long enough, and the link is as it was.
    fn end(&self, seen: Seen, code: Option<i64>, view: LinkView) -> CommandDecision<'a> {
        match (seen, code) {
            (Seen::Refused, Some(EXPIRY_DATE_INVALID)) => {
                fail(CommandFailure::ExpiryInvalid, Some(view))
            }
            (Seen::Refused, code) => fail(CommandFailure::Refused(code), Some(view)),
            (
                Seen::Redelivered
                | Seen::Recent
                | Seen::TurnedAway
                | Seen::Duplicate
                | Seen::Accepted
                | Seen::Unknown,
                _,
            ) => self.give_up(),
        }
    }

    fn give_up(&self) -> CommandDecision<'a> {
        let why = if self.record.is_in_doubt() {
            CommandUnresolved::OutcomeUnknown
        } else {
            CommandUnresolved::NotSent
        };
        settle(CommandVerdict::Unresolved(why))
    }
}

impl LinkView {
    fn of(details: &Details) -> Self {
        let Details { amount, link_id, expiry, .. } = details;
        Self { amount: *amount, link_id: link_id.clone(), expiry: *expiry }
    }
}

impl Standing {
    /// A payment that is on its way counts more than a word that says that the link is closed.
    fn of(details: &Details) -> Self {
        match (details.payment, details.status) {
            (Payment::Arrived, _) => Self::Over(CommandFailure::Paid),
            (Payment::Underway, _) | (Payment::None, LinkStatus::Claimed) => {
                Self::Over(CommandFailure::Claimed)
            }
            (Payment::None | Payment::Failed, LinkStatus::Cancelled) => {
                Self::Over(CommandFailure::Cancelled)
            }
            (Payment::None | Payment::Failed, LinkStatus::Expired) => {
                Self::Over(CommandFailure::Expired)
            }
            (Payment::None | Payment::Failed, LinkStatus::Rejected) => {
                Self::Over(CommandFailure::Rejected)
            }
            (Payment::None, LinkStatus::Live | LinkStatus::Failed | LinkStatus::Unlisted)
            | (
                Payment::Failed,
                LinkStatus::Live | LinkStatus::Claimed | LinkStatus::Failed | LinkStatus::Unlisted,
            ) => Self::Open,
        }
    }
}

fn fail<C>(why: CommandFailure, shown: Option<LinkView>) -> Decision<C, CommandVerdict> {
    settle(CommandVerdict::Failed { why, shown })
}
