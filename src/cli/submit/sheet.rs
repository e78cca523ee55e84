//! A CSV file as rows, numbered as a spreadsheet numbers them.
//!
//! A reader that is generous with money files pays the wrong sum in silence: a forgotten quotation
//! mark swallows the rows below it, a comma in a text moves every cell after it, a repeated column
//! leaves one of two amounts. So a row that is not exactly as wide as the header is bad, and so is
//! one whose quotation marks do not come in pairs. Nothing of a cell is ever quoted in an error: a
//! cell can hold a person's data, and so can a "column name" in a file without a header.

use std::collections::BTreeMap;

use csv::{ByteRecord, ReaderBuilder};

use crate::domain::intent::wire::FIELDS;

/// The prefix of the columns that make up `metadata`.
const METADATA: &str = "metadata.";
/// A longer column name is not quoted.
const NAME_CHARS_MAX: usize = 80;

/// A file's rows, in order, without the empty ones.
#[derive(Debug)]
pub(super) struct Sheet {
    /// What each column holds.
    pub(super) columns: Vec<Column>,
    /// The rows below the header.
    pub(super) rows: Vec<Row>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A field of the intent, by its name.
    Field(&'static str),
    /// An entry of `metadata`, by its key.
    Metadata(String),
}

/// One row, before anybody has looked at what it says.
pub(super) struct Row {
    /// Its number; the header is row 1.
    pub(super) number: usize,
    /// Its cells, as many as there are columns; or what is wrong with its shape.
    pub(super) cells: Result<Vec<String>, String>,
}

/// Why a file has no rows at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(super) struct NoSheet(Vec<String>);

impl Column {
    /// The name that the header gives it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Field(name) => (*name).to_owned(),
            Self::Metadata(key) => format!("{METADATA}{key}"),
        }
    }
}

impl Sheet {
    /// Reads a whole file: UTF-8 with or without a byte order mark, commas, any line ends.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NoSheet> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = line_breaks(before).saturating_add(1);
            let advice = "save it as \"CSV UTF-8\"";
            NoSheet(vec![format!("it is not UTF-8: it breaks in line {line}; {advice}")])
        })?;
        let mut records = Records::new(text).peekable();
        let Some(header) = records.next() else {
            return Err(NoSheet(vec![
                "it is empty; its first row must name the columns".to_owned(),
            ]));
        };
        let columns = columns(&header)?;
        let width = columns.len();
        let rows = records
            .filter(|record| !record.is_blank())
            .map(|record| Row { number: record.number, cells: record.cells(width) });
        Ok(Self { rows: rows.collect(), columns })
    }
}

/// The records of a text, each with the row that a spreadsheet shows it in.
struct Records<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    /// Line breaks inside quoted cells so far: they begin no new row.
    inner_breaks: usize,
    /// Where counting has come to, and the line breaks before it.
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
    /// Spreadsheets write rows of nothing but commas below the last one.
    fn is_blank(&self) -> bool {
        self.is_paired && self.fields.iter().all(|field| field.trim().is_empty())
    }

    fn cells(self, width: usize) -> Result<Vec<String>, String> {
        if !self.is_paired {
            return Err("has a quotation mark without its partner; inside a quoted cell it is \
                        written twice"
                .to_owned());
        }
        if self.fields.len() != width {
            return Err(format!(
                "has {} cells, but the header has {width}; a cell that holds a comma must be in \
                 quotation marks",
                self.fields.len()
            ));
        }
        Ok(self.fields)
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

fn columns(header: &Record) -> Result<Vec<Column>, NoSheet> {
    let names: Vec<&str> = header.fields.iter().map(|field| field.trim()).collect();
    let found: Vec<Option<Column>> = names.iter().map(|name| column(name)).collect();
    if found.iter().all(Option::is_none) {
        return Err(NoSheet(vec![headless(&names)]));
    }
    let mut problems = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, (name, column)) in names.iter().zip(&found).enumerate() {
        match column {
            None => problems.push(unknown(index, name)),
            Some(column) => {
                if let Some(first) = seen.insert(column.name(), index) {
                    let (first, second) = (letters(first), letters(index));
                    let name = column.name();
                    problems.push(format!("columns {first} and {second} are both {name}"));
                }
            }
        }
    }
    for required in ["merchantRefId", "amount", "description"] {
        if !seen.contains_key(required) {
            problems.push(format!("the column {required} is missing"));
        }
    }
    if problems.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(NoSheet(problems))
    }
}

fn column(name: &str) -> Option<Column> {
    if let Some(key) = name.strip_prefix(METADATA).filter(|key| !key.is_empty()) {
        return Some(Column::Metadata(key.to_owned()));
    }
    let field = FIELDS.into_iter().find(|field| *field == name && *field != "metadata");
    field.map(Column::Field)
}

fn headless(names: &[&str]) -> String {
    let text = "the first row must name the columns, such as merchantRefId,amount,description,\
                custMobile; it names none";
    match names {
        [one] if one.contains([';', '\t']) => {
            format!("{text}, because its cells are not separated by commas")
        }
        _ => text.to_owned(),
    }
}

fn unknown(index: usize, name: &str) -> String {
    let column = letters(index);
    if name.is_empty() {
        return format!("column {column} has no name");
    }
    if name == "metadata" || name == METADATA {
        return format!("column {column}: write metadata.KEY, a column for each key");
    }
    if let Some(field) = FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
        return format!("column {column} is not a field of an intent; write {field}");
    }
    let plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.');
    if name.chars().count() <= NAME_CHARS_MAX && name.chars().all(plain) {
        return format!("column {column}, {name}, is not a field of an intent");
    }
    format!("column {column} is not a field of an intent")
}

/// A column as a spreadsheet names it: A to Z, then AA.
fn letters(index: usize) -> String {
    let mut rest = index;
    let mut letters = Vec::new();
    loop {
        let letter = u8::try_from(rest % 26).unwrap_or(0);
        letters.push(char::from(b'A'.saturating_add(letter)));
        match (rest / 26).checked_sub(1) {
            Some(next) => rest = next,
            None => return letters.into_iter().rev().collect(),
        }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.number)
    }
}
