//! What the merchants' accounts hold, and who may call.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::BlockedForm;

/// The same for every merchant: no payout takes from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// A number is answered as a number, and a text as a number with just its digits.
    pub balance: Value,
    /// `lowBalance`: not enough for the next transfer.
    pub is_low: bool,
    /// What every call gets, as from an address that is not on the account's list; `null` if it is.
    pub blocked: Option<BlockedForm>,
}

impl AccountSettings {
    pub(in crate::sandbox) fn is_right(&self) -> bool {
        serde_json::from_str::<Number>(&self.digits()).is_ok()
    }

    pub(in crate::sandbox) fn balance_json(&self) -> Box<RawValue> {
        RawValue::from_string(self.digits()).unwrap_or_default()
    }

    fn digits(&self) -> String {
        self.balance.as_str().map_or_else(|| self.balance.to_string(), str::to_owned)
    }
}

/// PayU's sample.
impl Default for AccountSettings {
    fn default() -> Self {
        Self { balance: Value::from(94_003), is_low: false, blocked: None }
    }
}
