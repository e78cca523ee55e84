//! Whether calls fail so often that it cannot be the intents' fault.
//!
//! Two signs are enough, each alone. A *share*: at least half of the calls of the last seconds,
//! once there are enough of them to speak of a share; it tells of a provider that fails in parts.
//! And a *row*: so many failures one after the other, however long that takes; it tells at once of
//! a busy provider that has gone, and also of an idle one, which a merchant with an intent a
//! minute calls too seldom for any share.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back the share looks: longer than a hiccup, shorter than a customer's patience.
const WINDOW: Duration = Duration::from_secs(20);
/// With fewer calls than this there is no share.
const CALLS_MIN: u32 = 10;
/// So many failures in a row mean that it is down. At one failure in ten, which is bad weather
/// and no outage, that many come together once in 100,000 calls.
const ROW_MAX: u32 = 5;
/// Failures that are further apart are no row.
const ROW_GAP: Duration = Duration::from_hours(1);

/// How the calls of one kind have fared lately.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// By the second; only those within the window.
    seconds: VecDeque<Second>,
    /// Failures since the last call that went well.
    row: u32,
    last_failure: Duration,
}

#[derive(Debug)]
struct Second {
    number: u64,
    calls: u32,
    failures: u32,
}

impl Health {
    /// A call went well at this moment of the steady clock.
    pub(super) fn good(&mut self, now: Duration) {
        self.row = 0;
        self.count(now, 0);
    }

    /// A call failed. Returns whether that makes it an outage.
    pub(super) fn bad(&mut self, now: Duration) -> bool {
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
