//! How a link, its ids and its amount are written.
//!
//! The same link has a `linkId` of 64 base64 characters in the sample of create, and a UUID in
//! the sample of details. Both come from the link's key, so that neither is stored.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use super::faults::AmountForm;
use super::life::{Change, LinkState, LinkStatus};
use super::splitmix64::splitmix64;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// From here on Java's `Double.toString` prints an exponent.
const EXPONENT_FROM: u64 = 10_000_000;

const UUID_LEN: usize = 36;

/// The first number that PayU gives out here; its samples are of five digits.
const FIRST_SMART_SEND_ID: u64 = 10_001;

/// Which API made a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiVersion {
    V1,
    V2,
}

impl ApiVersion {
    pub(super) const fn merchant_header(self) -> &'static str {
        match self {
            Self::V1 => "payoutMerchantId",
            Self::V2 => "pid",
        }
    }
}

#[derive(Clone)]
pub(super) struct StoredLink {
    pub(super) key: u64,
    /// Counts the links.
    pub(super) number: u64,
    pub(super) host: Arc<str>,
    pub(super) amount: Decimal,
    pub(super) api: ApiVersion,
    pub(super) made_at_us: u64,
    /// The status and the expiry that it was made with.
    pub(super) first: (LinkStatus, u64),
    /// An [`About`] as JSON: one allocation for four.
    pub(super) about: Arc<str>,
    pub(super) channels: Channels,
    /// Whether the payee has been notified.
    pub(super) is_announced: bool,
    /// Whether a call has tried to cancel it.
    pub(super) is_cancel_tried: bool,
    /// In order; without allocation for the many links that nobody touches.
    pub(super) history: Vec<Change>,
}

/// How the payee is notified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    pub(super) sms: bool,
    pub(super) email: bool,
}

/// Description, name, e-mail and mobile of a create.
pub(super) type About = (Option<String>, Option<String>, Option<String>, Option<String>);

impl StoredLink {
    pub(super) fn state(&self) -> LinkState {
        let last = self.history.last();
        last.map_or_else(|| self.first_state(), |change| change.state.clone())
    }

    pub(super) fn first_state(&self) -> LinkState {
        let (status, expires_at_us) = self.first;
        LinkState { status, txn_status: None, payouts: 0, expires_at_us }
    }

    pub(super) fn about(&self) -> About {
        serde_json::from_str(&self.about).unwrap_or_default()
    }

    /// The `smartSendId`, which no response of PayU's has.
    pub(super) fn smart_send_id(&self) -> u64 {
        FIRST_SMART_SEND_ID.saturating_add(self.number)
    }

    /// The number of the newest payout.
    pub(super) fn payout_number(&self, payouts: u32) -> String {
        let again = u64::from(payouts.saturating_sub(1));
        let number = if again == 0 { self.key } else { splitmix64(self.key, again) };
        format!("PAYOUT{number}")
    }

    /// The `linkId` of create: 64 base64 characters, some of them `+` and `/`.
    pub(super) fn id(&self) -> String {
        self.id_characters().collect()
    }

    /// Whether this is the `linkId` of create, or that of details.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.id_characters().eq(id.chars()) || id.len() == UUID_LEN && self.uuid() == id
    }

    fn id_characters(&self) -> impl Iterator<Item = char> {
        (0..64).map(|place| {
            let index = usize::try_from(splitmix64(self.key, place) >> 58).unwrap_or_default();
            char::from(BASE64.get(index).copied().unwrap_or(b'A'))
        })
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

    /// `1.0`.
    pub(super) fn java_amount(&self) -> String {
        java_number(self.amount)
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
