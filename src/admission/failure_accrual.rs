//! Whether calls fail so often that the provider must be down.
//!
//! Either of two signs is enough. A *share*: at least half of the calls of the last seconds failed,
//! once there are enough calls for a share; it shows a provider that fails in part. A *row*:
//! several failures in succession, however long that takes; it shows at once that a busy provider
//! is down, and eventually that an idle one is, which a merchant with one intent a minute calls too
//! seldom for a share.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back the share looks: longer than a hiccup, shorter than a customer's patience.
const WINDOW: Duration = Duration::from_secs(20);
/// With fewer calls than this there is no share.
const CALLS_MIN: u32 = 10;
/// This many failures in a row mean that it is down. At one failure in ten, which is a bad day and
/// not an outage, that many come together once in 100,000 calls.
const ROW_MAX: u32 = 5;
/// Failures that are further apart do not make a row.
const ROW_GAP: Duration = Duration::from_hours(1);

/// The recent successes and failures of one kind of call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FailureAccrual {
    /// By the second; only those within the window.
    seconds: VecDeque<Second>,
    /// Failures since the last success.
    row: u32,
    last_failure: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Second {
    number: u64,
    calls: u32,
    failures: u32,
}

impl FailureAccrual {
    pub(super) fn record_success(&mut self, now: Duration) {
        self.row = 0;
        self.count(now, 0);
    }

    /// Returns whether the provider is down now.
    pub(super) fn record_failure(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.last_failure) > ROW_GAP {
            self.row = 0;
        }
        self.last_failure = now;
        self.row = self.row.saturating_add(1);
        self.count(now, 1);
        self.row >= ROW_MAX || self.most_failed()
    }

    fn count(&mut self, now: Duration, failures: u32) {
        let number = now.as_secs();
        let oldest = number.saturating_sub(WINDOW.as_secs());
        while self.seconds.front().is_some_and(|second| second.number <= oldest) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|second| second.number != number) {
            self.seconds.push_back(Second { number, calls: 0, failures: 0 });
        }
        if let Some(second) = self.seconds.back_mut() {
            second.calls = second.calls.saturating_add(1);
            second.failures = second.failures.saturating_add(failures);
        }
    }

    fn most_failed(&self) -> bool {
        let (calls, failures) = self.seconds.iter().fold((0_u32, 0_u32), |(calls, failures), s| {
            (calls.saturating_add(s.calls), failures.saturating_add(s.failures))
        });
        calls >= CALLS_MIN && failures.saturating_mul(2) >= calls
    }
}
