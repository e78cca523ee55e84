//! Reads FILE: a list of intents, or a report of `submit --wait`, distinguished by their headers.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::row::{Claim, Payout, Row, Says};
use crate::batch::{AskedRow, Batch, BatchError, Outcome, ReportLine, is_report, read_report};
use crate::config::Merchant;
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::customer::Private;
use crate::domain::intent::wire;
use crate::domain::reference::Reference;

/// FILE, as it was read.
#[derive(Debug)]
pub struct Input {
    pub kind: Kind,
    pub rows: Vec<Row>,
    /// Since when nothing of it was sent any more, as far as FILE itself shows.
    pub sent_by: Option<Timestamp>,
}

/// What FILE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Intents,
    Results,
}

/// Why FILE cannot be compared with anything.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("cannot read {}: {source}; nothing was asked", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a regular file; nothing was asked", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} has no rows below its header; nothing was asked", path.display())]
    NoRows { path: PathBuf },
    #[error(
        "{} begins as a report of `submit --wait`, and {line} is not a line of one; use the report \
         as it was written; nothing was asked",
        path.display()
    )]
    Report { path: PathBuf, line: String },
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl Kind {
    pub fn noun(self) -> &'static str {
        match self {
            Self::Intents => "a list of intents",
            Self::Results => "a report of `submit --wait`",
        }
    }
}

/// Reads a merchant's file.
pub fn read(path: &Path, merchant: &Merchant) -> Result<Input, InputError> {
    let (bytes, modified) = bytes_of(path)?;
    let input = if is_report(&bytes) {
        // The report is written when everything was sent; a copy of it is only younger.
        Input { kind: Kind::Results, rows: report_rows(path, &bytes)?, sent_by: modified }
    } else {
        let batch = Batch::read(path, merchant)?;
        let api = merchant.account.api;
        let rows = batch.asked().map(|row| intent_row(row, api)).collect();
        Input { kind: Kind::Intents, rows, sent_by: None }
    };
    if input.rows.is_empty() {
        return Err(InputError::NoRows { path: path.to_owned() });
    }
    Ok(input)
}

/// The bytes of a regular file, and when they were written.
fn bytes_of(path: &Path) -> Result<(Vec<u8>, Option<Timestamp>), InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    // A pipe can be read only once, and this reads twice.
    if !metadata.is_file() {
        return Err(InputError::NotAFile { path: path.to_owned() });
    }
    let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    Ok((std::fs::read(path).map_err(failed)?, modified))
}

/// A row that cannot be sent as it is may have been sent before it was changed, so it counts where
/// its reference and its amount can be read.
fn intent_row(row: AskedRow, api: Api) -> Row {
    let AskedRow { number, reference, amount, body } = row;
    let says = match (reference, amount) {
        (Some(reference), Some(amount)) => {
            let intent = body.as_ref().and_then(|body| wire::parse(body, api).ok());
            let contact = intent.map(|intent| intent.contact);
            let body = body.map(|body| Private::new(String::from_utf8_lossy(&body)));
            Says::Pays(Payout { reference, amount, contact, claim: Claim::Wanted(body) })
        }
        (reference, amount) => Says::NoLink { reference, amount, word: "not a valid intent" },
    };
    Row { number, says }
}

fn report_rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>, InputError> {
    let refused = |line: String| InputError::Report { path: path.to_owned(), line };
    let lines = read_report(bytes).ok_or_else(|| refused("something below its header".to_owned()));
    let rows = lines?
        .into_iter()
        .map(|line| report_row(&line).ok_or_else(|| refused(format!("that of row {}", line.row))));
    rows.collect()
}

fn report_row(line: &ReportLine) -> Option<Row> {
    let number = line.row.parse().ok()?;
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let reference = filled(&line.reference).map(|text| Reference::parse(&text)).transpose().ok()?;
    let amount = filled(&line.amount).map(|text| Amount::parse(&text)).transpose().ok()?;
    let claim = match line.outcome {
        Outcome::Created => Claim::Link(Private::new(filled(&line.link)?)),
        Outcome::Unknown => Claim::Open,
        Outcome::Unresolved => Claim::Parked,
        Outcome::Skipped | Outcome::Unsent | Outcome::Failed | Outcome::Rejected => {
            let word = line.outcome.into_str();
            return Some(Row { number, says: Says::NoLink { reference, amount, word } });
        }
    };
    let (reference, amount) = (reference?, amount?);
    let payout = Payout { reference, amount, contact: None, claim };
    Some(Row { number, says: Says::Pays(payout) })
}
