//! The sandbox's time, and how PayU writes dates.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// How long a link lives when nobody says otherwise: PayU's "Create Smart Send Link" says 7 days.
const LINK_LIFE: Duration = Duration::from_hours(7 * 24);

/// Microseconds since 1970, taken once from the system and then from the steady clock, so
/// that the ledger's arrival times never run backward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    steady: Instant,
    started: Duration,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is a server of its own, with a clock of its own"
    )]
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { steady: Instant::now(), started: since_1970.unwrap_or_default() }
    }

    pub(super) fn now_us(self) -> u64 {
        let now = self.started.saturating_add(self.steady.elapsed());
        u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds as microseconds, without overflow.
pub(super) fn ms(milliseconds: u64) -> u64 {
    milliseconds.saturating_mul(1_000)
}

/// When a link made at `made_at_us` expires.
pub(super) fn expiry_us(made_at_us: u64) -> u64 {
    made_at_us.saturating_add(u64::try_from(LINK_LIFE.as_micros()).unwrap_or(u64::MAX))
}

/// A date as PayU's samples print it: `2023-12-19T06:10:37.000+0000`. It is not RFC 3339,
/// for its offset has no colon.
pub(super) fn date(at_us: u64) -> String {
    let at = i64::try_from(at_us)
        .map_or(Timestamp::MAX, |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX));
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}
