//! Durations as the configuration writes them, and as the broker's names show them.

use std::num::NonZeroU16;
use std::time::Duration;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest duration that makes sense here: a year.
const MAX: Duration = Duration::from_hours(8760);

/// Reads `[1-9][0-9]*(ms|s|m|h)`, at most a year.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    const SHAPE: &str =
        "a duration is a number and one of ms, s, m or h, such as 30s, and not zero";
    const LONG: &str = "a duration is at most 8760h, which is a year";
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(SHAPE)?;
    if digits.is_empty() || digits.starts_with('0') {
        return Err(SHAPE);
    }
    // Digits that do not fit into a u64 are too many.
    let count: u64 = digits.parse().map_err(|_| LONG)?;
    let duration = Duration::from_millis(count.checked_mul(*unit_ms).ok_or(LONG)?);
    if duration > MAX {
        return Err(LONG);
    }
    Ok(duration)
}

/// The shortest form of a duration in whole milliseconds: `120s` is `2m`.
pub fn shortest(duration: Duration) -> String {
    let ms = duration.as_millis();
    UNITS
        .iter()
        .map(|(unit, unit_ms)| (unit, u128::from(*unit_ms)))
        .find(|(_, unit_ms)| ms != 0 && ms.is_multiple_of(*unit_ms))
        .map_or_else(|| format!("{ms}ms"), |(unit, unit_ms)| format!("{}{unit}", ms / unit_ms))
}

/// The requested heartbeat. AMQP counts it in whole seconds, and 0 would mean none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat(NonZeroU16);

impl Heartbeat {
    /// A heartbeat of whole seconds, if AMQP can express it.
    pub fn new(duration: Duration) -> Option<Self> {
        let seconds = u16::try_from(duration.as_secs()).ok().and_then(NonZeroU16::new)?;
        (duration.subsec_nanos() == 0).then_some(Self(seconds))
    }

    pub fn seconds(self) -> u16 {
        self.0.get()
    }
}

impl From<Heartbeat> for Duration {
    fn from(heartbeat: Heartbeat) -> Self {
        Self::from_secs(heartbeat.0.get().into())
    }
}
