//! Files of intents, published as upstream would publish them.
//!
//! Half a file sent is the worst case: nobody knows which half. So everything that can be checked
//! is checked first: the rows by the worker's own parser, the queue on the broker itself. A file
//! that is submitted twice is not paid twice, since its references are the same.
//!
//! [`Direct`] pays a file without a broker.

mod bad_file;
mod beside;
mod check;
mod damage;
mod direct;
mod formula;
mod list_or_report;
mod pace;
mod preview;
pub(crate) mod progress;
mod read;
mod repeats;
mod results_file;
mod row_errors;
mod row_ranges;
mod status;
mod submission;
mod summary;
mod text;
mod validate;
mod written;

use std::io;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::amqp::UpstreamError;
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::amount::Total;
use crate::inquiry::Balance;
use crate::ports::Clock;
pub use bad_file::BadFileError;
use check::{Findings, check, rows};
pub use direct::{
    Direct, DirectEnd, DirectError, DirectSummary, Mode, Stops, refuse_if_consumed,
    waits_for_lookups,
};
pub(crate) use formula::harmless;
pub use list_or_report::{EarlierReport, ListOrReport};
use pace::Pace;
pub use preview::Preview;
pub use progress::time_left;
pub use read::{Delimiter, Encoding, Input, Mapped, ReadError};
use read::{Opened, Sheet};
use repeats::RepeatedReferences;
pub use results_file::{Outcome, ReportLine};
use results_file::{ReportRow, ResultsFile, ResultsFileError};
use status::{BatchStatus, Counts, RowStatus, Share};
use submission::{Outgoing, Sender, Submission};
pub use submission::{SubmissionEnd, Wait};
pub use summary::Summary;
pub use validate::{CellError, InvalidRow, ValidRow, Validated};

/// Why nothing was sent, or the results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("{}: {source}\nnothing was sent", path.display())]
    Read { path: PathBuf, source: ReadError },
    #[error(
        "{} is not what was checked any more; nothing was sent; run the command again", path.display()
    )]
    Changed { path: PathBuf },
    #[error(transparent)]
    BadFile(#[from] BadFileError),
    #[error(transparent)]
    ResultsFile(#[from] ResultsFileError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(
        "the rows can no longer be counted: {0}; what was sent stays with the worker, and the file \
         can be submitted again with the same references"
    )]
    Uncounted(io::Error),
}

impl BatchError {
    fn of_reading(input: &Input, source: ReadError) -> Self {
        Self::Read { path: input.name(), source }
    }

    /// Whether the command or the configuration is wrong, and not the file or the broker.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_usage(),
            Self::Read { source, .. } => matches!(source, ReadError::Usage(_)),
            Self::Changed { .. } | Self::BadFile(_) | Self::ResultsFile(_) | Self::Uncounted(_) => {
                false
            }
        }
    }
}

/// A merchant's file of intents, read and checked.
pub struct Batch<'a> {
    input: &'a Input,
    merchant: &'a Merchant,
    sheet: Sheet,
    findings: Findings,
    repeated: RepeatedReferences,
}

impl<'a> Batch<'a> {
    /// Reads the whole file once, and checks every row of it.
    pub fn read(input: &'a Input, merchant: &'a Merchant) -> Result<Self, BatchError> {
        let opened = Opened::open(input);
        Self::of(opened.map_err(|error| BatchError::of_reading(input, error))?, input, merchant)
    }

    fn of(
        opened: Opened<'_>,
        input: &'a Input,
        merchant: &'a Merchant,
    ) -> Result<Self, BatchError> {
        let failed = |source| BatchError::of_reading(input, source);
        let now = SystemClock::start().now().wall;
        let sheet = opened.sheet().map_err(failed)?;
        let (findings, repeated) = check(&sheet, merchant, now).map_err(failed)?;
        Ok(Self { input, merchant, sheet, findings, repeated })
    }

    /// Every row that is not empty, in the order of the file: read one by one, and the same each
    /// time.
    pub fn rows(&self) -> impl Iterator<Item = Result<Validated, ReadError>> + use<'_> {
        let rows = rows(&self.sheet, self.merchant, &self.repeated);
        rows.map(|row| row.map(|(_, validated)| validated))
    }

    /// How many rows there are below the header.
    pub fn row_count(&self) -> usize {
        self.findings.rows
    }

    pub fn bad_row_count(&self) -> usize {
        self.findings.bad
    }

    /// The good rows, and what they pay.
    fn pays(&self) -> Share {
        let rows = self.findings.rows.saturating_sub(self.findings.bad);
        Share { rows, rupees: self.findings.rupees }
    }

    /// The rupees of the good rows.
    pub fn rupees(&self) -> Total {
        self.findings.rupees
    }

    /// Whether good rows pay the same customer the same amount.
    pub fn has_repeats(&self) -> bool {
        !self.findings.repeats.is_empty()
    }

    /// The errors of bad rows, a line for all rows that have the same.
    pub fn errors(&self) -> Vec<String> {
        self.findings.errors.lines()
    }

    /// Writes the bad rows beside the file, if there are any, and says where.
    pub fn write_bad_rows(&self) -> Result<Option<PathBuf>, BatchError> {
        if self.findings.bad == 0 {
            return Ok(None);
        }
        let rows = rows(&self.sheet, self.merchant, &self.repeated);
        Ok(Some(bad_file::write(&self.input.name(), &self.sheet.form, rows)?))
    }

    /// What the file as a whole would pay, by whom, and what the account holds.
    pub fn preview<'b>(
        &'b self,
        actor: &'b Actor,
        bad_file: Option<PathBuf>,
        balance: Result<Balance, String>,
    ) -> Preview<'b> {
        Preview {
            file: self.input.name(),
            merchant: &self.merchant.name,
            account: &self.merchant.account.payout_merchant_id,
            actor,
            findings: &self.findings,
            pays: self.pays(),
            notes: self.sheet.notes.clone(),
            bad_file,
            pace: Pace::of(self.merchant),
            balance,
        }
    }

    /// Whoever has seen the preview means the file as it was then.
    fn refuse_if_changed(&self) -> Result<(), BatchError> {
        if self.sheet.is_at(&self.input.path) {
            return Ok(());
        }
        Err(BatchError::Changed { path: self.input.name() })
    }

    /// Sends the good rows, with who sends them and why; if it waits for their results, it writes
    /// them beside the file.
    pub async fn submit(
        &self,
        config: &Config,
        (wait, actor): (Wait, &Actor),
        stop: &CancellationToken,
    ) -> Result<Summary, BatchError> {
        self.refuse_if_changed()?;
        let clock = SystemClock::start();
        let begun = clock.now();
        let waited = wait != Wait::No;
        let results_file = waited.then(|| ResultsFile::beside(&self.input.name())).transpose()?;
        let merchant = self.merchant;
        let mut status = BatchStatus::new(waited);
        let good = self.rows().filter_map(|row| row.map(|row| row.result.ok()).transpose());
        let count = self.pays().rows;
        let sender = Sender { merchant, actor, begun };
        let end = if count == 0 {
            SubmissionEnd::Finished
        } else {
            tokio::select! {
                submission = Submission::open(config, merchant, wait, clock) => {
                    let outgoing = Outgoing { rows: good, count };
                    submission?.run(&mut status, (&sender, outgoing), stop).await
                }
                () = stop.cancelled() => SubmissionEnd::Interrupted,
            }
        };
        let elapsed = clock.now().since(begun);
        let report = |file: ResultsFile| file.finish(&|out| self.each(&status, |row| out.add(row)));
        let results = results_file.map(report);
        let mut counts = Counts::default();
        let counted = self.each(&status, |row| {
            counts.add(row.status, row.amount);
            Ok(())
        });
        counted.map_err(BatchError::Uncounted)?;
        Ok(Summary { end, counts, waited, elapsed, results })
    }

    /// Every row with what is known of it.
    fn each(
        &self,
        known: &BatchStatus,
        mut take: impl FnMut(&ReportRow<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut places = 0..;
        for row in self.rows() {
            let row = row.map_err(io::Error::other)?;
            let place = row.result.is_ok().then(|| places.next()).flatten();
            let status = match (&row.result, place) {
                (Err(invalid), _) => RowStatus::Skipped(&invalid.errors),
                (Ok(_), place) => place.map_or(RowStatus::Unsent, |place| known.of(place)),
            };
            let other_link = place.and_then(|place| known.other_link(place));
            let (reference, amount) = (row.reference(), row.amount());
            take(&ReportRow { number: row.number, reference, amount, status, other_link })?;
        }
        Ok(())
    }
}
