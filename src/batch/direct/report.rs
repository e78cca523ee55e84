//! `FILE.results.csv` while a batch runs, and at its end.
//!
//! A line is added as each row ends, so that a person can begin with the links. At the end it is
//! written anew, with all rows in the file's order. The store has every result, so what could not be
//! written is not lost.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::batch::results_file::earlier::{Knowledge, is_known};
use crate::batch::results_file::lines::{write_header, write_row};
use crate::batch::results_file::{ResultsFileError, numbered};
use crate::batch::status::{RowStatus, TrackedRow};
use crate::domain::event::ReceivedResult;
use crate::local::{Reported, Standing, Store, StoreError};

/// The report as far as it goes.
pub(super) struct Report {
    path: PathBuf,
    lines: csv::Writer<File>,
}

/// A report is written from the store, and either can fail.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl Report {
    /// Begins with what has ended before. It takes the first name that is free, or whose report
    /// says nothing that the store does not know.
    pub(super) fn begin(path: &Path, store: &Store) -> Result<Self, ResultsFileError> {
        let begun = begun(path, store).map_err(|error| match error {
            ReportError::Write(error) => error,
            ReportError::Store(error) => io::Error::other(error),
        });
        begun.map_err(|source| ResultsFileError::NotBegun { path: path.to_owned(), source })
    }

    /// Adds a row that has ended. What cannot be written now is written at the end.
    pub(super) fn add(&mut self, row: &TrackedRow) {
        write_row(&mut self.lines, row, None).ok();
        self.lines.flush().ok();
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all rows in the file's order. The numbers of `skipped` ascend.
    pub(super) fn finish(self, store: &Store, skipped: Vec<TrackedRow>) -> Result<(), ReportError> {
        let mut lines = csv::Writer::from_writer(draft(&self.path)?);
        write_header(&mut lines).map_err(io::Error::from)?;
        let mut add = |row: &TrackedRow| write_row(&mut lines, row, None).map_err(io::Error::from);
        let mut skipped = skipped.into_iter().peekable();
        store.report(|row| {
            while let Some(bad) = skipped.next_if(|bad| bad.number < row.number) {
                add(&bad)?;
            }
            add(&TrackedRow::from(row)).map_err(ReportError::from)
        })?;
        skipped.try_for_each(|bad| add(&bad))?;
        let draft = lines.into_inner().map_err(|error| error.into_error())?;
        draft.as_file().sync_all()?;
        draft.persist(&self.path).map_err(|refused| refused.error)?;
        Ok(())
    }
}

fn begun(path: &Path, store: &Store) -> Result<Report, ReportError> {
    let mut lines = csv::Writer::from_writer(draft(path)?);
    write_header(&mut lines).map_err(io::Error::from)?;
    store.report(|row| match row.standing {
        Standing::Ended(_) => {
            let written = write_row(&mut lines, &TrackedRow::from(row), None);
            written.map_err(|error| ReportError::from(io::Error::from(error)))
        }
        Standing::Unsent | Standing::InDoubt => Ok(()),
    })?;
    let mut draft = lines.into_inner().map_err(|error| error.into_error())?;
    for number in 1..=u32::MAX {
        let name = numbered(path, number);
        let replaces =
            File::open(&name).is_ok_and(|old| is_known(old, |it, amount| known(store, it, amount)));
        let taken = if replaces { draft.persist(&name) } else { draft.persist_noclobber(&name) };
        match taken {
            Ok(file) => return Ok(Report { path: name, lines: csv::Writer::from_writer(file) }),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                draft = refused.file;
            }
            Err(refused) => return Err(refused.error.into()),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
}

fn draft(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Builder::new()
        .prefix(".results.")
        .suffix(".draft")
        .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
}

/// What the store knows of a reference and amount of the file.
fn known(store: &Store, reference: &str, amount: &str) -> Option<Knowledge> {
    let row = store.find(reference).ok()??;
    if row.amount.to_string() != amount {
        return None;
    }
    Some(match row.standing {
        Standing::Unsent => Knowledge::Nothing,
        Standing::InDoubt => Knowledge::Sent,
        Standing::Ended(ReceivedResult::Created(link)) => Knowledge::Link(link.expose().to_owned()),
        Standing::Ended(_) => Knowledge::Ended,
    })
}

impl From<Reported> for TrackedRow {
    fn from(row: Reported) -> Self {
        let Reported { number, reference, amount, standing } = row;
        let status = match standing {
            Standing::Unsent => RowStatus::NotStarted,
            Standing::InDoubt => RowStatus::InDoubt,
            Standing::Ended(result) => result.into(),
        };
        Self::new(number, (Some(reference), Some(amount)), status)
    }
}
