//! Comma-separated values, by RFC 4180 with any line ends.

use csv::{ByteRecord, ReaderBuilder};

use super::row::{Row, SheetError};

/// The rows of a whole file, without the empty ones: UTF-8 with or without a byte order mark.
pub(super) fn rows(bytes: &[u8]) -> Result<impl Iterator<Item = Row>, SheetError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = line_breaks(before).saturating_add(1);
        SheetError::one(format!("line {line} is not UTF-8; save the file as \"CSV UTF-8\""))
    })?;
    if text.trim_start_matches('"').get(..4).is_some_and(|it| it.eq_ignore_ascii_case("sep=")) {
        return Err(SheetError::one(
            "its first line, sep=, only shows Excel how the cells are separated; delete it, and \
             separate the cells by commas",
        ));
    }
    let records = Records::new(text).filter(|record| !record.is_blank());
    Ok(records.map(|record| Row { number: record.number, cells: record.cells() }))
}

/// The records of a text, each with the row that a spreadsheet shows it in.
struct Records<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    /// Line breaks inside quoted cells so far: they begin no new row.
    inner_breaks: usize,
    /// The place up to which line breaks are counted, and how many there are.
    counted: (usize, usize),
}

struct Record {
    number: usize,
    fields: Vec<String>,
    is_paired: bool,
}

impl<'a> Records<'a> {
    fn new(text: &'a str) -> Self {
        let mut builder = ReaderBuilder::new();
        let reader = builder.has_headers(false).flexible(true).from_reader(text.as_bytes());
        Self { text, reader, inner_breaks: 0, counted: (0, 0) }
    }

    /// The line breaks before a place in the text.
    fn breaks_before(&mut self, place: usize) -> usize {
        let (from, breaks) = self.counted;
        let more = self.text.as_bytes().get(from..place).map_or(0, line_breaks);
        self.counted = (place, breaks.saturating_add(more));
        self.counted.1
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        // The reader skips empty lines, and begins a record before the ones that it skipped.
        let place = |position: &csv::Position| usize::try_from(position.byte()).unwrap_or(0);
        let from = place(self.reader.position());
        let mut record = ByteRecord::new();
        if !self.reader.read_byte_record(&mut record).ok()? {
            return None;
        }
        let raw = self.text.as_bytes().get(from..place(self.reader.position()))?;
        let skipped = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let breaks = self.breaks_before(from.saturating_add(skipped));
        let number = breaks.saturating_sub(self.inner_breaks).saturating_add(1);
        let inner: usize = record.iter().map(line_breaks).sum();
        self.inner_breaks = self.inner_breaks.saturating_add(inner);
        let is_paired = raw.split(|byte| *byte == b'"').count() % 2 == 1;
        let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned());
        Some(Record { number, fields: fields.collect(), is_paired })
    }
}

impl Record {
    /// Spreadsheets write rows of only commas below the last one.
    fn is_blank(&self) -> bool {
        self.is_paired && self.fields.iter().all(|field| field.trim().is_empty())
    }

    fn cells(self) -> Result<Vec<String>, String> {
        if self.is_paired {
            return Ok(self.fields);
        }
        Err("has a quotation mark without its partner; inside a quoted cell it is written twice"
            .to_owned())
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
