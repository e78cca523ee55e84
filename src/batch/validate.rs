//! Rows as intents, validated by the parser that the worker reads them with.
//!
//! A second set of rules would sooner or later pass a row that the worker fails, or stop one that
//! it accepts. So each row becomes the JSON that would be sent, and that is parsed. What can
//! be checked here on top of it: the merchant's `max_amount`, and a reference that is repeated.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::read::{Column, Row, Sheet};
use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::intent::{FieldError, Intent, wire};
use crate::domain::reference::Reference;

/// A row and the result of its validation.
pub(super) struct Validated {
    pub(super) number: usize,
    pub(super) result: Result<ValidRow, InvalidRow>,
}

/// An intent that can be sent.
pub(super) struct ValidRow {
    pub(super) reference: Reference,
    pub(super) amount: Amount,
    /// The intent's JSON.
    pub(super) body: Bytes,
}

/// A row that is not sent.
pub(super) struct InvalidRow {
    /// Its reference, if that is valid.
    pub(super) reference: Option<Reference>,
    /// Everything that is wrong with it.
    pub(super) errors: Vec<CellError>,
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

impl Validated {
    fn reference(&self) -> Option<&Reference> {
        match &self.result {
            Ok(row) => Some(&row.reference),
            Err(row) => row.reference.as_ref(),
        }
    }

    fn add_error(&mut self, error: CellError) {
        match &mut self.result {
            Ok(row) => {
                let reference = Some(row.reference.clone());
                self.result = Err(InvalidRow { reference, errors: vec![error] });
            }
            Err(row) => row.errors.push(error),
        }
    }
}

/// Validates every row of a sheet.
pub(super) fn validate(sheet: Sheet, merchant: &Merchant) -> Vec<Validated> {
    let Sheet { columns, rows } = sheet;
    let validated = rows.into_iter().map(|Row { number, cells }| Validated {
        number,
        result: match cells {
            Ok(cells) => valid_row(&columns, &cells, merchant),
            Err(message) => Err(InvalidRow {
                reference: None,
                errors: vec![CellError { column: None, message }],
            }),
        },
    });
    let mut validated: Vec<Validated> = validated.collect();
    reject_repeated(&mut validated);
    validated
}

fn valid_row(
    columns: &[Column],
    cells: &[String],
    merchant: &Merchant,
) -> Result<ValidRow, InvalidRow> {
    let body = body(columns, cells, |_| true);
    let intent = wire::parse(&body, merchant.account.api).map_err(|invalid| {
        let errors = invalid.errors.into_iter();
        let errors = errors.flat_map(|error| cell_errors(error, columns, cells, merchant));
        InvalidRow { reference: invalid.valid.reference, errors: errors.collect() }
    })?;
    let Intent { reference, amount, .. } = intent;
    if amount > merchant.max_amount {
        let error = CellError {
            column: Some("amount".to_owned()),
            message: format!("is above the merchant's max_amount, {}", merchant.max_amount),
        };
        return Err(InvalidRow { reference: Some(reference), errors: vec![error] });
    }
    Ok(ValidRow { reference, amount, body: body.into() })
}

/// The JSON of a row. Every value is the cell's text as a string, so that no digit passes
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

/// `disableApprovalFlow` is a boolean; spreadsheets write it in capitals.
fn value(name: &str, cell: &str) -> Value {
    match cell.to_ascii_lowercase().as_str() {
        "true" if name == "disableApprovalFlow" => true.into(),
        "false" if name == "disableApprovalFlow" => false.into(),
        _ => cell.into(),
    }
}

/// A parser error by column. For `metadata` the parser names no entry, so each is tried alone.
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

/// Of two rows with one reference the worker would fail or look up the second. Only a person knows
/// which one is meant, so both are bad.
fn reject_repeated(rows: &mut [Validated]) {
    let mut numbers: HashMap<Reference, Vec<usize>> = HashMap::new();
    for row in &*rows {
        if let Some(reference) = row.reference() {
            numbers.entry(reference.clone()).or_default().push(row.number);
        }
    }
    for row in rows {
        let same = row.reference().and_then(|reference| numbers.get(reference));
        let other = same.and_then(|same| same.iter().find(|number| **number != row.number));
        if let Some(other) = other {
            row.add_error(CellError {
                column: Some("merchantRefId".to_owned()),
                message: format!("is the same as in row {other}"),
            });
        }
    }
}
