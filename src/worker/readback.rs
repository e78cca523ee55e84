//! Whether lookups show the links of this API at all.
//!
//! PayU does not say that its details endpoint knows V1 links. Until it has shown one, "not found"
//! may only mean that it cannot see them, and nothing is concluded from it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::context::MerchantContext;
use crate::admission::backoff::Backoff;
use crate::admission::signal::Signal;
use crate::domain::call::Priority;
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Ports, Provider};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;

/// After a fresh link that was not shown, the next one is tried after a second, then after two, …
/// Lookups that never show one must not double the requests.
const TRIES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(10));

/// The evidence that lookups show links that this API made.
#[derive(Debug)]
pub struct Readback {
    shown: Mutex<Shown>,
    changed: Notify,
    offers: Mutex<Offers>,
    offered: Notify,
}

#[derive(Debug, Default)]
struct Shown {
    /// The reference that a lookup has shown last.
    reference: Option<Reference>,
    /// Whether the checkpoint carries it, or another one that is as good.
    is_published: bool,
}

/// References that are looked up only to see whether they are shown.
#[derive(Debug)]
struct Offers {
    next: Option<Offer>,
    /// Until when no other fresh link is looked up.
    next_fresh_at: Duration,
    tries: Backoff,
}

#[derive(Debug)]
enum Offer {
    /// A link that was just made; it may take the provider a while to show it.
    Fresh(Reference),
    /// One that an earlier process has seen.
    Known(Reference),
}

impl Readback {
    pub(super) fn new() -> Self {
        let offers = Offers { next: None, next_fresh_at: Duration::ZERO, tries: TRIES };
        Self {
            shown: Mutex::default(),
            changed: Notify::new(),
            offers: Mutex::new(offers),
            offered: Notify::new(),
        }
    }

    /// Whether there is readback.
    pub fn is_given(&self) -> bool {
        self.shown().reference.is_some()
    }

    /// A lookup has shown the link of this reference.
    pub fn give(&self, reference: &Reference) {
        let mut shown = self.shown();
        if shown.reference.as_ref() != Some(reference) {
            *shown = Shown { reference: Some(reference.clone()), is_published: false };
            self.changed.notify_one();
        }
    }

    /// A reference that a lookup has shown, and shows while lookups work.
    pub fn reference(&self) -> Option<Reference> {
        self.shown().reference.clone()
    }

    /// Offers a link that was just made.
    pub(super) fn offer_fresh(&self, reference: &Reference, now: Duration) {
        if self.is_given() {
            return;
        }
        let mut offers = self.offers();
        if now >= offers.next_fresh_at {
            offers.next_fresh_at = now.saturating_add(offers.tries.next_wait());
            offers.next = Some(Offer::Fresh(reference.clone()));
            self.offered.notify_one();
        }
    }

    /// Offers a reference that an earlier process has seen.
    pub(super) fn offer_known(&self, reference: Reference) {
        if !self.is_given() {
            self.offers().next = Some(Offer::Known(reference));
            self.offered.notify_one();
        }
    }

    /// Ends when a lookup has shown another reference.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The reference that no checkpoint carries yet, which then counts as published.
    pub(super) fn take_unpublished(&self) -> Option<Reference> {
        let mut shown = self.shown();
        if std::mem::replace(&mut shown.is_published, true) {
            None
        } else {
            shown.reference.clone()
        }
    }

    /// Records that the checkpoint could not be published.
    pub(super) fn not_published(&self) {
        self.shown().is_published = false;
        self.changed.notify_one();
    }

    async fn next_offer(&self) -> Offer {
        loop {
            let next = self.offers().next.take();
            match next {
                Some(offer) => return offer,
                None => self.offered.notified().await,
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offers(&self) -> MutexGuard<'_, Offers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Looks up the offered references. Runs as long as it is polled.
    pub(super) async fn read_back(&self) {
        loop {
            let reference = match self.readback.next_offer().await {
                Offer::Fresh(reference) => {
                    self.clock.sleep(self.policy.first_lookup).await;
                    reference
                }
                Offer::Known(reference) => reference,
            };
            if !self.readback.is_given() {
                self.look_back(&reference).await;
            }
        }
    }

    async fn look_back(&self, reference: &Reference) {
        let patience = self.clock.sleep(self.policy.lease);
        let permit = tokio::select! {
            biased;
            permit = self.scheduler.acquire(Priority::Lookup) => permit,
            () = patience => return, // throttled or held back; the next link serves as well
        };
        let (Ok(permit), Some(token)) = (permit, self.provider.token()) else { return };
        let exchange = self.provider.lookup(&token, reference);
        let result = events::trace_call(&self.metrics, CallKind::Lookup, exchange).await;
        if self.wants_new_token(CallKind::Lookup, &result, &token, &mut 0) {
            return; // the next call gets one, and this lookup is not worth another
        }
        let lookup = Lookup::classify(result, reference, &self.policy.rules);
        self.scheduler.record(Some(&permit), Signal::of_lookup(&lookup));
        if let Lookup::Found(_) = lookup {
            self.readback.give(reference);
        }
        events::readback_ended(&self.metrics, reference, lookup.word());
    }
}
