//! The account and masked VPAs, by PayU's samples.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Raw, object, text};
use crate::domain::customer::Private;

/// `data` of "Get Account Details", without what names its user.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountDetail {
    /// `payoutMerchantId`: PayU's dashboard can set another one than the one that was sent.
    pub payout_merchant_id: Option<String>,
    /// `virtualAccountNumber`, to which the merchant pays in.
    pub virtual_account: Option<Private>,
    /// `balance`, the text of the number.
    pub balance: String,
    /// `transferableAmount`, the text of the number.
    pub transferable: Option<String>,
    /// `lowBalance`.
    pub is_low: Option<bool>,
}

/// One entry of `data` of "Fetch Masked VPAs"; the `Token` is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedVpa {
    /// The key of the entry.
    pub vpa: Private,
    /// `name`; PayU's sample has blanks around it.
    pub name: Option<Private>,
    /// `App_Name`.
    pub app: Option<String>,
}

#[derive(Deserialize)]
struct Success {
    status: Raw,
    data: Raw,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountFields {
    payout_merchant_id: Raw,
    virtual_account_number: Raw,
    balance: Raw,
    transferable_amount: Raw,
    low_balance: Raw,
}

#[derive(Deserialize)]
struct VpaFields {
    name: Raw,
    #[serde(rename = "App_Name")]
    app: Raw,
}

/// An account has a balance.
pub fn account_detail(body: &[u8]) -> Option<AccountDetail> {
    let fields: AccountFields = object(data(body)??.get())?;
    Some(AccountDetail {
        payout_merchant_id: text(fields.payout_merchant_id),
        virtual_account: text(fields.virtual_account_number).map(Private::new),
        balance: text(fields.balance)?,
        transferable: text(fields.transferable_amount),
        is_low: fields.low_balance.and_then(|raw| flag(&raw)),
    })
}

/// The VPAs are keys of `data`, and beside them stands the key of a number. `data` is null where
/// there is none.
pub fn masked_vpas(body: &[u8]) -> Option<Vec<MaskedVpa>> {
    let Some(data) = data(body)? else { return Some(Vec::new()) };
    let entries: BTreeMap<String, Box<RawValue>> = object(data.get())?;
    let entries = entries.into_iter().filter_map(|(vpa, entry)| {
        let VpaFields { name, app } = object(entry.get())?;
        let name = text(name).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Some(MaskedVpa { vpa: Private::new(vpa), name: name.map(Private::new), app: text(app) })
    });
    Some(entries.collect())
}

/// What an envelope of success holds, which may be null.
fn data(body: &[u8]) -> Option<Raw> {
    let outer: Success = object(str::from_utf8(body).ok()?)?;
    (text(outer.status)? == "0").then_some(outer.data)
}

fn flag(raw: &RawValue) -> Option<bool> {
    match raw.get().trim_matches('"') {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
