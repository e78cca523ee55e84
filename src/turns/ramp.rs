//! The slow start after a closed gate.
//!
//! A provider that has just come back has a backlog of everybody's before it, and a full load at
//! once is how it goes down again. So calls begin at a part of the rate, and the part grows evenly
//! to the whole. It only ever makes calls wait longer: what it lets through still stands before the
//! limiter.

use std::time::Duration;

/// How long it takes until the whole rate is used again.
const LENGTH: Duration = Duration::from_secs(30);
/// The first part of the rate is one in so many.
const FIRST_PART: u32 = 8;

/// How the rate grows after the gate was closed.
#[derive(Debug)]
pub(super) struct Ramp {
    /// Between two calls at the whole rate.
    gap: Duration,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The gate was closed, and has not opened since.
    Closed,
    /// It has opened then, and the last call went at `last`.
    Growing { since: Duration, last: Duration },
    /// The whole rate.
    Whole,
}

impl Ramp {
    /// The whole rate of so many calls per second.
    pub(super) fn whole(per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1) / per_second.max(1), phase: Phase::Whole }
    }

    /// The gate is closed: the next opening is a slow start.
    pub(super) fn closed(&mut self) {
        self.phase = Phase::Closed;
    }

    /// The gate is open.
    pub(super) fn opened(&mut self, now: Duration) {
        if let Phase::Closed = self.phase {
            self.phase = Phase::Growing { since: now, last: now };
        }
    }

    /// How long until the next call may go; nothing if it may now.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        let Phase::Growing { since, last } = self.phase else { return Duration::ZERO };
        let grown = now.saturating_sub(since);
        if grown >= LENGTH {
            self.phase = Phase::Whole;
            return Duration::ZERO;
        }
        // gap / part, where the part is grown / LENGTH and at least one in FIRST_PART.
        let grown = grown.max(LENGTH / FIRST_PART).as_millis().max(1);
        let gap = self.gap.as_nanos().saturating_mul(LENGTH.as_millis()).checked_div(grown);
        let gap = gap.and_then(|gap| u64::try_from(gap).ok()).map_or(LENGTH, Duration::from_nanos);
        last.saturating_add(gap).saturating_sub(now)
    }

    /// A call goes.
    pub(super) fn went(&mut self, now: Duration) {
        if let Phase::Growing { last, .. } = &mut self.phase {
            *last = now;
        }
    }
}
