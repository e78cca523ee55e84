//! What a consumer reads of an event.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use super::reason::INVALID_INTENT;
use super::wire::Reason;
use super::{EventKind, Name, name_of, name_of_raw};
use crate::domain::amount::Amount;
use crate::domain::command::{Action, Command};
use crate::domain::customer::Private;
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;

/// The part of an event that a consumer needs; nothing about the customer is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Its id, if it has one as the worker gives them.
    pub id: Option<Uuid>,
    /// As its type says: a failure for a reason that is not known has an unresolved result.
    pub kind: EventKind,
    /// The intent's `message_id`, or an id made of what it says.
    pub intent_id: String,
    /// The intent's reference, if that was valid.
    pub reference: Option<Reference>,
    /// The intent's amount, if that was valid.
    pub amount: Option<Amount>,
    /// How the intent ended.
    pub result: ReceivedResult,
}

/// How an intent ended, as a consumer reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceivedResult {
    /// With this link, for the customer alone.
    Created(Private),
    /// Its reference has no link and gets none.
    Failed(Reason),
    /// It is not acted on, which says nothing of its reference.
    Rejected(Reason),
    /// Only a person can decide.
    Unresolved(Reason),
}

impl ReceivedResult {
    fn code(&self) -> Option<&str> {
        match self {
            Self::Created(_) => None,
            Self::Failed(reason) | Self::Rejected(reason) | Self::Unresolved(reason) => {
                Some(&reason.code)
            }
        }
    }
}

/// The part of a command's event that whoever sent the command needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedCommand {
    /// The reference of the link, if that was valid.
    pub reference: Option<Reference>,
    /// The outcome for the link, or for the command.
    pub result: CommandResult,
    /// The event's `data` as JSON, as it was written.
    pub data: Private,
}

/// The outcome for a link, or for a command.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandResult {
    /// The link is cancelled, whoever did it.
    Cancelled,
    /// The link expires then, whoever asked for it.
    Extended(Option<Timestamp>),
    /// This command was not done, and will not be.
    Failed(Reason),
    /// Only a person can decide how this command ended.
    Unresolved(Reason),
}

impl ReceivedCommand {
    /// Whether it is the outcome of this command. That a link is cancelled, or ends at a time, is
    /// true for everybody who wished it, and its event may answer another's command; what failed is
    /// this command's alone if the event `answers` it.
    pub fn settles(&self, command: &Command, answers: bool) -> bool {
        let is_same = self.reference.as_ref() == Some(&command.reference);
        match (&self.result, command.action) {
            (CommandResult::Cancelled, Action::Cancel) => is_same,
            // PayU's dates are compared to the second.
            (CommandResult::Extended(Some(shown)), Action::Extend(asked)) => {
                is_same && shown.as_second() == asked.as_second()
            }
            (CommandResult::Extended(None), Action::Extend(_)) => is_same && answers,
            (CommandResult::Failed(_) | CommandResult::Unresolved(_), _) => answers,
            (CommandResult::Cancelled, Action::Extend(_))
            | (CommandResult::Extended(_), Action::Cancel) => false,
        }
    }
}

/// An event as downstream has stored it, for whoever compares what was announced with what there is.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its id: one that comes again is the same event.
    pub id: String,
    /// The account and the merchant that it comes from.
    pub source: String,
    /// The merchant's name.
    pub merchant: String,
    /// When it was made.
    pub time: Option<Timestamp>,
    /// The reference, if that was valid.
    pub reference: Option<Reference>,
    /// The amount that it gives.
    pub amount: Option<Amount>,
    /// What it says of the reference.
    pub fact: Fact,
}

/// What an event says of its reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// It has a link.
    Link,
    /// Its link is cancelled.
    Cancelled,
    /// It has no link and gets none.
    NoLink,
    /// Its intent is parked, and may have a link.
    Parked,
    /// Nothing: it is about one message, or about a command.
    Nothing,
}

/// Why a text is not an event that says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnEvent {
    /// It is not a JSON object.
    NotJson,
    /// It is not of a type that is known here.
    OtherType,
    /// It is of a type that is known, and breaks its contract.
    Broken,
}

/// Distinguishes the events of one intent from those of another one with the same reference.
pub struct EventIds {
    name: Name,
    /// Of the event for its body, where that is found invalid.
    invalid: Uuid,
}

impl EventIds {
    /// Those of an intent with this body.
    pub fn of(intent: &Intent, body: &[u8], merchant: &str) -> Self {
        let kind = EventKind::Rejected.name_in_id(Some(INVALID_INTENT));
        Self {
            name: name_of(intent, merchant),
            invalid: name_of_raw(body, merchant).id(Some(&kind)),
        }
    }

    /// Whether an event is about this intent, by whichever message.
    pub fn include(&self, event: &Received) -> bool {
        let kind = event.kind.name_in_id(event.result.code());
        event.id.is_some_and(|id| id == self.name.id(Some(&kind)) || id == self.invalid)
    }
}

impl fmt::Debug for EventIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventIds(hidden)")
    }
}
