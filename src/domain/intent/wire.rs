//! The JSON of an intent.
//!
//! A derived reader stops at the first error, lets a misspelt `custemail` vanish, and keeps the
//! last of two amounts. Upstream would then fix one field at a time, and one day pay the wrong sum.
//! So the fields are read here, one by one, over their raw text, and every error is kept.

mod field;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Fragment, Intent, Invalid};
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::customer::{Contact, Email, Mobile, Private};
use crate::domain::reference::Reference;

/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

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

/// How many unknown fields are named. A body can have ten thousand, and their errors travel in a
/// header, which RabbitMQ accepts only up to its frame size.
const UNKNOWN_FIELDS_NAMED_MAX: usize = 20;
const DESCRIPTION_CHARS_MAX: usize = 250;
const NAME_CHARS_MAX: usize = 100;
const METADATA_ENTRIES_MAX: usize = 16;
const METADATA_KEY_CHARS_MAX: usize = 64;
const METADATA_VALUE_CHARS_MAX: usize = 256;

/// One rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name, as upstream wrote it or should have written it.
    pub field: String,
    /// What is wrong, as a sentence of ours that quotes no value.
    pub message: String,
}

/// Reads an intent, or says everything that is wrong with it.
pub fn parse(body: &[u8], api: Api) -> Result<Intent, Box<Invalid>> {
    if body.len() > BODY_BYTES_MAX {
        let size = format!("has {} bytes; at most {BODY_BYTES_MAX} are read", body.len());
        return Err(Box::new(Invalid { is_too_large: true, ..*whole(&size) }));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        whole(&format!("is not UTF-8: it breaks after byte {}", error.valid_up_to()))
    })?;
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| {
        // The error's own text quotes the input, and the input may hold a person's data.
        whole(&format!(
            "is not a JSON object: it breaks at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let mut reader = Reader { members: &members.0, errors: Vec::new() };
    reader.check_names();
    reader.read(api)
}

/// An error of the body as a whole.
fn whole(message: &str) -> Box<Invalid> {
    let error = FieldError { field: "body".to_owned(), message: message.to_owned() };
    let valid = Fragment::default();
    Box::new(Invalid { errors: vec![error], valid, is_too_large: false })
}

/// The members of a JSON object, in order, repeated ones kept.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A member's name, taken from the input itself where it holds no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Take)
    }
}

struct Reader<'a> {
    members: &'a [(Cow<'a, str>, &'a RawValue)],
    errors: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn complain(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    fn check_names(&mut self) {
        let mut unknown: Vec<&str> =
            self.members.iter().map(|(name, _)| &**name).filter(|n| !FIELDS.contains(n)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let unnamed = unknown.len().saturating_sub(UNKNOWN_FIELDS_NAMED_MAX);
        for name in unknown.into_iter().take(UNKNOWN_FIELDS_NAMED_MAX) {
            // An unknown name can be anything, even personal data; its beginning is enough.
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            self.complain(&shown, "is not a field of an intent");
        }
        if unnamed > 0 {
            self.complain("body", format!("has {unnamed} more fields that no intent has"));
        }
    }

    /// The one value of a field; a repeated field has none, because neither is the right one.
    fn value(&mut self, field: &'static str) -> Option<&'a RawValue> {
        let mut values = self.members.iter().filter(|(name, _)| name == field);
        let first = values.next().map(|(_, value)| *value);
        if values.next().is_some() {
            self.complain(field, "is given more than once");
            return None;
        }
        first
    }

    /// Reads a field if it is there, and not null.
    fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(field)?;
        if is_null(value) { None } else { self.keep(field, read(value)) }
    }

    fn required<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        if !self.members.iter().any(|(name, _)| name == field) {
            self.complain(field, "is missing");
            return None;
        }
        let value = self.value(field)?;
        self.keep(field, read(value))
    }

    fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.complain(field, message)).ok()
    }

    fn read(mut self, api: Api) -> Result<Intent, Box<Invalid>> {
        let reference = self.required("merchantRefId", field::with(Reference::parse));
        let amount = self.required("amount", |raw| {
            Amount::parse(&field::number_text(raw)?).map_err(str::to_owned)
        });
        let description =
            self.required("description", |raw| field::line(raw, DESCRIPTION_CHARS_MAX));
        let description = description.map(Private::new);
        let read_name = |raw| field::line(raw, NAME_CHARS_MAX);
        let name = match api {
            Api::V1 => self.optional("custName", read_name),
            Api::V2 => self.required("custName", read_name),
        };
        let name = name.map(Private::new);
        let contact = self.contact();
        let (expiry, disable_approval) = self.fields_of_v2(api);
        let deadline = self.optional("deadline", field::time);
        let metadata = self.optional("metadata", metadata).unwrap_or_default();

        match (reference, amount, description, contact) {
            (Some(reference), Some(amount), Some(description), Some(contact))
                if self.errors.is_empty() =>
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
                errors: self.errors,
                valid: Fragment { reference, amount, description, name, contact, metadata },
                is_too_large: false,
            })),
        }
    }

    fn contact(&mut self) -> Option<Contact> {
        let errors_before = self.errors.len();
        let mobile = self.optional("custMobile", field::unless_empty(Mobile::parse)).flatten();
        let email = self.optional("custEmail", field::unless_empty(Email::parse)).flatten();
        match (mobile, email) {
            (Some(mobile), Some(email)) => Some(Contact::Both(mobile, email)),
            (Some(mobile), None) => Some(Contact::Mobile(mobile)),
            (None, Some(email)) => Some(Contact::Email(email)),
            (None, None) => {
                if self.errors.len() == errors_before {
                    self.complain("custMobile", "or custEmail is needed: at least one of them");
                }
                None
            }
        }
    }

    /// V1 does not take them. Ignoring them would make a link that lives longer, or waits for an
    /// approver, other than upstream asked for.
    fn fields_of_v2(&mut self, api: Api) -> (Option<Timestamp>, Option<bool>) {
        if api == Api::V2 {
            let expiry = self.optional(EXPIRY, field::time);
            return (expiry, self.optional(DISABLE_APPROVAL, field::boolean));
        }
        for field in [EXPIRY, DISABLE_APPROVAL] {
            if self.members.iter().any(|(name, value)| name == field && !is_null(value)) {
                self.complain(field, "is only for merchants with api = \"v2\"");
            }
        }
        (None, None)
    }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
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
