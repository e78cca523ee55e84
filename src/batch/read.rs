//! A file as rows under named columns, whatever its format.
//!
//! A lenient reader of money files silently pays the wrong sum: a forgotten quotation mark swallows
//! the rows below it, a comma in a text shifts every cell after it, a repeated column leaves one of
//! two amounts. So a row that is not exactly as wide as the header is bad, and so is one with an
//! odd quotation mark. An error never quotes a cell: it can hold personal data, and so can a
//! "column name" in a file without a header.

pub(super) mod csv;

use std::collections::BTreeMap;

use crate::domain::intent::wire::FIELDS;

/// The prefix of the columns that make up `metadata`.
const METADATA: &str = "metadata.";
/// A longer column name is not quoted.
const NAME_CHARS_MAX: usize = 80;

/// A file's rows, in order, without the empty ones.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A field of the intent, by its name.
    Field(&'static str),
    /// An entry of `metadata`, by its key.
    Metadata(String),
}

/// One row, before validation.
pub(super) struct Row {
    /// The number that a spreadsheet shows; the header is row 1.
    pub(super) number: usize,
    /// As many cells as there are columns, or what is wrong with the row's shape.
    pub(super) cells: Result<Vec<String>, String>,
}

/// Why a file has no rows at all: everything that is wrong with it, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SheetError(Vec<String>);

impl SheetError {
    fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

impl Column {
    /// The column that has this name.
    fn named(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix(METADATA).filter(|key| !key.is_empty()) {
            return Some(Self::Metadata(key.to_owned()));
        }
        let field = FIELDS.into_iter().find(|field| *field == name && *field != "metadata");
        field.map(Self::Field)
    }

    /// The name that the header gives it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Field(name) => (*name).to_owned(),
            Self::Metadata(key) => format!("{METADATA}{key}"),
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.number)
    }
}

/// The columns that a header names, or everything that is wrong with it.
fn columns(names: &[&str]) -> Result<Vec<Column>, SheetError> {
    let found: Vec<Option<Column>> = names.iter().map(|name| Column::named(name)).collect();
    if found.iter().all(Option::is_none) {
        return Err(SheetError(vec![headless(names)]));
    }
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
    for required in ["merchantRefId", "amount", "description"] {
        if !seen.contains_key(required) {
            problems.push(format!("the column {required} is missing"));
        }
    }
    if problems.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(SheetError(problems))
    }
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
    if name == "metadata" || name == METADATA {
        return format!("column {column}: write metadata.KEY, a column for each key");
    }
    if let Some(field) = FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
        return format!("column {column} is not a field of an intent; write {field}");
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
