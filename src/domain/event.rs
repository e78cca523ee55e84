//! What is published: one event for what became of an intent.
//!
//! An event may go out twice, since a worker can be killed between the broker's confirm and the
//! acknowledgement. Its id is made of what it says and of nothing else, so the second is the
//! first again, and downstream can drop it.

pub mod wire;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::amount::Amount;
use super::classify::CreatedLink;
use super::customer::{Contact, Private};
use super::intent::{FieldError, Intent, Invalid};
use super::record::Record;
use super::reference::Reference;
use super::verdict::{Failure, Unresolved, Verdict};

/// The namespace of every id.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x3631_d4dc_f449_5d75_9daf_e56f_d004_27d6);

/// The three kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A link was made, or found.
    Created,
    /// There is no link, and every copy of the intent would come to the same verdict.
    Failed,
    /// Nobody but a person can tell.
    Unresolved,
}

impl EventKind {
    /// The CloudEvents type.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Created => "smartsend.link.created",
            Self::Failed => "smartsend.link.failed",
            Self::Unresolved => "smartsend.link.unresolved",
        }
    }

    /// The routing key's part before the merchant.
    pub fn routing_word(self) -> &'static str {
        match self {
            Self::Created => "link.created",
            Self::Failed => "link.failed",
            Self::Unresolved => "link.unresolved",
        }
    }
}

/// What became of one intent.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The same every time for the same intent and kind.
    pub id: Uuid,
    /// The intent's `message_id`, or an id made of what it says.
    pub intent_id: String,
    /// The merchant's name.
    pub merchant: String,
    /// When this event was made.
    pub time: Timestamp,
    /// What the intent said, as far as it is valid.
    pub subject: Subject<'a>,
    /// What became of it.
    pub result: Ending<'a>,
}

/// What the intent said.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject<'a> {
    /// Its reference.
    pub reference: Option<&'a Reference>,
    /// Its amount.
    pub amount: Option<Amount>,
    /// Its description.
    pub description: Option<&'a Private>,
    /// The customer's name.
    pub name: Option<&'a Private>,
    /// How the customer is reached.
    pub contact: Option<&'a Contact>,
    /// Its metadata.
    pub metadata: &'a BTreeMap<String, String>,
}

/// What became of an intent, as far as an event says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending<'a> {
    /// It has a link.
    Created {
        /// The link.
        made: CreatedLink,
        /// Whether it was found by a lookup.
        recovered: bool,
        /// Creates that may have left.
        attempts: u32,
    },
    /// It failed.
    Failed(Failure),
    /// It is no intent.
    Invalid(&'a [FieldError]),
    /// It is parked.
    Unresolved {
        /// Why.
        why: Unresolved,
        /// When the worker first saw it.
        since: Timestamp,
    },
}

/// Where an event is made, and when.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The merchant's name.
    pub merchant: &'a str,
    /// The intent's `message_id`.
    pub message_id: Option<&'a str>,
    /// The wall clock.
    pub now: Timestamp,
}

impl<'a> Event<'a> {
    /// The event for a verdict.
    pub fn of_verdict(
        intent: &'a Intent,
        record: &Record,
        verdict: Verdict,
        origin: Origin<'_>,
    ) -> Self {
        let result = match verdict {
            Verdict::Created { made, recovered } => {
                Ending::Created { made, recovered, attempts: record.attempts.max(1) }
            }
            Verdict::Failed(failure) => Ending::Failed(failure),
            Verdict::Unresolved(why) => Ending::Unresolved { why, since: record.first_seen },
        };
        let name = name_of(intent, origin.merchant);
        Self::new(&name, subject_of(intent), result, origin)
    }

    /// The event for a body that is no intent.
    pub fn of_invalid(invalid: &'a Invalid, body: &[u8], origin: Origin<'_>) -> Self {
        let name = Name { head: format!("raw\n{}", origin.merchant), tail: Some(body.to_vec()) };
        let valid = &invalid.valid;
        let subject = Subject {
            reference: valid.reference.as_ref(),
            amount: valid.amount,
            description: valid.description.as_ref(),
            name: valid.name.as_ref(),
            contact: valid.contact.as_ref(),
            metadata: &valid.metadata,
        };
        Self::new(&name, subject, Ending::Invalid(&invalid.errors), origin)
    }

    fn new(name: &Name, subject: Subject<'a>, result: Ending<'a>, origin: Origin<'_>) -> Self {
        let kind = result.kind();
        Self {
            id: name.id(Some(kind.event_type())),
            intent_id: origin
                .message_id
                .map_or_else(|| name.id(None).to_string(), ToOwned::to_owned),
            merchant: origin.merchant.to_owned(),
            time: origin.now,
            subject,
            result,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> EventKind {
        self.result.kind()
    }
}

impl Ending<'_> {
    /// The kind of event that says so.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Created { .. } => EventKind::Created,
            Self::Failed(_) | Self::Invalid(_) => EventKind::Failed,
            Self::Unresolved { .. } => EventKind::Unresolved,
        }
    }
}

fn subject_of(intent: &Intent) -> Subject<'_> {
    Subject {
        reference: Some(&intent.reference),
        amount: Some(intent.amount),
        description: Some(&intent.description),
        name: intent.name.as_ref(),
        contact: Some(&intent.contact),
        metadata: &intent.metadata,
    }
}

/// What an id is made of; the event's type goes between head and tail.
struct Name {
    head: String,
    tail: Option<Vec<u8>>,
}

impl Name {
    fn id(&self, event_type: Option<&str>) -> Uuid {
        let mut name = self.head.clone().into_bytes();
        if let Some(event_type) = event_type {
            name.push(b'\n');
            name.extend_from_slice(event_type.as_bytes());
        }
        if let Some(tail) = &self.tail {
            name.push(b'\n');
            name.extend_from_slice(tail);
        }
        Uuid::new_v5(&NAMESPACE, &name)
    }
}

fn name_of(intent: &Intent, merchant: &str) -> Name {
    let mobile = intent.contact.mobile().map_or("", |mobile| mobile.expose());
    let email = intent.contact.email().map(|email| email.folded()).unwrap_or_default();
    Name {
        head: format!("v1\n{merchant}\n{}\n{}\n{mobile}\n{email}", intent.reference, intent.amount),
        tail: None,
    }
}
