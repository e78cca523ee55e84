//! Keeps two deliveries with one reference from being processed at the same time: the second goes
//! back to the broker, and then finds the first in the dedup cache.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::reference::Reference;

/// The references of the deliveries that are being processed.
#[derive(Debug, Default)]
pub struct KeyLock {
    held: Mutex<HashSet<Reference>>,
}

/// Holds one reference until it is dropped.
#[derive(Debug)]
pub struct KeyGuard<'a> {
    lock: &'a KeyLock,
    reference: Reference,
}

impl KeyLock {
    /// The reference, unless another delivery holds it.
    pub fn try_acquire(&self, reference: &Reference) -> Option<KeyGuard<'_>> {
        let is_free = self.lock().insert(reference.clone());
        is_free.then(|| KeyGuard { lock: self, reference: reference.clone() })
    }

    /// The references that are held now, in order.
    pub fn references(&self) -> Vec<Reference> {
        let mut references: Vec<_> = self.lock().iter().cloned().collect();
        references.sort_unstable();
        references
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Reference>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyGuard<'_> {
    fn drop(&mut self) {
        self.lock.lock().remove(&self.reference);
    }
}
