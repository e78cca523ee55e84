//! The row that names the columns.

use std::collections::BTreeMap;

use super::row::SheetError;
use crate::batch::text::{code_point, is_invisible};
use crate::domain::intent::wire::FIELDS;

/// The prefix of the columns that make up `metadata`.
const METADATA: &str = "metadata.";
/// Without these there is no intent.
const REQUIRED: [&str; 3] = ["merchantRefId", "amount", "description"];
/// A longer column name is not quoted.
const NAME_CHARS_MAX: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::batch) enum Column {
    /// A field of the intent, by its name.
    Field(&'static str),
    /// An entry of `metadata`, by its key.
    Metadata(String),
}

impl Column {
    /// The column that has this name.
    fn named(name: &str) -> Option<Self> {
        if name.contains(is_invisible) {
            return None;
        }
        if let Some(key) = name.strip_prefix(METADATA).filter(|key| !key.is_empty()) {
            return Some(Self::Metadata(key.to_owned()));
        }
        let field = FIELDS.into_iter().find(|field| *field == name && *field != "metadata");
        field.map(Self::Field)
    }

    /// The name that the header gives it.
    pub(in crate::batch) fn name(&self) -> String {
        match self {
            Self::Field(name) => (*name).to_owned(),
            Self::Metadata(key) => format!("{METADATA}{key}"),
        }
    }
}

/// Whether a row names every required column, if only nearly so.
pub(super) fn is_one(names: &[String]) -> bool {
    let resembles = |required: &&str| names.iter().any(|name| field_like(name) == Some(required));
    REQUIRED.iter().all(resembles)
}

/// The columns that a header names, or everything that is wrong with it.
pub(super) fn columns(names: &[String]) -> Result<Vec<Column>, SheetError> {
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    if !names.iter().any(|name| Column::named(name).is_some() || field_like(name).is_some()) {
        return Err(SheetError::one(headless(&names)));
    }
    let found: Vec<Option<Column>> = names.iter().map(|name| Column::named(name)).collect();
    let mut problems = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, (name, column)) in names.iter().zip(&found).enumerate() {
        let Some(column) = column else {
            problems.push(unknown(index, name));
            continue;
        };
        if let Some(first) = seen.insert(column.name(), index) {
            let (first, second) = (letters(first), letters(index));
            problems.push(format!("columns {first} and {second} are both {}", column.name()));
        }
    }
    for required in REQUIRED {
        let is_meant = names.iter().any(|name| field_like(name) == Some(required));
        if !seen.contains_key(required) && !is_meant {
            problems.push(format!("the column {required} is missing"));
        }
    }
    if problems.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(SheetError(problems))
    }
}

/// The field whose name this is, but for case and for what cannot be seen.
fn field_like(name: &str) -> Option<&'static str> {
    let seen: String = name.chars().filter(|c| !is_invisible(*c)).collect();
    FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(seen.trim()))
}

fn headless(names: &[&str]) -> String {
    let text = "the first row must name the columns, such as merchantRefId,amount,description,\
                custMobile; it names none";
    match names {
        [one] if one.contains([';', '\t']) => {
            format!("{text}, because its cells are not separated by commas")
        }
        _ => text.to_owned(),
    }
}

fn unknown(index: usize, name: &str) -> String {
    let column = letters(index);
    if name.is_empty() {
        return format!("column {column} has no name");
    }
    let field = field_like(name).filter(|field| *field != "metadata");
    let write = field.map(|field| format!("; write {field}")).unwrap_or_default();
    if let Some(hidden) = name.chars().find(|c| is_invisible(*c)) {
        let hidden = code_point(hidden);
        return format!("column {column} has the invisible character {hidden} in its name{write}");
    }
    if let Some(field) = field {
        return format!("column {column} differs from {field} only in case{write}");
    }
    if name.eq_ignore_ascii_case("metadata") || name.eq_ignore_ascii_case(METADATA) {
        return format!("column {column}: write metadata.KEY, a column for each key");
    }
    if name.get(..METADATA.len()).is_some_and(|start| start.eq_ignore_ascii_case(METADATA)) {
        return format!("column {column} differs from metadata.KEY only in case");
    }
    let plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    if name.chars().count() <= NAME_CHARS_MAX && name.chars().all(plain) {
        return format!("column {column}, {name}, is not a field of an intent");
    }
    format!("column {column} is not a field of an intent")
}

/// A column as a spreadsheet names it: A to Z, then AA.
fn letters(index: usize) -> String {
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
