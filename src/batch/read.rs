//! A file as rows under named columns, whatever its format.
//!
//! A lenient reader of money files silently pays the wrong sum: a forgotten quotation mark swallows
//! the rows below it, a comma in a text shifts every cell after it, a repeated column leaves one of
//! two amounts. So a row that is not exactly as wide as the header is bad, and so is one with an
//! odd quotation mark. An error never quotes a cell: it can hold personal data, and so can a
//! "column name" in a file without a header.

mod csv;
mod header;
mod row;

pub(super) use header::Column;
pub(super) use row::{Row, SheetError};

/// How many rows are searched for the column names, if the first does not have them.
const TITLE_ROWS_MAX: usize = 20;

/// A file's rows, in order, without the empty ones.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Sheet, SheetError> {
    Sheet::below_header(csv::rows(bytes)?)
}

impl Sheet {
    /// The rows below the first, which names the columns.
    fn below_header(mut rows: impl Iterator<Item = Row>) -> Result<Self, SheetError> {
        let first = rows.next();
        let first = first
            .ok_or_else(|| SheetError::one("it is empty; its first row must name the columns"))?;
        let names = first.cells.map_err(|problem| SheetError::one(format!("row 1 {problem}")))?;
        let columns = match header::columns(&names) {
            Ok(columns) => columns,
            Err(problem) if header::is_one(&names) => return Err(problem),
            Err(problem) => return Err(below_title(rows).unwrap_or(problem)),
        };
        let rows = rows.map(|row| row.of_width(columns.len())).collect();
        Ok(Self { columns, rows })
    }
}

/// A title, a date or a sum above the column names.
fn below_title(rows: impl Iterator<Item = Row>) -> Option<SheetError> {
    let mut rows = rows.take(TITLE_ROWS_MAX);
    let header = rows.find(|row| row.cells.as_ref().is_ok_and(|cells| header::is_one(cells)))?;
    Some(SheetError::one(format!(
        "row {} names the columns, and the first row must; delete the rows above it",
        header.number
    )))
}
