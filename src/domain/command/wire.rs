//! The JSON of a command.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{Action, Command, InvalidCommand};
use crate::domain::object::{Reader, Unreadable, field};
use crate::domain::record::headers::written;
use crate::domain::reference::Reference;

/// Every field of a command, in the order in which errors are reported.
pub const FIELDS: [&str; 3] = [COMMAND, "merchantRefId", EXPIRY];

/// The field that every command has, and no intent.
pub const COMMAND: &str = "command";
const EXPIRY: &str = "expiryDate";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Cancel,
    Extend,
}

/// Reads a command, or says everything that is wrong with it.
pub fn parse(body: &[u8]) -> Result<Command, Box<InvalidCommand>> {
    let mut reader = Reader::new(body, &FIELDS, "a command").map_err(|unreadable| {
        let Unreadable { error, is_too_large } = unreadable;
        InvalidCommand { errors: vec![error], reference: None, is_intent: false, is_too_large }
    })?;
    let is_intent = !reader.has(COMMAND) && reader.has("amount");
    let word = reader.required(COMMAND, word);
    let reference = reader.required("merchantRefId", field::with(Reference::parse));
    let expiry = match word {
        Some(Word::Extend) => reader.required(EXPIRY, field::time),
        Some(Word::Cancel) | None => None,
    };
    if word == Some(Word::Cancel) && reader.is_given(EXPIRY) {
        reader.complain(EXPIRY, "is only for the command \"extend\"");
    }
    let action = match (word, expiry) {
        (Some(Word::Cancel), _) => Some(Action::Cancel),
        (Some(Word::Extend), expiry) => expiry.map(Action::Extend),
        (None, _) => None,
    };
    match (reference, action) {
        (Some(reference), Some(action)) if reader.errors.is_empty() => {
            Ok(Command { reference, action })
        }
        (reference, _) => Err(Box::new(InvalidCommand {
            errors: reader.errors,
            reference,
            is_intent,
            is_too_large: false,
        })),
    }
}

/// Writes a command as [`parse`] reads it. PayU's dates end at milliseconds, and so does this one.
pub fn to_json(command: &Command) -> Vec<u8> {
    let reference = command.reference.as_str();
    let json = match command.action {
        Action::Cancel => serde_json::json!({ COMMAND: "cancel", "merchantRefId": reference }),
        Action::Extend(expiry) => serde_json::json!({
            COMMAND: "extend",
            "merchantRefId": reference,
            EXPIRY: written(expiry),
        }),
    };
    json.to_string().into_bytes()
}

/// Reads the date of an extend, by itself.
pub fn expiry(text: &str) -> Result<Timestamp, &'static str> {
    field::time_of(text)
}

fn word(raw: &RawValue) -> Result<Word, String> {
    match field::string(raw)?.as_str() {
        "cancel" => Ok(Word::Cancel),
        "extend" => Ok(Word::Extend),
        _ => Err("must be \"cancel\" or \"extend\"".to_owned()),
    }
}
