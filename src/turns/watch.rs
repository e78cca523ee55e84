//! The latest value, and each change of it, told in the order of waiting.
//!
//! It is what is needed of tokio's `watch`, which wakes its receivers in a random order: then what
//! every delivery in hand does when the gate closes would come out differently each time, and a
//! defect that a simulation has found could not be played again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

#[derive(Debug)]
struct Shared<T> {
    value: Mutex<T>,
    version: AtomicU64,
    changed: Notify,
}

/// Says what is.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// Sees what is, for as long as it likes: it keeps the value alive.
#[derive(Clone, Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

impl<T> Sender<T> {
    pub(super) fn new(value: T) -> Self {
        let (value, changed) = (Mutex::new(value), Notify::new());
        Self(Arc::new(Shared { value, version: AtomicU64::new(0), changed }))
    }

    pub(super) fn send_replace(&self, value: T) {
        *self.0.lock() = value;
        self.0.version.fetch_add(1, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    pub(super) fn subscribe(&self) -> Receiver<T> {
        Receiver { seen: self.0.version.load(Ordering::Acquire), shared: Arc::clone(&self.0) }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner) // it is replaced, never half
    }
}

impl<T> Receiver<T> {
    /// What is.
    pub fn borrow(&self) -> MutexGuard<'_, T> {
        self.shared.lock()
    }

    /// What is, which is no change any more.
    pub fn borrow_and_update(&mut self) -> MutexGuard<'_, T> {
        self.seen = self.shared.version.load(Ordering::Acquire);
        self.shared.lock()
    }

    /// Waits for a change that was not seen yet.
    pub async fn changed(&mut self) {
        loop {
            // Interest comes before the question, or a change in between would go unseen.
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let version = self.shared.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return;
            }
            changed.await;
        }
    }

    /// Waits until it is as asked for.
    pub async fn wait_for(&mut self, is: impl Fn(&T) -> bool) {
        while !is(&self.borrow_and_update()) {
            self.changed().await;
        }
    }
}
