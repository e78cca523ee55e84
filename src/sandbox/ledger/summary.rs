//! The ledger in numbers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::sliding_second::SlidingSecond;
use super::{Ledger, ReferenceState, RequestEntry};
use crate::sandbox::faults::Fault;
use crate::sandbox::life::LinkStatus;
use crate::sandbox::request_kind::RequestKind;

/// How many references with more than one link are named.
const DOUBLED_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerSummary {
    pub requests: BTreeMap<RequestKind, u64>,
    /// How many requests met each fault.
    pub faults: BTreeMap<Fault, u64>,
    /// Responses by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    pub links: usize,
    /// Links by what has become of them.
    pub link_statuses: BTreeMap<LinkStatus, u64>,
    /// Announcements of links to payees.
    pub messages: u64,
    /// References that have a link.
    pub references: usize,
    pub doubled: DoubledReferences,
    pub fullest_second: BTreeMap<Arc<str>, FullestSecond>,
    /// When the first request came, in microseconds since 1970.
    pub first_at_us: Option<u64>,
    /// When the last one came.
    pub last_at_us: Option<u64>,
}

/// References with more than one link, where the one before was not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoubledReferences {
    pub count: usize,
    /// The first hundred of them.
    pub first: Vec<DoubledReference>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DoubledReference {
    /// The payout merchant id.
    pub merchant: Arc<str>,
    /// The `merchantRefId`.
    pub reference: Arc<str>,
    pub links: usize,
}

/// The most requests of a merchant that came within one second, wherever it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct FullestSecond {
    /// All but those for tokens.
    pub all: usize,
    pub create: usize,
    pub details: usize,
    pub cancel: usize,
    pub extend: usize,
}

impl Ledger {
    pub(in crate::sandbox) fn summary(&mut self, now_us: u64) -> LedgerSummary {
        self.expire_all(now_us);
        let mut requests = BTreeMap::from(RequestKind::ALL.map(|kind| (kind, 0)));
        let (mut faults, mut statuses) = (BTreeMap::new(), BTreeMap::new());
        for request in &self.requests {
            count(&mut requests, Some(request.kind));
            count(&mut faults, request.fault);
            count(&mut statuses, request.status);
        }
        let mut link_statuses = BTreeMap::new();
        for link in self.references().flat_map(|reference| &reference.links) {
            count(&mut link_statuses, Some(link.state().status));
        }
        LedgerSummary {
            requests,
            faults,
            statuses,
            links: self.references().map(|reference| reference.links.len()).sum(),
            link_statuses,
            messages: self.references().map(|reference| u64::from(reference.messages)).sum(),
            references: self.references().filter(|reference| !reference.links.is_empty()).count(),
            doubled: self.doubled(),
            fullest_second: fullest_seconds(&self.requests),
            first_at_us: self.requests.first().map(|request| request.at_us),
            last_at_us: self.requests.last().map(|request| request.at_us),
        }
    }

    fn references(&self) -> impl Iterator<Item = &ReferenceState> {
        self.merchants.values().flat_map(|state| state.references.values())
    }

    fn doubled(&self) -> DoubledReferences {
        let mut first = Vec::new();
        for (merchant, state) in &self.merchants {
            for (reference, state) in &state.references {
                let links = state.links.len().saturating_sub(state.renewed);
                if links > 1 {
                    let (merchant, reference) = (merchant.clone(), reference.clone());
                    first.push(DoubledReference { merchant, reference, links });
                }
            }
        }
        first.sort();
        let count = first.len();
        first.truncate(DOUBLED_MAX);
        DoubledReferences { count, first }
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: Option<K>) {
    if let Some(key) = key {
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }
}

fn fullest_seconds(requests: &[RequestEntry]) -> BTreeMap<Arc<str>, FullestSecond> {
    let mut seconds: HashMap<(&Arc<str>, Option<RequestKind>), SlidingSecond> = HashMap::new();
    let mut fullest: BTreeMap<Arc<str>, FullestSecond> = BTreeMap::new();
    for request in requests {
        let Some(merchant) = &request.merchant else {
            continue;
        };
        let mut count = |kind| seconds.entry((merchant, kind)).or_default().count(request.at_us);
        let (all, of_kind) = (count(None), count(Some(request.kind)));
        let fullest = fullest.entry(merchant.clone()).or_default();
        fullest.all = fullest.all.max(all);
        let fullest_of_kind = match request.kind {
            RequestKind::Create => &mut fullest.create,
            RequestKind::Details => &mut fullest.details,
            RequestKind::Cancel => &mut fullest.cancel,
            RequestKind::Extend => &mut fullest.extend,
            RequestKind::Token
            | RequestKind::Status
            | RequestKind::Account
            | RequestKind::Vpas
            | RequestKind::BulkUpload
            | RequestKind::BulkProcess
            | RequestKind::BulkStatus
            | RequestKind::Other => continue,
        };
        *fullest_of_kind = of_kind.max(*fullest_of_kind);
    }
    fullest
}
