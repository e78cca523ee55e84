//! What really happened: every request, link and message to a payee.
//!
//! A client that lost an answer cannot know whether a link exists; the ledger does. It is written
//! under one lock, so that its order is the order of arrival, and its entries are small, since a
//! long run has millions.

pub(super) mod entries;
pub(super) mod summary;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Serialize;

use super::faults::Fault;
use super::splitmix64::splitmix64;

const SECOND_US: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// `POST /oauth/token`.
    Token,
    /// `POST /payout/smartPay` or `POST /payout/v2/smartSend/link`.
    Create,
    /// `GET /payout/merchant/smartSend/details`.
    Details,
    /// Anything that the documentation does not have.
    Other,
}

/// Which API made a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiVersion {
    V1,
    V2,
}

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

#[derive(Clone)]
pub(super) struct StoredLink {
    pub(super) key: u64,
    pub(super) host: Arc<str>,
    pub(super) amount: Decimal,
    pub(super) api: ApiVersion,
    pub(super) made_at_us: u64,
    pub(super) expires_at_us: u64,
    /// An [`About`] as JSON: one allocation for four.
    pub(super) about: Arc<str>,
}

/// Description, name, e-mail and mobile of a create.
pub(super) type About = (Option<String>, Option<String>, Option<String>, Option<String>);

/// Everything about one reference of a merchant.
#[derive(Clone, Default)]
struct ReferenceState {
    links: Vec<StoredLink>,
    sms: u32,
    emails: u32,
}

#[derive(Default)]
struct MerchantState {
    references: HashMap<Arc<str>, ReferenceState>,
    /// The requests that the rate limit let through.
    admitted: SlidingSecond,
}

/// The times, in microseconds, that lie within the second before the last one.
#[derive(Default)]
struct SlidingSecond(VecDeque<u64>);

#[derive(Default)]
pub(super) struct Ledger {
    requests: Vec<RequestEntry>,
    merchants: HashMap<Arc<str>, MerchantState>,
    /// How many requests of each kind have been numbered.
    numbered: BTreeMap<RequestKind, u64>,
    link_count: u64,
    generation: u64,
}

/// What is known of a request when it arrives.
pub(super) struct NewRequest<'a> {
    pub(super) kind: RequestKind,
    pub(super) merchant: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    pub(super) client: Option<Arc<str>>,
}

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
    pub(super) sms: bool,
    pub(super) email: bool,
    pub(super) expires_at_us: u64,
    pub(super) host: Arc<str>,
    pub(super) seed: u64,
    pub(super) naive: bool,
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

    /// Makes a link and notifies the payee; `None` if the reference has one already.
    pub(super) fn make_link(&mut self, at_us: u64, new: NewLink<'_>) -> Option<StoredLink> {
        let merchant = entry(&mut self.merchants, new.merchant).1;
        let reference = entry(&mut merchant.references, new.reference).1;
        if !reference.links.is_empty() && !new.naive {
            return None;
        }
        let link = StoredLink {
            key: splitmix64(new.seed, self.link_count),
            host: new.host,
            amount: new.amount,
            api: new.api,
            made_at_us: at_us,
            expires_at_us: new.expires_at_us,
            about: new.about,
        };
        self.link_count = self.link_count.saturating_add(1);
        reference.links.reserve_exact(1); // nearly all references have one link
        reference.links.push(link.clone());
        reference.sms = reference.sms.saturating_add(u32::from(new.sms));
        reference.emails = reference.emails.saturating_add(u32::from(new.email));
        Some(link)
    }

    /// The newest link of a reference.
    pub(super) fn link(&self, merchant: &str, reference: &str) -> Option<StoredLink> {
        self.merchants.get(merchant)?.references.get(reference)?.links.last().cloned()
    }

    /// Deletes everything; earlier handles no longer have any effect.
    pub(super) fn clear(&mut self) {
        *self = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
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

impl StoredLink {
    pub(super) fn about(&self) -> About {
        serde_json::from_str(&self.about).unwrap_or_default()
    }
}

impl SlidingSecond {
    /// Adds a time unless there are `limit` within its second.
    fn admit(&mut self, at_us: u64, limit: u32) -> bool {
        self.slide_to(at_us);
        let is_admitted = self.0.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if is_admitted {
            self.0.push_back(at_us);
        }
        is_admitted
    }

    /// Adds a time, and counts those within its second.
    fn count(&mut self, at_us: u64) -> usize {
        self.slide_to(at_us);
        self.0.push_back(at_us);
        self.0.len()
    }

    fn slide_to(&mut self, at_us: u64) {
        while self.0.front().is_some_and(|then| at_us.saturating_sub(*then) >= SECOND_US) {
            self.0.pop_front();
        }
    }
}

/// The entry of a name, and the one copy of that name.
fn entry<'a, T: Default>(map: &'a mut HashMap<Arc<str>, T>, name: &str) -> (Arc<str>, &'a mut T) {
    let key = map.get_key_value(name).map_or_else(|| Arc::from(name), |(key, _)| key.clone());
    (key.clone(), map.entry(key).or_default())
}
