//! Who may stay connected.
//!
//! A client that is slow, or says nothing, costs a place for as long as it likes. So a place is
//! kept only while its client is answered. Any other one is given up for a newcomer once there is
//! no room, that of whoever has kept the server waiting longest first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The places of all clients.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
    /// A place is free, or can be given up.
    room: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    /// Counts whatever happens, so that what happened first is known.
    clock: u64,
    clients: BTreeMap<u64, Client>,
}

#[derive(Debug)]
struct Client {
    /// When the server began to wait for it; `None` while it is answered.
    waiting_since: Option<u64>,
    removed: CancellationToken,
}

/// A client's place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    removed: CancellationToken,
    is_waiting: watch::Sender<bool>,
}

/// A client is being answered until this is dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<Place>);

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default(), room: Notify::new() })
    }

    /// A place, as soon as there is one or one is given up.
    pub(super) async fn take(self: &Arc<Self>) -> Arc<Place> {
        loop {
            if let Some(place) = self.try_take() {
                return Arc::new(place);
            }
            self.room.notified().await; // whoever takes places is alone, and misses nothing
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.lock();
        if taken.clients.len() >= self.most {
            taken.remove_longest_waiting()?;
        }
        let number = taken.tick();
        let removed = CancellationToken::new();
        let client = Client { waiting_since: Some(number), removed: removed.clone() };
        taken.clients.insert(number, client);
        let is_waiting = watch::Sender::new(true);
        Some(Place { places: Arc::clone(self), number, removed, is_waiting })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while it is locked.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn tick(&mut self) -> u64 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }

    fn remove_longest_waiting(&mut self) -> Option<()> {
        let waiting = self.clients.iter().filter(|(_, client)| client.waiting_since.is_some());
        let (&number, _) = waiting.min_by_key(|(_, client)| client.waiting_since)?;
        self.clients.remove(&number)?.removed.cancel();
        Some(())
    }
}

impl Place {
    /// The client has said what it wants.
    pub(super) fn answer(self: Arc<Self>) -> Answering {
        if let Some(client) = self.places.lock().clients.get_mut(&self.number) {
            client.waiting_since = None;
        }
        self.is_waiting.send_replace(false);
        Answering(self)
    }

    /// Ends when the place was given up, or the server has waited for so long in a row.
    pub(super) async fn lost(&self, patience: Duration) {
        let mut is_waiting = self.is_waiting.subscribe();
        let overdue = async {
            loop {
                // Any change ends the wait: a request may have come and been answered since.
                let is_overdue_soon = *is_waiting.borrow_and_update();
                tokio::select! {
                    biased;
                    _changed = is_waiting.changed() => {}
                    () = sleep(patience), if is_overdue_soon => return,
                }
            }
        };
        tokio::select! {
            () = overdue => {}
            () = self.removed.cancelled() => {}
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Self(place) = self;
        let mut taken = place.places.lock();
        let now = taken.tick();
        if let Some(client) = taken.clients.get_mut(&place.number) {
            client.waiting_since = Some(now);
        }
        place.is_waiting.send_replace(true);
        place.places.room.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().clients.remove(&self.number);
        self.places.room.notify_one();
    }
}
