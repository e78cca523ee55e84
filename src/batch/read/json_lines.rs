//! JSON lines: an intent on each line, as it would be sent.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;
use serde_json::value::RawValue;

use super::column::{Column, ERROR_COLUMN};
use super::csv::not_in_encoding;
use super::decoder::is_malformed;
use super::mapping::{self, Mapped};
use super::row::{Content, ReadError, Row};
use crate::domain::object::Members;

/// No line is longer, in bytes; the largest intent has 64 KiB.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) struct Lines<'a, R> {
    text: BufReader<R>,
    mapping: &'a [Mapped],
    number: usize,
}

impl<'a, R: Read> Lines<'a, R> {
    pub(super) fn new(text: R, mapping: &'a [Mapped]) -> Result<Self, ReadError> {
        if mapping.iter().any(|mapped| matches!(mapped.column, Column::Metadata(_))) {
            return Err(ReadError::Usage(
                "JSON lines have their metadata as an object, so --map cannot name an entry of it"
                    .to_owned(),
            ));
        }
        Ok(Self { text: BufReader::new(text), mapping, number: 0 })
    }

    fn line(&mut self) -> Result<Option<String>, ReadError> {
        let mut line = Vec::new();
        self.number = self.number.saturating_add(1);
        let mut limited = self.text.by_ref().take(LINE_BYTES_MAX);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) => Ok(None),
            Ok(_) if limited.limit() == 0 && !line.ends_with(b"\n") => {
                Err(ReadError::sheet(format!(
                    "line {} is longer than {} KiB; write each intent on a line of its own",
                    self.number,
                    LINE_BYTES_MAX / 1024
                )))
            }
            Ok(_) => Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            Err(error) if is_malformed(&error) => {
                Err(not_in_encoding(&format!("line {}", self.number)))
            }
            Err(error) => Err(ReadError::Source(error)),
        }
    }
}

impl<R: Read> Iterator for Lines<'_, R> {
    type Item = Result<Row, ReadError>;

    /// The next line that is not blank.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.line() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            let line = line.trim();
            if !line.is_empty() {
                let json = renamed(line, self.mapping).unwrap_or_else(|| line.to_owned());
                let content = Content::Json(json);
                return Some(Ok(Row { number: self.number, content, problem: None }));
            }
        }
    }
}

/// The same object under the names of the fields, and without the error of a `FILE.bad.jsonl`.
/// `None` if it is none, of which the parser of intents says more.
fn renamed(line: &str, mapping: &[Mapped]) -> Option<String> {
    let Members(members) = serde_json::from_str(line).ok()?;
    let mut json = String::from("{");
    for (name, value) in members {
        let name = match mapping::of(&name, mapping) {
            None if name == ERROR_COLUMN => continue,
            None => name.into_owned(),
            Some(column) => match column.name() {
                Some(name) => name,
                None => continue,
            },
        };
        if json.len() > 1 {
            json.push(',');
        }
        push(&mut json, name, value);
    }
    json.push('}');
    Some(json)
}

/// The value's text stays as it is: no digit of an amount passes through a number.
fn push(json: &mut String, name: String, value: &RawValue) {
    json.push_str(&Value::from(name).to_string());
    json.push(':');
    json.push_str(value.get());
}
