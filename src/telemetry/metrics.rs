//! The metrics, by their exact names.
//!
//! There is one registry, made where the worker is put together; each part is given the series that
//! it counts with. Every series whose labels are known at the start exists from the start, so that
//! an alert on it can tell "never" from "not scraped".
//!
//! Histograms have buckets, since summaries cannot be added up over replicas. The buckets are
//! finest where decisions depend on them: around the timeouts.

mod calls;
mod dead_letters;
mod merchant;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::work::Work;
pub use calls::{CallFailure, CallKind};
pub use dead_letters::DeadLetterMetrics;
pub use merchant::{Counted, MerchantMetrics};

pub use prometheus_text::CONTENT_TYPE;

/// From an immediate link to an intent that waited its whole `max_age`, in seconds.
const AGE_SECONDS: [f64; 15] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
    86400.0,
];

/// Around `connect_timeout` (3 s) and `timeout` (20 s), in seconds.
const CALL_SECONDS: [f64; 14] =
    [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0];

/// From an immediate permit to a wait of a whole `lease`, in seconds.
const WAIT_SECONDS: [f64; 13] =
    [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// When a link is looked up that is measured, in seconds.
const LAG_SECONDS: [f64; 12] =
    [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0];

/// All metrics of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    families: Families,
}

/// The labels of a series, each with its name, in the order of the contract.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

macro_rules! families {
    ($($field:ident: $family:ty = $new:expr, $name:literal, $help:literal;)+) => {
        #[derive(Clone, Debug)]
        struct Families {
            $($field: $family),+
        }

        impl Families {
            fn register(registry: &mut Registry) -> Self {
                let families = Self { $($field: $new),+ };
                $(registry.register(concat!("smartsend_", $name), $help, families.$field.clone());)+
                families
            }
        }
    };
}

// Counters are named without `_total`: the text format appends it.
families! {
    intents: Counters<2> = Family::default(),
        "intents", "Intents that came to an end, by outcome";
    commands: Counters<2> = Family::default(),
        "commands", "Commands that came to an end, by outcome";
    intent_age: Histograms<1> = histograms(|| Histogram::new(AGE_SECONDS)),
        "intent_age_seconds", "Time from the publish of an intent to its result";
    calls: Counters<3> = Family::default(),
        "calls", "HTTP calls to the provider, by call and outcome";
    call_duration: Histograms<2> = histograms(|| Histogram::new(CALL_SECONDS)),
        "call_duration_seconds", "Time that a call to the provider took";
    lookups: Counters<2> = Family::default(),
        "lookups", "Lookups of a reference, by result";
    admission_wait: Histograms<1> = histograms(|| Histogram::new(WAIT_SECONDS)),
        "admission_wait_seconds", "Time that a call waited for its token and its permit";
    circuit_breaker_state: Gauges<2> = Family::default(),
        "circuit_breaker_state", "1 for the state that it is in, else 0; closed lets calls through";
    throttled: Gauges<1> = Family::default(),
        "throttled", "1 during a pause that the provider asked for";
    paused: Gauges<1> = Family::default(),
        "paused", "1 while an operator has paused the merchant";
    in_flight: Gauges<1> = Family::default(),
        "in_flight", "Calls in flight now";
    in_doubt: Gauges<1> = Family::default(),
        "in_doubt", "Intents that may have been sent and that this process has seen, not settled yet";
    held: Gauges<1> = Family::default(),
        "held", "Deliveries that wait in this process for their next step";
    waiting: Gauges<1> = Family::default(),
        "waiting", "Calls that wait for their token and their permit";
    consumer_state: Gauges<2> = Family::default(),
        "consumer_state", "1 for the state that the consumer is in, else 0";
    lookup_lag: Histograms<1> = histograms(|| Histogram::new(LAG_SECONDS)),
        "lookup_lag_seconds", "How late lookups showed links, of those that were measured";
    guard_rupees: Family<Labels<3>, Gauge<f64, AtomicU64>> = Family::default(),
        "guard_rupees", "What was spent within a window of a limit on money, and the limit";
    publishes: Counters<2> = Family::default(),
        "publishes", "Publishes to the broker, by kind and result";
    handed_back: Counters<1> = Family::default(),
        "handed_back", "Deliveries that went back to the broker with their record";
    parked: Counters<2> = Family::default(),
        "parked", "Intents parked for a person, by reason";
    parked_messages: Gauge<u64, AtomicU64> = Gauge::default(),
        "parked_messages", "Messages in the parked queue now";
    broker_connected: Gauges<1> = Family::default(),
        "broker_connected", "1 while the connection to the broker is up, else 0";
}

fn histograms<const N: usize>(new: fn() -> Histogram) -> Histograms<N> {
    Family::new_with_constructor(new)
}

impl Families {
    fn intents(&self, merchant: &str, outcome: &'static str) -> Counter {
        let labels = [merchant_label(merchant), ("outcome", outcome.into())];
        self.intents.get_or_create_owned(&labels)
    }

    fn commands(&self, merchant: &str, outcome: &'static str) -> Counter {
        let labels = [merchant_label(merchant), ("outcome", outcome.into())];
        self.commands.get_or_create_owned(&labels)
    }

    fn publishes(&self, kind: &'static str, result: &'static str) -> Counter {
        let labels = [("kind", kind.into()), ("result", result.into())];
        self.publishes.get_or_create_owned(&labels)
    }

    fn parked(&self, merchant: &str, reason: Cow<'static, str>) -> Counter {
        self.parked.get_or_create_owned(&[merchant_label(merchant), ("reason", reason)])
    }
}

/// What a merchant's commands are counted under. No merchant's name has a slash.
fn commands_name(merchant: &str) -> String {
    format!("{merchant}/commands")
}

fn merchant_label(merchant: &str) -> (&'static str, Cow<'static, str>) {
    ("merchant", merchant.to_owned().into())
}

impl Metrics {
    /// A registry with every family, and no merchant yet.
    #[expect(clippy::new_without_default, reason = "there is one per process, and none by default")]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let families = Families::register(&mut registry);
        Self { registry: Arc::new(registry), families }
    }

    pub fn merchant(&self, name: &str) -> Arc<MerchantMetrics> {
        Arc::new(MerchantMetrics::new(name.to_owned(), Work::Intents, self.families.clone()))
    }

    /// The series of a merchant's commands, which have a rate, a circuit breaker and a consumer of
    /// their own.
    pub fn commands_of(&self, name: &str) -> Arc<MerchantMetrics> {
        let name = commands_name(name);
        Arc::new(MerchantMetrics::new(name, Work::Commands, self.families.clone()))
    }

    /// The series of what the broker put aside, for these merchants.
    pub fn dead_letters(
        &self,
        merchants: impl IntoIterator<Item = Arc<MerchantMetrics>>,
    ) -> DeadLetterMetrics {
        DeadLetterMetrics::new(merchants, self.families.clone())
    }

    pub fn set_parked_messages(&self, count: u64) {
        self.families.parked_messages.set(count);
    }

    pub(super) fn set_broker_connected(&self, connection: &str, is_up: bool) {
        let labels = [("connection", connection.to_owned().into())];
        self.families.broker_connected.get_or_create(&labels).set(is_up.into());
    }

    /// Everything in the text format of Prometheus, whose type is [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string never fails.
        prometheus_text::encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}
