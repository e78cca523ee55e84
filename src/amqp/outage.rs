//! How long to wait before the next attempt to connect.

use std::time::Duration;

use crate::ports::Moment;

/// The shortest wait between two rounds over the hosts.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// The longest wait while nothing answers. Trying costs little then, and the first intent should
/// move within two seconds of the broker's return, however long it was away.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// The longest wait while a broker answers, but refuses or soon ends the session: each session
/// costs it work, and makes it deliver everything again.
const WAIT_MAX_UNWANTED: Duration = Duration::from_secs(5);
/// The wait is this fraction of the outage so far.
const OUTAGE_SHARE: u32 = 20;
/// A session that lasted this long ends the outage; a shorter one is part of it.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// How long there has been no session that lasted.
#[derive(Default)]
pub(super) struct Outage {
    since: Option<Moment>,
    /// Whether a broker answered the last attempt, but refused or ended the session.
    unwanted: bool,
}

impl Outage {
    /// How long to wait before the next round; the very first goes at once. The jitter keeps
    /// replicas, and the merchants of one process, from coming back in step.
    pub(super) fn wait(&mut self, now: Moment) -> Option<Duration> {
        let Some(since) = self.since else {
            self.since = Some(now);
            return None;
        };
        let longest = if self.unwanted { WAIT_MAX_UNWANTED } else { WAIT_MAX };
        let wait = (now.since(since) / OUTAGE_SHARE).clamp(WAIT_MIN, longest);
        Some(rand::random_range(wait / 2..=wait))
    }

    /// Records a failed attempt: a broker refused, or nothing answered.
    pub(super) fn failed(&mut self, refused: bool) {
        self.unwanted = refused;
    }

    /// Records the end of a session that began at `born`.
    pub(super) fn ended(&mut self, born: Moment, now: Moment) {
        if now.since(born) >= SETTLED_AFTER {
            *self = Self::default();
        } else {
            self.unwanted = true;
        }
    }
}
