//! Which reference each of the last links was given for.
//!
//! A gateway that caches answers may answer a create with the link of another one. That link must not
//! go to a second customer.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use hashlink::LinkedHashMap;

use crate::domain::link::Link;
use crate::domain::reference::Reference;

/// More than a gateway would keep, at any pace that PayU allows.
const CAPACITY: usize = 16_384;

/// The last links, by their hash, each with the hash of its reference. Create and details call a
/// link by different ids, so it is told by its text.
#[derive(Debug, Default)]
pub(super) struct GivenLinks {
    hasher: RandomState,
    references: Mutex<LinkedHashMap<u64, u64>>,
}

impl GivenLinks {
    /// Takes in that a link was given for a reference, and returns whether it was given for another
    /// one before.
    pub(super) fn is_of_another(&self, link: &Link, reference: &Reference) -> bool {
        let key = self.hasher.hash_one(link.expose());
        let reference = self.hasher.hash_one(reference);
        let mut references = self.references.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = references.get(&key) {
            return *owner != reference;
        }
        references.insert(key, reference);
        if references.len() > CAPACITY {
            references.pop_front();
        }
        false
    }
}
