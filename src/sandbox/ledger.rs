//! What really happened: every request, link and message to a payee.
//!
//! A client that lost an answer cannot know whether a link exists; the ledger does. It is
//! written under one lock, so that its order is the order of arrival, and its entries are
//! small, for a long run has millions.

mod view;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::dice::{Fault, scramble};

pub use view::{Doubled, Entries, Fullest, LinkEntry, MessageEntry, Summary};

const SECOND_US: u64 = 1_000_000;

/// The endpoint that a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `POST /oauth/token`.
    Token,
    /// `POST /payout/smartPay`.
    Create,
    /// `GET /payout/merchant/smartSend/details`.
    Details,
    /// Anything else.
    Other,
}

/// A text that many entries share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// One request, as it arrived.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Microseconds since 1970.
    pub at_us: u64,
    /// The endpoint.
    pub kind: Kind,
    /// The payout merchant id.
    pub merchant: Option<Name>,
    /// The `merchantRefId`.
    pub reference: Option<Name>,
    /// The `client_id` whose token it came with, or that asked for one.
    pub client: Option<Name>,
    /// The fault it met.
    pub fault: Option<Fault>,
    /// The HTTP status of the answer, if one was given.
    pub status: Option<u16>,
    /// PayU's code in the answer.
    pub code: Option<u16>,
}

/// One link.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) key: u64,
    pub(super) host: Name,
    pub(super) amount: Decimal,
    pub(super) made_at_us: u64,
    /// `[description, custName, custEmail, custMobile]` as JSON: one allocation for four.
    pub(super) about: Arc<str>,
}

/// Everything about one reference of a merchant.
#[derive(Clone, Default)]
struct Page {
    links: Vec<Link>,
    sms: u32,
    emails: u32,
}

#[derive(Default)]
struct Account {
    pages: HashMap<Name, Page>,
    /// When the requests of the last second were let through.
    window: VecDeque<u64>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    requests: Vec<Request>,
    accounts: HashMap<Name, Account>,
    numbers: BTreeMap<Kind, u64>,
    link_count: u64,
    generation: u64,
}

/// What is known of a request when it arrives.
#[derive(Debug, Clone)]
pub(super) struct Arrival<'a> {
    pub(super) kind: Kind,
    pub(super) merchant: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    pub(super) client: Option<Name>,
}

/// Where an arrived request stands in the ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) over_limit: bool,
    index: usize,
    generation: u64,
}

/// A link to make.
pub(super) struct Wish<'a> {
    pub(super) merchant: &'a str,
    pub(super) reference: &'a str,
    pub(super) amount: Decimal,
    pub(super) about: Arc<str>,
    pub(super) sms: bool,
    pub(super) email: bool,
    pub(super) host: Name,
    pub(super) seed: u64,
    pub(super) naive: bool,
}

impl Ledger {
    /// Enters a request, and counts it against the merchant's rate.
    pub(super) fn arrive(&mut self, at_us: u64, new: Arrival<'_>, limit: Option<u32>) -> Ticket {
        let number = self.numbers.entry(new.kind).or_default();
        let ticket_number = *number;
        *number = number.saturating_add(1);
        let mut over_limit = false;
        let (mut merchant, mut reference) = (None, new.reference.map(Name::from));
        if let Some(id) = new.merchant {
            let (name, account) = shared(&mut self.accounts, id);
            merchant = Some(name);
            over_limit = limit.is_some_and(|limit| !account.admit(at_us, limit));
            reference = new.reference.map(|id| shared(&mut account.pages, id).0);
        }
        let index = self.requests.len();
        self.requests.push(Request {
            at_us,
            kind: new.kind,
            merchant,
            reference,
            client: new.client,
            fault: None,
            status: None,
            code: None,
        });
        Ticket { number: ticket_number, over_limit, index, generation: self.generation }
    }

    /// Enters the fault that a request met.
    pub(super) fn met(&mut self, ticket: Ticket, fault: Option<Fault>) {
        if let Some(request) = self.find(ticket) {
            request.fault = fault;
        }
    }

    /// Enters the answer to a request.
    pub(super) fn answered(&mut self, ticket: Ticket, status: u16, code: Option<u16>) {
        if let Some(request) = self.find(ticket) {
            request.status = Some(status);
            request.code = code;
        }
    }

    /// Makes a link and tells the payee; nothing if the reference has one and counts.
    pub(super) fn make_link(&mut self, at_us: u64, wish: Wish<'_>) -> Option<Link> {
        let page = shared(&mut shared(&mut self.accounts, wish.merchant).1.pages, wish.reference).1;
        if !page.links.is_empty() && !wish.naive {
            return None;
        }
        let link = Link {
            key: scramble(wish.seed, self.link_count),
            host: wish.host,
            amount: wish.amount,
            made_at_us: at_us,
            about: wish.about,
        };
        self.link_count = self.link_count.saturating_add(1);
        page.links.reserve_exact(1); // nearly all references have one link
        page.links.push(link.clone());
        page.sms = page.sms.saturating_add(u32::from(wish.sms));
        page.emails = page.emails.saturating_add(u32::from(wish.email));
        Some(link)
    }

    /// The newest link of a reference.
    pub(super) fn link(&self, merchant: &str, reference: &str) -> Option<Link> {
        self.accounts.get(merchant)?.pages.get(reference)?.links.last().cloned()
    }

    /// Forgets everything, and numbers requests from the start.
    pub(super) fn clear(&mut self) {
        *self = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
    }

    /// Numbers requests from the start, for new faults.
    pub(super) fn renumber(&mut self) {
        self.numbers.clear();
    }

    fn find(&mut self, ticket: Ticket) -> Option<&mut Request> {
        let is_current = self.generation == ticket.generation;
        self.requests.get_mut(ticket.index).filter(|_| is_current)
    }
}

impl Account {
    fn admit(&mut self, at_us: u64, limit: u32) -> bool {
        while self.window.front().is_some_and(|then| at_us.saturating_sub(*then) >= SECOND_US) {
            self.window.pop_front();
        }
        let is_free = self.window.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if is_free {
            self.window.push_back(at_us);
        }
        is_free
    }
}

/// The entry of a name, and the one copy of that name.
fn shared<'a, T: Default>(map: &'a mut HashMap<Name, T>, name: &str) -> (Name, &'a mut T) {
    let key = map.get_key_value(name).map_or_else(|| Name::from(name), |(key, _)| key.clone());
    (key.clone(), map.entry(key).or_default())
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
