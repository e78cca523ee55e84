//! A plan of a replay: every message that is meant, what was found out about it, and what is to be
//! done. It is a file, so that a person can read it first, and names messages, so that it never acts
//! on anything that came later.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decision::{Decision, Judgement};
use super::message::{Id, Parked, digest_of};
use super::tally::columns;
use crate::domain::amount::{Amount, Total};
use crate::domain::record::headers::written;
use crate::new_file::NewFile;

/// How long after its end a plan can be begun.
pub const AGE_MAX: Duration = Duration::from_mins(15);
/// How far ahead another machine's clock may be.
const SKEW_MAX: Duration = Duration::from_mins(1);
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    #[serde(rename = "replayPlan")]
    version: u32,
    /// The prefix of the installation's names, `broker.prefix`.
    pub prefix: String,
    made_by: String,
    finished_at: String,
    /// Whether a third replay was asked for.
    pub again: bool,
    /// What it replays.
    to_replay: Sum,
    /// How many more were meant, and are not in it.
    pub left_out: u32,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sum {
    messages: usize,
    rupees: String,
}

/// One parked message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    id: String,
    pub merchant: String,
    pub merchant_ref_id: Option<String>,
    /// `intent` or `command`.
    pub kind: String,
    pub reason: String,
    /// `null` for a command, and where they are not known.
    pub rupees: Option<String>,
    parked_at: Option<String>,
    replays: u32,
    decision: String,
    pub evidence: String,
}

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is no plan of `parked replay --dry-run`, or was changed: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("cannot write {}: {source}; nothing was replayed", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Entry {
    pub fn new(parked: &Parked, judgement: Judgement) -> Self {
        Self {
            id: parked.id.to_string(),
            merchant: parked.merchant().to_owned(),
            merchant_ref_id: parked.content.reference().map(ToString::to_string),
            kind: parked.content.work().noun().to_owned(),
            reason: parked.code().to_owned(),
            rupees: parked.content.amount().map(|amount| amount.to_string()),
            parked_at: parked.parked_at.map(written),
            replays: parked.replays,
            decision: judgement.decision.as_str().to_owned(),
            evidence: judgement.evidence.into_owned(),
        }
    }

    pub fn decision(&self) -> Option<Decision> {
        Decision::ALL.into_iter().find(|decision| decision.as_str() == self.decision)
    }

    pub fn id(&self) -> Option<Id> {
        Id::parse(&self.id)
    }

    fn amount(&self) -> Option<Amount> {
        Amount::parse(self.rupees.as_deref()?).ok()
    }

    /// The reference, or what stands for it.
    pub fn name(&self) -> &str {
        self.merchant_ref_id.as_deref().unwrap_or(&self.id)
    }
}

impl Plan {
    pub fn new(
        (prefix, made_by): (&str, &str),
        finished_at: Timestamp,
        again: bool,
        (entries, left_out): (Vec<Entry>, u32),
    ) -> Self {
        let mut plan = Self {
            version: VERSION,
            prefix: prefix.to_owned(),
            made_by: made_by.to_owned(),
            finished_at: written(finished_at),
            again,
            to_replay: Sum { messages: 0, rupees: String::new() },
            left_out,
            entries,
        };
        plan.to_replay = plan.sum();
        plan
    }

    /// Those that are replayed, in order.
    pub fn replays(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.decision() == Some(Decision::Replay))
    }

    fn sum(&self) -> Sum {
        let rupees = rupees_of(self.replays()).to_string();
        Sum { messages: self.replays().count(), rupees }
    }

    pub fn count(&self, decision: Decision) -> usize {
        self.entries.iter().filter(|entry| entry.decision() == Some(decision)).count()
    }

    /// Whether it is too old to be begun, by this clock.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let Ok(finished) = self.finished_at.parse::<Timestamp>() else { return true };
        let since = now.duration_since(finished);
        match Duration::try_from(since) {
            Ok(since) => since > AGE_MAX,
            Err(_) => since.unsigned_abs() > SKEW_MAX,
        }
    }

    /// Reads it from a file, with the digest of its bytes.
    pub fn read(path: &Path) -> Result<(Self, String), PlanError> {
        let bytes =
            fs::read(path).map_err(|source| PlanError::Read { path: path.to_owned(), source })?;
        let plan = Self::parse(&bytes)
            .map_err(|why| PlanError::Unreadable { path: path.to_owned(), why })?;
        Ok((plan, digest_of(&bytes)))
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let plan: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if plan.version != VERSION {
            return Err("it is of another version".to_owned());
        }
        let is_whole = |entry: &Entry| entry.id().is_some() && entry.decision().is_some();
        if !plan.entries.iter().all(is_whole) {
            return Err("an entry has no id, or a decision that is not known".to_owned());
        }
        if plan.sum() != plan.to_replay {
            return Err("its entries do not add up to toReplay".to_owned());
        }
        Ok(plan)
    }

    /// Writes it to a file that does not exist yet.
    pub fn write(&self, path: &Path) -> Result<(), PlanError> {
        let failed = |source| PlanError::Write { path: path.to_owned(), source };
        let file = NewFile::begin(path).map_err(failed)?;
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        json.push(b'\n');
        file.finish(&json).map_err(failed)
    }

    pub fn table(&self) -> String {
        let rows: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                [
                    entry.name().to_owned(),
                    entry.merchant.clone(),
                    entry.rupees.clone().unwrap_or_else(|| "-".to_owned()),
                    entry.reason.clone(),
                    entry.decision.clone(),
                    entry.evidence.clone(),
                ]
            })
            .collect();
        let head = ["reference", "merchant", "rupees", "reason", "decision", "evidence"];
        let Sum { messages, rupees } = &self.to_replay;
        format!("{}\n{messages} to replay, {rupees} rupees\n", columns(head, &rows))
    }
}

/// The rupees of some entries.
pub fn rupees_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Total {
    let amounts = entries.into_iter().filter_map(Entry::amount);
    amounts.fold(Total::default(), |sum, amount| sum.plus(amount))
}
