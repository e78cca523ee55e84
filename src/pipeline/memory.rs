//! What this process has handled lately.
//!
//! Upstream's outbox may publish an intent twice. The second copy carries no record, so only this
//! memory tells that its reference may have been sent. It is no more than a cache, with one
//! exception: under the strict setting it is what keeps two copies apart while details lags, so
//! there an entry is never pushed out early, and when there is no room nothing new is started.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::reference::Reference;

/// How many references are remembered.
pub const CAPACITY: usize = 65_536;

/// The references that were handled lately, by their hash: one that only shares a hash is looked
/// up once too often, and nothing worse.
#[derive(Debug)]
pub struct Memory {
    keep: Duration,
    capacity: usize,
    strict: bool,
    hasher: RandomState,
    inner: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// When each was entered last.
    last: HashMap<u64, Duration>,
    /// In the order of entering; a line whose time is not the last is void.
    order: VecDeque<(u64, Duration)>,
}

/// What entering a reference found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It was not there.
    Fresh,
    /// It was there, and counts from now again.
    Known,
    /// There is no room, and nothing may be pushed out.
    Full,
}

impl Memory {
    /// A memory that keeps an entry for so long, at most. `strict` never pushes one out early.
    pub fn new(capacity: usize, keep: Duration, strict: bool) -> Self {
        Self { keep, capacity, strict, hasher: RandomState::new(), inner: Mutex::default() }
    }

    /// Takes the room for so many references now, as far as they may be remembered at all, so that
    /// nothing grows while a backlog is drained.
    ///
    /// Twice as much as they fill: a [`HashMap`] in which as many entries come as go rehashes in
    /// place only while it is half empty, and doubles else, though it holds no more than before.
    #[must_use]
    pub fn with_room_for(self, references: usize) -> Self {
        let room = references.min(self.capacity);
        let mut inner = self.lock();
        inner.last.reserve(room.saturating_mul(2));
        inner.order.reserve(room);
        drop(inner);
        self
    }

    /// How many references fit before the tables grow, at the least: places that were given up
    /// count again only after the next rehash.
    pub fn room(&self) -> usize {
        self.lock().last.capacity()
    }

    /// Whether a reference was entered lately.
    pub fn holds(&self, reference: &Reference, now: Duration) -> bool {
        let key = self.key(reference);
        let inner = self.lock();
        inner.last.get(&key).is_some_and(|at| now.saturating_sub(*at) < self.keep)
    }

    /// Whether a reference could be entered.
    pub fn has_room_for(&self, reference: &Reference, now: Duration) -> bool {
        let key = self.key(reference);
        !self.strict || !self.is_full_for(key, &self.young(now))
    }

    /// Enters a reference, before its first byte leaves.
    pub fn enter(&self, reference: &Reference, now: Duration) -> Entered {
        let key = self.key(reference);
        let mut inner = self.young(now);
        let known = inner.last.contains_key(&key);
        if self.is_full_for(key, &inner) {
            if self.strict {
                return Entered::Full;
            }
            inner.drop_oldest();
        }
        inner.last.insert(key, now);
        inner.order.push_back((key, now));
        if known { Entered::Known } else { Entered::Fresh }
    }

    /// Takes a reference out again: a create was answered, and nothing was processed.
    pub fn forget(&self, reference: &Reference) {
        let key = self.key(reference);
        self.lock().last.remove(&key);
    }

    /// The entries, without those that are too old.
    fn young(&self, now: Duration) -> MutexGuard<'_, Entries> {
        let mut inner = self.lock();
        inner.drop_older_than(now.saturating_sub(self.keep));
        inner
    }

    fn is_full_for(&self, key: u64, inner: &Entries) -> bool {
        inner.last.len() >= self.capacity && !inner.last.contains_key(&key)
    }

    fn key(&self, reference: &Reference) -> u64 {
        self.hasher.hash_one(reference)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn drop_older_than(&mut self, oldest: Duration) {
        while let Some((key, at)) = self.order.front().copied() {
            if at >= oldest && self.last.get(&key) == Some(&at) {
                return;
            }
            self.order.pop_front();
            if self.last.get(&key) == Some(&at) {
                self.last.remove(&key);
            }
        }
    }

    fn drop_oldest(&mut self) {
        while let Some((key, at)) = self.order.pop_front() {
            if self.last.get(&key) == Some(&at) {
                self.last.remove(&key);
                return;
            }
        }
    }
}

/// Keeps two deliveries with one reference from running at the same time.
#[derive(Debug, Default)]
pub struct Alone {
    running: Mutex<HashSet<Reference>>,
    one_ended: Notify,
}

/// Leave to run; dropping it lets the next one run.
#[derive(Debug)]
pub struct Running<'a> {
    alone: &'a Alone,
    reference: Reference,
}

impl Alone {
    /// Waits until no other delivery with this reference runs.
    pub async fn run(&self, reference: &Reference) -> Running<'_> {
        loop {
            // Interest comes before the question, or an end in between would go unseen.
            let ended = self.one_ended.notified();
            let mut ended = std::pin::pin!(ended);
            ended.as_mut().enable();
            if let Some(running) = self.try_run(reference) {
                return running;
            }
            ended.await;
        }
    }

    /// Leave to run, unless another delivery with this reference does.
    pub fn try_run(&self, reference: &Reference) -> Option<Running<'_>> {
        let is_alone = self.lock().insert(reference.clone());
        is_alone.then(|| Running { alone: self, reference: reference.clone() })
    }

    /// The references that run now, in order.
    pub fn references(&self) -> Vec<Reference> {
        let mut references: Vec<_> = self.lock().iter().cloned().collect();
        references.sort_unstable();
        references
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Reference>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.alone.lock().remove(&self.reference);
        self.alone.one_ended.notify_waiters();
    }
}
