//! Rows as intents, judged by the parser that the worker will judge them by.
//!
//! A second set of rules would sooner or later let a row through that the worker fails, or stop
//! one that it takes. So each row becomes the JSON that would be sent, and that is parsed. What a
//! file can know on top of it: the merchant's `max_amount`, and a reference that stands twice.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::sheet::{Column, Row, Sheet};
use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::intent::{FieldError, Intent, wire};
use crate::domain::reference::Reference;

/// A row that was looked at.
pub(super) struct Judged {
    /// The row's number.
    pub(super) number: usize,
    /// Its reference, if that is valid.
    pub(super) reference: Option<Reference>,
    /// What would be sent, or everything that is wrong.
    pub(super) verdict: Result<Ready, Vec<CellError>>,
}

/// An intent that can be sent.
pub(super) struct Ready {
    /// Its amount, by which an event for another intent of this reference is told apart.
    pub(super) amount: Amount,
    /// Its JSON.
    pub(super) body: Bytes,
}

/// What is wrong with a cell, or with a row as a whole. It quotes no cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellError {
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

/// Judges every row of a sheet.
pub(super) fn judge(sheet: Sheet, merchant: &Merchant) -> Vec<Judged> {
    let Sheet { columns, rows } = sheet;
    let judged = rows.into_iter().map(|row| judge_row(row, &columns, merchant));
    let mut judged: Vec<Judged> = judged.collect();
    refuse_repeated(&mut judged);
    judged
}

fn judge_row(row: Row, columns: &[Column], merchant: &Merchant) -> Judged {
    let number = row.number;
    let cells = match row.cells {
        Ok(cells) => cells,
        Err(message) => {
            let error = CellError { column: None, message };
            return Judged { number, reference: None, verdict: Err(vec![error]) };
        }
    };
    let body = body(columns, &cells, |_| true);
    match wire::parse(&body, merchant.account.api) {
        Ok(intent) => Judged {
            number,
            verdict: limited(&intent, body, merchant),
            reference: Some(intent.reference),
        },
        Err(invalid) => {
            let errors = invalid.errors.into_iter();
            let errors = errors.flat_map(|error| cell_errors(error, columns, &cells, merchant));
            Judged { number, reference: invalid.valid.reference, verdict: Err(errors.collect()) }
        }
    }
}

fn limited(intent: &Intent, body: Vec<u8>, merchant: &Merchant) -> Result<Ready, Vec<CellError>> {
    if intent.amount > merchant.max_amount {
        return Err(vec![CellError {
            column: Some("amount".to_owned()),
            message: format!("is above the merchant's max_amount, {}", merchant.max_amount),
        }]);
    }
    Ok(Ready { amount: intent.amount, body: body.into() })
}

/// The JSON of a row. Every value is a string as it stands in the cell, so that no digit passes
/// through a number; an empty cell is an absent field.
fn body(columns: &[Column], cells: &[String], takes: impl Fn(&Column) -> bool) -> Vec<u8> {
    let mut fields = Map::new();
    let mut metadata = Map::new();
    for (column, cell) in columns.iter().zip(cells) {
        if cell.is_empty() || !takes(column) {
            continue;
        }
        match column {
            Column::Field(name) => fields.insert((*name).to_owned(), value(name, cell)),
            Column::Metadata(key) => metadata.insert(key.clone(), Value::from(cell.as_str())),
        };
    }
    if !metadata.is_empty() {
        fields.insert("metadata".to_owned(), metadata.into());
    }
    Value::from(fields).to_string().into_bytes()
}

/// The one field that is no string; spreadsheets write it in capitals.
fn value(name: &str, cell: &str) -> Value {
    match cell.to_ascii_lowercase().as_str() {
        "true" if name == "disableApprovalFlow" => true.into(),
        "false" if name == "disableApprovalFlow" => false.into(),
        _ => cell.into(),
    }
}

/// An error of the parser by column. Of `metadata` it names no entry, so each is tried alone.
fn cell_errors(
    error: FieldError,
    columns: &[Column],
    cells: &[String],
    merchant: &Merchant,
) -> Vec<CellError> {
    let FieldError { field, message } = error;
    if field != "metadata" {
        let column = (field != "body").then_some(field);
        return vec![CellError { column, message }];
    }
    let entries = columns.iter().filter(|column| matches!(column, Column::Metadata(_)));
    let mut errors = Vec::new();
    for entry in entries {
        let alone = body(columns, cells, |column| column == entry);
        let Err(invalid) = wire::parse(&alone, merchant.account.api) else { continue };
        let own = invalid.errors.into_iter().filter(|error| error.field == field);
        errors.extend(
            own.map(|error| CellError { column: Some(entry.name()), message: error.message }),
        );
    }
    if errors.is_empty() {
        errors.push(CellError { column: Some(field), message });
    }
    errors
}

/// Of two rows with one reference the worker would fail or look up the second; which of them is
/// meant, only a person knows. So both are bad.
fn refuse_repeated(rows: &mut [Judged]) {
    let mut places: HashMap<Reference, Vec<usize>> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        if let Some(reference) = &row.reference {
            places.entry(reference.clone()).or_default().push(place);
        }
    }
    for places in places.into_values().filter(|places| places.len() > 1) {
        let number = |place: Option<&usize>| place.and_then(|p| rows.get(*p)).map(|row| row.number);
        let (first, second) = (number(places.first()), number(places.get(1)));
        for (nth, place) in places.into_iter().enumerate() {
            let other = if nth == 0 { second } else { first };
            let (Some(row), Some(other)) = (rows.get_mut(place), other) else { continue };
            let message = format!("is the same as in row {other}");
            let error = CellError { column: Some("merchantRefId".to_owned()), message };
            match &mut row.verdict {
                Ok(_) => row.verdict = Err(vec![error]),
                Err(errors) => errors.push(error),
            }
        }
    }
}
