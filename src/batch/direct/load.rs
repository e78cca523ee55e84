//! A file's rows, taken in beside it.

use std::path::PathBuf;

use super::report::ReportError;
use crate::app::StartError;
use crate::batch::results_file::{ResultsFileError, beside};
use crate::batch::row_errors::named;
use crate::batch::status::{RowStatus, Share, TrackedRow};
use crate::batch::validate::{InvalidRow, Validated};
use crate::batch::{Batch, intent_id};
use crate::config::{Config, Merchant};
use crate::local::{
    AccountLock, AccountLockError, NewRow, OpenError, Owner, Placed, Standing, Store, StoreError,
};

/// How many rows are taken in at once.
const CHUNK: usize = 4096;
/// How many references of one kind are named.
const NAMED_MAX: usize = 5;

/// Whether money moves. The files of a trial have names of their own, so that none is taken for the
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    Sandbox,
}

impl Mode {
    fn store(self) -> &'static str {
        match self {
            Self::Live => "smartsend.db",
            Self::Sandbox => "sandbox.smartsend.db",
        }
    }

    fn results(self) -> &'static str {
        match self {
            Self::Live => "results.csv",
            Self::Sandbox => "sandbox.results.csv",
        }
    }
}

/// Why a file cannot be paid, or its results cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    #[error(transparent)]
    Account(#[from] AccountLockError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot use {}: {source}", path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error(transparent)]
    NotBegun(#[from] ResultsFileError),
    #[error("cannot start: {0}; nothing was sent")]
    Start(StartError),
    #[error(
        "cannot write {}: {source}; every result is in {}, and running the same batch again writes \
         them",
        path.display(), store.display()
    )]
    Report { path: PathBuf, source: ReportError, store: PathBuf },
}

impl DirectError {
    /// Whether the configuration is wrong, and not the file or the machine.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Start(_))
    }
}

/// A file whose rows are in its store. Until it ends, no other batch of this machine uses the file
/// or the account.
pub struct Direct<'a> {
    pub(super) config: &'a Config,
    pub(super) merchant: &'a Merchant,
    pub(super) store: Store,
    pub(super) results: PathBuf,
    /// What is not paid: bad rows, and rows that contradict an earlier run.
    pub(super) skipped: Vec<TrackedRow>,
    contradicting: Vec<usize>,
    pub(super) open: Share,
    /// What an earlier run has brought to its end.
    pub(super) already: Share,
    pub(super) _lock: Option<AccountLock>,
}

impl<'a> Batch<'a> {
    /// Takes the good rows in. Nothing is sent before [`Direct::pay`].
    pub fn take_in(self, config: &'a Config, mode: Mode) -> Result<Direct<'a>, DirectError> {
        let Self { path, merchant, rows } = self;
        let account = merchant.account.clone();
        let lock = match mode {
            Mode::Live => Some(AccountLock::take(&account.payout_merchant_id)?),
            // Its account is as new as the sandbox.
            Mode::Sandbox => None,
        };
        let owner = Owner { account, merchant: merchant.name.clone() };
        let mut direct = Direct {
            config,
            merchant,
            store: Store::open(&beside(path, mode.store()), &owner)?,
            results: beside(path, mode.results()),
            skipped: Vec::new(),
            contradicting: Vec::new(),
            open: Share::default(),
            already: Share::default(),
            _lock: lock,
        };
        direct.store.begin_file().map_err(|source| direct.failed(source))?;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            direct.take_chunk(rows.by_ref().take(CHUNK).collect())?;
        }
        direct.skipped.sort_by_key(|row| row.number);
        Ok(direct)
    }
}

impl Direct<'_> {
    fn take_chunk(&mut self, rows: Vec<Validated>) -> Result<(), DirectError> {
        let mut good = Vec::new();
        for Validated { number, result } in rows {
            match result {
                Ok(row) => good.push((number, intent_id(&self.merchant.name, &row.reference), row)),
                Err(InvalidRow { reference, amount, errors }) => {
                    let status = RowStatus::Skipped(errors);
                    self.skipped.push(TrackedRow::new(number, (reference, amount), status));
                }
            }
        }
        let new = good.iter().map(|(number, message_id, row)| NewRow {
            number: *number,
            reference: &row.reference,
            amount: row.amount,
            name: row.event_ids.name_id(),
            message_id,
            body: &row.body,
        });
        let new: Vec<NewRow<'_>> = new.collect();
        let placed = self.store.place(&new).map_err(|source| self.failed(source))?;
        for (NewRow { number, reference, amount, .. }, placed) in new.iter().zip(placed) {
            let named = (Some((*reference).clone()), Some(*amount));
            let row = TrackedRow::new(*number, named, RowStatus::Contradicts);
            match placed {
                Placed::Open => self.open.add(&row),
                Placed::Ended => self.already.add(&row),
                Placed::Contradicts => {
                    self.contradicting.push(*number);
                    self.skipped.push(row);
                }
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, source: StoreError) -> DirectError {
        DirectError::Store { path: self.store.path().to_owned(), source }
    }

    /// How many rows contradict an earlier run.
    pub fn contradiction_count(&self) -> usize {
        self.contradicting.len()
    }

    /// What a person has to know before it is paid.
    pub fn notes(&self) -> Result<Vec<String>, DirectError> {
        let mut notes = Vec::new();
        if !self.contradicting.is_empty() {
            notes.push(format!(
                "{}: an earlier run has, or may have, sent another amount or customer under the \
                 same reference; write the row as it was, or pay it under a new reference",
                named(&self.contradicting)
            ));
        }
        let left_out = self.store.left_out().map_err(|source| self.failed(source))?;
        let left_out = left_out.into_iter().filter(|row| row.standing == Standing::InDoubt);
        let left_out: Vec<_> = left_out.map(|row| row.reference.to_string()).collect();
        if !left_out.is_empty() {
            notes.push(format!(
                "an earlier run may have sent {}, which the file does not have any more, and which \
                 are not followed; to find out how they ended, put their rows back",
                some_of(&left_out)
            ));
        }
        Ok(notes)
    }

    /// What is about to be paid, in a sentence.
    pub fn plan(&self) -> String {
        let Share { rows, rupees } = &self.open;
        let already = match self.already.rows {
            0 => String::new(),
            ended => format!("; {ended} have ended before"),
        };
        format!(
            "{rows} rows, {rupees} rupees, for the merchant {} (account {}), at most {} requests per \
             second{already}",
            self.merchant.name,
            self.merchant.account.payout_merchant_id,
            self.merchant.limits.intents.rate.per_second
        )
    }

    /// Whether nothing is left to be paid.
    pub fn is_done(&self) -> bool {
        self.open.rows == 0
    }
}

/// The first few, and how many there are.
fn some_of(all: &[String]) -> String {
    let some = all.get(..NAMED_MAX).unwrap_or(all).join(", ");
    let more = all.len().saturating_sub(NAMED_MAX);
    if more == 0 { some } else { format!("{some} and {more} more") }
}
