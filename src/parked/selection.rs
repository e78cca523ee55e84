//! Which parked messages are meant.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::message::Parked;
use crate::domain::reference::Reference;

/// What a message has to be to be meant. Of each list one entry has to fit; an empty one fits all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub merchant: Option<String>,
    /// Codes of reasons.
    pub codes: Vec<String>,
    /// Parked at least so long ago.
    pub older: Option<Duration>,
    /// Parked at most so long ago.
    pub younger: Option<Duration>,
    pub references: BTreeSet<Reference>,
    /// Ids, or what they begin with.
    pub ids: Vec<String>,
}

/// What was named and has not been found so far.
#[derive(Clone, Debug, Default)]
pub struct Absent {
    references: BTreeSet<Reference>,
    ids: Vec<String>,
}

impl Absent {
    /// Sees one that is meant.
    pub fn see(&mut self, parked: &Parked) {
        if let Some(reference) = parked.content.reference() {
            self.references.remove(reference);
        }
        self.ids.retain(|begin| !parked.id.as_str().starts_with(begin.as_str()));
    }

    pub fn is_empty(&self) -> bool {
        self.references.is_empty() && self.ids.is_empty()
    }

    /// The references, then the ids.
    pub fn names(&self) -> Vec<String> {
        let references = self.references.iter().map(ToString::to_string);
        references.chain(self.ids.iter().cloned()).collect()
    }
}

impl Selection {
    /// All that is named, before anything was seen.
    pub fn named(&self) -> Absent {
        Absent { references: self.references.clone(), ids: self.ids.clone() }
    }

    /// Whether a message is meant; `None` where its age decides, and it does not say when it was
    /// parked.
    pub fn takes(&self, parked: &Parked, now: Timestamp) -> Option<bool> {
        let merchant = self.merchant.as_deref().is_none_or(|it| parked.merchant() == it);
        let code = self.codes.is_empty() || self.codes.iter().any(|code| code == parked.code());
        let reference = parked.content.reference();
        let reference = self.references.is_empty()
            || reference.is_some_and(|reference| self.references.contains(reference));
        let id = self.ids.is_empty()
            || self.ids.iter().any(|begin| parked.id.as_str().starts_with(begin.as_str()));
        if !(merchant && code && reference && id) {
            return Some(false);
        }
        if self.older.is_none() && self.younger.is_none() {
            return Some(true);
        }
        let age = Duration::try_from(now.duration_since(parked.parked_at?)).unwrap_or_default();
        let is_old = self.older.is_none_or(|older| age >= older);
        Some(is_old && self.younger.is_none_or(|younger| age <= younger))
    }
}
