//! The row that names the columns.

use std::collections::BTreeMap;

use super::column::{Column, ERROR_COLUMN, METADATA, letters};
use super::mapping::{self, Mapped};
use super::raw::RawRow;
use super::row::{ReadError, SheetError};
use crate::batch::text::{code_point, is_invisible};
use crate::domain::intent::wire::FIELDS;

/// Without these there is no intent.
const REQUIRED: [&str; 3] = ["merchantRefId", "amount", "description"];
/// A longer column name is not quoted.
const NAME_CHARS_MAX: usize = 80;
/// How many rows may be above the one that names the columns.
const TITLE_ROWS_MAX: usize = 20;
/// A title fills fewer cells than an intent does: three are required, and a way to reach the
/// customer.
const TITLE_CELLS_MAX: usize = 3;

const NO_FIELD: &str = "is not a field of an intent";
const ADVICE: &str = "--map \"COLUMN=FIELD\" says which field a column holds, and --map \"COLUMN=\" \
                      leaves it out";

#[derive(Debug)]
pub(in crate::batch) struct Header {
    /// As they are in the file.
    pub(in crate::batch) names: Vec<String>,
    pub(in crate::batch) columns: Vec<Column>,
}

impl Header {
    /// Whether this is a `FILE.bad.csv`.
    pub(super) fn has_errors(&self) -> bool {
        self.names.iter().any(|name| name == ERROR_COLUMN)
    }
}

/// Takes the header from the rows, and a note on what is above it.
pub(super) fn take(
    rows: &mut impl Iterator<Item = Result<RawRow, ReadError>>,
    mapping: &[Mapped],
) -> Result<(Header, Option<String>), ReadError> {
    let mut closest: Option<(usize, SheetError)> = None;
    let mut above: Option<(usize, bool)> = None;
    for row in rows.take(TITLE_ROWS_MAX.saturating_add(1)) {
        let row = row?;
        let names = row.texts();
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        let found = match row.problem {
            None => columns(&names, mapping),
            Some(ref broken) => Err(SheetError::one(format!("row {} {broken}", row.number))),
        };
        match (found, above) {
            (Ok(columns), None) => return Ok((Header { names, columns }, None)),
            (Ok(columns), Some((_, true))) => {
                let last = row.number.saturating_sub(1);
                let rows = if last == 1 { "row 1 is".into() } else { format!("rows 1-{last} are") };
                let note = format!("{rows} above the column names, and not read");
                return Ok((Header { names, columns }, Some(note)));
            }
            (Ok(_), Some((_, false))) => return Err(below_other_rows(row.number).into()),
            (Err(problem), None) if is_one(&names, mapping) => return Err(problem.into()),
            (Err(SheetError(problems)), Some((_, true))) if is_one(&names, mapping) => {
                let all = std::iter::once(format!("row {} names the columns:", row.number));
                return Err(SheetError(all.chain(problems).collect()).into());
            }
            (Err(_), Some((_, false))) if is_one(&names, mapping) => {
                return Err(below_other_rows(row.number).into());
            }
            (Err(error), _) => {
                let count = names.iter().filter(|name| is_of_intent(name, mapping)).count();
                if closest.as_ref().is_none_or(|(most, _)| count > *most) {
                    closest = Some((count, of_row(row.number, count, error)));
                }
            }
        }
        let is_title = row.filled() <= TITLE_CELLS_MAX;
        above = Some((row.number, is_title && above.is_none_or(|(_, titles)| titles)));
    }
    let empty = || SheetError::one("it is empty; its first row must name the columns");
    Err(closest.map_or_else(empty, |(_, error)| error).into())
}

/// What is wrong with the row that names the most columns, of several that may be meant.
fn of_row(number: usize, named: usize, SheetError(problems): SheetError) -> SheetError {
    if number == 1 || named == 0 {
        return SheetError(problems);
    }
    let first = format!("row {number} seems to name the columns:");
    SheetError(std::iter::once(first).chain(problems).collect())
}

/// Whether it can only be the name of a column: "error" is a remark too.
fn is_of_intent(name: &str, mapping: &[Mapped]) -> bool {
    mapping::of(name, mapping).is_some()
        || Column::named(name).is_some_and(|it| it != Column::Unread)
}

fn meaning(name: &str, mapping: &[Mapped]) -> Option<Column> {
    mapping::of(name, mapping).cloned().or_else(|| Column::named(name))
}

/// What is above may be intents, and is not left out in silence.
fn below_other_rows(number: usize) -> SheetError {
    SheetError::one(format!(
        "row {number} names the columns, and the first row must; delete the rows above it"
    ))
}

/// Whether a row names every required column, if only nearly so.
pub(super) fn is_one(names: &[String], mapping: &[Mapped]) -> bool {
    let resembles = |required: &&'static str| {
        let is_meant = |name: &String| match mapping::of(name, mapping) {
            Some(column) => *column == Column::Field(required),
            None => field_like(name) == Some(required),
        };
        names.iter().any(is_meant)
    };
    REQUIRED.iter().all(resembles)
}

/// The columns that a header names, or everything that is wrong with it.
pub(super) fn columns(names: &[String], mapping: &[Mapped]) -> Result<Vec<Column>, SheetError> {
    let found: Vec<Option<Column>> = names.iter().map(|name| meaning(name, mapping)).collect();
    if found.iter().all(Option::is_none) && names.iter().all(|name| field_like(name).is_none()) {
        let none = "the first row must name the columns, such as merchantRefId,amount,description,\
                    custMobile; it names none";
        let mut problems = vec![none.to_owned()];
        problems.extend(not_there(names, mapping));
        problems.push(ADVICE.to_owned());
        return Err(SheetError(problems));
    }
    let mut problems = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, (name, column)) in names.iter().zip(&found).enumerate() {
        let Some(column) = column else {
            problems.push(unknown(index, name));
            continue;
        };
        let Some(field) = column.name() else { continue };
        let message = format!("are both {field}");
        if let Some(first) = seen.insert(field, index) {
            let (first, second) = (letters(first), letters(index));
            problems.push(format!("columns {first} and {second} {message}"));
        }
    }
    for required in REQUIRED {
        let is_meant = names.iter().any(|name| field_like(name) == Some(required));
        if !seen.contains_key(required) && !is_meant {
            problems.push(format!("the column {required} is missing"));
        }
    }
    problems.extend(not_there(names, mapping));
    if problems.iter().any(|problem| problem.ends_with(NO_FIELD)) {
        problems.push(ADVICE.to_owned());
    }
    if problems.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(SheetError(problems))
    }
}

/// What --map names and the row does not.
fn not_there(names: &[String], mapping: &[Mapped]) -> impl Iterator<Item = String> {
    let absent = mapping.iter().filter(|mapped| !names.contains(&mapped.name));
    absent.map(|Mapped { name, .. }| format!("there is no column {name}, which --map names"))
}

/// The field whose name this is, but for case and for what cannot be seen.
fn field_like(name: &str) -> Option<&'static str> {
    let seen: String = name.chars().filter(|c| !is_invisible(*c)).collect();
    FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(seen.trim()))
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
        return format!("column {column}, {name}, {NO_FIELD}");
    }
    format!("column {column} {NO_FIELD}")
}
