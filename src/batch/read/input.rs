//! Which file, and what a person says of its form.

use std::path::PathBuf;
use std::str::FromStr;

use super::mapping::Mapped;

/// A file of intents. What is `None` is found out.
#[derive(Clone, Debug)]
pub struct Input {
    /// `-` is standard input.
    pub path: PathBuf,
    pub delimiter: Option<Delimiter>,
    pub encoding: Option<Encoding>,
    pub sheet: Option<String>,
    pub mapping: Vec<Mapped>,
}

impl Input {
    /// A file of which nothing is said.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            delimiter: None,
            encoding: None,
            sheet: None,
            mapping: Vec::new(),
        }
    }

    /// Whether nothing is said of its form.
    pub(in crate::batch) fn is_plain(&self) -> bool {
        let Self { path: _, delimiter, encoding, sheet, mapping } = self;
        delimiter.is_none() && encoding.is_none() && sheet.is_none() && mapping.is_empty()
    }

    pub fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// The name that it is called by, and that files beside it are named after.
    pub fn name(&self) -> PathBuf {
        if self.is_stdin() { PathBuf::from("stdin") } else { self.path.clone() }
    }
}

/// What separates the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiter(pub(in crate::batch) u8);

#[derive(Debug, thiserror::Error)]
#[error("it must be one character, such as ; or |, or tab")]
pub struct DelimiterError;

impl FromStr for Delimiter {
    type Err = DelimiterError;

    fn from_str(text: &str) -> Result<Self, DelimiterError> {
        match text.as_bytes() {
            b"tab" | b"\\t" | b"\t" => Ok(Self(b'\t')),
            [sign] if sign.is_ascii_punctuation() && *sign != b'"' => Ok(Self(*sign)),
            _ => Err(DelimiterError),
        }
    }
}

/// How the file's characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(pub(super) &'static encoding_rs::Encoding);

#[derive(Debug, thiserror::Error)]
#[error("it is not the name of an encoding, such as windows-1252 or utf-16le")]
pub struct EncodingError;

impl FromStr for Encoding {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        encoding_rs::Encoding::for_label(text.as_bytes()).map(Self).ok_or(EncodingError)
    }
}
