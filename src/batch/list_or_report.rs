//! A file that is a list of intents, or a report of an earlier submission.

use std::time::SystemTime;

use super::read::{Opened, ReadError};
use super::results_file::{ReportLine, is_report, read_report};
use super::{Batch, BatchError, Input};
use crate::config::Merchant;

/// Which of the two a file is, by its column names.
pub enum ListOrReport<'a> {
    List(Box<Batch<'a>>),
    Report(EarlierReport),
}

/// A report, as it was read.
pub struct EarlierReport {
    /// `None` if they cannot all be read.
    pub lines: Option<Vec<ReportLine>>,
    /// When it was written; of a stream nobody knows.
    pub written: Option<SystemTime>,
}

impl<'a> ListOrReport<'a> {
    /// Reads the whole file once.
    pub fn read(input: &'a Input, merchant: &'a Merchant) -> Result<Self, BatchError> {
        let failed = |error| BatchError::of_reading(input, error);
        let opened = Opened::open(input).map_err(failed)?;
        if !is_report(opened.head()) {
            return Ok(Self::List(Box::new(Batch::of(opened, input, merchant)?)));
        }
        if !input.is_plain() {
            return Err(failed(ReadError::Usage(
                "it is a report of `submit --wait` or of `batch`, which is read as it was written: \
                 leave out --map, --sheet, --delimiter and --encoding"
                    .to_owned(),
            )));
        }
        let written = opened.modified();
        let lines = read_report(&opened.bytes().map_err(failed)?);
        Ok(Self::Report(EarlierReport { lines, written }))
    }
}
