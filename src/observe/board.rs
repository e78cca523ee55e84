//! The board: what is not ready and why, and how each merchant and connection stands.
//!
//! Readiness that is a flag tells nobody what to do. So what is not ready hangs here as a sentence
//! under its key until whoever hung it takes it down, and ready means that nothing hangs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Whose readiness it is: a part of the worker, and which one of it.
///
/// From `("broker", "")` or `("merchant", "default")`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    part: &'static str,
    name: String,
}

/// The board. Clones show the same one.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    reasons: BTreeMap<Key, String>,
    status: Status,
}

/// How everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// By merchant.
    pub merchants: BTreeMap<String, MerchantStatus>,
    /// By connection.
    pub connections: BTreeMap<String, ConnectionStatus>,
}

/// How one merchant stands in this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MerchantStatus {
    /// Whether it takes deliveries here.
    pub consumer: Consumer,
    /// The gate's state, such as `open` or `paused until …`.
    pub gate: String,
    /// Calls in flight.
    pub in_flight: u64,
    /// Deliveries that are held without a call.
    pub held: u64,
    /// Deliveries handed back since the start.
    pub handed_back: u64,
}

/// Whether a merchant's deliveries come to this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consumer {
    /// It does not consume: not connected, or its gate is closed.
    #[default]
    Stopped,
    /// Another process is the active consumer.
    Standby,
    /// This process is the active consumer.
    Active,
}

/// How one connection to the broker stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionStatus {
    /// Whether it is up.
    pub connected: bool,
    /// `host:port` that it is or was connected to; never the login.
    pub host: Option<String>,
    /// How often it was set up since the start.
    pub connects: u64,
}

impl From<(&'static str, &str)> for Key {
    fn from((part, name): (&'static str, &str)) -> Self {
        Self { part, name: name.to_owned() }
    }
}

impl Board {
    /// A board of a worker that is not ready before it says so, with `clear(("start", ""))`.
    pub fn starting() -> Self {
        let board = Self::default();
        let sentence = "the worker is starting".to_owned();
        board.posted().reasons.insert(Key::from(("start", "")), sentence);
        board
    }

    /// Hangs a sentence: what is not ready, and what to do. The log tells it when nothing hung
    /// under this key before; another sentence only takes the place of the first.
    pub fn raise(&self, key: impl Into<Key>, sentence: impl Into<String>) {
        let (key, sentence) = (key.into(), sentence.into());
        let before = self.posted().reasons.insert(key.clone(), sentence.clone());
        if before.is_none() {
            tracing::warn!(part = key.part, name = key.name, "Not ready: {sentence}");
        }
    }

    /// Takes down what hangs under this key, if anything does.
    pub fn clear(&self, key: impl Into<Key>) {
        let key = key.into();
        let before = self.posted().reasons.remove(&key);
        if let Some(sentence) = before {
            tracing::info!(part = key.part, name = key.name, "No longer so: {sentence}");
        }
    }

    /// Every reason why this process is not ready; none if it is.
    pub fn reasons(&self) -> Vec<String> {
        self.posted().reasons.values().cloned().collect()
    }

    /// Whether nothing hangs.
    pub fn is_ready(&self) -> bool {
        self.posted().reasons.is_empty()
    }

    /// Changes how a merchant stands. `change` runs under the board's lock and must not use it.
    pub fn update_merchant(&self, name: &str, change: impl FnOnce(&mut MerchantStatus)) {
        change(self.posted().status.merchants.entry(name.to_owned()).or_default());
    }

    /// Changes how a connection stands, under the lock too.
    pub fn update_connection(&self, name: &str, change: impl FnOnce(&mut ConnectionStatus)) {
        change(self.posted().status.connections.entry(name.to_owned()).or_default());
    }

    /// How everything stands now.
    pub fn status(&self) -> Status {
        self.posted().status.clone()
    }

    /// A panic while the lock was held leaves at worst a number behind that is not new.
    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
