//! The series of what the broker put aside.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

use super::{Families, MerchantMetrics, commands_name};
use crate::domain::dead_letter::{PutAside, UNROUTED};
use crate::domain::event::{Event, EventKind, INVALID_INTENT};
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
            metrics.families.intents(UNROUTED, kind.outcome());
        }
        let codes = PutAside::ALL.map(|why| why.reason().code);
        for code in codes.into_iter().chain([INVALID_INTENT.into()]) {
            metrics.families.parked(UNROUTED, code);
        }
        metrics
    }

    /// Intents or commands that came to this end.
    pub(in crate::telemetry) fn settled(&self, event: &Event<'_>) -> Counter {
        let outcome = event.kind().outcome();
        match self.of(event) {
            Some(own) => own.settled(outcome),
            None if is_of_command(event) => self.families.commands(UNROUTED, outcome),
            None => self.families.intents(UNROUTED, outcome),
        }
    }

    pub(in crate::telemetry) fn parked(
        &self,
        event: &Event<'_>,
        reason: Cow<'static, str>,
    ) -> Counter {
        let merchant = self.of(event).map_or(UNROUTED, |own| own.merchant());
        self.families.parked(merchant, reason)
    }

    pub(in crate::telemetry) fn publishes(
        &self,
        kind: &'static str,
        result: &'static str,
    ) -> Counter {
        self.families.publishes(kind, result)
    }

    /// What the broker put aside comes to no worker any more.
    pub(in crate::telemetry) fn leave_doubt(&self, event: &Event<'_>, reference: &Reference) {
        if let Some(own) = self.of(event) {
            own.leave_doubt(reference);
        }
    }

    fn of(&self, event: &Event<'_>) -> Option<&Arc<MerchantMetrics>> {
        if is_of_command(event) {
            self.merchants.get(&commands_name(&event.merchant))
        } else {
            self.merchants.get(&event.merchant)
        }
    }
}

fn is_of_command(event: &Event<'_>) -> bool {
    EventKind::OF_COMMANDS.contains(&event.kind())
}
