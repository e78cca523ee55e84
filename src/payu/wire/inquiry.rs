//! The account, masked VPAs and bulk files, by PayU's samples.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::envelope::timestamp;
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

/// `data` of the three calls about a bulk file.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkFile {
    /// `id`, by which the file is processed.
    pub id: String,
    /// `displayName`: what it was called when it was uploaded.
    pub name: Option<String>,
    /// `status`: `REQUESTED`, `IN_PROGRESS` or `COMPLETED` by the samples.
    pub status: String,
    /// `totalRows`.
    pub rows: Option<u64>,
    /// `successfulRows`.
    pub successful: Option<u64>,
    /// `failedRows`.
    pub failed: Option<u64>,
    /// `addedOn`.
    pub added: Option<Timestamp>,
    /// `updatedOn`.
    pub updated: Option<Timestamp>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileFields {
    id: Raw,
    display_name: Raw,
    status: Raw,
    total_rows: Raw,
    successful_rows: Raw,
    failed_rows: Raw,
    added_on: Raw,
    updated_on: Raw,
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

/// A file has an id and a status.
pub fn bulk_file(body: &[u8]) -> Option<BulkFile> {
    let fields: FileFields = object(data(body)??.get())?;
    let date = |raw| text(raw).and_then(|date| timestamp(&date));
    let count = |raw| text(raw).and_then(|count| count.parse().ok());
    Some(BulkFile {
        id: text(fields.id)?,
        name: text(fields.display_name),
        status: text(fields.status)?,
        rows: count(fields.total_rows),
        successful: count(fields.successful_rows),
        failed: count(fields.failed_rows),
        added: date(fields.added_on),
        updated: date(fields.updated_on),
    })
}

/// A form with one part, `file`, and the content type of the whole (RFC 7578).
pub fn file_form(name: &str, content: &[u8]) -> (String, Vec<u8>) {
    // A content that held its own hash would have to be made for that.
    let boundary = format!("smartsend-{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, content).simple());
    let ending = Path::new(name).extension().map(|it| it.to_ascii_lowercase());
    let kind = match ending.as_ref().and_then(|ending| ending.to_str()) {
        Some("csv") => "text/csv",
        Some("xls") => "application/vnd.ms-excel",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some(_) | None => "application/octet-stream",
    };
    // As browsers escape it: a quote or a line's end would end the name.
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {kind}\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    let form = [head.as_bytes(), content, end.as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), form)
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
