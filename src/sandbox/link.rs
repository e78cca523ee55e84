//! How a link, its ids and its amount are written.
//!
//! The same link has a `linkId` of 64 base64 characters in the sample of create, and a UUID in
//! the sample of details. Both come from the link's key, so that neither is stored.

use rust_decimal::Decimal;
use serde_json::value::RawValue;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use super::faults::AmountForm;
use super::ledger::{ApiVersion, StoredLink};
use super::splitmix64::splitmix64;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// From here on Java's `Double.toString` prints an exponent.
const EXPONENT_FROM: u64 = 10_000_000;

impl StoredLink {
    /// The `linkId` of create: 64 base64 characters, some of them `+` and `/`.
    pub(super) fn id(&self) -> String {
        let character = |place: u64| {
            let index = usize::try_from(splitmix64(self.key, place) >> 58).unwrap_or_default();
            char::from(BASE64.get(index).copied().unwrap_or(b'A'))
        };
        (0..64).map(character).collect()
    }

    /// The `linkId` of details.
    pub(super) fn uuid(&self) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, self.id().as_bytes()).to_string()
    }

    /// What the payee opens.
    pub(super) fn url(&self) -> String {
        let host = self.host.trim_end_matches('/');
        let id = self.id();
        match self.api {
            ApiVersion::V1 => {
                let id: String = byte_serialize(id.as_bytes()).collect();
                format!("{host}/smartPay?id={id}")
            }
            ApiVersion::V2 => {
                let is_plain = |character: &char| character.is_ascii_alphanumeric();
                let name: String = id.chars().filter(is_plain).take(12).collect();
                format!("{host}/url/{name}")
            }
        }
    }

    /// With two decimals.
    pub(super) fn amount(&self) -> String {
        let mut amount = self.amount;
        amount.rescale(2);
        amount.to_string()
    }

    pub(super) fn amount_json(&self, form: AmountForm) -> Box<RawValue> {
        let plain = java_number(self.amount);
        match form {
            AmountForm::Number => raw(plain),
            AmountForm::String => quoted(&self.amount()),
            AmountForm::Double if self.amount < Decimal::from(EXPONENT_FROM) => raw(plain),
            AmountForm::Double => {
                let double: f64 = plain.parse().unwrap_or_default();
                let text = format!("{double:E}");
                let has_point = text.contains('.');
                raw(if has_point { text } else { text.replace('E', ".0E") })
            }
        }
    }
}

/// A JSON number if the text is one, else a string.
pub(super) fn number_or_text(text: &str) -> Box<RawValue> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && (text == "0" || !text.starts_with('0')) {
        return raw(text.to_owned());
    }
    quoted(text)
}

/// `25.0`, `100.5`: at least one decimal, and no other trailing zeros.
fn java_number(amount: Decimal) -> String {
    let text = amount.normalize().to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

fn quoted(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).unwrap_or_default()
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).unwrap_or_default()
}
