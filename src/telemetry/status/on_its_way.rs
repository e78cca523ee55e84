//! What this process does with each reference that it has in flight, or has put on a retry queue.
//!
//! It is for whoever asks after one payout, and nothing is decided by it. It has no amount, contact
//! or link: the page that shows it is open to anyone who can reach the port.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ConsumerState, Time};
use crate::domain::decide::{Decision, Disposition};
use crate::domain::record::Record;
use crate::domain::reference::Reference;

/// How many are kept at most, so that memory is bounded.
const KNOWN_MAX: usize = 65_536;

/// What is known of all references of one merchant's queue.
#[derive(Debug, Default)]
pub struct OnItsWay(Mutex<HashMap<Reference, Known>>);

/// What happens to an intent or a command at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A create, a cancel or an extend: it waits for its permit, or for the provider's answer.
    Call,
    /// A lookup: it waits for its permit, or for the provider's answer.
    Lookup,
    /// It waits for its next lookup.
    LookupDue,
    /// It waits a little before it goes on.
    Pause,
    /// Its result is being published, or its delivery given back.
    Settle,
    /// It is on a retry queue, or about to be.
    RetryQueue,
}

/// What is known of one intent or command on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub step: Step,
    /// When the step began.
    pub since: Time,
    /// When it ends at the latest; for a retry queue, when that lets it go.
    pub until: Option<Time>,
    /// Whether it may have been sent.
    pub in_doubt: bool,
    /// When a worker first saw it.
    pub first_seen: Time,
    /// Calls that may have left.
    pub attempts: u32,
    /// Lookups that found nothing since the last of them.
    pub lookups: u32,
}

/// What this process knows of one reference, by queue: the merchant's name, with `/commands` for
/// its commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceStatus {
    pub merchant_ref_id: String,
    pub now: Time,
    pub queues: BTreeMap<String, QueueStatus>,
}

/// What this process knows of one reference of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    pub consumer: ConsumerState,
    /// `None` if it does not have it.
    pub known: Option<Known>,
}

/// One delivery in flight. What is known of it is forgotten when this is dropped, unless it
/// [stays](Tracked::stay).
#[derive(Debug)]
pub struct Tracked<'a> {
    all: &'a OnItsWay,
    reference: &'a Reference,
    stays: bool,
}

impl OnItsWay {
    /// Follows the delivery that holds this reference.
    pub fn track<'a>(&'a self, reference: &'a Reference) -> Tracked<'a> {
        Tracked { all: self, reference, stays: false }
    }

    pub fn get(&self, reference: &Reference) -> Option<Known> {
        self.lock().get(reference).copied()
    }

    /// Forgets what is on retry queues: another process may have it by now.
    pub(super) fn forget_returned(&self) {
        self.lock().retain(|_, known| known.step != Step::RetryQueue);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Reference, Known>> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tracked<'_> {
    /// What follows for it from now on.
    pub fn step<C, V>(&self, record: &Record, decision: &Decision<C, V>, now: Timestamp) {
        let (step, lasts) = match decision {
            Decision::Attempt(_) => (Step::Call, None),
            Decision::Lookup(_) => (Step::Lookup, None),
            Decision::Wait(duration) => (Step::LookupDue, Some(*duration)),
            Decision::Pause(duration) | Decision::PauseUpTo(duration) => {
                (Step::Pause, Some(*duration))
            }
            Decision::Dispose(Disposition::RetryLater(later)) => {
                (Step::RetryQueue, Some(later.delay.duration()))
            }
            Decision::Dispose(
                Disposition::Settle(_) | Disposition::Requeue | Disposition::Abandon,
            ) => (Step::Settle, None),
        };
        let until = lasts.and_then(|lasts| now.checked_add(lasts).ok());
        let known = Known {
            step,
            since: Time(now),
            until: until.map(Time),
            in_doubt: record.is_in_doubt(),
            first_seen: Time(record.first_seen),
            attempts: record.attempts,
            lookups: record.lookups,
        };
        let mut all = self.all.lock();
        match all.get_mut(self.reference) {
            Some(before) => *before = known,
            None => _ = all.insert(self.reference.clone(), known),
        }
    }

    /// Its copy is on a retry queue.
    pub fn stay(mut self) {
        self.stays = self.all.lock().len() <= KNOWN_MAX;
    }
}

impl Drop for Tracked<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.all.lock().remove(self.reference);
        }
    }
}
