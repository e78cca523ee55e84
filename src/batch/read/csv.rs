//! Separated values, by RFC 4180 with any delimiter and any line ends.

use std::io::{self, Read};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::decoder::is_malformed;
use super::header::Header;
use super::raw::{RawCell, RawRow};
use super::row::ReadError;

/// No row is longer, in bytes; the largest intent has 64 KiB.
const ROW_BYTES_MAX: usize = 1024 * 1024;

/// The rows of a text, each with the number that a spreadsheet shows.
pub(super) struct Rows<R> {
    reader: csv::Reader<Tap<R>>,
    place: u64,
    /// Line breaks so far.
    breaks: usize,
    /// Those of them that are inside quoted cells: they begin no new row.
    inner_breaks: usize,
    is_after_return: bool,
    has_ended: bool,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(text: R, delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        let builder = builder.has_headers(false).flexible(true).delimiter(delimiter);
        Self {
            reader: builder.from_reader(Tap { text, kept: Vec::new(), taken: 0 }),
            place: 0,
            breaks: 0,
            inner_breaks: 0,
            is_after_return: false,
            has_ended: false,
        }
    }

    fn count_breaks(&mut self, bytes: &[u8]) {
        // The two characters of one line break may be apart.
        let is_same = self.is_after_return && bytes.first() == Some(&b'\n');
        let count = line_breaks(bytes).saturating_sub(usize::from(is_same));
        self.breaks = self.breaks.saturating_add(count);
        if let Some(last) = bytes.last() {
            self.is_after_return = *last == b'\r';
        }
    }

    fn read(&mut self) -> Result<Option<RawRow>, ReadError> {
        let mut record = ByteRecord::new();
        let is_read = self.reader.read_byte_record(&mut record);
        let is_read = is_read.map_err(|error| self.broken(error))?;
        if !is_read {
            return Ok(None);
        }
        let place = self.reader.position().byte();
        let raw = self.reader.get_mut().take(place.saturating_sub(self.place));
        self.place = place;
        // The reader skips empty lines, and begins a record before the ones that it skipped.
        let skipped = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (skipped, raw) = raw.split_at_checked(skipped).unwrap_or_default();
        self.count_breaks(skipped);
        let number = self.number();
        self.count_breaks(raw);
        let inner: usize = record.iter().map(line_breaks).sum();
        self.inner_breaks = self.inner_breaks.saturating_add(inner);
        let is_paired = raw.split(|byte| *byte == b'"').count() % 2 == 1;
        let problem = (!is_paired).then(|| {
            "has a quotation mark without its partner; inside a quoted cell it is written twice"
                .to_owned()
        });
        let cells = record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned());
        Ok(Some(RawRow { number, cells: cells.map(RawCell::from).collect(), problem }))
    }

    /// The number of a row that begins here.
    fn number(&self) -> usize {
        self.breaks.saturating_sub(self.inner_breaks).saturating_add(1)
    }

    fn broken(&mut self, error: csv::Error) -> ReadError {
        let raw = self.reader.get_mut().take(u64::MAX);
        let skipped = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.count_breaks(raw.get(..skipped).unwrap_or_default());
        let number = self.number();
        let ErrorKind::Io(error) = error.into_kind() else {
            return ReadError::sheet(format!("row {number} cannot be read"));
        };
        if is_malformed(&error) {
            return not_in_encoding(&format!("row {number}"));
        }
        if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
            return ReadError::sheet(format!(
                "row {number} is longer than {} KiB; a quotation mark in it may be without its \
                 partner",
                ROW_BYTES_MAX / 1024
            ));
        }
        ReadError::Source(error)
    }
}

pub(super) fn not_in_encoding(place: &str) -> ReadError {
    ReadError::sheet(format!(
        "{place} is not UTF-8; save the file as \"CSV UTF-8\", or name its encoding, such as \
         --encoding windows-1252"
    ))
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<RawRow, ReadError>;

    /// The next row that is not empty: spreadsheets write rows of only commas below the last one.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.has_ended {
            match self.read() {
                Ok(Some(row)) if row.is_blank() => {}
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => self.has_ended = true,
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// A row that is not as wide as the header may have each cell in another's column.
pub(super) fn fit(mut row: RawRow, header: &Header) -> RawRow {
    let (cells, width) = (row.cells.len(), header.columns.len());
    if row.problem.is_none() && cells != width {
        row.problem = Some(format!(
            "has {cells} cells, but the header has {width}; a cell that holds the character between \
             cells must be in quotation marks"
        ));
    }
    row
}

/// Keeps what was read until it is taken, since a record does not show its quotation marks.
struct Tap<R> {
    text: R,
    kept: Vec<u8>,
    taken: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("a row is too long")]
struct TooLong;

impl<R> Tap<R> {
    fn take(&mut self, count: u64) -> Vec<u8> {
        let rest = self.kept.get(self.taken..).unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
        self.taken = self.taken.saturating_add(count);
        rest.get(..count).unwrap_or_default().to_vec()
    }
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.kept.drain(..self.taken);
        self.taken = 0;
        if self.kept.len() > ROW_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let count = self.text.read(into)?;
        self.kept.extend_from_slice(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Line feeds, and carriage returns that stand alone.
fn line_breaks(bytes: &[u8]) -> usize {
    let next = bytes.iter().skip(1).map(Some).chain([None]);
    let breaks = bytes.iter().zip(next).filter(|(byte, next)| match byte {
        b'\n' => true,
        b'\r' => *next != Some(&b'\n'),
        _ => false,
    });
    breaks.count()
}
