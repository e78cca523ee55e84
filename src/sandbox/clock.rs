//! The sandbox's time, and how PayU writes dates.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The default in PayU's "Create Smart Send Link".
const LINK_LIFE: Duration = Duration::from_hours(7 * 24);

/// Reads the system's time once and then follows the steady clock, so that the arrival times in
/// the ledger never run backward.
#[derive(Debug, Clone, Copy)]
pub(super) struct SandboxClock {
    steady: Instant,
    started: Duration,
}

impl SandboxClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is a server of its own, with a clock of its own"
    )]
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { steady: Instant::now(), started: since_1970.unwrap_or_default() }
    }

    /// Microseconds since 1970.
    pub(super) fn now_us(self) -> u64 {
        micros(self.started.saturating_add(self.steady.elapsed()))
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// In whole milliseconds, since that is all that PayU's dates can say.
pub(super) fn link_expiry_us(made_at_us: u64) -> u64 {
    made_at_us.saturating_add(micros(LINK_LIFE)).next_multiple_of(1_000)
}

/// A date as PayU's samples print it: `2023-12-19T06:10:37.000+0000`. It is not RFC 3339, since
/// its offset has no colon.
pub(super) fn payu_date(at_us: u64) -> String {
    let at = i64::try_from(at_us)
        .map_or(Timestamp::MAX, |us| Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX));
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// Reads `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, and nothing else that RFC 3339 allows.
pub(super) fn date_us(text: &str) -> Option<u64> {
    let has_length = text.len() == "2026-12-01T00:00:00.000Z".len();
    let date: Timestamp = text.parse().ok().filter(|_| has_length && text.ends_with('Z'))?;
    u64::try_from(date.as_microsecond()).ok()
}
