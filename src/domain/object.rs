//! Reads a JSON object field by field.
//!
//! A derived reader stops at the first error, lets a misspelt `custemail` vanish, and keeps the
//! last of two amounts. Upstream would then fix one field at a time, and one day pay the wrong sum.
//! So the fields are read here, one by one, over their raw text, and every error is kept.

pub(super) mod field;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How many unknown fields are named. A body can have ten thousand, and their errors travel in a
/// header, which RabbitMQ accepts only up to its frame size.
const UNKNOWN_FIELDS_NAMED_MAX: usize = 20;

/// One rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name, as upstream wrote it or should have written it.
    pub field: String,
    /// What is wrong, as a sentence of ours that quotes no value.
    pub message: String,
}

/// A body that cannot be read at all.
pub(super) struct Unreadable {
    pub(super) error: FieldError,
    pub(super) is_too_large: bool,
}

/// The members of a JSON object, in order, repeated ones kept.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

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

/// The fields of one object, and the errors that were found in them.
pub(super) struct Reader<'a> {
    members: Members<'a>,
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    /// Begins with every name that is none of `fields`; `noun` is what the object should be.
    pub(super) fn new(body: &'a [u8], fields: &[&str], noun: &str) -> Result<Self, Unreadable> {
        if body.len() > BODY_BYTES_MAX {
            let size = format!("has {} bytes; at most {BODY_BYTES_MAX} are read", body.len());
            return Err(Unreadable { is_too_large: true, ..whole(&size) });
        }
        let text = std::str::from_utf8(body).map_err(|error| {
            whole(&format!("is not UTF-8: it breaks after byte {}", error.valid_up_to()))
        })?;
        let members = serde_json::from_str(text).map_err(|error| {
            // The error's own text quotes the input, and the input may hold a person's data.
            whole(&format!(
                "is not a JSON object: it breaks at line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let mut reader = Self { members, errors: Vec::new() };
        reader.check_names(fields, noun);
        Ok(reader)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.members.0.iter().any(|(name, _)| name == field)
    }

    /// Whether a field is there, and not null.
    pub(super) fn is_given(&self, field: &str) -> bool {
        self.members.0.iter().any(|(name, value)| name == field && !is_null(value))
    }

    pub(super) fn complain(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    fn check_names(&mut self, fields: &[&str], noun: &str) {
        let names = self.members.0.iter().map(|(name, _)| name.clone());
        let mut unknown: Vec<_> = names.filter(|name| !fields.contains(&&**name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let unnamed = unknown.len().saturating_sub(UNKNOWN_FIELDS_NAMED_MAX);
        for name in unknown.into_iter().take(UNKNOWN_FIELDS_NAMED_MAX) {
            // An unknown name can be anything, even personal data; its beginning is enough.
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            self.complain(&shown, format!("is not a field of {noun}"));
        }
        if unnamed > 0 {
            self.complain("body", format!("has {unnamed} more fields that are unknown"));
        }
    }

    /// The one value of a field; a repeated field has none, because neither is the right one.
    fn value(&mut self, field: &'static str) -> Option<&'a RawValue> {
        let mut values = self.members.0.iter().filter(|(name, _)| name == field);
        let first = values.next().map(|(_, value)| *value);
        if values.next().is_some() {
            self.complain(field, "is given more than once");
            return None;
        }
        first
    }

    /// Reads a field if it is there, and not null.
    pub(super) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(field)?;
        if is_null(value) { None } else { self.keep(field, read(value)) }
    }

    pub(super) fn required<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&'a RawValue) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(field) {
            self.complain(field, "is missing");
            return None;
        }
        let value = self.value(field)?;
        self.keep(field, read(value))
    }

    fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.complain(field, message)).ok()
    }
}

/// An error of the body as a whole.
fn whole(message: &str) -> Unreadable {
    let error = FieldError { field: "body".to_owned(), message: message.to_owned() };
    Unreadable { error, is_too_large: false }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}
