//! Which account at the provider, and which of its APIs.

use super::record::headers::{Headers, Value};

/// Which provider account an intent belongs to. A record that names another one is never acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The merchant's `payout_merchant_id`.
    pub payout_merchant_id: String,
    /// The API that makes its links.
    pub api: Api,
}

impl Account {
    /// Whether headers name another account or API, also where the rest of them cannot be read or
    /// is not believed: lookups here would not find what was sent there.
    pub fn is_foreign_to(&self, headers: &Headers) -> bool {
        let names_another = |name: &str, ours: &str| match headers.get(name) {
            Some(Value::Text(theirs)) => theirs != ours,
            Some(Value::Number(_)) | None => false,
        };
        names_another("account", &self.payout_merchant_id)
            || names_another("api", self.api.as_str())
    }
}

/// Whether a text can be the name of a merchant: `[a-z][a-z0-9]*(_[a-z0-9]+)*`, at most 32, which
/// fits into a queue's name and a variable's.
pub fn is_merchant_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('_').all(|part| !part.is_empty() && part.chars().all(word))
}

/// A version of Smart Send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST payout/smartPay`.
    V1,
    /// `POST payout/v2/smartSend/link`.
    V2,
}

impl Api {
    /// `v1` or `v2`, as the configuration and the record write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// Reads `v1` or `v2`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v1" => Some(Self::V1),
            "v2" => Some(Self::V2),
            _ => None,
        }
    }
}
