//! PayU's envelope `{"status", "msg", "code", "data"}`, in the shapes that its pages show: `data`
//! an object, a list of errors or null; `code` null, a number or a list; texts in `msg`, `message`
//! or `error`. The HTTP errors of its framework (`{"timestamp", "status": 401, …}`) are not
//! envelopes.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::call::{Data, Envelope};
use crate::domain::customer::Private;

use super::{object, text};

type Raw<'a> = Option<&'a RawValue>;

/// The envelope itself; it has remarks too.
#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    data: Raw<'a>,
    #[serde(borrow)]
    code: Raw<'a>,
    #[serde(borrow)]
    msg: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
}

/// What the envelope, and each entry of its `data`, may say of a failure.
#[derive(Deserialize)]
struct Remarks<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
    #[serde(borrow)]
    msg: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    merchant_ref_id: Raw<'a>,
    #[serde(borrow)]
    link: Raw<'a>,
    #[serde(borrow)]
    link_id: Raw<'a>,
    #[serde(borrow)]
    expiry_date: Raw<'a>,
    #[serde(borrow)]
    smart_send_status: Raw<'a>,
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    cust_mobile: Raw<'a>,
    #[serde(borrow)]
    cust_email: Raw<'a>,
}

/// Reads a body as an envelope; `None` if it is not one, whole and unambiguous.
pub fn envelope(body: &[u8]) -> Option<Envelope> {
    let text = str::from_utf8(body).ok()?;
    // Serde would also read a struct from a list.
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    let Outer { status: outer_status, data, code, msg, message, error } =
        serde_json::from_str(text).ok()?;
    let mut envelope = Envelope {
        status: status(outer_status)?,
        codes: Vec::new(),
        texts: Vec::new(),
        data: Data::default(),
    };
    Remarks { code, msg, message, error }.join(&mut envelope);
    let Some(inner) = data else {
        return Some(envelope);
    };
    if inner.get().starts_with('{') {
        object::<Remarks<'_>>(inner)?.join(&mut envelope);
        envelope.data = object::<Fields<'_>>(inner)?.into_data();
    } else {
        for entry in list(inner) {
            if let Some(remarks) = object::<Remarks<'_>>(entry) {
                remarks.join(&mut envelope);
            }
        }
    }
    Some(envelope)
}

/// 0 or 1. PayU's framework puts an HTTP status under the same key.
fn status(raw: Raw<'_>) -> Option<i64> {
    match text(raw)?.as_str() {
        "0" => Some(0),
        "1" => Some(1),
        _ => None,
    }
}

impl Remarks<'_> {
    fn join(&self, envelope: &mut Envelope) {
        if let Some(code) = self.code {
            // A code is alone or in a list.
            let codes = if code.get().starts_with('[') { list(code) } else { vec![code] };
            let numbers =
                codes.into_iter().filter_map(|code| text(Some(code))?.trim().parse::<i64>().ok());
            envelope.codes.extend(numbers);
        }
        let texts = [self.msg, self.message, self.error].into_iter().filter_map(private);
        envelope.texts.extend(texts);
    }
}

impl Fields<'_> {
    fn into_data(self) -> Data {
        Data {
            reference: text(self.merchant_ref_id),
            link: private(self.link),
            link_id: private(self.link_id),
            expiry: text(self.expiry_date).and_then(|date| timestamp(&date)),
            link_status: text(self.smart_send_status),
            amount: text(self.amount),
            mobile: private(self.cust_mobile),
            email: private(self.cust_email),
        }
    }
}

fn private(raw: Raw<'_>) -> Option<Private> {
    text(raw).map(Private::new)
}

/// PayU's `2023-12-19T06:10:37.000+0000`, which is not RFC 3339 since its offset has no colon, or
/// RFC 3339.
fn timestamp(date: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", date).or_else(|_| date.parse()).ok()
}

fn list(raw: &RawValue) -> Vec<&RawValue> {
    if !raw.get().starts_with('[') {
        return Vec::new();
    }
    serde_json::from_str(raw.get()).unwrap_or_default()
}
