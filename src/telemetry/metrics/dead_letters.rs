//! The series of what the broker put aside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use super::{Families, MerchantMetrics};
use crate::domain::dead_letter::{PutAside, UNROUTED};
use crate::domain::event::{EventKind, INVALID_INTENT};
use crate::domain::reference::Reference;

/// Counts under the merchants of the configuration, and everything else under [`UNROUTED`]: what a
/// publisher writes makes no series.
#[derive(Debug)]
pub struct DeadLetterMetrics {
    merchants: BTreeMap<String, Arc<MerchantMetrics>>,
    families: Families,
}

impl DeadLetterMetrics {
    pub(super) fn new(
        merchants: impl IntoIterator<Item = Arc<MerchantMetrics>>,
        families: Families,
    ) -> Self {
        let merchants = merchants.into_iter().map(|own| (own.merchant().to_owned(), own));
        let metrics = Self { merchants: merchants.collect(), families };
        for kind in [EventKind::Rejected, EventKind::Unresolved] {
            metrics.intents(UNROUTED, kind.outcome());
        }
        let codes = PutAside::ALL.map(|why| why.reason().code);
        for code in codes.into_iter().chain([INVALID_INTENT.into()]) {
            metrics.parked(UNROUTED, code);
        }
        metrics
    }

    pub(in crate::telemetry) fn intents(&self, merchant: &str, outcome: &'static str) -> Counter {
        self.families.intents(self.known(merchant), outcome)
    }

    pub(in crate::telemetry) fn parked(
        &self,
        merchant: &str,
        reason: Cow<'static, str>,
    ) -> Counter {
        self.families.parked(self.known(merchant), reason)
    }

    pub(in crate::telemetry) fn publishes(
        &self,
        kind: &'static str,
        result: &'static str,
    ) -> Counter {
        self.families.publishes(kind, result)
    }

    /// What the broker put aside comes to no worker any more.
    pub(in crate::telemetry) fn leave_doubt(&self, merchant: &str, reference: &Reference) {
        if let Some(own) = self.merchants.get(merchant) {
            own.leave_doubt(reference);
        }
    }

    fn known<'a>(&self, merchant: &'a str) -> &'a str {
        if self.merchants.contains_key(merchant) { merchant } else { UNROUTED }
    }
}
