//! Every shape that goes to PayU or comes back, and the only serde of this adapter.
//!
//! The danger: reading what is not there. So numbers are kept as the text that was written (an
//! amount never becomes a float), a field is accepted in the types that PayU's pages show it in
//! and in no other, and a body that is not one whole JSON envelope, or names a field twice, is not
//! read as one.

mod create;
mod envelope;
mod inquiry;
mod shape;
mod token;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use create::{create_body, create_body_for_nobody, date};
pub use envelope::envelope;
pub use inquiry::{
    AccountDetail, BulkFile, MaskedVpa, account_detail, bulk_file, file_form, masked_vpas,
};
pub use shape::shape;
pub use token::{Granted, TokenAnswer, token_answer};

/// A value as it was written; null counts as absent.
type Raw = Option<Box<RawValue>>;

/// The text of a JSON string, or of a number as it was written; nothing else has a text. An empty
/// string counts as absent.
fn text(raw: Raw) -> Option<String> {
    let raw = raw?;
    let json = raw.get();
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok()?,
        b'-' | b'0'..=b'9' => json.to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Accepts only an object: serde would also read a struct from a list, by position.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    json.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(json).ok())?
}
