//! Whether details shows the links of this API at all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::Instrument as _;

use super::desk::Desk;
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::gate::Report;
use crate::ports::{Clock, Outbox, Provider};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;
use crate::turns::Class;

/// Whether details shows links that this API made: until it has, "not found" may only mean that
/// details is blind to them.
#[derive(Debug, Default)]
pub struct Proof {
    given: AtomicBool,
    /// A reference that details has shown.
    shown: Mutex<Option<Reference>>,
    next_try: Mutex<(Duration, Duration)>,
    /// Until when it may be expected of the intents of a process that has just begun.
    expected_until: Mutex<Duration>,
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

    /// Whether it has not, and may well soon: a process begins without it, and what an earlier one
    /// was sure of must not be parked before the first new link is looked up.
    pub fn may_come(&self, now: Duration) -> bool {
        let expected_until = *self.expected_until.lock().unwrap_or_else(PoisonError::into_inner);
        !self.is_given() && now < expected_until
    }

    pub(super) fn expect_until(&self, until: Duration) {
        *self.expected_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
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

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Looks a fresh link up, only to see details show it, which may take details a while.
    pub(super) async fn prove(&self, reference: &Reference) {
        self.clock.sleep(self.policy.settle).await;
        let Ok(turn) = self.turns.take(Class::Lookup).await else { return };
        let Some(token) = self.provider.token() else { return };
        let span = events::call_span(&self.metrics, CallKind::Lookup);
        let result = self.provider.lookup(&token, reference).instrument(span).await;
        if self.wants_new_token(CallKind::Lookup, &result, &token, &mut 0) {
            return; // the next call gets one, and this look is not worth another
        }
        let look = Lookup::classify(result, reference, &self.policy.rules);
        self.turns.told_of(Some(&turn), Report::of_look(&look));
        if let Lookup::Found(_) = look {
            self.proof.shown(reference);
        }
        events::readback_ended(&self.metrics, reference, look.word());
    }
}
