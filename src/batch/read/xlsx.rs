//! A sheet of an XLSX file.
//!
//! Its rows are read one by one. Only the texts that cells share are in memory as a whole, which is
//! how the format stores most texts.

use std::io::{Read, Seek};

use calamine::{
    DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxCellFormulaMetadataRecord, XlsxCellReader,
    XlsxError,
};

use super::column::letters;
use super::header::Header;
use super::raw::{RawCell, RawRow, Value};
use super::row::ReadError;
use crate::batch::text::formula_error;

/// How many names of sheets are shown.
const NAMES_MAX: usize = 10;

/// Opens the file. An error of the library may quote a cell, so none is shown.
pub(super) fn open<R: Read + Seek>(file: R) -> Result<Xlsx<R>, ReadError> {
    Xlsx::new(file).map_err(|error| {
        if matches!(error, XlsxError::Password) {
            return ReadError::sheet("it is protected by a password; save it without one");
        }
        ReadError::sheet(
            "it is not an XLSX file, or a damaged one; open it in a spreadsheet program, and save \
             it again",
        )
    })
}

/// The sheet to read, and notes on what is not read.
pub(super) fn choose<R: Read + Seek>(
    book: &Xlsx<R>,
    wanted: Option<&str>,
) -> Result<(String, Vec<String>), ReadError> {
    let sheets = book.sheets_metadata().iter();
    let sheets: Vec<_> = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
    let visible = sheets.iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
    let visible: Vec<&str> = visible.map(|sheet| &*sheet.name).collect();
    let names = visible.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
    let chosen = match (wanted, &*visible) {
        (Some(wanted), _) if sheets.iter().any(|sheet| sheet.name == wanted) => wanted,
        (Some(wanted), _) => {
            return Err(ReadError::Usage(format!("it has no sheet {wanted}; it has: {names}")));
        }
        (None, [only]) => only,
        (None, []) => {
            return Err(ReadError::Usage("it has no visible sheet; name one by --sheet".into()));
        }
        (None, _) => {
            return Err(ReadError::Usage(format!(
                "it has several sheets: {names}; choose one by --sheet"
            )));
        }
    };
    let mut notes =
        vec!["rows that are hidden, as by a filter, are read like all others".to_owned()];
    if sheets.len() > 1 {
        let hidden = sheets.len().saturating_sub(visible.len());
        let all = sheets.len();
        notes.push(format!("of {all} sheets ({hidden} hidden), only {chosen} is read"));
    }
    Ok((chosen.to_owned(), notes))
}

/// The rows of a sheet that are not empty.
pub(super) struct Rows<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    ahead: Option<XlsxCellFormulaMetadataRecord<'a>>,
    /// The last row that was read, as the spreadsheet counts.
    last: usize,
    has_ended: bool,
}

impl<'a, R: Read + Seek> Rows<'a, R> {
    pub(super) fn new(book: &'a mut Xlsx<R>, sheet: &str) -> Result<Self, ReadError> {
        let cells = book.worksheet_cells_reader(sheet).map_err(|error| broken(&error, 0))?;
        Ok(Self { cells, ahead: None, last: 0, has_ended: false })
    }

    fn cell(&mut self) -> Result<Option<XlsxCellFormulaMetadataRecord<'a>>, ReadError> {
        if self.ahead.is_some() || self.has_ended {
            return Ok(self.ahead.take());
        }
        let cell = self.cells.next_cell_with_formula_metadata();
        let cell = cell.map_err(|error| broken(&error, self.last))?;
        // It cannot be asked again: below the sheet's data there are other things.
        self.has_ended = cell.is_none();
        Ok(cell)
    }

    fn read(&mut self) -> Result<Option<RawRow>, ReadError> {
        let Some(first) = self.cell()? else { return Ok(None) };
        let row = first.pos.0;
        let number = size(row).saturating_add(1);
        if number <= self.last {
            return Err(ReadError::sheet(format!(
                "row {number} comes after row {}; open the file in a spreadsheet program, and save \
                 it again",
                self.last
            )));
        }
        let mut cells: Vec<RawCell> = Vec::new();
        let mut next = Some(first);
        while let Some(cell) = next {
            if cell.pos.0 != row {
                self.ahead = Some(cell);
                break;
            }
            let column = size(cell.pos.1);
            if column < cells.len() {
                return Err(ReadError::sheet(format!(
                    "the cell {}{number} is there twice; open the file in a spreadsheet program, \
                     and save it again",
                    letters(column)
                )));
            }
            cells.resize_with(column, RawCell::default);
            cells.push(raw(cell));
            next = self.cell()?;
        }
        self.last = number;
        Ok(Some(RawRow { number, cells, problem: None }))
    }
}

impl<R: Read + Seek> Iterator for Rows<'_, R> {
    type Item = Result<RawRow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.read() {
                Ok(row) => row?,
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(error));
                }
            };
            if !row.is_blank() {
                return Some(Ok(row.trimmed()));
            }
        }
    }
}

/// A sheet holds no empty cells, so a short row is whole.
pub(super) fn fit(mut row: RawRow, header: &Header) -> RawRow {
    let width = header.columns.len();
    if row.cells.len() > width {
        let column = letters(row.cells.len().saturating_sub(1));
        row.problem = Some(format!("has a value in column {column}, which has no name"));
    } else {
        row.cells.resize_with(width, RawCell::default);
    }
    row
}

fn raw(cell: XlsxCellFormulaMetadataRecord<'_>) -> RawCell {
    let value = match cell.value {
        DataRef::Empty => Value::Empty,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Value::Text(text)
        }
        DataRef::SharedString(text) => Value::Text(text.to_owned()),
        DataRef::Int(number) => Value::Number(number.to_string()),
        // The shortest form that is this double and no other, never with an exponent.
        DataRef::Float(number) => Value::Number(number.to_string()),
        DataRef::Bool(true) => Value::Text("TRUE".to_owned()),
        DataRef::Bool(false) => Value::Text("FALSE".to_owned()),
        DataRef::Error(error) => Value::Text(error.to_string()),
        DataRef::DateTime(date) => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            Value::Date(format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
        }
    };
    RawCell { value, is_formula: cell.formula.is_some() }
}

/// The library does not know the newer errors of formulas, and ends at one.
fn broken(error: &XlsxError, last: usize) -> ReadError {
    if let XlsxError::CellError(shown) = error
        && let Some(shown) = formula_error(shown)
    {
        return ReadError::sheet(format!(
            "below row {last} a cell has {shown}, which a spreadsheet writes in place of a value"
        ));
    }
    ReadError::sheet(format!(
        "below row {last} the sheet is damaged; open the file in a spreadsheet program, and save it \
         again"
    ))
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
