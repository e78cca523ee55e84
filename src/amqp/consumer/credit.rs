//! How much more the broker may send, and the one moment at which nothing can be on its way.
//!
//! RabbitMQ takes a consumer off a quorum queue by a replicated command. What the queue sends to
//! its channel process until that is done never reaches the socket: it is returned and counted, and
//! comes back as redelivered, in doubt though it was never processed. So before a cancel the
//! acknowledgements are held back until the prefetch is used up. Then the queue has nothing left to
//! send, and the cancel puts nothing in doubt.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many deliveries one consumer holds, and how many it may hold.
pub(super) struct Credit {
    prefetch: u32,
    state: Mutex<State>,
    released: Notify,
}

/// One lock over both: an acknowledgement is counted before the hold, or waits for its end.
#[derive(Default)]
struct State {
    in_hand: u32,
    /// Whether anything has ever arrived.
    used: bool,
    held: bool,
}

/// While it lives, nothing is acknowledged.
pub(super) struct Hold<'a>(&'a Credit);

impl Credit {
    pub(super) fn new(prefetch: u16) -> Self {
        Self { prefetch: prefetch.into(), state: Mutex::default(), released: Notify::new() }
    }

    /// Counts one more delivery.
    pub(super) fn received(&self) {
        let mut state = self.lock();
        state.in_hand = state.in_hand.saturating_add(1);
        state.used = true;
    }

    /// Waits until acknowledgements may be sent, and counts one.
    pub(super) async fn settling(&self) {
        loop {
            let released = self.released.notified();
            {
                let mut state = self.lock();
                if !state.held {
                    state.in_hand = state.in_hand.saturating_sub(1);
                    return;
                }
            }
            released.await;
        }
    }

    /// Holds acknowledgements back.
    pub(super) fn hold(&self) -> Hold<'_> {
        self.lock().held = true;
        Hold(self)
    }

    /// Whether the broker may send nothing more.
    pub(super) fn is_used_up(&self) -> bool {
        self.lock().in_hand >= self.prefetch
    }

    /// Whether the broker has ever sent anything.
    pub(super) fn was_used(&self) -> bool {
        self.lock().used
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.lock().held = false;
        self.0.released.notify_waiters();
    }
}
