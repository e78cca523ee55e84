//! What is known of an intent when it arrives.

use jiff::Timestamp;

use super::{Case, Disposition, Policy, back};
use crate::domain::record::headers::{Headers, is_of_record};
use crate::domain::record::{Record, Seen};

/// How often a delivery may have come back before it is republished. The queue's delivery limit
/// is 20; at half of it a crash loop must not end with the broker parking what was never tried.
pub const RETURNS_MAX: u64 = 10;

/// What the broker and this process's dedup cache say of a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryInfo<'a, V> {
    /// The headers of a record, whoever wrote them.
    pub headers: &'a Headers,
    /// Whether the broker vouches that our own login wrote them.
    pub own: bool,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// How often it came back.
    pub delivery_count: u64,
    /// Whether this process has handled the same reference recently.
    pub recent: bool,
    /// The verdict that this process has reached for the very same intent.
    pub verdict: Option<V>,
    /// The wall clock.
    pub now: Timestamp,
}

/// How an intent or a command begins.
#[derive(Clone, Debug)]
pub(super) enum Opening<V> {
    /// It goes on from here.
    Usual,
    /// It has come back too often, and is republished.
    Renew,
    /// It was decided before.
    Decided(V),
    /// Its record names another account, and that ends it.
    Foreign(V),
}

impl<V: Clone> Opening<V> {
    pub(super) fn is_foreign(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Usual | Self::Renew | Self::Decided(_) => false,
        }
    }

    /// How it ends before anything is done; `None` if it goes on.
    pub(super) fn disposition(&self, policy: &Policy) -> Option<Disposition<V>> {
        match self {
            Self::Usual => None,
            Self::Renew => Some(Disposition::RetryLater(back(policy, "it came back too often"))),
            Self::Decided(verdict) | Self::Foreign(verdict) => {
                Some(Disposition::Settle(verdict.clone()))
            }
        }
    }
}

impl<'a, S, V> Case<'a, S, V> {
    /// Opens an intent or a command: reads its record, and puts it in doubt if there is reason to.
    /// `foreign` is its end if the record names another account, `doubted` the record once another
    /// attempt may have left unseen.
    ///
    /// A record is believed only if the broker vouches for it. One that is not believed, such as
    /// that of a parked copy that a person has published again, or from before the worker's login
    /// was changed, still says that the intent has been here. `redelivered` overrides a record: it
    /// was written before the delivery that was cut short, and a create may have left since. One that
    /// was turned away is remembered for its own sake, and says so itself.
    pub(super) fn of_delivery(
        subject: &'a S,
        policy: &'a Policy,
        info: DeliveryInfo<'_, V>,
        foreign: V,
        doubted: fn(Record, Seen) -> Record,
    ) -> Self {
        let first = || Record::first(policy.account.clone(), info.now);
        let (record, believed) = match Record::from_headers(info.headers) {
            _ if !is_of_record(info.headers) => (first(), true),
            Ok(record) if info.own => (record, true),
            Ok(_) | Err(_) => (first(), false),
        };
        let came_back = info.redelivered || info.delivery_count > 0;
        let record = if came_back || !believed {
            doubted(record, Seen::Redelivered)
        } else if record.is_in_doubt() {
            record
        } else if record.attempts > 0 && policy.is_strict() {
            doubted(record, Seen::TurnedAway)
        } else if info.recent && record.attempts == 0 {
            doubted(record, Seen::Recent)
        } else {
            record
        };
        let opening = if policy.account.is_foreign_to(info.headers) {
            Opening::Foreign(foreign)
        } else if let Some(verdict) = info.verdict {
            Opening::Decided(verdict)
        } else if info.delivery_count >= RETURNS_MAX {
            Opening::Renew
        } else {
            Opening::Usual
        };
        Self { subject, policy, record, opening, quick_tries: 0, failed_lookups: 0 }
    }
}
