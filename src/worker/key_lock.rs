//! Keeps two deliveries with one reference from being processed at the same time: the second
//! waits, and then finds the first in the dedup cache.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::reference::Reference;

/// The references of the deliveries that are being processed.
#[derive(Debug, Default)]
pub struct KeyLock {
    held: Mutex<HashSet<Reference>>,
    released: Notify,
}

/// Holds one reference; dropping it releases the next delivery.
#[derive(Debug)]
pub struct KeyGuard<'a> {
    lock: &'a KeyLock,
    reference: Reference,
}

impl KeyLock {
    /// Waits until no other delivery with this reference is being processed.
    pub async fn acquire(&self, reference: &Reference) -> KeyGuard<'_> {
        loop {
            // Registers interest before checking. Otherwise a release in between would be missed.
            let mut released = std::pin::pin!(self.released.notified());
            released.as_mut().enable();
            if let Some(guard) = self.try_acquire(reference) {
                return guard;
            }
            released.await;
        }
    }

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
        self.lock.released.notify_waiters();
    }
}
