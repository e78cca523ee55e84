//! The JSON of an event: CloudEvents 1.0, structured mode.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Ending, Event, Subject};
use crate::domain::intent::FieldError;
use crate::domain::record::written;

/// The content type of an event (CloudEvents 1.0, JSON event format).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What nearly every event fits in, in bytes.
const USUAL_SIZE: usize = 1024;

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    merchant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_ref_id: Option<&'a str>,
    intent_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_mobile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_email: Option<&'a str>,
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    result: Result<'a>,
}

/// V1's create gives no expiry date, and what details says of one must not make a recovered event
/// differ from the first, so there is none here.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Result<'a> {
    Created {
        link: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        link_id: Option<&'a str>,
        recovered: bool,
        attempts: u32,
    },
    Failed {
        reason: Reason,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        errors: Vec<WireError<'a>>,
    },
    Unresolved {
        reason: Reason,
        since: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_code: Option<i64>,
    message: &'static str,
}

#[derive(Serialize)]
struct WireError<'a> {
    field: &'a str,
    message: &'a str,
}

impl Event<'_> {
    /// The event as JSON.
    #[expect(clippy::missing_panics_doc, reason = "plain JSON always serializes")]
    pub fn to_json(&self) -> Vec<u8> {
        let reference = self.subject.reference.as_ref().map(|reference| reference.as_str());
        let envelope = Envelope {
            specversion: "1.0",
            id: self.id.to_string(),
            source: format!("urn:smartsend:{}", self.merchant),
            kind: self.kind().event_type(),
            subject: reference,
            time: written(self.time),
            datacontenttype: "application/json",
            data: self.data(),
        };
        let mut json = Vec::with_capacity(USUAL_SIZE);
        #[expect(
            clippy::expect_used,
            reason = "strings, numbers and string keys always serialize"
        )]
        serde_json::to_writer(&mut json, &envelope).expect("an event is plain JSON");
        json
    }

    fn data(&self) -> Data<'_> {
        let Subject { reference, amount, description, name, contact, metadata } = &self.subject;
        Data {
            merchant: &self.merchant,
            merchant_ref_id: reference.as_ref().map(|reference| reference.as_str()),
            intent_id: &self.intent_id,
            amount: amount.map(|amount| amount.to_string()),
            description: description.as_ref().map(|text| text.expose()),
            cust_name: name.as_ref().map(|text| text.expose()),
            cust_mobile: contact.as_ref().and_then(|c| c.mobile()).map(|mobile| mobile.expose()),
            cust_email: contact.as_ref().and_then(|c| c.email()).map(|email| email.expose()),
            metadata,
            result: result_of(&self.result),
        }
    }
}

fn result_of<'a>(ending: &'a Ending<'_>) -> Result<'a> {
    match ending {
        Ending::Created { made, recovered, attempts } => Result::Created {
            link: made.link.expose(),
            link_id: made.link_id.as_ref().map(|id| id.expose()),
            recovered: *recovered,
            attempts: *attempts,
        },
        Ending::Failed(failure) => Result::Failed {
            reason: Reason {
                code: failure.code(),
                provider_code: failure.provider_code(),
                message: failure.message(),
            },
            errors: Vec::new(),
        },
        Ending::Invalid(errors) => Result::Failed {
            reason: Reason {
                code: "INVALID_INTENT".to_owned(),
                provider_code: None,
                message: "it is not an intent by the contract; mend the fields and use a new reference",
            },
            errors: wire_errors(errors),
        },
        Ending::Unresolved { why, since } => Result::Unresolved {
            reason: Reason {
                code: why.code().to_owned(),
                provider_code: why.provider_code(),
                message: why.message(),
            },
            since: written(*since),
        },
    }
}

fn wire_errors(errors: &[FieldError]) -> Vec<WireError<'_>> {
    errors.iter().map(|error| WireError { field: &error.field, message: &error.message }).collect()
}

/// Errors of an intent as JSON, for the parked copy's `x-smartsend-errors`.
pub fn errors_json(errors: &[FieldError]) -> String {
    String::from_utf8_lossy(&plain_json(&wire_errors(errors))).into_owned()
}

#[expect(clippy::expect_used, reason = "strings, numbers and string keys always serialize")]
fn plain_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it holds nothing but plain JSON")
}
