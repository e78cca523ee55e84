//! A file as rows under named columns, whatever its format.
//!
//! A lenient reader of money files silently pays the wrong sum: a forgotten quotation mark swallows
//! the rows below it, a comma in a text shifts every cell after it, a repeated column leaves one of
//! two amounts. So a row that is not exactly as wide as the header is bad, and so is one with an
//! odd quotation mark. An error never quotes a cell: it can hold personal data, and so can a
//! "column name" in a file without a header.

mod column;
mod csv;
mod decoder;
mod delimiter;
mod header;
mod input;
mod json_lines;
mod mapping;
mod raw;
mod row;
mod source;
mod spool;
mod xlsx;

use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::batch::formula;
pub(super) use column::{Column, ERROR_COLUMN};
use decoder::Decoder;
pub(super) use header::Header;
pub use input::{Delimiter, Encoding, Input};
pub use mapping::Mapped;
use raw::{RawCell, RawRow};
pub use row::ReadError;
pub(super) use row::{Cell, Content, Finding, Row};
use source::{Source, Stamp};
use spool::{Spool, SpoolWriter};

/// How much of the beginning is enough to know the format, in bytes.
const FORMAT_BYTES: u64 = 256;
/// How much of a text is searched for the column names, in bytes.
const HEAD_BYTES: u64 = 64 * 1024;
const ZIP: &[u8] = b"PK\x03\x04";
/// Of Excel's format until 2003, and of XLSX with a password.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// A file's rows, in order, without the empty ones.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) form: Form,
    /// What a person should know of how it was read.
    pub(super) notes: Vec<String>,
    spool: Spool,
    stamp: Option<Stamp>,
}

#[derive(Debug)]
pub(super) enum Form {
    /// Cells under columns, with what separates them in the file or would.
    Table(Header, u8),
    JsonLines,
}

impl Form {
    /// The columns; those of JSON lines are in each line.
    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Table(header, _) => &header.columns,
            Self::JsonLines => &[],
        }
    }
}

impl Sheet {
    /// The rows from the first on, each time.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Row, ReadError>> + use<'_> {
        self.spool.rows().map(|row| row.map_err(ReadError::Spool))
    }

    /// Whether the file still is what was read; of a stream nobody knows.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.stamp.as_ref().is_none_or(|stamp| stamp.is_at(path))
    }
}

/// A file of which only the beginning was read.
pub(super) struct Opened<'a> {
    input: &'a Input,
    source: Source,
    head: Vec<u8>,
    stamp: Option<Stamp>,
}

impl<'a> Opened<'a> {
    pub(super) fn open(input: &'a Input) -> Result<Self, ReadError> {
        let source = Source::open(input).map_err(ReadError::Source)?;
        let stamp = source.stamp().map_err(ReadError::Source)?;
        let (head, source) = source.peek(FORMAT_BYTES).map_err(ReadError::Source)?;
        Ok(Self { input, source, head, stamp })
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// When it was last written to; of a stream nobody knows.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.stamp.as_ref()?.modified()
    }

    /// All of it as it is.
    pub(super) fn bytes(mut self) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.source.read_to_end(&mut bytes).map_err(ReadError::Source)?;
        Ok(bytes)
    }

    /// All of it as rows, whatever its name ends in.
    pub(super) fn sheet(self) -> Result<Sheet, ReadError> {
        let Self { input, mut source, head, stamp } = self;
        let mut spool = SpoolWriter::new().map_err(ReadError::Spool)?;
        let (form, notes) = if head.starts_with(ZIP) {
            read_xlsx(&mut source, input, &mut spool)?
        } else if head.starts_with(OLE) {
            return Err(ReadError::sheet(
                "it is an XLS file, or protected by a password; save it as XLSX without a password",
            ));
        } else {
            read_text(&mut source, &head, input, &mut spool)?
        };
        let spool = spool.finish().map_err(ReadError::Spool)?;
        if source.stamp().map_err(ReadError::Source)? != stamp {
            return Err(ReadError::Changed);
        }
        Ok(Sheet { form, notes, spool, stamp })
    }
}

fn read_xlsx(
    source: &mut Source,
    input: &Input,
    spool: &mut SpoolWriter,
) -> Result<(Form, Vec<String>), ReadError> {
    if input.delimiter.is_some() || input.encoding.is_some() {
        return Err(ReadError::Usage(
            "it is an XLSX file, for which there is no --delimiter and no --encoding".to_owned(),
        ));
    }
    let file = source.seekable().map_err(ReadError::Spool)?;
    let mut book = xlsx::open(BufReader::new(file))?;
    let (sheet, mut notes) = xlsx::choose(&book, input.sheet.as_deref())?;
    let mut rows = xlsx::Rows::new(&mut book, &sheet)?;
    let (header, note) = header::take(&mut rows, &input.mapping)?;
    notes.extend(note);
    keep(rows.map(|row| row.map(|row| xlsx::fit(row, &header))), &header, spool)?;
    Ok((Form::Table(header, b','), notes))
}

fn read_text(
    source: &mut Source,
    head: &[u8],
    input: &Input,
    spool: &mut SpoolWriter,
) -> Result<(Form, Vec<String>), ReadError> {
    if input.sheet.is_some() {
        return Err(ReadError::Usage(
            "it is no XLSX file, so it has no sheets; leave out --sheet".to_owned(),
        ));
    }
    let marked = encoding_rs::Encoding::for_bom(head).map(|(encoding, _)| encoding);
    let named = input.encoding.map(|encoding| encoding.0);
    let mut decoder = Decoder::new(source, named.or(marked).unwrap_or(encoding_rs::UTF_8));
    let mut head = Vec::new();
    // An error stays, and comes again to whoever reads on; what was decoded before is kept.
    decoder.by_ref().take(HEAD_BYTES).read_to_end(&mut head).ok();
    let beginning = String::from_utf8_lossy(&head).into_owned();
    let text = Cursor::new(head).chain(decoder);
    match beginning.trim_start().chars().next() {
        Some('{') if input.delimiter.is_none() => {
            for row in json_lines::Lines::new(text, &input.mapping)? {
                spool.push(&row?).map_err(ReadError::Spool)?;
            }
            Ok((Form::JsonLines, Vec::new()))
        }
        Some('[') => Err(ReadError::sheet(
            "it is one array of JSON; write each intent on a line of its own, without the brackets",
        )),
        _ => read_csv(text, &beginning, input, spool),
    }
}

fn read_csv(
    text: impl Read,
    beginning: &str,
    input: &Input,
    spool: &mut SpoolWriter,
) -> Result<(Form, Vec<String>), ReadError> {
    let first = beginning.trim_start_matches('"').get(..4);
    if first.is_some_and(|first| first.eq_ignore_ascii_case("sep=")) {
        return Err(ReadError::sheet(
            "its first line, sep=, only shows Excel how the cells are separated; delete it",
        ));
    }
    let found = || delimiter::find(beginning, &input.mapping);
    let delimiter = input.delimiter.map_or_else(found, |delimiter| delimiter.0);
    let mut rows = csv::Rows::new(text, delimiter);
    let (header, note) = header::take(&mut rows, &input.mapping)?;
    keep(rows.map(|row| row.map(|row| csv::fit(row, &header))), &header, spool)?;
    Ok((Form::Table(header, delimiter), note.into_iter().collect()))
}

/// Writes rows to the spool as what their columns hold.
fn keep(
    rows: impl Iterator<Item = Result<RawRow, ReadError>>,
    header: &Header,
    spool: &mut SpoolWriter,
) -> Result<(), ReadError> {
    for row in rows {
        let RawRow { number, cells, problem } = row?;
        let cells = cells.into_iter().enumerate().map(|(index, cell)| {
            let mut cell = RawCell::read(cell, header.columns.get(index));
            if header.has_errors() {
                cell.text = formula::as_it_was(&cell.text).to_owned();
            }
            cell
        });
        let row = Row { number, content: Content::Cells(cells.collect()), problem };
        spool.push(&row).map_err(ReadError::Spool)?;
    }
    Ok(())
}
