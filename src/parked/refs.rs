//! A file of references that are meant, such as `reconcile --out` writes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use crate::domain::reference::Reference;

/// The column that has them.
const COLUMN: &str = "merchantRefId";
/// The column that says what each is for, if there is one.
const NEXT: &str = "next";
/// What stands there for a parked message.
const REPLAY: &str = "replay";

/// Why a file names nothing that is meant.
#[derive(Debug, thiserror::Error)]
pub enum RefsError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has no column {COLUMN} in its first row, as `smartsend reconcile FILE --out` writes it", path.display())]
    NoColumn { path: PathBuf },
    #[error("line {line} of {} is not UTF-8, or not as wide as the first row", path.display())]
    Row { path: PathBuf, line: u64 },
    #[error("line {line} of {}: {COLUMN} {why}", path.display())]
    Reference { path: PathBuf, line: u64, why: &'static str },
    /// An empty list would mean every message.
    #[error("{} names no reference to replay", path.display())]
    Empty { path: PathBuf },
}

/// The references of a CSV file; where it has a column `next`, those with `replay` in it.
pub fn read(path: &Path) -> Result<BTreeSet<Reference>, RefsError> {
    let owned = || path.to_owned();
    let bytes = std::fs::read(path).map_err(|source| RefsError::Read { path: owned(), source })?;
    let mut reader = csv::Reader::from_reader(&*bytes);
    let header = reader.headers().cloned().unwrap_or_default();
    let place = |name: &str| header.iter().position(|column| column == name);
    let column = place(COLUMN).ok_or_else(|| RefsError::NoColumn { path: owned() })?;
    let next = place(NEXT);
    let (mut references, mut record) = (BTreeSet::new(), StringRecord::new());
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return Err(RefsError::Row { path: owned(), line }),
        }
        if next.is_none_or(|next| record.get(next) == Some(REPLAY)) {
            let reference = Reference::parse(record.get(column).unwrap_or_default());
            let failed = |why| RefsError::Reference { path: owned(), line, why };
            references.insert(reference.map_err(failed)?);
        }
    }
    if references.is_empty() { Err(RefsError::Empty { path: owned() }) } else { Ok(references) }
}
