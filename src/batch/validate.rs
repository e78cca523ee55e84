//! Rows as intents, validated by the parser that the worker reads them with.
//!
//! A second set of rules would sooner or later pass a row that the worker fails, or stop one that
//! it accepts. So each row becomes the JSON that would be sent, and that is parsed. What can
//! be checked here on top of it: the merchant's `max_amount`, a reference that is repeated, and
//! what a spreadsheet does to a cell. That is no rule of an intent: upstream's programs may have
//! reasons for a blank description, a person who fills a sheet has none.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::read::{Column, Row, Sheet};
use super::text;
use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::event::EventIds;
use crate::domain::intent::wire;
use crate::domain::object::FieldError;
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
    /// Distinguishes its events from another one's.
    pub(super) event_ids: EventIds,
    /// The intent's JSON.
    pub(super) body: Bytes,
}

/// A row that is not sent.
pub(super) struct InvalidRow {
    /// Its reference, if that is valid.
    pub(super) reference: Option<Reference>,
    /// Its amount, if that is valid.
    pub(super) amount: Option<Amount>,
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
                let (reference, amount) = (Some(row.reference.clone()), Some(row.amount));
                self.result = Err(InvalidRow { reference, amount, errors: vec![error] });
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
                amount: None,
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
    let mut errors = damages(columns, cells);
    let (event_ids, reference, amount) = match wire::parse(&body, merchant.account.api) {
        Ok(intent) => {
            let event_ids = EventIds::of(&intent, &body, &merchant.name);
            (Some(event_ids), Some(intent.reference), Some(intent.amount))
        }
        Err(invalid) => {
            let broken = invalid.errors.into_iter();
            let broken = broken.flat_map(|error| cell_errors(error, columns, cells, merchant));
            // What is wrong with a damaged cell is the damage.
            let damaged: Vec<_> = errors.iter().map(|error| error.column.clone()).collect();
            errors.extend(broken.filter(|error| !damaged.contains(&error.column)));
            (None, invalid.valid.reference, invalid.valid.amount)
        }
    };
    if amount.is_some_and(|amount| amount > merchant.max_amount) {
        let message = format!("is above the merchant's max_amount, {}", merchant.max_amount);
        errors.push(CellError { column: Some("amount".to_owned()), message });
    }
    match (event_ids, reference, amount) {
        (Some(event_ids), Some(reference), Some(amount)) if errors.is_empty() => {
            Ok(ValidRow { reference, amount, event_ids, body: body.into() })
        }
        (_, reference, amount) => Err(InvalidRow { reference, amount, errors }),
    }
}

/// Every cell that a spreadsheet, or a copy from elsewhere, has damaged.
fn damages(columns: &[Column], cells: &[String]) -> Vec<CellError> {
    let cells = columns.iter().zip(cells);
    let damaged = cells.filter_map(|(column, cell)| {
        let message = damage(column, cell)?;
        Some(CellError { column: Some(column.name()), message })
    });
    damaged.collect()
}

fn damage(column: &Column, cell: &str) -> Option<String> {
    if cell.is_empty() {
        return None;
    }
    if !text::is_visible(cell) {
        return Some("has nothing in it that can be seen; fill it in, or empty it".to_owned());
    }
    if let Some(error) = text::formula_error(cell) {
        return Some(format!("has {error}, which a spreadsheet writes in place of a value"));
    }
    if let Some(bidi) = text::bidi_override(cell).map(text::code_point) {
        return Some(format!(
            "has {bidi}, which changes the order in which it is shown; delete it"
        ));
    }
    // In a text for people, other invisible characters belong to its writing: Indian scripts and
    // emoji are joined by them.
    let is_for_people = match column {
        Column::Field(name) => matches!(*name, "description" | "custName"),
        Column::Metadata(_) => true,
    };
    if is_for_people {
        return None;
    }
    if let Some(hidden) = cell.chars().find(|c| text::is_invisible(*c)).map(text::code_point) {
        return Some(format!("has the invisible character {hidden}; delete it"));
    }
    if cell.starts_with(' ') || cell.ends_with(' ') {
        return Some("begins or ends with a blank; delete it".to_owned());
    }
    text::is_shortened_number(cell).then(|| {
        "has a number that a spreadsheet has shortened, as 1.9E+18; format the column as text, and \
         fill it in again"
            .to_owned()
    })
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
