//! The ledger as others read it: whole, or in numbers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::{Kind, Ledger, Name, Page, Request, SECOND_US};
use crate::sandbox::dice::Fault;

/// How many references with more than one link are named.
const DOUBLED_MAX: usize = 100;

/// The whole ledger, in the order of arrival.
#[derive(Debug, Clone, Serialize)]
pub struct Entries {
    /// Every request.
    pub requests: Vec<Request>,
    /// Every link, by its time.
    pub links: Vec<LinkEntry>,
    /// Every reference whose payee was told something.
    pub messages: Vec<MessageEntry>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkEntry {
    /// The payout merchant id.
    pub merchant: Name,
    /// The `merchantRefId`.
    pub reference: Name,
    /// The amount with two decimals.
    pub amount: String,
    /// What the payee opens.
    pub link: String,
    /// The `linkId` of the create.
    pub link_id: String,
    /// Microseconds since 1970.
    pub made_at_us: u64,
}

/// What a payee was told: each link is announced once, by one or both channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageEntry {
    /// The payout merchant id.
    pub merchant: Name,
    /// The `merchantRefId`.
    pub reference: Name,
    /// Announcements.
    pub messages: usize,
    /// Announcements by SMS.
    pub sms: u32,
    /// Announcements by e-mail.
    pub emails: u32,
}

/// The ledger in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Requests of each kind.
    pub requests: BTreeMap<Kind, u64>,
    /// Requests that met each fault.
    pub faults: BTreeMap<Fault, u64>,
    /// Answers of each HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Links.
    pub links: usize,
    /// Announcements of links to payees.
    pub messages: usize,
    /// References that have a link.
    pub references: usize,
    /// References that have more than one.
    pub doubled: Doubled,
    /// The fullest second of each merchant.
    pub fullest_second: BTreeMap<Name, Fullest>,
    /// When the first request came, in microseconds since 1970.
    pub first_at_us: Option<u64>,
    /// When the last one came.
    pub last_at_us: Option<u64>,
}

/// References with more than one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Doubled {
    /// How many there are.
    pub count: usize,
    /// The first hundred of them.
    pub first: Vec<Double>,
}

/// A reference with more than one link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Double {
    /// The payout merchant id.
    pub merchant: Name,
    /// The `merchantRefId`.
    pub reference: Name,
    /// Its links.
    pub links: usize,
}

/// The most requests of a merchant that came within one second, wherever it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Fullest {
    /// Creates and looks together.
    pub all: usize,
    /// Creates.
    pub create: usize,
    /// Looks.
    pub details: usize,
}

/// A copy of what [`Entries`] are made from: to copy is quick, to write out is not.
pub(in crate::sandbox) struct Snapshot {
    requests: Vec<Request>,
    pages: Vec<(Name, Name, Page)>,
}

/// A second that slides over the times of one merchant.
#[derive(Default)]
struct Window {
    times: VecDeque<u64>,
    fullest: usize,
}

impl Snapshot {
    /// The whole ledger, with links and ids written out.
    pub(in crate::sandbox) fn into_entries(mut self) -> Entries {
        self.pages.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let (mut links, mut messages) = (Vec::new(), Vec::new());
        for (merchant, reference, page) in self.pages {
            links.extend(page.links.iter().map(|link| LinkEntry {
                merchant: merchant.clone(),
                reference: reference.clone(),
                amount: link.amount(),
                link: link.url(),
                link_id: link.id(),
                made_at_us: link.made_at_us,
            }));
            let (count, sms, emails) = (page.links.len(), page.sms, page.emails);
            messages.push(MessageEntry { merchant, reference, messages: count, sms, emails });
        }
        links.sort_by_key(|link| link.made_at_us);
        Entries { requests: self.requests, links, messages }
    }
}

impl Ledger {
    /// A copy, for [`Snapshot::into_entries`].
    pub(in crate::sandbox) fn snapshot(&self) -> Snapshot {
        let mut pages = Vec::new();
        for (merchant, account) in &self.accounts {
            for (reference, page) in account.pages.iter().filter(|(_, page)| !page.links.is_empty())
            {
                pages.push((merchant.clone(), reference.clone(), page.clone()));
            }
        }
        Snapshot { requests: self.requests.clone(), pages }
    }

    /// The numbers.
    pub(in crate::sandbox) fn summary(&self) -> Summary {
        let mut summary = Summary {
            requests: [Kind::Token, Kind::Create, Kind::Details, Kind::Other]
                .map(|kind| (kind, 0))
                .into(),
            faults: BTreeMap::new(),
            statuses: BTreeMap::new(),
            links: 0,
            messages: 0,
            references: 0,
            doubled: Doubled::default(),
            fullest_second: fullest(&self.requests),
            first_at_us: self.requests.first().map(|request| request.at_us),
            last_at_us: self.requests.last().map(|request| request.at_us),
        };
        for request in &self.requests {
            count(&mut summary.requests, Some(request.kind));
            count(&mut summary.faults, request.fault);
            count(&mut summary.statuses, request.status);
        }
        self.count_links(&mut summary);
        summary
    }

    fn count_links(&self, summary: &mut Summary) {
        let mut doubled = Vec::new();
        for (merchant, account) in &self.accounts {
            for (reference, page) in &account.pages {
                let links = page.links.len();
                summary.links = summary.links.saturating_add(links);
                summary.references = summary.references.saturating_add(usize::from(links > 0));
                if links > 1 {
                    let (merchant, reference) = (merchant.clone(), reference.clone());
                    doubled.push(Double { merchant, reference, links });
                }
            }
        }
        summary.messages = summary.links; // a link is announced when it is made, and never again
        doubled.sort();
        summary.doubled.count = doubled.len();
        doubled.truncate(DOUBLED_MAX);
        summary.doubled.first = doubled;
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: Option<K>) {
    if let Some(key) = key {
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }
}

fn fullest(requests: &[Request]) -> BTreeMap<Name, Fullest> {
    let mut windows: HashMap<&Name, [Window; 3]> = HashMap::new();
    for request in requests {
        let Some(merchant) = &request.merchant else {
            continue;
        };
        let [all, create, details] = windows.entry(merchant).or_default();
        match request.kind {
            Kind::Create => create.slide(request.at_us),
            Kind::Details => details.slide(request.at_us),
            Kind::Token | Kind::Other => continue,
        }
        all.slide(request.at_us);
    }
    let numbers = windows.into_iter().map(|(merchant, [all, create, details])| {
        let (all, create, details) = (all.fullest, create.fullest, details.fullest);
        (merchant.clone(), Fullest { all, create, details })
    });
    numbers.collect()
}

impl Window {
    fn slide(&mut self, at_us: u64) {
        self.times.push_back(at_us);
        while self.times.front().is_some_and(|then| at_us.saturating_sub(*then) >= SECOND_US) {
            self.times.pop_front();
        }
        self.fullest = self.fullest.max(self.times.len());
    }
}
