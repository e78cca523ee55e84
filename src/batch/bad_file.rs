//! `FILE.bad.csv`: the bad rows as they are in the file, each with what is wrong with it.
//!
//! Whoever mends them submits that file as it is: it has the same columns, and the one more is not
//! read. It holds personal data, so it has mode 0600 from its first byte. One that is there already
//! may be half mended, so it is replaced by none: what differs takes the next free name.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use csv::WriterBuilder;

use super::beside::{beside, take_name};
use super::formula::harmless_for_return;
use super::read::{Content, ERROR_COLUMN, Form, Header, ReadError, Row};
use super::validate::Validated;
use crate::new_file::draft;

/// A program that reads it without this takes it for another encoding.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, thiserror::Error)]
pub enum BadFileError {
    #[error("cannot write {}: {source}; nothing was sent", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{0}; nothing was sent")]
    Read(#[from] ReadError),
}

/// Writes the bad ones of these rows beside the file, and says where.
pub(super) fn write(
    input: &Path,
    form: &Form,
    rows: impl Iterator<Item = Result<(Row, Validated), ReadError>>,
) -> Result<PathBuf, BadFileError> {
    let ending = match form {
        Form::Table(..) => "bad.csv",
        Form::JsonLines => "bad.jsonl",
    };
    let path = beside(input, ending);
    let failed = |source| BadFileError::Write { path: path.clone(), source };
    let mut out = BufWriter::new(draft(&path).map_err(failed)?);
    let bad = rows.filter_map(|row| match row {
        Ok((row, Validated { result: Err(invalid), .. })) => {
            let errors: Vec<_> = invalid.errors.iter().map(ToString::to_string).collect();
            Some(Ok((row, errors.join("; "))))
        }
        Ok((_, Validated { result: Ok(_), .. })) => None,
        Err(error) => Some(Err(error)),
    });
    match form {
        Form::Table(header, delimiter) => {
            let mut table = WriterBuilder::new();
            let table = table.delimiter(*delimiter).flexible(true);
            out.write_all(BYTE_ORDER_MARK).map_err(failed)?;
            let mut table = table.from_writer(&mut out);
            table.write_record(named(header)).map_err(|error| failed(error.into()))?;
            for row in bad {
                let (row, error) = row?;
                let cells = cells(&row, header, &error);
                table.write_record(cells).map_err(|error| failed(error.into()))?;
            }
            table.flush().map_err(failed)?;
        }
        Form::JsonLines => {
            for row in bad {
                let (row, error) = row?;
                writeln!(out, "{}", json(&row, &error)).map_err(failed)?;
            }
        }
    }
    let draft = out.into_inner().map_err(|error| failed(error.into_error()))?;
    draft.as_file().sync_all().map_err(failed)?;
    let is_same = |old: &Path, new: &Path| has_content_of(old, new).unwrap_or(false);
    Ok(take_name(draft, &path, is_same).map_err(failed)?.0)
}

fn named(header: &Header) -> Vec<String> {
    let names = header.names.iter().filter(|name| *name != ERROR_COLUMN);
    let names = names.map(|name| harmless_for_return(name).into_owned());
    names.chain([ERROR_COLUMN.to_owned()]).collect()
}

/// The cells as they were, the error in its own column where the row is not too long for that.
fn cells(row: &Row, header: &Header, error: &str) -> Vec<String> {
    let Content::Cells(cells) = &row.content else { return Vec::new() };
    let width = header.names.len();
    let empty = std::iter::repeat_n("", width.saturating_sub(cells.len()));
    let texts = cells.iter().map(|cell| &*cell.text).chain(empty).enumerate();
    let is_error = |place: usize| header.names.get(place).is_some_and(|name| name == ERROR_COLUMN);
    let kept = texts.filter(|(place, _)| !is_error(*place)).map(|(_, text)| text);
    kept.chain([error]).map(|text| harmless_for_return(text).into_owned()).collect()
}

/// The same object with its error; what is no object is left as it is.
fn json(row: &Row, error: &str) -> String {
    let Content::Json(json) = &row.content else { return String::new() };
    let Some(members) = json.strip_prefix('{').filter(|_| row.problem.is_none()) else {
        return json.clone();
    };
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return json.clone();
    }
    let comma = if members.trim_start().starts_with('}') { "" } else { "," };
    let error = serde_json::Value::from(error);
    format!("{{\"{ERROR_COLUMN}\":{error}{comma}{members}")
}

fn has_content_of(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let bytes = |file| BufReader::new(file).bytes().map(Result::ok);
    Ok(bytes(one).eq(bytes(other)))
}
