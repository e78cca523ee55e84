//! PayU's envelope `{"status", "msg", "code", "data"}`, in the shapes that its pages show: `data`
//! an object, a list of errors or null; `code` null, a number or a list; texts in `msg`, `message`
//! or `error`. The HTTP errors of its framework (`{"timestamp", "status": 401, …}`) are not
//! envelopes.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::amount::has_only_signs_of_a_number;
use crate::domain::call::{Data, Envelope};
use crate::domain::customer::Private;

use super::{Raw, object, text};

#[derive(Deserialize)]
struct Outer {
    status: Raw,
    data: Raw,
}

/// What the envelope, and each entry of its `data`, may say of a failure.
#[derive(Deserialize)]
struct Remarks {
    code: Raw,
    msg: Raw,
    message: Raw,
    error: Raw,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    merchant_ref_id: Raw,
    link: Raw,
    link_id: Raw,
    expiry_date: Raw,
    smart_send_status: Raw,
    txn_status: Raw,
    amount: Raw,
    cust_mobile: Raw,
    cust_email: Raw,
}

/// Reads a body as an envelope; `None` if it is not one, whole and unambiguous.
pub fn envelope(body: &[u8]) -> Option<Envelope> {
    let body = str::from_utf8(body).ok()?;
    let outer: Outer = object(body)?;
    let mut envelope = Envelope {
        status: status(outer.status)?,
        codes: Vec::new(),
        texts: Vec::new(),
        data: Data::default(),
    };
    object::<Remarks>(body)?.join(&mut envelope);
    let Some(data) = outer.data else {
        return Some(envelope);
    };
    if data.get().starts_with('{') {
        object::<Remarks>(data.get())?.join(&mut envelope);
        envelope.data = object::<Fields>(data.get())?.into_data();
    } else {
        for entry in list(&data).into_iter().flatten() {
            if let Some(remarks) = object::<Remarks>(entry.get()) {
                remarks.join(&mut envelope);
            }
        }
    }
    Some(envelope)
}

/// 0 or 1. PayU's framework puts an HTTP status under the same key.
fn status(raw: Raw) -> Option<i64> {
    integer(&text(raw)?).filter(|status| matches!(status, 0 | 1))
}

/// An integer by its value: `1103`, `1103.0` and `1.103e3` are one.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if !has_only_signs_of_a_number(text) {
        return None;
    }
    let number = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text)).ok()?;
    if number.is_integer() { number.to_i64() } else { None }
}

impl Remarks {
    fn join(self, envelope: &mut Envelope) {
        if let Some(code) = self.code {
            // A code is alone or in a list.
            let codes = if code.get().starts_with('[') { list(&code) } else { vec![Some(code)] };
            let numbers = codes.into_iter().filter_map(|code| integer(&text(code)?));
            envelope.codes.extend(numbers);
        }
        let texts = [self.msg, self.message, self.error].into_iter().filter_map(private);
        envelope.texts.extend(texts);
    }
}

impl Fields {
    fn into_data(self) -> Data {
        Data {
            reference: text(self.merchant_ref_id),
            link: private(self.link),
            link_id: private(self.link_id),
            expiry: text(self.expiry_date).and_then(|date| timestamp(&date)),
            link_status: text(self.smart_send_status),
            payment_status: text(self.txn_status),
            amount: text(self.amount),
            mobile: private(self.cust_mobile),
            email: private(self.cust_email),
        }
    }
}

fn private(raw: Raw) -> Option<Private> {
    text(raw).map(Private::new)
}

/// PayU's `2023-12-19T06:10:37.000+0000`, which is not RFC 3339 since its offset has no colon, or
/// RFC 3339.
pub(super) fn timestamp(date: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", date).or_else(|_| date.parse()).ok()
}

fn list(raw: &RawValue) -> Vec<Raw> {
    if !raw.get().starts_with('[') {
        return Vec::new();
    }
    serde_json::from_str(raw.get()).unwrap_or_default()
}
