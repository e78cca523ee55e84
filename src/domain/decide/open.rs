//! What is known of an intent when it arrives.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Case, Policy};
use crate::domain::intent::Intent;
use crate::domain::record::{Record, Seen, Value};
use crate::domain::verdict::{Unresolved, Verdict};

/// How often a delivery may have come back before it is published anew. The queue's delivery limit
/// is 20; at half of it a crash loop must not end with the broker parking what was never tried.
pub const RETURNS_MAX: u64 = 10;

/// What the broker and this process's memory say of a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryInfo<'a> {
    /// The headers of a record, whoever wrote them.
    pub headers: &'a BTreeMap<String, Value>,
    /// Whether the broker vouches that our own login wrote them.
    pub own: bool,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// How often it came back.
    pub delivery_count: u64,
    /// Whether this process has handled the same reference lately.
    pub recent: bool,
    /// The wall clock.
    pub now: Timestamp,
}

/// An intent, opened.
#[derive(Clone, Debug)]
pub enum Opened<'a> {
    /// It goes on from here.
    Case(Case<'a>),
    /// It has come back too often: publish it anew, with this record.
    Renew(Case<'a>),
    /// It ends here.
    Settle(Case<'a>, Verdict),
}

impl<'a> Opened<'a> {
    /// The intent, wherever it goes.
    pub fn case(self) -> Case<'a> {
        match self {
            Self::Case(case) | Self::Renew(case) | Self::Settle(case, _) => case,
        }
    }
}

impl<'a> Case<'a> {
    /// Opens an intent: reads its record, and doubts it where there is reason to.
    ///
    /// A record is believed only if the broker vouches for it. One that is not believed, such as
    /// that of a parked copy which a person has published anew, or from before the worker's login
    /// was changed, still says that the intent has been here. `redelivered` overrides a record: it
    /// was written before the delivery that was cut short, and a create may have left since.
    pub fn open(intent: &'a Intent, policy: &'a Policy, arrival: &DeliveryInfo<'_>) -> Opened<'a> {
        let first = || Record::first(policy.account.clone(), arrival.now);
        let (record, believed) = match Record::from_headers(arrival.headers) {
            _ if arrival.headers.is_empty() => (first(), true),
            Ok(record) if arrival.own => (record, true),
            Ok(_) | Err(_) => (first(), false),
        };
        let came_back = arrival.redelivered || arrival.delivery_count > 0;
        let record = if came_back || !believed {
            record.doubted(Seen::Redelivered)
        } else if arrival.recent && !record.is_in_doubt() {
            record.doubted(Seen::Recent)
        } else {
            record
        };
        let case = Self { intent, policy, record, quick_tries: 0, failed_looks: 0 };
        if policy.account.is_foreign_to(arrival.headers) {
            return Opened::Settle(case, Verdict::Unresolved(Unresolved::AccountChanged));
        }
        if arrival.delivery_count >= RETURNS_MAX {
            return Opened::Renew(case);
        }
        Opened::Case(case)
    }

    /// The record of a copy that goes through the retry queue of this delay. The delay is counted
    /// as waited: the copy cannot come back earlier.
    pub fn returned(mut self, delay: std::time::Duration) -> Record {
        self.waited(delay);
        self.record.returns = self.record.returns.saturating_add(1);
        self.record
    }

    /// The record of a copy that is handed back as it is.
    pub fn handed_back(self) -> Record {
        self.record
    }
}
