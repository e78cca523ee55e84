//! A session's confirm channels, each lent to one publish at a time.

use std::sync::{Arc, Mutex, PoisonError};

use lapin::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many publishes may wait for their confirms at once.
const CHANNEL_COUNT: usize = 16;

/// The channels of one session.
pub(super) struct ChannelPool {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Channel>>>,
}

/// The right to one channel. A channel that is not given back is closed when it is dropped.
pub(super) struct Slot {
    idle: Arc<Mutex<Vec<Channel>>>,
    _permit: OwnedSemaphorePermit,
}

impl ChannelPool {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(CHANNEL_COUNT)), idle: Arc::default() }
    }

    /// Waits for a channel's turn; `None` once the session has ended.
    pub(super) async fn slot(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(Slot { idle: Arc::clone(&self.idle), _permit: permit })
    }

    /// Turns everyone away who still waits.
    pub(super) fn close(&self) {
        self.permits.close();
    }
}

impl Slot {
    /// A channel that has been used well before, if there is one.
    pub(super) fn take(&mut self) -> Option<Channel> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop()
    }

    /// Gives a channel back whose every publish was answered by a plain yes.
    pub(super) fn give_back(self, channel: Channel) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(channel);
    }
}
