//! The JSON of an intent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{Fragment, Intent, Invalid};
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::command::wire::COMMAND;
use crate::domain::customer::{Contact, Email, Mobile, Private};
use crate::domain::object::{Members, Reader, Unreadable, field};
use crate::domain::reference::Reference;

/// Every field of an intent, in the order in which errors are reported.
pub const FIELDS: [&str; 10] = [
    "merchantRefId",
    "amount",
    "description",
    "custName",
    "custMobile",
    "custEmail",
    EXPIRY,
    DISABLE_APPROVAL,
    "deadline",
    "metadata",
];

const EXPIRY: &str = "expiryDate";
const DISABLE_APPROVAL: &str = "disableApprovalFlow";

const DESCRIPTION_CHARS_MAX: usize = 250;
const NAME_CHARS_MAX: usize = 100;
const METADATA_ENTRIES_MAX: usize = 16;
const METADATA_KEY_CHARS_MAX: usize = 64;
const METADATA_VALUE_CHARS_MAX: usize = 256;

/// Reads an intent, or says everything that is wrong with it.
pub fn parse(body: &[u8], api: Api) -> Result<Intent, Box<Invalid>> {
    let reader = Reader::new(body, &FIELDS, "an intent").map_err(|unreadable| {
        let Unreadable { error, is_too_large } = unreadable;
        let valid = Fragment::default();
        Invalid { errors: vec![error], valid, is_too_large, is_command: false }
    })?;
    read(reader, api)
}

fn read(mut reader: Reader<'_>, api: Api) -> Result<Intent, Box<Invalid>> {
    let is_command = reader.has(COMMAND);
    let reference = reader.required("merchantRefId", field::with(Reference::parse));
    let amount = reader
        .required("amount", |raw| Amount::parse(&field::number_text(raw)?).map_err(str::to_owned));
    let description = reader.required("description", |raw| field::line(raw, DESCRIPTION_CHARS_MAX));
    let description = description.map(Private::new);
    let read_name = |raw| field::line(raw, NAME_CHARS_MAX);
    let name = match api {
        Api::V1 => reader.optional("custName", read_name),
        Api::V2 => reader.required("custName", read_name),
    };
    let name = name.map(Private::new);
    let contact = contact(&mut reader);
    let (expiry, disable_approval) = fields_of_v2(&mut reader, api);
    let deadline = reader.optional("deadline", field::time);
    let metadata = reader.optional("metadata", metadata).unwrap_or_default();

    match (reference, amount, description, contact) {
        (Some(reference), Some(amount), Some(description), Some(contact))
            if reader.errors.is_empty() =>
        {
            Ok(Intent {
                reference,
                amount,
                description,
                name,
                contact,
                expiry,
                disable_approval,
                deadline,
                metadata,
            })
        }
        (reference, amount, description, contact) => Err(Box::new(Invalid {
            errors: reader.errors,
            valid: Fragment { reference, amount, description, name, contact, metadata },
            is_too_large: false,
            is_command,
        })),
    }
}

fn contact(reader: &mut Reader<'_>) -> Option<Contact> {
    let errors_before = reader.errors.len();
    let mobile = reader.optional("custMobile", field::unless_empty(Mobile::parse)).flatten();
    let email = reader.optional("custEmail", field::unless_empty(Email::parse)).flatten();
    match (mobile, email) {
        (Some(mobile), Some(email)) => Some(Contact::Both(mobile, email)),
        (Some(mobile), None) => Some(Contact::Mobile(mobile)),
        (None, Some(email)) => Some(Contact::Email(email)),
        (None, None) => {
            if reader.errors.len() == errors_before {
                reader.complain("custMobile", "or custEmail is needed: at least one of them");
            }
            None
        }
    }
}

/// V1 does not take them. Ignoring them would make a link that lives longer, or waits for an
/// approver, other than upstream asked for.
fn fields_of_v2(reader: &mut Reader<'_>, api: Api) -> (Option<Timestamp>, Option<bool>) {
    if api == Api::V2 {
        let expiry = reader.optional(EXPIRY, field::time);
        return (expiry, reader.optional(DISABLE_APPROVAL, field::boolean));
    }
    for field in [EXPIRY, DISABLE_APPROVAL] {
        if reader.is_given(field) {
            reader.complain(field, "is only for merchants with api = \"v2\"");
        }
    }
    (None, None)
}

fn metadata(raw: &RawValue) -> Result<BTreeMap<String, String>, String> {
    let members: Members<'_> =
        serde_json::from_str(raw.get()).map_err(|_| "must be an object of strings")?;
    if members.0.len() > METADATA_ENTRIES_MAX {
        return Err(format!("must have at most {METADATA_ENTRIES_MAX} entries"));
    }
    let mut entries = BTreeMap::new();
    for (key, value) in &members.0 {
        if key.chars().any(char::is_control) {
            return Err("must not have control characters in its keys".to_owned());
        }
        if key.is_empty() || key.chars().count() > METADATA_KEY_CHARS_MAX {
            return Err(format!("must have keys of 1 to {METADATA_KEY_CHARS_MAX} characters"));
        }
        let value = field::string(value).map_err(|_| "must have strings as values".to_owned())?;
        if value.chars().any(char::is_control) {
            return Err("must not have control characters in its values".to_owned());
        }
        if value.chars().count() > METADATA_VALUE_CHARS_MAX {
            return Err(format!(
                "must have values of at most {METADATA_VALUE_CHARS_MAX} characters"
            ));
        }
        if entries.insert(key.to_string(), value).is_some() {
            return Err("must not have a key more than once".to_owned());
        }
    }
    Ok(entries)
}
