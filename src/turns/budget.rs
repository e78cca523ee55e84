//! The retry budget: successes earn, retries cost.
//!
//! A limit of tries for each intent does not keep load from multiplying: when everything fails,
//! everything is tried so many times. A budget for all of them does: in bad times the retries are
//! a tenth of the successes, and a trickle, whatever there is to retry. (Brooker, "Fixing retries
//! with token buckets and circuit breakers".)
//!
//! It decides only *when*: a retry that cannot be paid for waits in the line while others pass.
//! The trickle is for whoever has no successes to pay with: a merchant with an intent a minute,
//! and the intents that are left over when all others are done.

use std::time::Duration;

/// What a retry costs, in thousandths.
const COST: u64 = 1000;
/// What an answered create earns.
const EARNED: u64 = 100;
/// What can be saved up, and what there is at the start.
const SAVED_MAX: u64 = 10 * COST;
/// What part of the merchant's rate trickles in by itself.
const TRICKLE_PART: u64 = 10;

/// What there is to pay retries with.
#[derive(Debug)]
pub(super) struct Budget {
    /// In thousandths of a retry.
    saved: u64,
    /// How long it takes until a thousandth has trickled in.
    thousandth: Duration,
    /// Up to when the trickle is counted.
    counted: Duration,
}

impl Budget {
    /// A full one, for a merchant of this rate.
    pub(super) fn full(per_second: u32, now: Duration) -> Self {
        let one = Duration::from_secs(TRICKLE_PART) / per_second.max(1);
        // At least a nanosecond, also at a rate that is faster than anything.
        let thousandth = (one / 1000).max(Duration::from_nanos(1));
        Self { saved: SAVED_MAX, thousandth, counted: now }
    }

    /// A create was answered.
    pub(super) fn earn(&mut self) {
        self.saved = self.saved.saturating_add(EARNED).min(SAVED_MAX);
    }

    /// How long until a retry can be paid for; nothing if it can be now.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        self.trickle(now);
        let missing = COST.saturating_sub(self.saved);
        let wait = self.thousandth.saturating_mul(u32::try_from(missing).unwrap_or(u32::MAX));
        // What has begun to trickle in is not waited for again.
        let begun = now.saturating_sub(self.counted);
        if missing == 0 { Duration::ZERO } else { wait.saturating_sub(begun) }
    }

    /// Pays for a retry.
    pub(super) fn pay(&mut self, now: Duration) {
        self.trickle(now);
        self.saved = self.saved.saturating_sub(COST);
    }

    fn trickle(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.counted).as_nanos();
        let whole = passed.checked_div(self.thousandth.as_nanos()).unwrap_or(0);
        let whole = u64::try_from(whole).unwrap_or(u64::MAX).min(SAVED_MAX);
        self.saved = self.saved.saturating_add(whole).min(SAVED_MAX);
        self.counted = if self.saved == SAVED_MAX {
            now
        } else {
            let whole = u32::try_from(whole).unwrap_or(u32::MAX);
            self.counted.saturating_add(self.thousandth.saturating_mul(whole))
        };
    }
}
