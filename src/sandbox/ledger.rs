//! What really happened: every request, link and message to a payee.
//!
//! A client that lost an answer cannot know whether a link exists; the ledger does. It is written
//! under one lock, so that its order is the order of arrival, and its entries are small, since a
//! long run has millions.

pub(super) mod entries;
mod sliding_second;
pub(super) mod summary;

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;

use self::sliding_second::SlidingSecond;
use super::faults::{Fault, LifeSettings};
use super::life::{Actor, Change, LinkStatus};
use super::life_clock::LifeClock;
use super::link::{ApiVersion, Channels, StoredLink};
use super::request_kind::RequestKind;
use super::splitmix64::splitmix64;

#[derive(Debug, Clone, Serialize)]
pub struct RequestEntry {
    /// Microseconds since 1970.
    pub at_us: u64,
    pub kind: RequestKind,
    /// The payout merchant id.
    pub merchant: Option<Arc<str>>,
    /// The `merchantRefId`.
    pub reference: Option<Arc<str>>,
    /// The `client_id` whose token it came with, or that asked for one.
    pub client: Option<Arc<str>>,
    /// The fault it met.
    pub fault: Option<Fault>,
    /// The HTTP status of the response, if there was one.
    pub status: Option<u16>,
    /// PayU's code in the response.
    pub code: Option<u16>,
}

/// Everything about one reference of a merchant.
#[derive(Clone, Default)]
struct ReferenceState {
    links: Vec<StoredLink>,
    /// How many of the links were made because the one before was cancelled.
    renewed: usize,
    /// Each by one or both channels.
    messages: u32,
    sms: u32,
    emails: u32,
}

#[derive(Default)]
struct MerchantState {
    references: HashMap<Arc<str>, ReferenceState>,
    /// The requests that the rate limit let through.
    admitted: SlidingSecond,
}

#[derive(Default)]
pub(super) struct Ledger {
    requests: Vec<RequestEntry>,
    merchants: HashMap<Arc<str>, MerchantState>,
    /// How many requests of each kind have been numbered.
    numbered: BTreeMap<RequestKind, u64>,
    link_count: u64,
    generation: u64,
    clock: LifeClock,
    life: LifeSettings,
}

/// What is known of a request when it arrives.
pub(super) struct NewRequest<'a> {
    pub(super) kind: RequestKind,
    pub(super) merchant: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    pub(super) client: Option<Arc<str>>,
}

/// A merchant and a reference.
type LinkNames = (Arc<str>, Arc<str>);

/// Where a request is in the ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryHandle {
    /// Counts the requests of this kind.
    pub(super) number: u64,
    pub(super) is_over_limit: bool,
    index: usize,
    generation: u64,
}

pub(super) struct NewLink<'a> {
    pub(super) merchant: &'a str,
    pub(super) reference: &'a str,
    pub(super) api: ApiVersion,
    pub(super) amount: Decimal,
    pub(super) about: Arc<str>,
    pub(super) channels: Channels,
    pub(super) status: LinkStatus,
    /// Whether the payee is notified only when the link is approved.
    pub(super) is_held_back: bool,
    pub(super) expires_at_us: u64,
    pub(super) host: Arc<str>,
    pub(super) seed: u64,
    pub(super) naive: bool,
    /// Whether a cancelled link frees its reference.
    pub(super) renews: bool,
}

impl Ledger {
    /// Enters a request, and counts it against the merchant's rate limit.
    pub(super) fn enter(
        &mut self,
        at_us: u64,
        new: NewRequest<'_>,
        limit: Option<u32>,
    ) -> EntryHandle {
        let numbered = self.numbered.entry(new.kind).or_default();
        let number = *numbered;
        *numbered = number.saturating_add(1);
        let mut is_over_limit = false;
        let (mut merchant, mut reference) = (None, new.reference.map(Arc::from));
        if let Some(id) = new.merchant {
            let (id, state) = entry(&mut self.merchants, id);
            merchant = Some(id);
            is_over_limit = limit.is_some_and(|limit| !state.admitted.admit(at_us, limit));
            reference = new.reference.map(|id| entry(&mut state.references, id).0);
        }
        let index = self.requests.len();
        self.requests.push(RequestEntry {
            at_us,
            kind: new.kind,
            merchant,
            reference,
            client: new.client,
            fault: None,
            status: None,
            code: None,
        });
        EntryHandle { number, is_over_limit, index, generation: self.generation }
    }

    pub(super) fn set_fault(&mut self, handle: EntryHandle, fault: Option<Fault>) {
        if let Some(request) = self.request(handle) {
            request.fault = fault;
        }
    }

    pub(super) fn set_response(&mut self, handle: EntryHandle, status: u16, code: Option<u16>) {
        if let Some(request) = self.request(handle) {
            request.status = Some(status);
            request.code = code;
        }
    }

    /// Makes a link and notifies the payee; `None` if the reference is taken.
    pub(super) fn make_link(&mut self, at_us: u64, new: NewLink<'_>) -> Option<StoredLink> {
        let merchant = entry(&mut self.merchants, new.merchant).1;
        let reference = entry(&mut merchant.references, new.reference).1;
        let last = reference.links.last().map(|link| link.state().status);
        let is_free = new.renews && last == Some(LinkStatus::Cancelled);
        if last.is_some() && !is_free && !new.naive {
            return None;
        }
        reference.renewed = reference.renewed.saturating_add(usize::from(is_free));
        let link = StoredLink {
            key: splitmix64(new.seed, self.link_count),
            number: self.link_count,
            host: new.host,
            amount: new.amount,
            api: new.api,
            made_at_us: at_us,
            first: (new.status, new.expires_at_us),
            about: new.about,
            channels: new.channels,
            is_announced: !new.is_held_back,
            is_cancel_tried: false,
            history: Vec::new(),
        };
        self.link_count = self.link_count.saturating_add(1);
        if link.is_announced {
            reference.announce(&link);
        }
        reference.links.reserve_exact(1); // nearly all references have one link
        reference.links.push(link.clone());
        Some(link)
    }

    /// The newest link of a reference, as it is now.
    pub(super) fn link(
        &mut self,
        now_us: u64,
        merchant: &str,
        reference: &str,
    ) -> Option<&mut StoredLink> {
        let reference = self.merchants.get_mut(merchant)?.references.get_mut(reference)?;
        let link = reference.links.last_mut()?;
        expire(link, now_us, &self.clock, &self.life);
        Some(link)
    }

    /// Changes the newest link of a reference, and notifies the payee of one that was held back and is
    /// approved now.
    pub(super) fn change(&mut self, (merchant, reference): (&str, &str), change: Change) {
        let merchant = self.merchants.get_mut(merchant);
        let reference = merchant.and_then(|merchant| merchant.references.get_mut(reference));
        let Some((reference, mut link)) = reference.and_then(|reference| {
            let link = reference.links.pop()?;
            Some((reference, link))
        }) else {
            return;
        };
        if change.state.status == LinkStatus::Approved && !link.is_announced {
            link.is_announced = true;
            reference.announce(&link);
        }
        link.history.push(change);
        reference.links.push(link);
    }

    /// The reference of the link with a `smartSendId`. Nothing indexes those, since no response has
    /// them and hardly any call.
    pub(super) fn reference_of_id(&self, merchant: &str, id: u64) -> Option<&Arc<str>> {
        let references = &self.merchants.get(merchant)?.references;
        let is_newest = |state: &ReferenceState| {
            state.links.last().is_some_and(|link| link.smart_send_id() == id)
        };
        references.iter().find(|(_, state)| is_newest(state)).map(|(reference, _)| reference)
    }

    /// The merchant and the reference of the link with a `linkId`, perhaps of one merchant only.
    pub(super) fn names_of_link(&self, merchant: Option<&str>, id: &str) -> Option<LinkNames> {
        let is_meant = |named: &Arc<str>| merchant.is_none_or(|merchant| **named == *merchant);
        let merchants = self.merchants.iter().filter(|(merchant, _)| is_meant(merchant));
        let mut names = merchants.flat_map(|(merchant, state)| {
            state.references.iter().map(move |(reference, state)| (merchant, reference, state))
        });
        let (merchant, reference, _) =
            names.find(|(_, _, state)| state.links.last().is_some_and(|link| link.has_id(id)))?;
        Some((merchant.clone(), reference.clone()))
    }

    /// A link's own time.
    pub(super) fn own_us(&self, link: &StoredLink, at_us: u64) -> u64 {
        self.clock.own_us(link.made_at_us, at_us)
    }

    /// How long something has taken, as links age.
    pub(super) fn passed_us(&self, since_us: u64, now_us: u64) -> u64 {
        self.clock.own_us(since_us, now_us).saturating_sub(since_us)
    }

    /// How links age from now on.
    pub(super) fn set_life(&mut self, now_us: u64, life: LifeSettings) {
        self.clock.set_speed(now_us, life.speed);
        self.life = life;
    }

    /// Lets the job run that expires links.
    fn expire_all(&mut self, now_us: u64) {
        let references =
            self.merchants.values_mut().flat_map(|state| state.references.values_mut());
        for link in references.flat_map(|reference| reference.links.iter_mut()) {
            expire(link, now_us, &self.clock, &self.life);
        }
    }

    /// Deletes everything; earlier handles no longer have any effect.
    pub(super) fn clear(&mut self) {
        let (clock, life) = (mem::take(&mut self.clock), mem::take(&mut self.life));
        let generation = self.generation.wrapping_add(1);
        *self = Self { generation, clock, life, ..Self::default() };
    }

    /// Numbers requests from the start again, for new faults.
    pub(super) fn renumber(&mut self) {
        self.numbered.clear();
    }

    fn request(&mut self, handle: EntryHandle) -> Option<&mut RequestEntry> {
        let is_current = self.generation == handle.generation;
        self.requests.get_mut(handle.index).filter(|_| is_current)
    }
}

impl ReferenceState {
    fn announce(&mut self, link: &StoredLink) {
        self.messages = self.messages.saturating_add(1);
        self.sms = self.sms.saturating_add(u32::from(link.channels.sms));
        self.emails = self.emails.saturating_add(u32::from(link.channels.email));
    }
}

/// Expires a link whose date has passed, as PayU's job does it some seconds later. Nobody can tell
/// when the job did it, so it is done when somebody looks.
fn expire(link: &mut StoredLink, now_us: u64, clock: &LifeClock, life: &LifeSettings) {
    let state = link.state();
    let late_us = life.expiry_late_ms.saturating_mul(1_000);
    let own_us = state.expires_at_us.saturating_add(late_us);
    let at_us = clock.real_us(link.made_at_us, own_us);
    if state.status.is_open() && at_us <= now_us {
        let at_us = link.history.last().map_or(at_us, |change| change.at_us.max(at_us));
        let state = state.with_status(LinkStatus::Expired);
        link.history.push(Change { at_us, by: Actor::Expiry, state });
    }
}

/// The entry of a name, and the one copy of that name.
fn entry<'a, T: Default>(map: &'a mut HashMap<Arc<str>, T>, name: &str) -> (Arc<str>, &'a mut T) {
    let key = map.get_key_value(name).map_or_else(|| Arc::from(name), |(key, _)| key.clone());
    (key.clone(), map.entry(key).or_default())
}
