//! Gathers [readback](crate::domain::readback): a link that was just made is looked up now and then,
//! only to see whether it is shown, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::context::MerchantContext;
use crate::admission::backoff::Backoff;
use crate::domain::amount::Amount;
use crate::domain::call::Priority;
use crate::domain::classify::comparison::Comparison;
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup};
use crate::domain::customer::Contact;
use crate::domain::intent::Intent;
use crate::domain::link::Link;
use crate::domain::readback::{Fields, Readback};
use crate::domain::reference::Reference;
use crate::ports::{Clock, Ports};
use crate::telemetry::events;

/// After a fresh link that was not shown, the next one is tried after a second, then after two, …
/// Lookups that never show one must not double the requests.
const TRIES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(10));

/// What lookups have shown of links that this API made.
#[derive(Debug)]
pub struct ReadbackTracker {
    shown: Mutex<Shown>,
    changed: Notify,
    offers: Mutex<Offers>,
    offered: Notify,
    /// How long evidence is as good as new.
    renew_after: Duration,
}

#[derive(Debug, Default)]
struct Shown {
    /// The reference that a lookup has shown last.
    reference: Option<Reference>,
    evidence: Readback,
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
    Fresh(FreshLink),
    /// One that an earlier process has seen.
    Known(Reference),
}

#[derive(Debug)]
struct FreshLink {
    reference: Reference,
    amount: Amount,
    contact: Contact,
    link: Link,
    /// By the wall clock, if that can be believed.
    made_at: Option<Timestamp>,
}

impl Offers {
    /// How long until another fresh link may be looked up.
    fn wait_for_fresh(&self, now: Duration) -> Duration {
        self.next_fresh_at.saturating_sub(now)
    }
}

impl ReadbackTracker {
    pub(super) fn new(renew_after: Duration) -> Self {
        let offers = Offers { next: None, next_fresh_at: Duration::ZERO, tries: TRIES };
        Self {
            shown: Mutex::default(),
            changed: Notify::new(),
            offers: Mutex::new(offers),
            offered: Notify::new(),
            renew_after,
        }
    }

    /// What was shown so far.
    pub fn evidence(&self) -> Readback {
        self.shown().evidence
    }

    /// A lookup has shown the link of this reference, made at this time, with these fields as they
    /// were sent.
    pub fn give(&self, reference: &Reference, made_at: Option<Timestamp>, equal: Fields) {
        let mut shown = self.shown();
        let Readback { newest, faithful, .. } = shown.evidence;
        shown.evidence =
            Readback { is_given: true, newest: newest.max(made_at), faithful: faithful.or(equal) };
        if shown.reference.as_ref() != Some(reference) {
            shown.reference = Some(reference.clone());
            self.changed.notify_one();
        }
    }

    /// A reference that a lookup has shown, and shows while lookups work.
    pub fn reference(&self) -> Option<Reference> {
        self.shown().reference.clone()
    }

    /// Offers a link that was just made. Where links are shown, one of them is looked up now and then
    /// all the same: what was shown long ago says little of today. Where none was, the last one waits
    /// for its turn, since there may be no other.
    pub(super) fn offer_fresh(
        &self,
        intent: &Intent,
        link: &Link,
        made_at: Option<Timestamp>,
        now: Duration,
    ) {
        let mut offers = self.offers();
        if self.evidence().is_given && !offers.wait_for_fresh(now).is_zero() {
            return;
        }
        offers.next = Some(Offer::Fresh(FreshLink {
            reference: intent.reference.clone(),
            amount: intent.amount,
            contact: intent.contact.clone(),
            link: link.clone(),
            made_at,
        }));
        self.offered.notify_one();
    }

    /// Offers it once more: there may never be another link.
    fn offer_again(&self, fresh: FreshLink) {
        self.offers().next.get_or_insert(Offer::Fresh(fresh));
    }

    /// Offers a reference that an earlier process has seen.
    pub(super) fn offer_known(&self, reference: Reference) {
        if !self.evidence().is_given {
            self.offers().next = Some(Offer::Known(reference));
            self.offered.notify_one();
        }
    }

    /// Ends when a lookup has shown another reference.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The next offer, or how long until it is its turn, if there is one.
    fn take_offer(&self, now: Duration) -> Result<Offer, Option<Duration>> {
        let is_given = self.evidence().is_given;
        let mut offers = self.offers();
        if let Some(Offer::Fresh(_)) = &offers.next {
            let wait = offers.wait_for_fresh(now);
            if !wait.is_zero() {
                return Err(Some(wait));
            }
            let until_next = if is_given { self.renew_after } else { offers.tries.next_wait() };
            offers.next_fresh_at = now.saturating_add(until_next);
        }
        offers.next.take().ok_or(None)
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
            match self.next_offer().await {
                Offer::Fresh(fresh) => {
                    self.clock.sleep(self.policy.first_lookup).await;
                    if !self.read_back_fresh(&fresh).await {
                        self.readback.offer_again(fresh);
                    }
                }
                Offer::Known(reference) => {
                    if self.look_back(&reference).await.is_some() {
                        self.readback.give(&reference, None, Fields::default());
                    }
                }
            }
        }
    }

    /// Whether a link that was just made is shown.
    async fn read_back_fresh(&self, fresh: &FreshLink) -> bool {
        let Some(details) = self.look_back(&fresh.reference).await else { return false };
        let compared = Comparison::new(&details, fresh.amount, &fresh.contact);
        let is_this_link = match &details.link {
            DetailsLink::Here(shown) => shown.link == fresh.link || compared.is_ours(),
            DetailsLink::Absent => true,
            DetailsLink::Foreign | DetailsLink::Repeated => false, // somebody's cached answer
        };
        if is_this_link {
            self.readback.give(&fresh.reference, fresh.made_at, compared.equal_fields());
        }
        is_this_link
    }

    async fn next_offer(&self) -> Offer {
        loop {
            match self.readback.take_offer(self.clock.now().steady) {
                Ok(offer) => return offer,
                Err(None) => self.readback.offered.notified().await,
                Err(Some(wait)) => tokio::select! {
                    biased;
                    () = self.readback.offered.notified() => {}
                    () = self.clock.sleep(wait) => {}
                },
            }
        }
    }

    async fn look_back(&self, reference: &Reference) -> Option<Details> {
        let patience = self.policy.lease; // the next link serves as well
        let lookup = self.look_up_in_background(reference, Priority::Lookup, patience).await?;
        events::readback_ended(&self.metrics, reference, lookup.word());
        if let Lookup::Found(details) = lookup { Some(details) } else { None }
    }
}
