//! What this process has handled recently.
//!
//! Upstream's outbox may publish an intent twice. The second copy carries no record, so only this
//! cache shows that its reference may have been sent. Under the strict policy it is more than a
//! cache: it keeps two copies apart while lookups lag, so an entry is never evicted early, and when
//! there is no room nothing new is started.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashlink::LinkedHashMap;
use uuid::Uuid;

use crate::domain::reference::Reference;
use crate::domain::verdict::Verdict;

/// How many references are remembered.
pub const CAPACITY: usize = 65_536;
/// How many verdicts are remembered.
const VERDICTS_MAX: usize = 4096;

/// The references that were handled recently, by their hash. A collision costs one needless lookup,
/// and nothing worse.
#[derive(Debug)]
pub struct DedupCache {
    keep: Duration,
    verdict_keep: Duration,
    capacity: usize,
    strict: bool,
    hasher: RandomState,
    /// When each was inserted last, the oldest first.
    references: Mutex<LinkedHashMap<u64, Duration>>,
    /// By the name that an intent's events have in common.
    verdicts: Mutex<LinkedHashMap<Uuid, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    verdict: Verdict,
    /// When its event was confirmed.
    confirmed: Option<Duration>,
}

/// What inserting a reference found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was not there.
    New,
    /// It was there, and counts from now again.
    Known,
    /// There is no room and nothing may be evicted, so it was not inserted.
    Full,
}

impl DedupCache {
    /// A cache that keeps references and verdicts for at most this long. `strict` never evicts a
    /// reference early.
    pub fn new(capacity: usize, keep: Duration, verdict_keep: Duration, strict: bool) -> Self {
        Self {
            keep,
            verdict_keep,
            capacity,
            strict,
            hasher: RandomState::new(),
            references: Mutex::default(),
            verdicts: Mutex::default(),
        }
    }

    /// Allocates room for this many references in advance, so that nothing grows while a backlog is
    /// drained.
    ///
    /// Twice as much as they fill: a hash table in which as many entries come as go rehashes in
    /// place only while it is half empty, and doubles else, though it holds no more than before.
    #[must_use]
    pub fn with_room_for(self, references: usize) -> Self {
        self.lock().reserve(references.min(self.capacity).saturating_mul(2));
        self
    }

    /// How many references fit before the table grows, at the least: places that were given up
    /// count again only after the next rehash.
    pub fn room(&self) -> usize {
        self.lock().capacity()
    }

    /// Whether a reference was inserted recently.
    pub fn holds(&self, reference: &Reference, now: Duration) -> bool {
        let key = self.key(reference);
        self.lock().get(&key).is_some_and(|at| now.saturating_sub(*at) < self.keep)
    }

    /// Whether a reference could be inserted.
    pub fn has_room_for(&self, reference: &Reference, now: Duration) -> bool {
        !self.strict || !self.is_full_for(self.key(reference), &self.young(now))
    }

    /// Inserts a reference, before its first byte leaves.
    pub fn insert(&self, reference: &Reference, now: Duration) -> Inserted {
        let key = self.key(reference);
        let mut references = self.young(now);
        if self.is_full_for(key, &references) {
            if self.strict {
                return Inserted::Full;
            }
            references.pop_front();
        }
        match references.insert(key, now) {
            Some(_) => Inserted::Known,
            None => Inserted::New,
        }
    }

    /// Removes a reference: a create was answered, and nothing was processed.
    pub fn forget(&self, reference: &Reference) {
        let key = self.key(reference);
        self.lock().remove(&key);
    }

    /// Remembers a verdict until its event is confirmed, and for a while after. Further copies of its
    /// intent, and its own delivery if that comes back, are settled by it.
    pub fn remember_verdict(&self, name: Uuid, verdict: Verdict) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.insert(name, Remembered { verdict, confirmed: None });
        if verdicts.len() > VERDICTS_MAX {
            verdicts.pop_front();
        }
    }

    /// Its event is confirmed.
    pub fn verdict_confirmed(&self, name: Uuid, now: Duration) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remembered) = verdicts.get_mut(&name) {
            remembered.confirmed = Some(now);
        }
    }

    /// The verdict that is remembered for this name.
    pub fn verdict_of(&self, name: impl FnOnce() -> Uuid, now: Duration) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.is_empty() {
            return None;
        }
        let Remembered { verdict, confirmed } = verdicts.get(&name())?;
        let is_young = |at| now.saturating_sub(at) < self.verdict_keep;
        confirmed.is_none_or(is_young).then(|| verdict.clone())
    }

    /// The entries, without those that are too old.
    fn young(&self, now: Duration) -> MutexGuard<'_, LinkedHashMap<u64, Duration>> {
        let mut references = self.lock();
        while references.front().is_some_and(|(_, at)| now.saturating_sub(*at) > self.keep) {
            references.pop_front();
        }
        references
    }

    fn is_full_for(&self, key: u64, references: &LinkedHashMap<u64, Duration>) -> bool {
        references.len() >= self.capacity && !references.contains_key(&key)
    }

    fn key(&self, reference: &Reference) -> u64 {
        self.hasher.hash_one(reference)
    }

    fn lock(&self) -> MutexGuard<'_, LinkedHashMap<u64, Duration>> {
        // A panic while the lock is held leaves whole entries behind.
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
