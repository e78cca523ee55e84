//! A file's rows, taken in beside it.

use std::path::PathBuf;

use super::report::ReportError;
use crate::actor::Actor;
use crate::app::StartError;
use crate::batch::beside::beside;
use crate::batch::read::ReadError;
use crate::batch::results_file::ResultsFileError;
use crate::batch::row_ranges::RowRanges;
use crate::batch::status::Share;
use crate::batch::submission::intent_id;
use crate::batch::validate::{ValidRow, Validated};
use crate::batch::{Batch, BatchError, Preview};
use crate::config::Config;
use crate::domain::event::name_id;
use crate::inquiry::Balance;
use crate::local::{
    AccountLock, AccountLockError, NewRow, OpenError, Owner, Placed, Standing, Store, StoreError,
};
use crate::page::some_of;

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
    #[error("cannot use {}: {source}; nothing was sent", path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error(
        "cannot use {} any more: {source}; run the same batch again to go on: what may have been \
         sent is looked up first",
        path.display()
    )]
    Lost { path: PathBuf, source: StoreError },
    #[error("the rows can no longer be read: {0}; nothing was sent")]
    Unread(ReadError),
    #[error(transparent)]
    Changed(BatchError),
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
    #[error(
        "the rows can no longer be counted: {source}; every result is in {}, and running the same \
         batch again shows them",
        store.display()
    )]
    Uncounted { source: ReportError, store: PathBuf },
}

impl DirectError {
    /// Whether the configuration is wrong, and not the file or the machine.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Start(_))
    }
}

/// A file whose good rows are in its store. Until it ends, no other batch of this machine uses the
/// file or the account.
pub struct Direct<'a> {
    pub(super) config: &'a Config,
    pub(super) batch: Batch<'a>,
    pub(super) store: Store,
    pub(super) results: PathBuf,
    pub(super) taken: TakenIn,
    pub(super) _lock: Option<AccountLock>,
}

/// The good rows, by what the store knows of them.
#[derive(Debug, Default)]
pub(super) struct TakenIn {
    /// What is to be paid.
    pub(super) open: Share,
    /// What an earlier run has brought to its end.
    pub(super) already: Share,
    /// What contradicts an earlier run, and is not paid.
    contradicting: RowRanges,
}

impl<'a> Batch<'a> {
    /// Takes the good rows in. Nothing is sent before [`Direct::pay`].
    pub fn take_in(self, config: &'a Config, mode: Mode) -> Result<Direct<'a>, DirectError> {
        let (input, account) = (self.input.name(), self.merchant.account.clone());
        let lock = match mode {
            Mode::Live => Some(AccountLock::take(&account.payout_merchant_id)?),
            // Its account is as new as the sandbox.
            Mode::Sandbox => None,
        };
        let owner = Owner { account, merchant: self.merchant.name.clone() };
        let mut direct = Direct {
            config,
            batch: self,
            store: Store::open(&beside(&input, mode.store()), &owner)?,
            results: beside(&input, mode.results()),
            taken: TakenIn::default(),
            _lock: lock,
        };
        direct.take_rows()?;
        Ok(direct)
    }
}

impl Direct<'_> {
    fn take_rows(&mut self) -> Result<(), DirectError> {
        let Self { batch, store, taken, .. } = self;
        let path = store.path().to_owned();
        let failed = |source| DirectError::Store { path: path.clone(), source };
        store.begin_file().map_err(failed)?;
        let rows = batch.rows().map(|row| {
            let Validated { number, result, .. } = row.map_err(DirectError::Unread)?;
            Ok(result.ok().map(|row| (number, row)))
        });
        let mut good = rows.filter_map(Result::transpose);
        loop {
            let chunk = good.by_ref().take(CHUNK).collect::<Result<Vec<_>, DirectError>>()?;
            if chunk.is_empty() {
                return Ok(());
            }
            taken.add(store, &batch.merchant.name, &chunk).map_err(failed)?;
        }
    }

    pub(super) fn failed(&self, source: StoreError) -> DirectError {
        DirectError::Store { path: self.store.path().to_owned(), source }
    }

    /// How many rows contradict an earlier run.
    pub fn contradiction_count(&self) -> usize {
        self.taken.contradicting.count()
    }

    /// How many rows the file has.
    pub fn row_count(&self) -> usize {
        self.batch.row_count()
    }

    /// What is left to be paid of the file, by whom, and what the account holds.
    pub fn preview<'b>(
        &'b self,
        actor: &'b Actor,
        bad_file: Option<PathBuf>,
        balance: Result<Balance, String>,
    ) -> Result<Preview<'b>, DirectError> {
        let mut preview = self.batch.preview(actor, bad_file, balance);
        preview.pays = self.taken.open;
        preview.notes.extend(self.notes()?);
        Ok(preview)
    }

    /// What earlier runs mean for this one.
    fn notes(&self) -> Result<Vec<String>, DirectError> {
        let TakenIn { already, contradicting, .. } = &self.taken;
        let mut notes = Vec::new();
        if already.rows > 0 {
            notes.push(format!(
                "{} rows, {} rupees, have ended before",
                already.rows, already.rupees
            ));
        }
        if contradicting.count() > 0 {
            notes.push(format!(
                "{contradicting}: an earlier run has, or may have, sent another amount or customer \
                 under the same reference; write the row as it was, or pay it under a new reference"
            ));
        }
        let left_out = self.store.left_out().map_err(|source| self.failed(source))?;
        let left_out = left_out.into_iter().filter(|row| row.standing == Standing::InDoubt);
        let left_out: Vec<_> = left_out.map(|row| row.reference.to_string()).collect();
        if !left_out.is_empty() {
            notes.push(format!(
                "an earlier run may have sent {}, which the file does not have any more, and which \
                 are not followed; to find out how they ended, put their rows back",
                some_of(&left_out, NAMED_MAX)
            ));
        }
        Ok(notes)
    }

    /// Whether nothing is left to be paid.
    pub fn is_done(&self) -> bool {
        self.taken.open.rows == 0
    }
}

impl TakenIn {
    fn add(
        &mut self,
        store: &mut Store,
        merchant: &str,
        rows: &[(usize, ValidRow)],
    ) -> Result<(), StoreError> {
        let ids = rows.iter().map(|(_, row)| intent_id(merchant, &row.intent.reference));
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        let new = rows.iter().zip(&ids).map(|((number, row), message_id)| NewRow {
            number: *number,
            reference: &row.intent.reference,
            amount: row.intent.amount,
            name: name_id(&row.intent, merchant),
            message_id,
            body: &row.body,
        });
        let new: Vec<NewRow<'_>> = new.collect();
        for (NewRow { number, amount, .. }, placed) in new.iter().zip(store.place(&new)?) {
            match placed {
                Placed::Open => self.open.add(Some(*amount)),
                Placed::Ended => self.already.add(Some(*amount)),
                Placed::Contradicts => self.contradicting.add(*number),
            }
        }
        Ok(())
    }
}
