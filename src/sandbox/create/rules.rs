//! The rules for a create, and PayU's code for each that is broken.
//!
//! PayU documents only the codes. Where it gives no rule, the sandbox is strict, so that what passes
//! here has the best chance there.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sandbox::clock::date_us;
use crate::sandbox::faults::ApprovalFlow;
use crate::sandbox::link::{ApiVersion, Channels};

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
const INVALID_EXPIRY: u16 = 1121;
const APPROVAL_FLOW_ERROR: u16 = 1126;

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
    /// Of V2 only, as is the next.
    expiry_date: Option<String>,
    disable_approval_flow: Option<bool>,
}

/// What a create is checked against.
#[derive(Clone, Copy)]
pub(super) struct CreateRules {
    pub(super) api: ApiVersion,
    pub(super) now_us: u64,
    /// Whether V2 asks for every key that one of PayU's OpenAPI files lists as required.
    pub(super) all_keys: bool,
    pub(super) approval: ApprovalFlow,
}

pub(super) struct ValidCreate {
    pub(super) amount: Decimal,
    /// As in [`StoredLink`](crate::sandbox::link::StoredLink).
    pub(super) about: Arc<str>,
    pub(super) channels: Channels,
    /// Where the create asks for it.
    pub(super) expires_at_us: Option<u64>,
    /// Whether the link waits for an approver.
    pub(super) waits: bool,
}

impl CreateBody {
    /// The amount, if it is a right one.
    pub(super) fn amount(&self) -> Option<Decimal> {
        self.amount.as_ref().and_then(|raw| amount(raw.get()))
    }

    /// Checks all rules, and returns the codes of all that are broken.
    pub(super) fn check(self, rules: CreateRules) -> Result<ValidCreate, Vec<u16>> {
        let missing = self.missing_key(rules);
        let expiry = self.expiry(rules);
        let waits = self.waits(rules);
        let amount = self.amount();
        let mobile = self.cust_mobile.filter(|text| !text.is_empty());
        let email = self.cust_email.filter(|text| !text.is_empty());
        let found = [
            reference_code(self.merchant_ref_id.as_deref().unwrap_or_default()),
            amount.is_none().then_some(INVALID_AMOUNT),
            mobile.as_deref().filter(|text| !is_mobile(text)).map(|_| INVALID_MOBILE),
            email.as_deref().filter(|text| !is_email(text)).map(|_| INVALID_EMAIL),
            (mobile.is_none() && email.is_none()).then_some(MOBILE_OR_EMAIL_REQUIRED),
            is_blank(self.description.as_deref()).then_some(INVALID_DESCRIPTION),
            missing,
            expiry.err(),
            waits.err(),
        ];
        let codes: Vec<u16> = found.into_iter().flatten().collect();
        let Some(amount) = amount.filter(|_| codes.is_empty()) else {
            return Err(codes);
        };
        let channels = Channels { sms: mobile.is_some(), email: email.is_some() };
        let about = serde_json::to_string(&(self.description, self.cust_name, email, mobile));
        let about = about.unwrap_or_default().into();
        let (expires_at_us, waits) = (expiry.unwrap_or_default(), waits.unwrap_or_default());
        Ok(ValidCreate { amount, about, channels, expires_at_us, waits })
    }

    /// The code of a key that is not there at all; an empty text is there.
    fn missing_key(&self, rules: CreateRules) -> Option<u16> {
        if rules.api == ApiVersion::V1 || !rules.all_keys {
            return None;
        }
        let keys = [
            (&self.cust_mobile, INVALID_MOBILE),
            (&self.cust_email, INVALID_EMAIL),
            (&self.expiry_date, INVALID_EXPIRY),
        ];
        keys.iter().find(|(key, _)| key.is_none()).map(|(_, code)| *code)
    }

    /// When the link is to expire; V1 ignores the key.
    fn expiry(&self, rules: CreateRules) -> Result<Option<u64>, u16> {
        let text = self.expiry_date.as_deref().filter(|text| !text.is_empty());
        match (rules.api, text) {
            (ApiVersion::V1, _) | (ApiVersion::V2, None) => Ok(None),
            (ApiVersion::V2, Some(text)) => {
                let at_us = date_us(text).filter(|at_us| *at_us > rules.now_us);
                at_us.map(Some).ok_or(INVALID_EXPIRY)
            }
        }
    }

    /// Whether the link waits for an approver; V1 ignores the key that skips it.
    fn waits(&self, rules: CreateRules) -> Result<bool, u16> {
        let is_v2 = rules.api == ApiVersion::V2;
        let skips = is_v2 && self.disable_approval_flow.unwrap_or_default();
        match rules.approval {
            ApprovalFlow::Off => Ok(false),
            ApprovalFlow::Optional => Ok(!skips),
            ApprovalFlow::Required if skips => Err(APPROVAL_FLOW_ERROR),
            ApprovalFlow::Required => Ok(true),
        }
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
