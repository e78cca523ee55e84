//! One merchant's counters and histograms.
//!
//! A metric's macro looks its series up by name and labels each time, and builds the labels first.
//! For what is told of every call and every intent that costs more than the telling, so these are
//! looked up once and kept.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use metrics::{Counter, Histogram, Label, counter, histogram};

/// The series of one merchant that are told all the time.
pub struct Meters {
    merchant: String,
    /// `smartsend_intents_total` by `outcome`.
    pub(super) intents: Family<Counter>,
    /// `smartsend_intent_age_seconds`.
    pub(super) intent_age: Histogram,
    /// `smartsend_calls_total` by `call` and `outcome`.
    pub(super) calls: Family<Counter>,
    /// `smartsend_call_seconds` by `call`.
    pub(super) call_seconds: Family<Histogram>,
    /// `smartsend_looks_total` by `result`.
    pub(super) lookups: Family<Counter>,
    /// `smartsend_limiter_wait_seconds`.
    pub(super) limiter_wait: Histogram,
}

impl Meters {
    /// The series of a merchant.
    pub fn new(merchant: &str) -> Self {
        let name = || merchant.to_owned();
        Self {
            merchant: name(),
            intents: Family::new("smartsend_intents_total", ["outcome", ""], merchant),
            intent_age: histogram!("smartsend_intent_age_seconds", "merchant" => name()),
            calls: Family::new("smartsend_calls_total", ["call", "outcome"], merchant),
            call_seconds: Family::new("smartsend_call_seconds", ["call", ""], merchant),
            lookups: Family::new("smartsend_looks_total", ["result", ""], merchant),
            limiter_wait: histogram!("smartsend_limiter_wait_seconds", "merchant" => name()),
        }
    }

    /// The merchant's name.
    pub fn merchant(&self) -> &str {
        &self.merchant
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meters({})", self.merchant)
    }
}

/// Series of one name that differ in one or two labels; a label without a name is none.
pub(super) struct Family<S> {
    name: &'static str,
    labels: [&'static str; 2],
    merchant: String,
    /// A handful of words from the code, so that a walk is quicker than a map.
    known: Mutex<Vec<([&'static str; 2], S)>>,
}

/// A kind of series that can be looked up.
pub(super) trait Series: Clone {
    /// Looks it up.
    fn find(name: &'static str, labels: Vec<Label>) -> Self;
}

impl Series for Counter {
    fn find(name: &'static str, labels: Vec<Label>) -> Self {
        counter!(name, labels)
    }
}

impl Series for Histogram {
    fn find(name: &'static str, labels: Vec<Label>) -> Self {
        histogram!(name, labels)
    }
}

impl<S: Series> Family<S> {
    fn new(name: &'static str, labels: [&'static str; 2], merchant: &str) -> Self {
        Self { name, labels, merchant: merchant.to_owned(), known: Mutex::default() }
    }

    /// The series with these values.
    pub(super) fn of(&self, values: [&'static str; 2]) -> S {
        // A panic while it is held leaves whole entries behind.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, series)) = known.iter().find(|(kept, _)| *kept == values) {
            return series.clone();
        }
        let mut labels = vec![Label::new("merchant", self.merchant.clone())];
        let named = self.labels.into_iter().zip(values).filter(|(label, _)| !label.is_empty());
        labels.extend(named.map(|(label, value)| Label::from_static_parts(label, value)));
        let series = S::find(self.name, labels);
        known.push((values, series.clone()));
        series
    }
}
