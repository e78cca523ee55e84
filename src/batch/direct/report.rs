//! `FILE.results.csv` while a batch runs, and at its end.
//!
//! A line is added as each row ends, so that a person can begin with the links. At the end it is
//! written anew, with all rows in the file's order. The store has every result, so what could not be
//! written is not lost.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::batch::Batch;
use crate::batch::beside::take_name;
use crate::batch::read::ReadError;
use crate::batch::results_file::earlier::{Knowledge, is_known};
use crate::batch::results_file::{Report, ReportRow, ResultsFileError};
use crate::batch::status::RowStatus;
use crate::batch::validate::Validated;
use crate::domain::event::ReceivedResult;
use crate::local::{Reported, Standing, Store, StoreError};
use crate::new_file::draft;

/// The report as far as it goes.
pub(super) struct LiveReport {
    path: PathBuf,
    lines: Report<'static, File>,
}

/// A report is written from the rows and the store, and each can fail.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl LiveReport {
    /// Begins with what has ended before. It takes the first name that is free, or whose report
    /// says nothing that the store does not know.
    pub(super) fn begin(path: &Path, store: &Store) -> Result<Self, ResultsFileError> {
        let begun = begun(path, store).map_err(|error| match error {
            ReportError::Write(error) => error,
            ReportError::Store(error) => io::Error::other(error),
            ReportError::Read(error) => io::Error::other(error),
        });
        begun.map_err(|source| ResultsFileError::NotBegun { path: path.to_owned(), source })
    }

    /// Adds a row that has ended. What cannot be written now is written at the end.
    pub(super) fn add(&mut self, row: &ReportRow<'_>) {
        self.lines.add(row).ok();
        self.lines.flush().ok();
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all rows in the file's order.
    pub(super) fn finish(self, batch: &Batch<'_>, store: &Store) -> Result<(), ReportError> {
        let mut lines = Report::begin(draft(&self.path)?)?;
        each(batch, store, |row| Ok(lines.add(row)?))?;
        let draft = lines.end()?;
        draft.as_file().sync_all()?;
        draft.persist(&self.path).map_err(|refused| refused.error)?;
        Ok(())
    }
}

/// Every row of the file with what is known of it, in the file's order. The store has no place for a
/// bad row, nor for one that contradicts an earlier run.
pub(super) fn each(
    batch: &Batch<'_>,
    store: &Store,
    mut take: impl FnMut(&ReportRow<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut rows = batch.rows();
    store.report(|placed| {
        for row in rows.by_ref() {
            let row = row?;
            if row.number == placed.number {
                break;
            }
            take(&not_paid(&row))?;
        }
        take(&ReportRow::from(&placed))
    })?;
    rows.try_for_each(|row| take(&not_paid(&row?)))
}

/// A row without a place in the store.
fn not_paid(row: &Validated) -> ReportRow<'_> {
    let status = match &row.result {
        Ok(_) => RowStatus::Contradicts,
        Err(invalid) => RowStatus::Skipped(&invalid.errors),
    };
    ReportRow {
        number: row.number,
        reference: row.reference(),
        amount: row.amount(),
        status,
        other_link: None,
    }
}

fn begun(path: &Path, store: &Store) -> Result<LiveReport, ReportError> {
    let mut lines = Report::begin(draft(path)?)?;
    store.report(|row| match row.standing {
        Standing::Ended(_) => lines.add(&ReportRow::from(&row)).map_err(ReportError::from),
        Standing::Unsent | Standing::InDoubt => Ok(()),
    })?;
    let is_known = |old: &Path, _: &Path| {
        File::open(old).is_ok_and(|old| is_known(old, |it, amount| known(store, it, amount)))
    };
    let (path, file) = take_name(lines.end()?, path, is_known)?;
    Ok(LiveReport { path, lines: Report::resume(file) })
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

impl<'a> From<&'a Reported> for ReportRow<'a> {
    fn from(row: &'a Reported) -> Self {
        let Reported { number, reference, amount, standing } = row;
        let status = match standing {
            Standing::Unsent => RowStatus::NotStarted,
            Standing::InDoubt => RowStatus::InDoubt,
            Standing::Ended(result) => result.into(),
        };
        Self {
            number: *number,
            reference: Some(reference),
            amount: Some(*amount),
            status,
            other_link: None,
        }
    }
}
