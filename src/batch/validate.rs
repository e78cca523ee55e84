//! Rows as intents, validated by the parser that the worker reads them with.
//!
//! A second set of rules would sooner or later pass a row that the worker fails, or stop one that
//! it accepts. So each row becomes the JSON that would be sent, and that is parsed. What can
//! be checked here on top of it: the merchant's `max_amount`, and what a spreadsheet does to a cell.
//! That is no rule of an intent: upstream's programs may have reasons for a blank description, a
//! person who fills a sheet has none.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::damage;
use super::read::{Cell, Column, Content, Finding, Row};
use super::written::{self, Note};
use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::intent::{Intent, wire};
use crate::domain::object::FieldError;
use crate::domain::reference::Reference;

/// A row and the result of its validation.
#[derive(Debug)]
pub struct Validated {
    /// As the spreadsheet counts.
    pub number: usize,
    pub result: Result<ValidRow, InvalidRow>,
    /// How cells of it were read.
    pub(super) notes: Vec<Note>,
}

/// An intent that can be sent.
#[derive(Debug)]
pub struct ValidRow {
    pub intent: Intent,
    /// The intent's JSON.
    pub body: Bytes,
}

/// A row that is not sent.
#[derive(Debug)]
pub struct InvalidRow {
    /// Its reference, if that is valid.
    pub reference: Option<Reference>,
    /// Its amount, if that is valid.
    pub amount: Option<Amount>,
    /// Everything that is wrong with it.
    pub errors: Vec<CellError>,
}

/// What is wrong with a cell, or with a row as a whole. It quotes no cell that can be personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    column: Option<String>,
    message: String,
}

impl std::fmt::Display for CellError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column} {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl CellError {
    pub(super) fn of(column: &str, message: String) -> Self {
        Self { column: Some(column.to_owned()), message }
    }
}

impl Validated {
    pub fn reference(&self) -> Option<&Reference> {
        match &self.result {
            Ok(row) => Some(&row.intent.reference),
            Err(row) => row.reference.as_ref(),
        }
    }

    pub fn amount(&self) -> Option<Amount> {
        match &self.result {
            Ok(row) => Some(row.intent.amount),
            Err(row) => row.amount,
        }
    }

    pub(super) fn add_error(&mut self, error: CellError) {
        let (reference, amount) = (self.reference().cloned(), self.amount());
        match &mut self.result {
            Ok(_) => self.result = Err(InvalidRow { reference, amount, errors: vec![error] }),
            Err(row) => row.errors.push(error),
        }
    }
}

pub(super) fn validate(row: &Row, columns: &[Column], merchant: &Merchant) -> Validated {
    let number = row.number;
    let mut notes = Vec::new();
    let result = match (&row.problem, &row.content) {
        (Some(problem), _) => {
            let errors = vec![CellError { column: None, message: problem.clone() }];
            Err(InvalidRow { reference: None, amount: None, errors })
        }
        (None, Content::Json(json)) => {
            let error =
                |FieldError { field, message }| CellError { column: column(field), message };
            checked(json.clone().into_bytes(), Vec::new(), merchant, |e| vec![error(e)])
        }
        (None, Content::Cells(cells)) => {
            let texts = columns.iter().zip(cells).map(|(column, cell)| {
                let (text, note) = written::read(column, cell);
                notes.extend(note);
                text
            });
            let texts: Vec<_> = texts.collect();
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            let damages = damages(columns, cells);
            let body = body(columns, &texts, |_| true);
            checked(body, damages, merchant, |e| cell_errors(e, columns, &texts, merchant))
        }
    };
    Validated { number, result, notes }
}

/// The intent of a body, with the errors that its cells have already.
fn checked(
    body: Vec<u8>,
    mut errors: Vec<CellError>,
    merchant: &Merchant,
    in_cells: impl Fn(FieldError) -> Vec<CellError>,
) -> Result<ValidRow, InvalidRow> {
    let (intent, reference, amount) = match wire::parse(&body, merchant.account.api) {
        Ok(intent) => {
            let (reference, amount) = (intent.reference.clone(), intent.amount);
            (Some(intent), Some(reference), Some(amount))
        }
        Err(invalid) => {
            let broken = invalid.errors.into_iter().flat_map(in_cells);
            // What is wrong with a damaged cell is the damage.
            let damaged: Vec<_> = errors.iter().map(|error| error.column.clone()).collect();
            errors.extend(broken.filter(|error| !damaged.contains(&error.column)));
            (None, invalid.valid.reference, invalid.valid.amount)
        }
    };
    let is_damaged = errors.iter().any(|error| error.column.as_deref() == Some("amount"));
    if !is_damaged && amount.is_some_and(|amount| amount > merchant.max_amount) {
        let message = format!("is above the merchant's max_amount, {}", merchant.max_amount);
        errors.push(CellError::of("amount", message));
    }
    match intent {
        Some(intent) if errors.is_empty() => Ok(ValidRow { intent, body: body.into() }),
        _ => Err(InvalidRow { reference, amount, errors }),
    }
}

/// Every cell that cannot be taken as it is.
fn damages(columns: &[Column], cells: &[Cell]) -> Vec<CellError> {
    let cells = columns.iter().zip(cells);
    let damaged = cells.filter_map(|(column, Cell { text, finding })| {
        let message = match finding {
            Some(Finding::Error(message)) => Some(message.clone()),
            Some(Finding::Formula | Finding::Number) | None => damage::of(column, text),
        };
        Some(CellError { column: column.name(), message: message? })
    });
    damaged.collect()
}

/// The JSON of a row. Every value is the cell's text as a string, so that no digit passes
/// through a number; an empty cell is an absent field.
fn body(columns: &[Column], cells: &[&str], takes: impl Fn(&Column) -> bool) -> Vec<u8> {
    let mut fields = Map::new();
    let mut metadata = Map::new();
    for (column, cell) in columns.iter().zip(cells) {
        if cell.is_empty() || !takes(column) {
            continue;
        }
        match column {
            Column::Field(name) => fields.insert((*name).to_owned(), value(name, cell)),
            Column::Metadata(key) => metadata.insert(key.clone(), Value::from(*cell)),
            Column::Unread => None,
        };
    }
    if !metadata.is_empty() {
        fields.insert("metadata".to_owned(), metadata.into());
    }
    Value::from(fields).to_string().into_bytes()
}

/// `disableApprovalFlow` is a boolean; spreadsheets write it in capitals.
fn value(name: &str, cell: &str) -> Value {
    match cell.to_ascii_lowercase().as_str() {
        "true" if name == "disableApprovalFlow" => true.into(),
        "false" if name == "disableApprovalFlow" => false.into(),
        _ => cell.into(),
    }
}

/// The column of a parser's error; that of the whole body has none.
fn column(field: String) -> Option<String> {
    (field != "body").then_some(field)
}

/// A parser error by column. For `metadata` the parser names no entry, so each is tried alone.
fn cell_errors(
    error: FieldError,
    columns: &[Column],
    cells: &[&str],
    merchant: &Merchant,
) -> Vec<CellError> {
    let FieldError { field, message } = error;
    if field != "metadata" {
        return vec![CellError { column: column(field), message }];
    }
    let entries = columns.iter().filter(|column| matches!(column, Column::Metadata(_)));
    let mut errors = Vec::new();
    for entry in entries {
        let alone = body(columns, cells, |column| column == entry);
        let Err(invalid) = wire::parse(&alone, merchant.account.api) else { continue };
        let own = invalid.errors.into_iter().filter(|error| error.field == field);
        let own = own.map(|error| CellError { column: entry.name(), message: error.message });
        errors.extend(own);
    }
    if errors.is_empty() {
        errors.push(CellError { column: Some(field), message });
    }
    errors
}
