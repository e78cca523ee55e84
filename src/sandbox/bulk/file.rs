//! An uploaded file: one part of a form, with a row for each link.

use std::path::Path;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use csv::StringRecord;
use serde_json::{Map, Value};

const COLUMNS: [&str; 8] = [
    "merchantRefId",
    "amount",
    "custName",
    "custEmail",
    "custMobile",
    "description",
    "expiryDate",
    "disableApprovalFlow",
];

pub(super) struct Upload {
    pub(super) name: String,
    /// Bodies of creates.
    pub(super) rows: Vec<String>,
}

pub(super) enum UploadError {
    /// The form has no part `file`.
    NoFile,
    /// In words.
    Unreadable(String),
}

impl Upload {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, UploadError> {
        let (name, content) = file_part(headers, body).ok_or(UploadError::NoFile)?;
        let ending = Path::new(&name).extension();
        if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            let text = "Only .csv can be read here, though PayU takes .xlsx and .xls too";
            return Err(UploadError::Unreadable(text.to_owned()));
        }
        let rows = rows(content).map_err(UploadError::Unreadable)?;
        Ok(Self { name, rows })
    }
}

fn rows(content: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::Reader::from_reader(content);
    let columns = reader.headers().map_err(|e| e.to_string())?.clone();
    if let Some(column) = columns.iter().find(|column| !COLUMNS.contains(column)) {
        let known = COLUMNS.join(", ");
        return Err(format!("No column is called {column:?}; this sandbox's own are {known}"));
    }
    let row = |record: csv::Result<StringRecord>| {
        record.map(|record| row(&columns, &record)).map_err(|e| e.to_string())
    };
    reader.records().map(row).collect()
}

/// An empty cell is a field that is not there.
fn row(columns: &StringRecord, record: &StringRecord) -> String {
    let cells = columns.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
    let field = |(column, cell): (&str, &str)| {
        let value = match (column, cell) {
            ("disableApprovalFlow", "true") => Value::Bool(true),
            ("disableApprovalFlow", "false") => Value::Bool(false),
            _ => Value::from(cell),
        };
        (column.to_owned(), value)
    };
    Value::Object(cells.map(field).collect::<Map<_, _>>()).to_string()
}

/// The name and the content of the part `file` (RFC 7578).
fn file_part<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<(String, &'a [u8])> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.strip_prefix("multipart/form-data")?;
    let boundary = parameter(kind, "boundary")?;
    let mark = format!("--{boundary}");
    let mut rest = body;
    while let Some(start) = find(rest, mark.as_bytes()) {
        let part = rest.get(start.saturating_add(mark.len())..)?;
        let end = find(part, format!("\r\n{mark}").as_bytes())?;
        let head_end = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(part.get(..head_end)?);
        if parameter(&head, "name").as_deref() == Some("file") {
            let name = parameter(&head, "filename")?;
            return Some((name, part.get(head_end.saturating_add(4)..end)?));
        }
        rest = part.get(end..)?;
    }
    None
}

/// `; name=value` or `; name="value"`.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mark = format!("; {name}=");
    let value = text.split_once(&mark)?.1;
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().map(str::to_owned),
        None => value.split([';', '\r']).next().map(|value| value.trim().to_owned()),
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
