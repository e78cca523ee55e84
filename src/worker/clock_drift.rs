//! Whether the wall clock can be believed.
//!
//! Deadlines are times of day, and a wall clock may be wrong, and be set right a moment later. So it
//! is compared with the steady clock, which only counts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::decide::CLOCK_SKEW;
use crate::ports::Moment;
use crate::telemetry::status::{Component, MerchantStatus};

/// How long both clocks must run together after a jump before the wall clock is believed again: the
/// jump may have set it right, or wrong.
const TRUSTED_AFTER: Duration = Duration::from_hours(1);

/// How far the wall clock has drifted from the steady one.
#[derive(Debug)]
pub(super) struct ClockDrift {
    offsets: Mutex<Offsets>,
    status: MerchantStatus,
}

#[derive(Debug)]
struct Offsets {
    /// The wall clock's time when the steady clock was at zero.
    trusted: Timestamp,
    /// The same since the last jump, and when that was on the steady clock.
    latest: Timestamp,
    jumped_at: Duration,
    agree: bool,
}

impl ClockDrift {
    /// Believes the wall clock of this moment.
    pub(super) fn new(now: Moment, status: MerchantStatus) -> Self {
        let (origin, jumped_at) = (origin_of(now), now.steady);
        let offsets = Offsets { trusted: origin, latest: origin, jumped_at, agree: true };
        Self { offsets: Mutex::new(offsets), status }
    }

    /// Whether the wall clock can be believed now.
    pub(super) fn agrees(&self, now: Moment) -> bool {
        let origin = origin_of(now);
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        if is_apart(origin, offsets.latest) {
            offsets.latest = origin;
            offsets.jumped_at = now.steady;
        }
        // Taken anew each hour, since small steps of a clock that is kept right add up.
        if now.steady.saturating_sub(offsets.jumped_at) >= TRUSTED_AFTER {
            offsets.trusted = origin;
            offsets.latest = origin;
            offsets.jumped_at = now.steady;
        }
        let agree = !is_apart(origin, offsets.trusted);
        if std::mem::replace(&mut offsets.agree, agree) != agree {
            self.report(agree);
        }
        agree
    }

    /// The wall clock of this moment, without a jump that is not believed yet.
    pub(super) fn believed(&self, now: Moment) -> Timestamp {
        self.agrees(now);
        let trusted = self.offsets.lock().unwrap_or_else(PoisonError::into_inner).trusted;
        let steady = SignedDuration::try_from(now.steady).unwrap_or(SignedDuration::MAX);
        trusted.saturating_add(steady).unwrap_or(Timestamp::MAX)
    }

    fn report(&self, agree: bool) {
        if agree {
            self.status.clear(Component::Clock);
        } else {
            self.status.raise(
                Component::Clock,
                "the wall clock has jumped; until it is set right, or has run evenly for an hour, \
                 intents with a deadline wait",
            );
        }
    }
}

fn origin_of(now: Moment) -> Timestamp {
    let steady = SignedDuration::try_from(now.steady).unwrap_or(SignedDuration::MAX);
    now.wall.saturating_sub(steady).unwrap_or(Timestamp::MIN)
}

fn is_apart(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).unsigned_abs() > CLOCK_SKEW
}
