//! The request for a link (PayU's pages "Create Smart Send Link", V1 and V2).

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::customer::{Contact, Email, Mobile, Private};
use crate::domain::intent::Intent;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    merchant_ref_id: &'a str,
    amount: Box<RawValue>,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_mobile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_approval_flow: Option<bool>,
}

/// The body of a create call, or `None` if it cannot be serialized.
pub fn create_body(intent: &Intent, api: Api) -> Option<Vec<u8>> {
    body(intent, Some(&intent.contact), api)
}

/// The same without a mobile and an e-mail address, which PayU's pages refuse with 1108.
pub fn create_body_for_nobody(intent: &Intent, api: Api) -> Option<Vec<u8>> {
    body(intent, None, api)
}

fn body(intent: &Intent, contact: Option<&Contact>, api: Api) -> Option<Vec<u8>> {
    let create = Create {
        merchant_ref_id: intent.reference.as_str(),
        amount: amount(intent.amount, api)?,
        description: intent.description.expose(),
        cust_name: intent.name.as_ref().map(Private::expose),
        cust_mobile: contact.and_then(Contact::mobile).map(Mobile::expose),
        cust_email: contact.and_then(Contact::email).map(Email::expose),
        expiry_date: intent.expiry.map(date),
        disable_approval_flow: intent.disable_approval,
    };
    serde_json::to_vec(&create).ok()
}

/// V1's type is "Double(20,2)" and its sample the JSON number `1.00`; V2's reference has a string.
fn amount(amount: Amount, api: Api) -> Option<Box<RawValue>> {
    let json = match api {
        Api::V1 => amount.to_string(),
        Api::V2 => format!("\"{amount}\""),
    };
    RawValue::from_string(json).ok()
}

/// PayU's pattern is `yyyy-MM-dd'T'HH:mm:ss.000Z`, so whatever is below a second is cut off.
pub fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
