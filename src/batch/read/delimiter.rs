//! What separates the cells, found from the row that names the columns.

use csv::{ByteRecord, ReaderBuilder};

use super::header;
use super::mapping::Mapped;

/// The first is taken where none of them shows the column names.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows are searched for the column names.
const ROWS_MAX: usize = 21;

/// The delimiter under which the beginning of a text has the column names, or nearly so.
pub(super) fn find(head: &str, mapping: &[Mapped]) -> u8 {
    let first_with = |test: &dyn Fn(&[String]) -> bool| {
        CANDIDATES.into_iter().find(|delimiter| rows(head, *delimiter).iter().any(|row| test(row)))
    };
    let has_columns = |row: &[String]| header::columns(row, mapping).is_ok();
    let resembles = |row: &[String]| header::is_one(row, mapping);
    first_with(&has_columns).or_else(|| first_with(&resembles)).unwrap_or(b',')
}

fn rows(head: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut builder = ReaderBuilder::new();
    let builder = builder.has_headers(false).flexible(true).delimiter(delimiter);
    let records = builder.from_reader(head.as_bytes()).into_byte_records();
    let cell = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    let cells = |record: ByteRecord| record.iter().map(cell).collect();
    records.take(ROWS_MAX).map_while(Result::ok).map(cells).collect()
}
