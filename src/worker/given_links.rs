//! Which reference each of the last links was given for.
//!
//! A gateway that caches answers may answer a create with the link of another one. That link must not
//! go to a second customer.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashMap;

use crate::domain::link::Link;
use crate::domain::reference::Reference;

/// More than a gateway would keep, at any pace that PayU allows.
pub const CAPACITY: usize = 16_384;

/// The last links, by their hash, each with the hash of its reference. Create and details call a
/// link by different ids, so it is recognized by its text.
#[derive(Debug, Default)]
pub struct GivenLinks {
    hasher: RandomState,
    references: Mutex<LinkedHashMap<u64, u64>>,
}

impl GivenLinks {
    /// Whether a link was given for another reference before.
    pub fn is_of_another(&self, link: &Link, reference: &Reference) -> bool {
        let owner = self.lock().get(&self.hasher.hash_one(link.expose())).copied();
        owner.is_some_and(|owner| owner != self.hasher.hash_one(reference))
    }

    /// Takes in that a link is a reference's: a create has made it, or a lookup has confirmed it.
    pub fn insert(&self, link: &Link, reference: &Reference) {
        let key = self.hasher.hash_one(link.expose());
        let mut references = self.lock();
        references.insert(key, self.hasher.hash_one(reference));
        if references.len() > CAPACITY {
            references.pop_front();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LinkedHashMap<u64, u64>> {
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
