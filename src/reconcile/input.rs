//! Reads FILE: a list of intents, or a report of `submit --wait`, distinguished by their headers.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::row::{Claim, Payout, Row, Says};
use crate::batch::{
    self, BatchError, EarlierReport, InvalidRow, ListOrReport, Outcome, ReadError, ReportLine,
    ValidRow, Validated,
};
use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::customer::Private;
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
    #[error("{} has no rows below its header; nothing was asked", path.display())]
    NoRows { path: PathBuf },
    #[error(
        "{} has no row with a valid merchantRefId; nothing was asked; give the list of intents, or \
         the report of `submit --wait`", path.display()
    )]
    NoReferences { path: PathBuf },
    #[error(
        "{} begins as a report of `submit --wait`, and {line} is not a line of one; use the report \
         as it was written; nothing was asked",
        path.display()
    )]
    Report { path: PathBuf, line: String },
    #[error("{}: {source}\nnothing was asked", path.display())]
    Unreadable { path: PathBuf, source: ReadError },
    #[error(transparent)]
    Batch(BatchError),
}

impl From<BatchError> for InputError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Read { path, source } => Self::Unreadable { path, source },
            BatchError::Changed { .. }
            | BatchError::BadFile(_)
            | BatchError::ResultsFile(_)
            | BatchError::Upstream(_)
            | BatchError::Uncounted(_) => Self::Batch(error),
        }
    }
}

impl Kind {
    pub fn noun(self) -> &'static str {
        match self {
            Self::Intents => "a list of intents",
            Self::Results => "a report of `submit --wait`",
        }
    }
}

impl InputError {
    /// Whether the command is wrong, and not the file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Batch(error) => error.is_usage(),
            Self::Unreadable { source, .. } => matches!(source, ReadError::Usage(_)),
            Self::NoRows { .. } | Self::NoReferences { .. } | Self::Report { .. } => false,
        }
    }
}

/// Reads a merchant's file.
pub fn read(file: &batch::Input, merchant: &Merchant) -> Result<Input, InputError> {
    let path = file.name();
    let input = match ListOrReport::read(file, merchant)? {
        ListOrReport::List(batch) => {
            let rows = batch.rows().map(|row| row.map(intent_row));
            let rows = rows.collect::<Result<Vec<_>, _>>();
            let rows = rows.map_err(|source| BatchError::Read { path: path.clone(), source })?;
            Input { kind: Kind::Intents, rows, sent_by: None }
        }
        ListOrReport::Report(EarlierReport { lines, written }) => Input {
            kind: Kind::Results,
            rows: report_rows(&path, lines)?,
            // The report is written when everything was sent; a copy of it is only younger.
            sent_by: written.and_then(|time| Timestamp::try_from(time).ok()),
        },
    };
    if input.rows.is_empty() {
        return Err(InputError::NoRows { path });
    }
    // Anything of one JSON object on each line can be read as intents.
    if input.kind == Kind::Intents && input.rows.iter().all(|row| row.reference().is_none()) {
        return Err(InputError::NoReferences { path });
    }
    Ok(input)
}

/// A row that cannot be sent as it is may have been sent before it was changed, so it counts where
/// its reference and its amount can be read.
fn intent_row(row: Validated) -> Row {
    let pays = |reference, amount, contact, body| {
        Says::Pays(Payout { reference, amount, contact, claim: Claim::Wanted(body) })
    };
    let says = match row.result {
        Ok(ValidRow { intent, body }) => {
            let body = Private::new(String::from_utf8_lossy(&body));
            pays(intent.reference, intent.amount, Some(intent.contact), Some(body))
        }
        Err(InvalidRow { reference: Some(reference), amount: Some(amount), .. }) => {
            pays(reference, amount, None, None)
        }
        Err(InvalidRow { reference, amount, .. }) => {
            Says::NoLink { reference, amount, word: "not a valid intent" }
        }
    };
    Row { number: row.number, says }
}

fn report_rows(path: &Path, lines: Option<Vec<ReportLine>>) -> Result<Vec<Row>, InputError> {
    let refused = |line: String| InputError::Report { path: path.to_owned(), line };
    let lines = lines.ok_or_else(|| refused("something below its header".to_owned()));
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
