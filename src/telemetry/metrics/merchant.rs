//! One merchant's series.
//!
//! Looking a series up by its labels costs more than counting, and these are counted for each call
//! and each intent. So they are looked up once, when the worker is put together.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use serde_json::json;

use crate::domain::event::{EventKind, Reason};

use super::{
    Families, Gauges, OfCall, OfCallOutcome, OfMerchant, OfOutcome, OfPublish, OfReason, OfResult,
    OfState,
};

#[rustfmt::skip]
const CREATE_OUTCOMES: [&str; 9] = [
    "created", "foreign_link", "rejected", "duplicate", "refused", "not_sent", "throttled",
    "denied", "unknown",
];
const LOOKUP_RESULTS: [&str; 5] = ["found", "not_found", "failed", "throttled", "denied"];
const TOKEN_OUTCOMES: [&str; 4] = ["granted", "refused", "throttled", "failed"];
const PUBLISH_RESULTS: [&str; 4] = ["confirmed", "unroutable", "refused", "unconfirmed"];
const CIRCUIT_BREAKER_STATES: [&str; 3] = ["closed", "open", "half_open"];
const CONSUMER_STATES: [&str; 3] = ["stopped", "standby", "active"];

/// The HTTP calls to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    Create,
    Lookup,
    Token,
}

/// What is published in a delivery's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishKind {
    Event,
    Retry,
    Parked,
    Checkpoint,
}

/// The series of one merchant.
pub struct MerchantMetrics {
    merchant: Arc<str>,
    pub(in crate::telemetry) intents: Series<&'static str, Counter>,
    pub(in crate::telemetry) intent_age: Histogram,
    pub(in crate::telemetry) calls: Series<(CallKind, &'static str), Counter>,
    pub(in crate::telemetry) call_duration: Series<CallKind, Histogram>,
    pub(in crate::telemetry) lookups: Series<&'static str, Counter>,
    pub(in crate::telemetry) admission_wait: Histogram,
    pub(in crate::telemetry) publishes: Series<(PublishKind, &'static str), Counter>,
    pub(in crate::telemetry) handed_back: Counter,
    pub(in crate::telemetry) parked: Series<Cow<'static, str>, Counter>,
    pub(in crate::telemetry) circuit_breaker_state: Series<&'static str, Gauge>,
    pub(in crate::telemetry) consumer_state: Series<&'static str, Gauge>,
    pub(in crate::telemetry) throttled: Gauge,
    in_flight: Gauge,
    in_doubt: Gauge,
    held: Gauge,
    waiting: Gauge,
}

impl CallKind {
    const ALL: [Self; 3] = [Self::Create, Self::Lookup, Self::Token];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Lookup => "lookup",
            Self::Token => "token",
        }
    }

    fn outcomes(self) -> &'static [&'static str] {
        match self {
            Self::Create => &CREATE_OUTCOMES,
            Self::Lookup => &LOOKUP_RESULTS,
            Self::Token => &TOKEN_OUTCOMES,
        }
    }
}

impl PublishKind {
    const ALL: [Self; 4] = [Self::Event, Self::Retry, Self::Parked, Self::Checkpoint];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Retry => "retry",
            Self::Parked => "parked",
            Self::Checkpoint => "checkpoint",
        }
    }
}

impl MerchantMetrics {
    pub(super) fn new(name: &str, families: &Families) -> Self {
        let merchant: Arc<str> = Arc::from(name);
        let name = || Arc::clone(&merchant);
        let own = OfMerchant { merchant: name() };
        let calls =
            CallKind::ALL.iter().flat_map(|call| call.outcomes().iter().map(|word| (*call, *word)));
        let publishes =
            PublishKind::ALL.iter().flat_map(|kind| PUBLISH_RESULTS.map(|word| (*kind, word)));
        let by_state = |family: &Gauges<OfState>, states: [&'static str; 3]| {
            Series::new(family, name(), states, |merchant, state| OfState { merchant, state })
        };
        Self {
            intents: Series::new(
                &families.intents,
                name(),
                EventKind::ALL.map(EventKind::outcome),
                |merchant, outcome| OfOutcome { merchant, outcome },
            ),
            intent_age: families.intent_age.get_or_create_owned(&own),
            calls: Series::new(&families.calls, name(), calls, |merchant, (call, outcome)| {
                OfCallOutcome { merchant, call: call.as_str(), outcome }
            }),
            call_duration: Series::new(
                &families.call_duration,
                name(),
                CallKind::ALL,
                |merchant, call| OfCall { merchant, call: call.as_str() },
            ),
            lookups: Series::new(&families.lookups, name(), LOOKUP_RESULTS, |merchant, result| {
                OfResult { merchant, result }
            }),
            admission_wait: families.admission_wait.get_or_create_owned(&own),
            publishes: Series::new(&families.publishes, name(), publishes, |_, (kind, result)| {
                OfPublish { kind: kind.as_str(), result }
            }),
            handed_back: families.handed_back.get_or_create_owned(&own),
            parked: Series::new(
                &families.parked,
                name(),
                Reason::parked_codes(),
                |merchant, reason| OfReason { merchant, reason },
            ),
            circuit_breaker_state: by_state(
                &families.circuit_breaker_state,
                CIRCUIT_BREAKER_STATES,
            ),
            consumer_state: by_state(&families.consumer_state, CONSUMER_STATES),
            throttled: families.throttled.get_or_create_owned(&own),
            in_flight: families.in_flight.get_or_create_owned(&own),
            in_doubt: families.in_doubt.get_or_create_owned(&own),
            held: families.held.get_or_create_owned(&own),
            waiting: families.waiting.get_or_create_owned(&own),
            merchant,
        }
    }

    pub fn merchant(&self) -> &str {
        &self.merchant
    }

    /// Counts one more call in flight, until this is dropped.
    pub fn in_flight(&self) -> Counted {
        Counted::new(&self.in_flight)
    }

    /// Counts one more call that waits for a token and a permit, until this is dropped.
    pub fn waiting(&self) -> Counted {
        Counted::new(&self.waiting)
    }

    /// Counts one more delivery that waits here for its next step, until this is dropped.
    pub fn held(&self) -> Counted {
        Counted::new(&self.held)
    }

    /// Counts one more delivery that may have been sent, until this is dropped.
    pub fn in_doubt(&self) -> Counted {
        Counted::new(&self.in_doubt)
    }

    /// How many there are now, and how many were handed back since the start.
    pub(in crate::telemetry) fn levels(&self) -> serde_json::Value {
        json!({
            "in_flight": self.in_flight.get(),
            "waiting": self.waiting.get(),
            "held": self.held.get(),
            "in_doubt": self.in_doubt.get(),
            "handed_back": self.handed_back.get(),
        })
    }
}

impl fmt::Debug for MerchantMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MerchantMetrics({})", self.merchant)
    }
}

/// Counts as one in a gauge for as long as it lives.
#[derive(Debug)]
#[must_use]
pub struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// One merchant's series of a family, by the rest of their labels.
pub(in crate::telemetry) struct Series<K, M> {
    /// Those that are known at the start; for so few a linear search is quicker than a map.
    known: Vec<(K, M)>,
    find: Box<dyn Fn(K) -> M + Send + Sync>,
}

impl<K: Clone + PartialEq + 'static, M: Clone> Series<K, M> {
    fn new<L, C>(
        family: &Family<L, M, C>,
        merchant: Arc<str>,
        known: impl IntoIterator<Item = K>,
        labels: fn(Arc<str>, K) -> L,
    ) -> Self
    where
        L: Clone + Eq + Hash + Send + Sync + 'static,
        M: Send + Sync + 'static,
        C: MetricConstructor<M> + Clone + Send + Sync + 'static,
    {
        let family = family.clone();
        let find = move |key| family.get_or_create_owned(&labels(Arc::clone(&merchant), key));
        let known = known.into_iter().map(|key: K| (key.clone(), find(key))).collect();
        Self { known, find: Box::new(find) }
    }

    pub(in crate::telemetry) fn of(&self, key: K) -> M {
        let known = self.known.iter().find(|(known, _)| *known == key);
        known.map_or_else(|| (self.find)(key), |(_, series)| series.clone())
    }
}

impl Series<&'static str, Gauge> {
    /// Sets the state's own gauge to 1 and the others to 0.
    pub(in crate::telemetry) fn set_state(&self, state: &str) {
        for (known, gauge) in &self.known {
            gauge.set((*known == state).into());
        }
    }
}
