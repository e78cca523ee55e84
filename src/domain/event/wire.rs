//! The JSON of an event, as it is written and as it is read: CloudEvents 1.0, structured mode.
//!
//! One shape serves both, so that what the worker publishes and what `submit --wait` understands
//! cannot drift apart. It holds a person's data and a claim on money, and has no `Debug`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Event, EventKind, EventResult, Reason, Received, ReceivedResult, Subject};
use crate::domain::amount::Amount;
use crate::domain::customer::Private;
use crate::domain::intent::FieldError;
use crate::domain::record::written;
use crate::domain::reference::Reference;

/// The content type of an event (CloudEvents 1.0, JSON event format).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What nearly every event fits in, in bytes.
const USUAL_SIZE: usize = 1024;

/// Why bytes are no event that can be acted on. It quotes nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not the JSON of an event.
    #[error("not an event: it breaks at line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A type that this version does not know; a consumer ignores it.
    #[error("an event of a type that is not known here")]
    UnknownType,
    /// A field that its type needs is missing or makes no sense.
    #[error("an event whose {0} is missing or cannot be read")]
    Field(&'static str),
}

/// Of what is read only the type and the data are of use; a reader misses nothing else.
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
    data: Data<'a>,
}

/// V1's create gives no expiry date, and what details says of one must not make a recovered event
/// differ from the first, so there is none here.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data<'a> {
    merchant: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_ref_id: Option<Cow<'a, str>>,
    intent_id: Cow<'a, str>,
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
    metadata: Cow<'a, BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<WireReason<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<WireError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReason<'a> {
    code: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<i64>,
    #[serde(default)]
    message: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct WireError<'a> {
    field: Cow<'a, str>,
    message: Cow<'a, str>,
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
        let Subject { reference, amount, description, name, contact, metadata } = self.subject;
        let intent = Data {
            merchant: self.merchant.as_str().into(),
            merchant_ref_id: reference.map(|reference| reference.as_str().into()),
            intent_id: self.intent_id.as_str().into(),
            amount: amount.map(|amount| amount.to_string()),
            description: description.map(|text| text.expose().into()),
            cust_name: name.map(|text| text.expose().into()),
            cust_mobile: contact.and_then(|c| c.mobile()).map(|mobile| mobile.expose().into()),
            cust_email: contact.and_then(|c| c.email()).map(|email| email.expose().into()),
            metadata: Cow::Borrowed(metadata),
            ..Data::default()
        };
        match &self.result {
            EventResult::Created { link, link_id, recovered, attempts } => Data {
                link: Some(link.expose().into()),
                link_id: link_id.as_ref().map(|id| id.expose().into()),
                recovered: Some(*recovered),
                attempts: Some(*attempts),
                ..intent
            },
            EventResult::Failed(reason) => {
                Data { reason: Some(reason.into()), errors: wire_errors(&reason.errors), ..intent }
            }
            EventResult::Unresolved { reason, since } => {
                Data { reason: Some(reason.into()), since: Some(written(*since)), ..intent }
            }
        }
    }
}

impl Received {
    /// Reads an event, whichever version of the worker wrote it: fields that are not known here
    /// are ignored, and a failure for a reason that is not known counts as unresolved.
    pub fn from_json(json: &[u8]) -> Result<Self, EventError> {
        let Envelope { event_type, data, .. } = serde_json::from_slice(json)
            .map_err(|error| EventError::Json { line: error.line(), column: error.column() })?;
        let kind = EventKind::find(&event_type).ok_or(EventError::UnknownType)?;
        let reference = data.merchant_ref_id.as_deref().map(Reference::parse).transpose();
        let amount = data.amount.as_deref().map(Amount::parse).transpose();
        Ok(Self {
            intent_id: data.intent_id.to_string(),
            reference: reference.map_err(|_| EventError::Field("merchantRefId"))?,
            amount: amount.map_err(|_| EventError::Field("amount"))?,
            result: data.result(kind)?,
        })
    }
}

impl Data<'_> {
    fn result(self, kind: EventKind) -> Result<ReceivedResult, EventError> {
        match kind {
            EventKind::Created => {
                let link = self.link.filter(|link| is_on_the_web(link));
                let link = link.ok_or(EventError::Field("link"))?;
                Ok(ReceivedResult::Created(Private::new(link)))
            }
            EventKind::Failed => {
                let reason = self.reason()?;
                if reason.is_of_failed() {
                    Ok(ReceivedResult::Failed(reason))
                } else {
                    Ok(ReceivedResult::Unresolved(reason))
                }
            }
            EventKind::Unresolved => Ok(ReceivedResult::Unresolved(self.reason()?)),
        }
    }

    fn reason(self) -> Result<Reason, EventError> {
        let WireReason { code, provider_code, message } =
            self.reason.ok_or(EventError::Field("reason"))?;
        let errors = self.errors.into_iter().map(FieldError::from).collect();
        let (code, message) = (code.into_owned().into(), message.into_owned().into());
        Ok(Reason { code, provider_code, message, errors })
    }
}

/// A link that is none would reach a customer, or a spreadsheet that takes it for a formula.
fn is_on_the_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

impl<'a> From<&'a Reason> for WireReason<'a> {
    fn from(reason: &'a Reason) -> Self {
        Self {
            code: reason.code.as_ref().into(),
            provider_code: reason.provider_code,
            message: reason.message.as_ref().into(),
        }
    }
}

impl From<WireError<'_>> for FieldError {
    fn from(WireError { field, message }: WireError<'_>) -> Self {
        Self { field: field.into_owned(), message: message.into_owned() }
    }
}

impl<'a> From<&'a FieldError> for WireError<'a> {
    fn from(FieldError { field, message }: &'a FieldError) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

fn wire_errors(errors: &[FieldError]) -> Vec<WireError<'_>> {
    errors.iter().map(WireError::from).collect()
}

/// Errors of an intent as JSON, for the parked copy's `x-smartsend-errors`.
#[expect(clippy::missing_panics_doc, reason = "plain JSON always serializes")]
pub fn errors_json(errors: &[FieldError]) -> String {
    #[expect(clippy::expect_used, reason = "a list of strings always serializes")]
    serde_json::to_string(&wire_errors(errors)).expect("errors are plain JSON")
}
