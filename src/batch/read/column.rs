//! What a column holds.

use crate::batch::text::is_invisible;
use crate::domain::intent::wire::FIELDS;

/// The prefix of the columns that make up `metadata`.
pub(super) const METADATA: &str = "metadata.";
/// The column that `FILE.bad.csv` has beside those of its file. It is never read.
pub(in crate::batch) const ERROR_COLUMN: &str = "error";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::batch) enum Column {
    /// A field of the intent, by its name.
    Field(&'static str),
    /// An entry of `metadata`, by its key.
    Metadata(String),
    /// Left out, as `--map` says, or since it says what was wrong.
    Unread,
}

impl Column {
    /// The column that has this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name.contains(is_invisible) {
            return None;
        }
        if name == ERROR_COLUMN {
            return Some(Self::Unread);
        }
        if let Some(key) = name.strip_prefix(METADATA).filter(|key| !key.is_empty()) {
            return Some(Self::Metadata(key.to_owned()));
        }
        let field = FIELDS.into_iter().find(|field| *field == name && *field != "metadata");
        field.map(Self::Field)
    }

    /// The name that a header gives it; what is not read has none.
    pub(in crate::batch) fn name(&self) -> Option<String> {
        match self {
            Self::Field(name) => Some((*name).to_owned()),
            Self::Metadata(key) => Some(format!("{METADATA}{key}")),
            Self::Unread => None,
        }
    }
}

/// A column as a spreadsheet names it: A to Z, then AA.
pub(super) fn letters(index: usize) -> String {
    let mut rest = index;
    let mut letters = Vec::new();
    loop {
        let letter = u8::try_from(rest % 26).unwrap_or(0);
        letters.push(char::from(b'A'.saturating_add(letter)));
        match (rest / 26).checked_sub(1) {
            Some(next) => rest = next,
            None => return letters.into_iter().rev().collect(),
        }
    }
}
