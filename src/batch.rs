//! Files of intents, published as upstream would publish them.
//!
//! Half a file sent is the worst case: nobody knows which half. So everything that can be checked
//! is checked first: the rows by the worker's own parser, the queue on the broker itself. A file
//! that is submitted twice is not paid twice, since its references are the same.
//!
//! [`Direct`] pays a file without a broker.

mod direct;
pub(crate) mod progress;
mod read;
mod results_file;
mod row_errors;
mod status;
mod submission;
mod summary;
mod text;
mod validate;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::actor::Actor;
use crate::amqp::UpstreamError;
use crate::amqp::upstream::message;
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::amount::{Amount, Total};
use crate::domain::event::NAMESPACE;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Copied, Moment};
pub use direct::{Direct, DirectEnd, DirectError, DirectSummary, Mode, Stops, refuse_if_consumed};
use read::SheetError;
pub(crate) use results_file::harmless;
pub use results_file::{Outcome, ReportLine, is_report, read_report};
use results_file::{ResultsFile, ResultsFileError};
use status::{BatchStatus, Place};
use submission::Submission;
pub use submission::{SubmissionEnd, Wait};
pub use summary::Summary;
use validate::{InvalidRow, Validated, validate};

/// Why nothing was sent, or the results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("cannot read {}: {source}; nothing was sent", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}\nnothing was sent", path.display())]
    Sheet { path: PathBuf, source: SheetError },
    #[error(transparent)]
    ResultsFile(#[from] ResultsFileError),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl BatchError {
    /// Whether the configuration is wrong, and not the file or the broker.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Upstream(error) if error.is_usage())
    }
}

/// What a row asks for, as far as it is valid.
pub struct AskedRow {
    /// The number that a spreadsheet shows.
    pub number: usize,
    pub reference: Option<Reference>,
    pub amount: Option<Amount>,
    /// The intent's JSON, of a row that can be sent.
    pub body: Option<Bytes>,
}

/// A merchant's file of intents, read and validated.
pub struct Batch<'a> {
    path: &'a Path,
    merchant: &'a Merchant,
    rows: Vec<Validated>,
}

impl<'a> Batch<'a> {
    pub fn read(path: &'a Path, merchant: &'a Merchant) -> Result<Self, BatchError> {
        let bytes = std::fs::read(path)
            .map_err(|source| BatchError::Read { path: path.to_owned(), source })?;
        let sheet = read::read(&bytes)
            .map_err(|source| BatchError::Sheet { path: path.to_owned(), source })?;
        Ok(Self { path, merchant, rows: validate(sheet, merchant) })
    }

    /// How many rows there are below the header.
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    pub fn bad_row_count(&self) -> usize {
        self.rows.iter().filter(|row| row.result.is_err()).count()
    }

    /// The rupees of the good rows.
    pub fn rupees(&self) -> Total {
        let good = self.rows.iter().filter_map(|row| row.result.as_ref().ok());
        good.fold(Total::default(), |sum, row| sum.plus(row.amount))
    }

    /// What each row asks for, in the order of the file.
    pub fn asked(&self) -> impl Iterator<Item = AskedRow> {
        self.rows.iter().map(|row| {
            let number = row.number;
            match &row.result {
                Ok(valid) => AskedRow {
                    number,
                    reference: Some(valid.reference.clone()),
                    amount: Some(valid.amount),
                    body: Some(valid.body.clone()),
                },
                Err(InvalidRow { reference, amount, .. }) => {
                    AskedRow { number, reference: reference.clone(), amount: *amount, body: None }
                }
            }
        })
    }

    /// Every error of every bad row, a line for all rows that have it.
    pub fn errors(&self) -> Vec<String> {
        row_errors::lines(&self.rows)
    }

    /// Sends the good rows, with who sends them and why; if it waits for their results, it writes them beside the file.
    pub async fn submit(
        self,
        config: &Config,
        (wait, actor): (Wait, &Actor),
        stop: &CancellationToken,
    ) -> Result<Summary, BatchError> {
        let clock = SystemClock::start();
        let begun = clock.now();
        let waited = wait != Wait::No;
        let results_file = waited.then(|| ResultsFile::beside(self.path)).transpose()?;
        let merchant = self.merchant;
        let (mut status, messages) = self.into_messages(actor, begun);
        let end = if messages.is_empty() {
            SubmissionEnd::Finished
        } else {
            tokio::select! {
                submission = Submission::open(config, merchant, wait, clock) => {
                    submission?.run(&mut status, messages, stop).await
                }
                () = stop.cancelled() => SubmissionEnd::Interrupted,
            }
        };
        Ok(Summary {
            end,
            counts: status.counts(),
            waited,
            elapsed: clock.now().since(begun),
            results: results_file.map(|file| file.finish(&status)),
        })
    }

    fn into_messages(self, actor: &Actor, now: Moment) -> (BatchStatus, VecDeque<(Place, Copied)>) {
        let mut status = BatchStatus::default();
        let mut messages = VecDeque::new();
        for row in self.rows {
            match row.result {
                Err(invalid) => status.add_skipped(row.number, invalid),
                Ok(valid) => {
                    let id = intent_id(&self.merchant.name, &valid.reference);
                    let body = valid.body.clone();
                    let place = status.add_valid(row.number, valid, id.clone());
                    let mut message = message(body, id, self.merchant, now);
                    message.headers.extend(actor.headers());
                    messages.push_back((place, message));
                }
            }
        }
        (status, messages)
    }
}

/// An intent's `message_id`: `UUIDv5` in the namespace of the event ids, of `submit`, the merchant
/// and the reference, joined by line feeds. A file that is submitted twice gives the same ids.
fn intent_id(merchant: &str, reference: &Reference) -> String {
    let name = format!("submit\n{merchant}\n{reference}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
