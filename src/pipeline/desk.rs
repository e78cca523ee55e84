//! All that the pipeline needs of one merchant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::exits::Exits;
use super::memory::{Alone, Memory};
use crate::observe::meters::Meters;
use crate::payout::decision::Policy;
use crate::payout::reference::Reference;
use crate::ports::{Clock, Moment, Outbox, Provider};
use crate::turns::Turns;

/// One merchant's desk: what it may do, and the ways out.
#[derive(Debug)]
pub struct Desk<P, O, C: Clock> {
    /// The merchant's name.
    pub merchant: String,
    /// The merchant's series.
    pub meters: Meters,
    /// What follows from what.
    pub policy: Policy,
    /// How old a delivery may be at its first create.
    pub hold: Duration,
    /// How long a delivery may stay in hand before the broker takes it back.
    pub in_hand_max: Duration,
    /// The way to the provider.
    pub provider: P,
    /// The way to the broker.
    pub outbox: O,
    /// Time.
    pub clock: C,
    /// The line in front of the provider.
    pub turns: Turns<C>,
    /// What was handled lately.
    pub memory: Memory,
    /// What is running.
    pub alone: Alone,
    /// Room for deliveries that wait in hand.
    pub room: Semaphore,
    /// How many have room.
    pub room_size: usize,
    /// Whether details has shown a link of this merchant to this process.
    pub proof: Proof,
    /// Under the strict setting, the moment of the steady clock before which nothing is created.
    pub hold_off: watch::Sender<Duration>,
    /// Which ways out to the broker are shut.
    pub exits: Exits,
    /// Ends when the process is to stop.
    pub stopping: CancellationToken,
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Begins as whoever has just become the active consumer: another process may have sent until
    /// now, so one call goes at a time, and under the strict setting none is a create until what
    /// the other one sent had time to show.
    pub fn took_over(&self) {
        self.turns.took_over();
        if self.policy.is_strict() {
            let wait = self.policy.quarantine.saturating_add(self.hold);
            let until = self.clock.now().steady.saturating_add(wait);
            self.hold_off.send_replace(until);
        }
    }

    /// How many deliveries wait in hand.
    pub fn held(&self) -> u64 {
        let held = self.room_size.saturating_sub(self.room.available_permits());
        u64::try_from(held).unwrap_or(u64::MAX)
    }

    /// How long nothing may be created yet.
    pub(super) fn held_off(&self, now: Moment) -> Duration {
        self.hold_off.borrow().saturating_sub(now.steady)
    }
}

/// Whether details shows links that this API made: until it has, "not found" may only mean that
/// details is blind to them.
#[derive(Debug, Default)]
pub struct Proof {
    given: AtomicBool,
    /// A reference that details has shown.
    shown: Mutex<Option<Reference>>,
    next_try: Mutex<(Duration, Duration)>,
}

/// The first wait after a try that proved nothing; each one is twice as long.
const TRY_WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const TRY_WAIT_MAX: Duration = Duration::from_mins(10);

impl Proof {
    /// Whether it has.
    pub fn is_given(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    /// It has.
    pub fn give(&self) {
        self.given.store(true, Ordering::Relaxed);
    }

    /// It has, by this reference.
    pub fn shown(&self, reference: &Reference) {
        self.give();
        // One will do: which of two threads leaves its own does not matter.
        if let Ok(mut shown) = self.shown.try_lock() {
            shown.get_or_insert_with(|| reference.clone());
        }
    }

    /// A reference that details has shown, and shows while it works.
    pub fn reference(&self) -> Option<Reference> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether to look a fresh link up for no other reason than to see details show it. Details
    /// that never shows one must not double the requests, so the tries get rarer.
    pub fn is_wanted(&self, now: Duration) -> bool {
        if self.is_given() {
            return false;
        }
        let Ok(mut next_try) = self.next_try.try_lock() else { return false };
        let (at, wait) = *next_try;
        if now < at {
            return false;
        }
        let wait = wait.saturating_mul(2).clamp(TRY_WAIT_FIRST, TRY_WAIT_MAX);
        *next_try = (now.saturating_add(wait), wait);
        true
    }
}
