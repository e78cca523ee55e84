//! How late lookups show the links that were made.
//!
//! PayU does not say how late that may be, and the quarantine rests on it.

use std::collections::BTreeMap;
use std::time::Duration;

/// When a link is looked up after it was made, as long as it is not shown. A lag is known as exactly
/// as these are apart.
const SCHEDULE: [Duration; 12] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
    Duration::from_mins(8),
    Duration::from_mins(15),
];

/// When to look a link up within a quarantine, and at its end.
pub fn schedule(quarantine: Duration) -> impl Iterator<Item = Duration> {
    let within = SCHEDULE.into_iter().filter(move |at| *at < quarantine);
    within.chain([quarantine])
}

/// The lags of the links that were measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupLag {
    /// How many links were shown this late, at the most.
    pub shown: BTreeMap<Duration, u64>,
    /// How many were not shown within a quarantine.
    pub missed: u64,
}

impl LookupLag {
    /// A link was shown this long after it was made.
    pub fn record(&mut self, lag: Duration) {
        let count = self.shown.entry(lag).or_default();
        *count = count.saturating_add(1);
    }

    /// A link was not shown within a quarantine.
    pub fn record_missed(&mut self) {
        self.missed = self.missed.saturating_add(1);
    }

    /// How many links were measured.
    pub fn count(&self) -> u64 {
        self.shown.values().fold(self.missed, |sum, count| sum.saturating_add(*count))
    }

    /// The lag that so many of a hundred links do not exceed; `None` if nothing was measured, or if
    /// it is longer than a quarantine.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = self.count().saturating_mul(percent).div_ceil(100);
        let mut seen = 0_u64;
        self.shown.iter().find_map(|(lag, count)| {
            seen = seen.saturating_add(*count);
            (seen >= rank).then_some(*lag)
        })
    }

    /// The longest lag within a quarantine.
    pub fn longest(&self) -> Option<Duration> {
        self.shown.last_key_value().map(|(lag, _)| *lag)
    }

    /// Takes in what another process has measured, which may hold what this one has.
    pub fn merge(&mut self, other: Self) {
        if other.count() > self.count() {
            *self = other;
        }
    }
}
