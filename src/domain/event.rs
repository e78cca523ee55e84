//! What is published: how an intent or a command ended.
//!
//! An event may go out twice, since a worker can be killed between the broker's confirm and the
//! acknowledgement. Its id depends only on what it says, so the second has the same id, and
//! downstream can drop it.

pub mod wire;
mod command;
mod kind;
mod reason;
mod received;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::amount::Amount;
use super::classify::link_status::Approval;
use super::customer::{Contact, Email, Mobile, Private};
use super::dead_letter::{Content, DeadLetter, PutAside};
use super::intent::{Intent, Invalid};
use super::publisher_guard::GuardRefusal;
use super::record::Record;
use super::reference::Reference;
use super::trace::Trace;
use super::verdict::{LinkSource, LinkView, Verdict};
pub use kind::EventKind;
pub use reason::INVALID_INTENT;
pub use received::{
    CommandResult, EventIds, Fact, NotAnEvent, Received, ReceivedCommand, ReceivedResult,
    StoredEvent,
};
pub use wire::Reason;

/// The namespace of every id.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x3631_d4dc_f449_5d75_9daf_e56f_d004_27d6);

/// An event to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// The same every time for the same intent and the same result.
    pub id: Uuid,
    /// The `message_id` of its intent or command, or an id made of what that says.
    pub intent_id: String,
    /// The account that its `source` names.
    pub payout_merchant_id: String,
    /// The merchant's name.
    pub merchant: String,
    /// The `traceparent` of its intent, if that has its form.
    pub traceparent: Option<String>,
    /// The `tracestate` of its intent, if it can be one.
    pub tracestate: Option<String>,
    /// When this event was made.
    pub time: Timestamp,
    /// What the intent said, as far as it is valid; of a command's link what is known of that.
    pub subject: Subject<'a>,
    /// How the intent ended.
    pub result: EventResult,
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
    /// The customer's mobile.
    pub mobile: Option<&'a Mobile>,
    /// The customer's e-mail address.
    pub email: Option<&'a Email>,
    /// Its metadata.
    pub metadata: &'a BTreeMap<String, String>,
}

/// How an intent ended, as its event says.
#[derive(Clone, Debug, PartialEq)]
pub enum EventResult {
    /// It has a link.
    Created {
        /// The link.
        link: Private,
        /// The link's id.
        link_id: Option<Private>,
        /// When it expires, where PayU has said so.
        expiry: Option<Timestamp>,
        /// Whether it waits for the merchant's approver.
        approval: Approval,
        /// Whether it was found by a lookup.
        recovered: bool,
        /// Creates that may have left.
        attempts: u32,
    },
    /// Its reference has no link and gets none.
    Failed(Reason),
    /// It is not acted on, and parked.
    Rejected(Reason),
    /// It is parked.
    Unresolved {
        /// Why.
        reason: Reason,
        /// When the worker first saw it.
        since: Timestamp,
    },
    /// The link is cancelled, as a lookup has shown.
    Cancelled(LinkView),
    /// The link expires when it was asked to, as a lookup has shown.
    Extended(LinkView),
    /// A cancel was not done, and will not be.
    CancelFailed {
        /// Why.
        reason: Reason,
        /// The link, unless none was found.
        shown: Option<LinkView>,
    },
    /// The same of an extend.
    ExtendFailed {
        /// Why.
        reason: Reason,
        /// The link, unless none was found.
        shown: Option<LinkView>,
    },
    /// Only a person can decide how the command ended; it is parked.
    CommandUnresolved(Reason),
}

/// Where an event is made, and when.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The merchant's account at the provider.
    pub payout_merchant_id: &'a str,
    /// The merchant's name.
    pub merchant: &'a str,
    /// The intent's `message_id`.
    pub message_id: Option<&'a str>,
    /// The trace that the intent belongs to.
    pub trace: Trace<'a>,
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
        let mut subject = subject_of(intent);
        if let Verdict::Created { source: LinkSource::Lookup(confirmed), .. } = verdict {
            subject.mobile = subject.mobile.filter(|_| confirmed.mobile());
            subject.email = subject.email.filter(|_| confirmed.email());
        }
        let result = match verdict {
            Verdict::Created { made, source } => EventResult::Created {
                link: made.link.into_text(),
                link_id: made.link_id,
                expiry: made.expiry,
                approval: made.approval,
                recovered: matches!(source, LinkSource::Lookup(_)),
                attempts: record.attempts.max(1),
            },
            Verdict::Failed(failure) => EventResult::Failed(failure.reason()),
            Verdict::Rejected(rejection) => EventResult::Rejected(rejection.reason()),
            Verdict::Unresolved(why) => {
                EventResult::Unresolved { reason: why.reason(), since: record.first_seen }
            }
        };
        let name = name_of(intent, origin.merchant);
        Self::new(&name, subject, result, origin)
    }

    /// The event for an intent that the guard does not let through.
    pub fn of_refused(intent: &'a Intent, why: GuardRefusal, origin: Origin<'_>) -> Self {
        let name = name_of(intent, origin.merchant);
        Self::new(&name, subject_of(intent), EventResult::Rejected(why.reason()), origin)
    }

    /// The event for a body that is not a valid intent.
    pub fn of_invalid(invalid: &'a Invalid, body: &[u8], origin: Origin<'_>) -> Self {
        let name = name_of_raw(body, origin.merchant);
        let reason = if invalid.is_command {
            Reason::wrong_queue()
        } else {
            Reason::invalid_intent(invalid.errors.clone())
        };
        Self::new(&name, subject_of_valid(invalid), EventResult::Rejected(reason), origin)
    }

    /// The event for a message that RabbitMQ put aside.
    pub fn of_dead_letter(
        letter: &'a DeadLetter,
        body: &[u8],
        message_id: Option<&str>,
        trace: Trace<'_>,
        now: Timestamp,
    ) -> Self {
        let DeadLetter { merchant, payout_merchant_id, why, content, since, .. } = letter;
        let origin = Origin { payout_merchant_id, merchant, message_id, trace, now };
        let content = match content {
            Content::Command(command) => {
                let command = command.as_ref().map_err(|invalid| &**invalid);
                return Self::of_dead_command(command, *why, body, origin);
            }
            Content::Intent(intent) => intent,
        };
        let (name, subject) = match content {
            Ok(intent) => (name_of(intent, merchant), subject_of(intent)),
            Err(invalid) => (name_of_raw(body, merchant), subject_of_valid(invalid)),
        };
        let result = match (why, content) {
            (PutAside::UnknownMerchant, _) => EventResult::Rejected(why.reason()),
            (PutAside::DeadLettered, Ok(_)) => {
                EventResult::Unresolved { reason: why.reason(), since: *since }
            }
            (PutAside::DeadLettered, Err(invalid)) => {
                EventResult::Rejected(Reason::invalid_intent(invalid.errors.clone()))
            }
        };
        Self::new(&name, subject, result, origin)
    }

    fn new(name: &Name, subject: Subject<'a>, result: EventResult, origin: Origin<'_>) -> Self {
        let code = result.reason().map(|reason| &*reason.code);
        let id = name.id(Some(&result.kind().name_in_id(code)));
        let intent_id = || name.id(None).to_string();
        let intent_id = origin.message_id.map_or_else(intent_id, ToOwned::to_owned);
        Self::with_ids(id, intent_id, subject, result, origin)
    }

    fn with_ids(
        id: Uuid,
        intent_id: String,
        subject: Subject<'a>,
        result: EventResult,
        origin: Origin<'_>,
    ) -> Self {
        Self {
            id,
            intent_id,
            payout_merchant_id: origin.payout_merchant_id.to_owned(),
            merchant: origin.merchant.to_owned(),
            traceparent: origin.trace.parent().map(ToOwned::to_owned),
            tracestate: origin.trace.state().map(ToOwned::to_owned),
            time: origin.now,
            subject,
            result,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> EventKind {
        self.result.kind()
    }

    /// Whether its message is parked as well.
    pub fn is_parked(&self) -> bool {
        match &self.result {
            EventResult::Rejected(_)
            | EventResult::Unresolved { .. }
            | EventResult::CommandUnresolved(_) => true,
            EventResult::Created { .. }
            | EventResult::Failed(_)
            | EventResult::Cancelled(_)
            | EventResult::Extended(_)
            | EventResult::CancelFailed { .. }
            | EventResult::ExtendFailed { .. } => false,
        }
    }

    /// Why there is no link.
    pub fn reason(&self) -> Option<&Reason> {
        self.result.reason()
    }
}

impl EventResult {
    fn kind(&self) -> EventKind {
        match self {
            Self::Created { .. } => EventKind::Created,
            Self::Failed(_) => EventKind::Failed,
            Self::Rejected(_) => EventKind::Rejected,
            Self::Unresolved { .. } => EventKind::Unresolved,
            Self::Cancelled(_) => EventKind::Cancelled,
            Self::Extended(_) => EventKind::Extended,
            Self::CancelFailed { .. } => EventKind::CancelFailed,
            Self::ExtendFailed { .. } => EventKind::ExtendFailed,
            Self::CommandUnresolved(_) => EventKind::CommandUnresolved,
        }
    }

    fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Created { .. } | Self::Cancelled(_) | Self::Extended(_) => None,
            Self::Failed(reason)
            | Self::Rejected(reason)
            | Self::Unresolved { reason, .. }
            | Self::CancelFailed { reason, .. }
            | Self::ExtendFailed { reason, .. }
            | Self::CommandUnresolved(reason) => Some(reason),
        }
    }
}

fn subject_of(intent: &Intent) -> Subject<'_> {
    Subject {
        reference: Some(&intent.reference),
        amount: Some(intent.amount),
        description: Some(&intent.description),
        name: intent.name.as_ref(),
        mobile: intent.contact.mobile(),
        email: intent.contact.email(),
        metadata: &intent.metadata,
    }
}

/// What an intent that is not valid as a whole says all the same.
fn subject_of_valid(invalid: &Invalid) -> Subject<'_> {
    let valid = &invalid.valid;
    Subject {
        reference: valid.reference.as_ref(),
        amount: valid.amount,
        description: valid.description.as_ref(),
        name: valid.name.as_ref(),
        mobile: valid.contact.as_ref().and_then(Contact::mobile),
        email: valid.contact.as_ref().and_then(Contact::email),
        metadata: &valid.metadata,
    }
}

/// What an id is made of; the kind's name goes between head and tail.
struct Name {
    head: String,
    tail: Option<Vec<u8>>,
}

impl Name {
    fn id(&self, kind: Option<&str>) -> Uuid {
        let parts = [Some(self.head.as_bytes()), kind.map(str::as_bytes), self.tail.as_deref()];
        let parts: Vec<&[u8]> = parts.into_iter().flatten().collect();
        Uuid::new_v5(&NAMESPACE, &parts.join(&b'\n'))
    }
}

/// What the ids of an intent's events have in common: the same for every message with one
/// reference, amount and customer.
pub fn name_id(intent: &Intent, merchant: &str) -> Uuid {
    name_of(intent, merchant).id(None)
}

fn name_of(intent: &Intent, merchant: &str) -> Name {
    let mobile = intent.contact.mobile().map_or("", |mobile| mobile.expose());
    let email = intent.contact.email().map(|email| email.folded()).unwrap_or_default();
    Name {
        head: format!("v1\n{merchant}\n{}\n{}\n{mobile}\n{email}", intent.reference, intent.amount),
        tail: None,
    }
}

/// For a body that is not a valid intent.
fn name_of_raw(body: &[u8], merchant: &str) -> Name {
    Name { head: format!("raw\n{merchant}"), tail: Some(body.to_vec()) }
}
