//! The request for a link (PayU's page "Create Smart Send Link", V1).

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::customer::{Email, Mobile, Private};
use crate::domain::intent::Intent;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    merchant_ref_id: &'a str,
    /// PayU's type is "Double(20,2)" and its sample the JSON number `1.00`.
    amount: Box<RawValue>,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_mobile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cust_email: Option<&'a str>,
}

/// The body of a create call, or `None` if it cannot be serialized.
pub fn create_body(intent: &Intent) -> Option<Vec<u8>> {
    let create = Create {
        merchant_ref_id: intent.reference.as_str(),
        amount: RawValue::from_string(intent.amount.to_string()).ok()?,
        description: intent.description.expose(),
        cust_name: intent.name.as_ref().map(Private::expose),
        cust_mobile: intent.contact.mobile().map(Mobile::expose),
        cust_email: intent.contact.email().map(Email::expose),
    };
    serde_json::to_vec(&create).ok()
}
