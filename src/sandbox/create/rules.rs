//! The rules for a create, and PayU's code for each that is broken.
//!
//! PayU documents only the codes. Where it gives no rule, the sandbox is strict, so that what passes
//! here has the best chance there.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Documented for transfers; "Smart Send Error Codes" has a code for the length and no number.
const REFERENCE_LEN_MAX: usize = 40;

/// `Double(20,2)`: 18 digits and two decimals.
const AMOUNT_LIMIT: i128 = 1_000_000_000_000_000_000;
const DECIMALS_MAX: u32 = 2;

const INVALID_REFERENCE: u16 = 1101;
const INVALID_REFERENCE_LENGTH: u16 = 1102;
const INVALID_AMOUNT: u16 = 1104;
const INVALID_MOBILE: u16 = 1105;
const INVALID_EMAIL: u16 = 1106;
const MOBILE_OR_EMAIL_REQUIRED: u16 = 1108;
const INVALID_DESCRIPTION: u16 = 1114;

/// PayU's samples write the amount as a number on one page and as a string on another, so it is
/// kept as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBody {
    pub(super) merchant_ref_id: Option<String>,
    amount: Option<Box<RawValue>>,
    cust_email: Option<String>,
    cust_mobile: Option<String>,
    cust_name: Option<String>,
    description: Option<String>,
}

pub(super) struct ValidCreate {
    pub(super) amount: Decimal,
    /// As in [`StoredLink`](crate::sandbox::ledger::StoredLink).
    pub(super) about: Arc<str>,
    pub(super) sms: bool,
    pub(super) email: bool,
}

impl CreateBody {
    /// Checks all rules, and returns the codes of all that are broken.
    pub(super) fn check(self) -> Result<ValidCreate, Vec<u16>> {
        let mobile = self.cust_mobile.filter(|text| !text.is_empty());
        let email = self.cust_email.filter(|text| !text.is_empty());
        let amount = self.amount.and_then(|raw| amount(raw.get()));
        let found = [
            reference_code(self.merchant_ref_id.as_deref().unwrap_or_default()),
            amount.is_none().then_some(INVALID_AMOUNT),
            mobile.as_deref().filter(|text| !is_mobile(text)).map(|_| INVALID_MOBILE),
            email.as_deref().filter(|text| !is_email(text)).map(|_| INVALID_EMAIL),
            (mobile.is_none() && email.is_none()).then_some(MOBILE_OR_EMAIL_REQUIRED),
            is_blank(self.description.as_deref()).then_some(INVALID_DESCRIPTION),
        ];
        let codes: Vec<u16> = found.into_iter().flatten().collect();
        let Some(amount) = amount.filter(|_| codes.is_empty()) else {
            return Err(codes);
        };
        let (sms, has_email) = (mobile.is_some(), email.is_some());
        let about = serde_json::to_string(&(self.description, self.cust_name, email, mobile));
        let about = about.unwrap_or_default().into();
        Ok(ValidCreate { amount, about, sms, email: has_email })
    }
}

fn reference_code(reference: &str) -> Option<u16> {
    if reference.len() > REFERENCE_LEN_MAX {
        return Some(INVALID_REFERENCE_LENGTH);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_right = !reference.is_empty() && reference.bytes().all(is_plain);
    (!is_right).then_some(INVALID_REFERENCE)
}

/// Reads any JSON number, or a string that contains one.
fn amount(json: &str) -> Option<Decimal> {
    let text: String;
    let number = if json.starts_with('"') {
        text = serde_json::from_str(json).ok()?;
        text.as_str()
    } else {
        json
    };
    let has_exponent = number.contains(['e', 'E']);
    let parse = if has_exponent { Decimal::from_scientific } else { Decimal::from_str_exact };
    let amount = parse(number).ok()?.normalize();
    let is_right = amount > Decimal::ZERO
        && amount < Decimal::from_i128_with_scale(AMOUNT_LIMIT, 0)
        && amount.scale() <= DECIMALS_MAX;
    is_right.then_some(amount)
}

fn is_mobile(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let is_host = host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    !name.is_empty() && is_host && !host.contains('@') && !text.contains(char::is_whitespace)
}

fn is_blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}
