//! What stored events say of each reference.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::domain::account::Account;
use crate::domain::amount::Amount;
use crate::domain::event::{Fact, NotAnEvent, StoredEvent};
use crate::domain::reference::Reference;

/// The events of one merchant, by their references.
#[derive(Clone, Debug, Default)]
pub struct Events {
    announced: BTreeMap<Reference, Announced>,
    pub counts: EventCounts,
}

/// How many events there were, and what they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Of this merchant and account, without repeats.
    pub taken: usize,
    pub repeated: usize,
    pub of_other_merchants: usize,
    /// Of a merchant with this name and another account.
    pub of_other_accounts: usize,
    /// Of types that are not known here.
    pub of_other_types: usize,
    /// Of a known type, and against its contract.
    pub broken: usize,
}

/// What all events of one reference say together.
#[derive(Clone, Debug, Default)]
pub struct Announced {
    facts: BTreeSet<Fact>,
    /// The amounts of its links.
    pub amounts: BTreeSet<Amount>,
    /// When the last of them was made.
    pub last_at: Option<Timestamp>,
}

/// Why the events cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error("cannot read {}: {source}; nothing was asked", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "line {line} of {} is not a JSON object; give the events as they were published, one on \
         each line; nothing was asked",
        path.display()
    )]
    Line { path: PathBuf, line: usize },
}

impl Announced {
    pub fn has_link(&self) -> bool {
        self.facts.contains(&Fact::Link) || self.is_cancelled()
    }

    pub fn is_cancelled(&self) -> bool {
        self.facts.contains(&Fact::Cancelled)
    }

    /// Whether an event says that it has no link and gets none.
    pub fn has_no_link(&self) -> bool {
        self.facts.contains(&Fact::NoLink)
    }

    pub fn is_parked(&self) -> bool {
        self.facts.contains(&Fact::Parked)
    }

    /// Takes in what one more event says.
    pub fn add(&mut self, fact: Fact, amount: Option<Amount>, time: Option<Timestamp>) {
        self.facts.insert(fact);
        if matches!(fact, Fact::Link | Fact::Cancelled) {
            self.amounts.extend(amount);
        }
        self.last_at = self.last_at.max(time);
    }
}

impl Events {
    /// Those of this account and merchant in a file.
    pub fn read(path: &Path, account: &Account, merchant: &str) -> Result<Self, EventsError> {
        let failed = |source| EventsError::Read { path: path.to_owned(), source };
        let lines = BufReader::new(File::open(path).map_err(failed)?).split(b'\n');
        let source = format!("urn:smartsend:{}:{merchant}", account.payout_merchant_id);
        let (mut events, mut ids) = (Self::default(), HashSet::new());
        for (index, line) in lines.enumerate() {
            let line = line.map_err(failed)?;
            let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).trim_ascii();
            if text.is_empty() {
                continue;
            }
            match StoredEvent::from_json(text) {
                Ok(event) => events.add(event, (&source, merchant), &mut ids),
                Err(NotAnEvent::OtherType) => count(&mut events.counts.of_other_types),
                Err(NotAnEvent::Broken) => count(&mut events.counts.broken),
                Err(NotAnEvent::NotJson) => {
                    let line = index.saturating_add(1);
                    return Err(EventsError::Line { path: path.to_owned(), line });
                }
            }
        }
        Ok(events)
    }

    fn add(
        &mut self,
        event: StoredEvent,
        (source, merchant): (&str, &str),
        ids: &mut HashSet<String>,
    ) {
        if event.merchant != merchant {
            return count(&mut self.counts.of_other_merchants);
        }
        if event.source != source {
            return count(&mut self.counts.of_other_accounts);
        }
        if !event.id.is_empty() && !ids.insert(event.id) {
            return count(&mut self.counts.repeated);
        }
        count(&mut self.counts.taken);
        if let Some(reference) = event.reference {
            self.announced.entry(reference).or_default().add(event.fact, event.amount, event.time);
        }
    }

    pub fn of(&self, reference: &Reference) -> Option<&Announced> {
        self.announced.get(reference)
    }

    /// The links that they announce for references that FILE does not have.
    pub fn strays(
        &self,
        is_in_file: impl Fn(&Reference) -> bool,
    ) -> impl Iterator<Item = (&Reference, &Announced)> {
        let all = self.announced.iter();
        all.filter(move |(it, announced)| announced.has_link() && !is_in_file(it))
    }
}

fn count(counter: &mut usize) {
    *counter = counter.saturating_add(1);
}
