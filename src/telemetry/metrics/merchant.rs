//! One merchant's series.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use serde_json::json;

use super::{CallFailure, CallKind, Families, Gauges, merchant_label};
use crate::domain::amount::{Amount, Total};
use crate::domain::event::{EventKind, Reason};
use crate::domain::lookup_lag::LookupLag;
use crate::domain::reference::Reference;
use crate::domain::spending::Window;
use crate::domain::work::Work;

#[rustfmt::skip]
const CREATE_OUTCOMES: [&str; 11] = [
    "created", "foreign_link", "rejected", "duplicate", "refused", "not_sent", "no_token", "stale_token", "throttled",
    "denied", "unknown",
];
const LOOKUP_RESULTS: [&str; 6] =
    ["found", "not_found", "failed", "no_token", "throttled", "denied"];
const MANAGE_OUTCOMES: [&str; 7] =
    ["done", "refused", "not_sent", "no_token", "throttled", "denied", "unknown"];
const TOKEN_OUTCOMES: [&str; 4] = ["granted", "refused", "throttled", "failed"];
const PUBLISH_KINDS: [&str; 5] = ["event", "retry", "parked", "dead_letter", "checkpoint"];
/// How many intents are counted as in doubt at most, so that memory is bounded.
const DOUBTS_MAX: usize = 65_536;
const PUBLISH_RESULTS: [&str; 4] = ["confirmed", "unroutable", "refused", "unconfirmed"];

/// The series of one merchant. Those of no further label are looked up once.
#[derive(Debug)]
pub struct MerchantMetrics {
    /// The merchant, or what its commands are counted under.
    merchant: String,
    work: Work,
    families: Families,
    pub(in crate::telemetry) intent_age: Histogram,
    pub(in crate::telemetry) admission_wait: Histogram,
    pub(in crate::telemetry) handed_back: Counter,
    pub(in crate::telemetry) throttled: Gauge,
    pub(in crate::telemetry) paused: Gauge,
    in_flight: Gauge,
    in_doubt: Gauge,
    /// The references that `in_doubt` counts.
    doubts: Mutex<HashSet<Reference>>,
    held: Gauge,
    waiting: Gauge,
    last_failure: Mutex<Option<CallFailure>>,
    lookup_lag: Mutex<LookupLag>,
}

impl MerchantMetrics {
    pub(super) fn new(name: String, work: Work, families: Families) -> Self {
        let own = [("merchant", name.clone().into())];
        let metrics = Self {
            intent_age: families.intent_age.get_or_create_owned(&own),
            admission_wait: families.admission_wait.get_or_create_owned(&own),
            handed_back: families.handed_back.get_or_create_owned(&own),
            throttled: families.throttled.get_or_create_owned(&own),
            paused: families.paused.get_or_create_owned(&own),
            in_flight: families.in_flight.get_or_create_owned(&own),
            in_doubt: families.in_doubt.get_or_create_owned(&own),
            doubts: Mutex::default(),
            held: families.held.get_or_create_owned(&own),
            waiting: families.waiting.get_or_create_owned(&own),
            last_failure: Mutex::default(),
            lookup_lag: Mutex::default(),
            merchant: name,
            work,
            families,
        };
        metrics.create_known();
        metrics
    }

    /// Creates every series whose labels are known, by asking for it.
    fn create_known(&self) {
        match self.work {
            Work::Intents => {
                self.create_outcomes(EventKind::OF_INTENTS.map(EventKind::outcome));
                self.create_calls(CallKind::Create, &CREATE_OUTCOMES);
                self.create_parked(Reason::parked_codes());
                self.lag_seconds();
            }
            Work::Commands => {
                self.create_outcomes(EventKind::OF_COMMANDS.map(EventKind::outcome));
                self.create_calls(CallKind::Cancel, &MANAGE_OUTCOMES);
                self.create_calls(CallKind::Extend, &MANAGE_OUTCOMES);
                self.create_parked(Reason::parked_codes_of_commands());
            }
        }
        self.create_calls(CallKind::Lookup, &LOOKUP_RESULTS);
        self.create_calls(CallKind::Token, &TOKEN_OUTCOMES);
        for result in LOOKUP_RESULTS {
            self.lookups(result);
        }
        for kind in PUBLISH_KINDS {
            for result in PUBLISH_RESULTS {
                self.publishes(kind, result);
            }
        }
    }

    fn create_outcomes(&self, outcomes: impl IntoIterator<Item = &'static str>) {
        for outcome in outcomes {
            self.settled(outcome);
        }
    }

    fn create_calls(&self, call: CallKind, outcomes: &[&'static str]) {
        self.call_duration(call);
        for outcome in outcomes {
            self.calls(call, outcome);
        }
    }

    fn create_parked(&self, codes: impl Iterator<Item = Cow<'static, str>>) {
        for code in codes {
            self.parked(code);
        }
    }

    /// The connection that it is consumed on.
    pub(in crate::telemetry) fn connection(&self) -> String {
        match self.merchant.split_once('/') {
            Some((merchant, work)) => format!("{work}/{merchant}"),
            None => format!("consume/{}", self.merchant),
        }
    }

    /// What is counted here.
    pub fn work(&self) -> Work {
        self.work
    }

    pub fn merchant(&self) -> &str {
        &self.merchant
    }

    fn label(&self) -> (&'static str, Cow<'static, str>) {
        merchant_label(&self.merchant)
    }

    /// Intents or commands that came to this end.
    pub(in crate::telemetry) fn settled(&self, outcome: &'static str) -> Counter {
        match self.work {
            Work::Intents => self.families.intents(&self.merchant, outcome),
            Work::Commands => self.families.commands(&self.merchant, outcome),
        }
    }

    pub(in crate::telemetry) fn calls(&self, call: CallKind, outcome: &'static str) -> Counter {
        let labels = [self.label(), ("call", call.into_str().into()), ("outcome", outcome.into())];
        self.families.calls.get_or_create_owned(&labels)
    }

    pub(in crate::telemetry) fn call_duration(&self, call: CallKind) -> Histogram {
        let labels = [self.label(), ("call", call.into_str().into())];
        self.families.call_duration.get_or_create_owned(&labels)
    }

    pub(in crate::telemetry) fn lookups(&self, result: &'static str) -> Counter {
        let labels = [self.label(), ("result", result.into())];
        self.families.lookups.get_or_create_owned(&labels)
    }

    pub(in crate::telemetry) fn publishes(
        &self,
        kind: &'static str,
        result: &'static str,
    ) -> Counter {
        self.families.publishes(kind, result)
    }

    pub(in crate::telemetry) fn parked(&self, reason: Cow<'static, str>) -> Counter {
        self.families.parked(&self.merchant, reason)
    }

    pub(in crate::telemetry) fn lag_seconds(&self) -> Histogram {
        self.families.lookup_lag.get_or_create_owned(&[self.label()])
    }

    /// What was spent within a window, and its limit.
    pub fn set_spending(&self, window: Window, used: Total, limit: Amount) {
        for (kind, rupees) in [("used", used), ("limit", limit.into())] {
            let labels = [self.label(), ("window", window.name().into()), ("kind", kind.into())];
            self.families.guard_rupees.get_or_create(&labels).set(rupees.rounded());
        }
    }

    /// How late lookups showed links, in this process and in earlier ones.
    pub fn set_lookup_lag(&self, figures: LookupLag) {
        *self.lock_lookup_lag() = figures;
    }

    fn lock_lookup_lag(&self) -> MutexGuard<'_, LookupLag> {
        // Nothing panics while it is locked.
        self.lookup_lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the gauge of one of the states to 1 and the others to 0.
    pub(in crate::telemetry) fn set_circuit_breaker_state(
        &self,
        all: &[&'static str],
        state: &str,
    ) {
        self.set_state(&self.families.circuit_breaker_state, all, state);
    }

    /// Sets the gauge of one of the states to 1 and the others to 0.
    pub(in crate::telemetry) fn set_consumer_state(&self, all: &[&'static str], state: &str) {
        self.set_state(&self.families.consumer_state, all, state);
    }

    fn set_state(&self, gauges: &Gauges<2>, all: &[&'static str], state: &str) {
        for known in all {
            let labels = [self.label(), ("state", (*known).into())];
            gauges.get_or_create(&labels).set((*known == state).into());
        }
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

    /// Counts an intent as in doubt, wherever it waits, until its doubt is over; whether it was not
    /// counted before.
    pub(in crate::telemetry) fn enter_doubt(&self, reference: &Reference) -> bool {
        let mut doubts = self.lock_doubts();
        let is_new = doubts.len() < DOUBTS_MAX && doubts.insert(reference.clone());
        self.count_doubts(&doubts);
        is_new
    }

    pub(in crate::telemetry) fn leave_doubt(&self, reference: &Reference) {
        let mut doubts = self.lock_doubts();
        if doubts.remove(reference) {
            self.count_doubts(&doubts);
        }
    }

    /// Begins to count anew: another process may have settled them by now, and what is still in
    /// doubt comes back here.
    pub(in crate::telemetry) fn forget_doubts(&self) {
        let mut doubts = self.lock_doubts();
        doubts.clear();
        self.count_doubts(&doubts);
    }

    fn count_doubts(&self, doubts: &HashSet<Reference>) {
        self.in_doubt.set(i64::try_from(doubts.len()).unwrap_or(i64::MAX));
    }

    fn lock_doubts(&self) -> MutexGuard<'_, HashSet<Reference>> {
        // Nothing panics while it is locked.
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::telemetry) fn set_last_failure(
        &self,
        call: CallKind,
        cause: String,
        at: Timestamp,
    ) {
        *self.lock_last_failure() = Some(CallFailure { call, cause, at });
    }

    /// The last call that failed, and why.
    pub fn last_failure(&self) -> Option<CallFailure> {
        self.lock_last_failure().clone()
    }

    fn lock_last_failure(&self) -> MutexGuard<'_, Option<CallFailure>> {
        // Nothing panics while it is locked.
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls wait, deliveries are held, and intents are in doubt.
    pub(in crate::telemetry) fn waiting_levels(&self) -> (i64, i64, i64) {
        (self.waiting.get(), self.held.get(), self.in_doubt.get())
    }

    /// How many there are now, and how many were handed back since the start; the last failure, and
    /// how late lookups showed links.
    pub(in crate::telemetry) fn levels(&self) -> serde_json::Value {
        json!({
            "in_flight": self.in_flight.get(),
            "waiting": self.waiting.get(),
            "held": self.held.get(),
            "in_doubt": self.in_doubt.get(),
            "handed_back": self.handed_back.get(),
            "last_failure": *self.lock_last_failure(),
            "lookup_lag": lag_figures(&self.lock_lookup_lag()),
        })
    }
}

/// `null` before the first link was measured. A lag that is longer than a quarantine is `null`.
fn lag_figures(figures: &LookupLag) -> serde_json::Value {
    if figures.count() == 0 {
        return serde_json::Value::Null;
    }
    let seconds = |lag: Option<Duration>| lag.map(|lag| lag.as_secs_f64());
    json!({
        "links": figures.count(),
        "median_seconds": seconds(figures.percentile(50)),
        "p99_seconds": seconds(figures.percentile(99)),
        "longest_seconds": seconds(figures.longest().filter(|_| figures.missed == 0)),
        "not_shown": figures.missed,
    })
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
