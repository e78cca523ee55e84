//! The JSON of an event, as it is written and as it is read: CloudEvents 1.0, structured mode.
//!
//! One shape serves both, so that what the worker publishes and what `submit --wait` understands
//! cannot drift apart. It holds a person's data and a claim on money, and has no `Debug`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{CommandResult, Event, EventKind, EventResult, Fact, NotAnEvent, Received};
use super::{ReceivedCommand, ReceivedResult, StoredEvent, Subject};
use crate::domain::amount::Amount;
use crate::domain::customer::Private;
use crate::domain::object::FieldError;
use crate::domain::record::headers::written;
use crate::domain::reference::Reference;
use crate::domain::verdict::LinkView;

/// The content type of an event (CloudEvents 1.0, JSON event format).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What nearly every event fits in, in bytes.
const USUAL_SIZE: usize = 1024;

/// Why there is no link: `data.reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The code.
    pub code: Cow<'static, str>,
    /// The provider's number, if the verdict rests on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<i64>,
    /// The sentence.
    #[serde(default)]
    pub message: Cow<'static, str>,
    /// The errors by field of an invalid intent; in JSON they are beside the reason.
    #[serde(skip)]
    pub errors: Vec<FieldError>,
}

/// A reader needs only the id, the type and the data.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    specversion: Cow<'a, str>,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    time: String,
    datacontenttype: Cow<'a, str>,
    /// Of the extension "Distributed Tracing", for consumers that see no AMQP headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<Cow<'a, str>>,
    data: Data<'a>,
}

/// `expiryDate` is PayU's, never the one that was asked for. V1's create does not give one, so there
/// only a recovered event has it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data<'a> {
    merchant: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_ref_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_mobile: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_email: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Cow<'a, BTreeMap<String, String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, Reason>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Cow<'a, [FieldError]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// When a lookup has shown the link so.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<String>,
}

impl Event<'_> {
    /// The event as JSON.
    #[expect(clippy::missing_panics_doc, reason = "plain JSON always serializes")]
    pub fn to_json(&self) -> Vec<u8> {
        let envelope = Envelope {
            specversion: "1.0".into(),
            id: self.id.to_string(),
            source: format!("urn:smartsend:{}:{}", self.payout_merchant_id, self.merchant),
            event_type: self.kind().event_type().into(),
            subject: self.subject.reference.map(|reference| reference.as_str().into()),
            time: written(self.time),
            datacontenttype: "application/json".into(),
            traceparent: self.traceparent.as_deref().map(Cow::Borrowed),
            tracestate: self.tracestate.as_deref().map(Cow::Borrowed),
            data: self.wire_data(),
        };
        let mut json = Vec::with_capacity(USUAL_SIZE);
        #[expect(
            clippy::expect_used,
            reason = "strings, numbers and string keys always serialize"
        )]
        serde_json::to_writer(&mut json, &envelope).expect("an event is plain JSON");
        json
    }

    fn wire_data(&self) -> Data<'_> {
        let Subject { reference, amount, description, name, mobile, email, metadata } =
            self.subject;
        let intent = Data {
            merchant: self.merchant.as_str().into(),
            merchant_ref_id: reference.map(|reference| reference.as_str().into()),
            intent_id: Some(self.intent_id.as_str().into()),
            amount: amount.map(|amount| amount.to_string()),
            description: description.map(|text| text.expose().into()),
            cust_name: name.map(|text| text.expose().into()),
            cust_mobile: mobile.map(|mobile| mobile.expose().into()),
            cust_email: email.map(|email| email.expose().into()),
            metadata: Some(Cow::Borrowed(metadata)),
            reason: self.reason().map(Cow::Borrowed),
            errors: self.reason().map_or(&[][..], |reason| &reason.errors).into(),
            ..Data::default()
        };
        match &self.result {
            EventResult::Created { link, link_id, expiry, approval, recovered, attempts } => Data {
                link: Some(link.expose().into()),
                link_id: link_id.as_ref().map(|id| id.expose().into()),
                expiry_date: expiry.map(written),
                approval: Some(approval.as_str().into()),
                recovered: Some(*recovered),
                attempts: Some(*attempts),
                ..intent
            },
            EventResult::Failed(_) | EventResult::Rejected(_) => intent,
            EventResult::Unresolved { since, .. } => {
                Data { since: Some(written(*since)), ..intent }
            }
            EventResult::Cancelled(shown) | EventResult::Extended(shown) => {
                self.life_data(intent, Some(shown))
            }
            EventResult::CancelFailed { shown, .. } | EventResult::ExtendFailed { shown, .. } => {
                self.life_data(intent, shown.as_ref())
            }
            EventResult::CommandUnresolved(_) => Data { intent_id: None, metadata: None, ..intent },
        }
    }

    /// What is said of a link after its create.
    fn life_data<'d>(&'d self, data: Data<'d>, shown: Option<&'d LinkView>) -> Data<'d> {
        let amount = shown.and_then(|shown| shown.amount);
        let link_id = shown.and_then(|shown| shown.link_id.as_ref());
        Data {
            intent_id: None,
            metadata: None,
            amount: amount.map(|amount| amount.to_string()),
            link_id: link_id.map(|id| id.expose().into()),
            expiry_date: shown.and_then(|shown| shown.expiry).map(written),
            observed_at: Some(written(self.time)),
            ..data
        }
    }
}

impl Received {
    /// Reads an event, whichever version of the worker wrote it: fields that are not known here
    /// are ignored, and a failure for a reason that is not known counts as unresolved. `None` for
    /// events that are not about an intent, and for anything that is not an event.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        let Envelope { id, event_type, data, .. } = serde_json::from_slice(json).ok()?;
        let kind = EventKind::find(&event_type)?;
        let reference = data.merchant_ref_id.as_deref().map(Reference::parse).transpose();
        let amount = data.amount.as_deref().map(Amount::parse).transpose();
        Some(Self {
            id: Uuid::parse_str(&id).ok(),
            kind,
            intent_id: data.intent_id.as_deref().unwrap_or_default().to_owned(),
            reference: reference.ok()?,
            amount: amount.ok()?,
            result: data.result(kind)?,
        })
    }
}

/// The little that a reader of commands' events needs of the envelope.
#[derive(Deserialize)]
struct Framed<'a> {
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl ReceivedCommand {
    /// Reads an event of a command, by the rules of [`Received::from_json`]: a failure for a reason
    /// that is not known counts as unresolved. `None` for any other event, and for anything that is
    /// not an event.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        let Framed { event_type, data: raw } = serde_json::from_slice(json).ok()?;
        let data: Data<'_> = serde_json::from_str(raw.get()).ok()?;
        let reference = data.merchant_ref_id.as_deref().map(Reference::parse).transpose();
        Some(Self {
            reference: reference.ok()?,
            result: data.command_result(EventKind::find(&event_type)?)?,
            data: Private::new(raw.get()),
        })
    }
}

/// The envelope of a stored event, whatever its data are.
#[derive(Deserialize)]
struct StoredEnvelope<'a> {
    #[serde(default)]
    id: String,
    #[serde(default)]
    source: String,
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(default)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl StoredEvent {
    /// Reads an event by the rules of [`Received::from_json`]: a failure for a reason that is not
    /// known counts as unresolved.
    pub fn from_json(json: &[u8]) -> Result<Self, NotAnEvent> {
        let raw: &RawValue = serde_json::from_slice(json).map_err(|_| NotAnEvent::NotJson)?;
        if !raw.get().starts_with('{') {
            return Err(NotAnEvent::NotJson);
        }
        let StoredEnvelope { id, source, event_type, time, data } =
            serde_json::from_str(raw.get()).map_err(|_| NotAnEvent::OtherType)?;
        let kind = EventKind::find(&event_type).ok_or(NotAnEvent::OtherType)?;
        let data = data.ok_or(NotAnEvent::Broken)?;
        let data: Data<'_> = serde_json::from_str(data.get()).map_err(|_| NotAnEvent::Broken)?;
        let reference = data.merchant_ref_id.as_deref().map(Reference::parse).transpose();
        let amount = data.amount.as_deref().map(Amount::parse).transpose();
        Ok(Self {
            id,
            source,
            merchant: data.merchant.clone().into_owned(),
            time: time.parse().ok(),
            reference: reference.map_err(|_| NotAnEvent::Broken)?,
            amount: amount.map_err(|_| NotAnEvent::Broken)?,
            fact: data.fact(kind).ok_or(NotAnEvent::Broken)?,
        })
    }
}

impl Data<'_> {
    fn fact(self, kind: EventKind) -> Option<Fact> {
        if EventKind::OF_INTENTS.contains(&kind) {
            return Some(match self.result(kind)? {
                ReceivedResult::Created(_) => Fact::Link,
                ReceivedResult::Failed(_) => Fact::NoLink,
                ReceivedResult::Unresolved(_) => Fact::Parked,
                ReceivedResult::Rejected(_) => Fact::Nothing,
            });
        }
        Some(match self.command_result(kind)? {
            CommandResult::Cancelled => Fact::Cancelled,
            CommandResult::Extended(_) => Fact::Link,
            CommandResult::Failed(_) | CommandResult::Unresolved(_) => Fact::Nothing,
        })
    }

    fn command_result(self, kind: EventKind) -> Option<CommandResult> {
        let expiry = self.expiry_date.and_then(|date| date.parse().ok());
        let errors = self.errors.into_owned();
        let reason = self.reason.map(|reason| Reason { errors, ..reason.into_owned() });
        match kind {
            EventKind::Cancelled => Some(CommandResult::Cancelled),
            EventKind::Extended => Some(CommandResult::Extended(expiry)),
            EventKind::CancelFailed | EventKind::ExtendFailed
                if reason.as_ref()?.is_of_failed_command() =>
            {
                Some(CommandResult::Failed(reason?))
            }
            EventKind::CancelFailed | EventKind::ExtendFailed | EventKind::CommandUnresolved => {
                Some(CommandResult::Unresolved(reason?))
            }
            EventKind::Created
            | EventKind::Failed
            | EventKind::Rejected
            | EventKind::Unresolved => None,
        }
    }

    fn result(self, kind: EventKind) -> Option<ReceivedResult> {
        let errors = self.errors.into_owned();
        let reason = self.reason.map(|reason| Reason { errors, ..reason.into_owned() });
        match kind {
            EventKind::Created => {
                let link = self.link.filter(|link| is_on_the_web(link))?;
                Some(ReceivedResult::Created(Private::new(link)))
            }
            EventKind::Failed if reason.as_ref()?.is_of_failed() => {
                Some(ReceivedResult::Failed(reason?))
            }
            EventKind::Rejected => Some(ReceivedResult::Rejected(reason?)),
            EventKind::Failed | EventKind::Unresolved => Some(ReceivedResult::Unresolved(reason?)),
            EventKind::Cancelled
            | EventKind::Extended
            | EventKind::CancelFailed
            | EventKind::ExtendFailed
            | EventKind::CommandUnresolved => None,
        }
    }
}

/// Anything else would mislead a customer, or a spreadsheet that takes it for a formula.
fn is_on_the_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

/// Errors of an intent as JSON, for the parked copy's `x-smartsend-errors`.
#[expect(clippy::missing_panics_doc, reason = "plain JSON always serializes")]
pub fn errors_json(errors: &[FieldError]) -> String {
    #[expect(clippy::expect_used, reason = "a list of strings always serializes")]
    serde_json::to_string(errors).expect("errors are plain JSON")
}
