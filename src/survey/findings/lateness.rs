//! How late details shows what was done, and what `in_doubt` has to be for it.

use std::time::Duration;

use crate::config::duration::shortest;
use crate::survey::observed::{Lateness, Sight};
use crate::survey::present::Present;

/// One sample says little of the worst case.
const SAFETY: u32 = 10;

/// Above this a setting is written in whole minutes.
const MINUTE: Duration = Duration::from_mins(1);

/// `between 1.0 s and 2.1 s after`.
pub(super) fn words(late: Lateness) -> String {
    let by = tenths(late.by);
    if late.not_before.is_zero() {
        return format!("by the first lookup, {by} after");
    }
    format!("between {} and {by} after", tenths(late.not_before))
}

pub(super) fn sight(sight: &Sight) -> String {
    match sight {
        Sight::Seen(late) => words(*late),
        Sight::Unseen(waited) => format!("not within {}", tenths(*waited)),
        Sight::Unanswered(called) => format!("the lookups got {called}"),
    }
}

/// What the quarantine has to be; `None` if the present one is enough.
pub(super) fn quarantine(late: Lateness, present: &Present) -> Option<String> {
    let needed = rounded_up(late.by.saturating_mul(SAFETY));
    (needed > present.quarantine).then(|| {
        format!(
            "in_doubt.quarantine = \"{}\" or longer, {SAFETY} times what was seen",
            shortest(needed)
        )
    })
}

/// What the first lookup has to wait for; `None` if it waits long enough.
pub(super) fn first_lookup(late: Lateness, present: &Present) -> Option<String> {
    let needed = rounded_up(late.by);
    let is_early = !late.not_before.is_zero() && needed > present.first_lookup;
    is_early.then(|| format!("in_doubt.first_lookup = \"{}\"", shortest(needed)))
}

/// The settings, or that the present ones are enough.
pub(super) fn joined(settings: impl IntoIterator<Item = Option<String>>, enough: &str) -> String {
    let settings: Vec<String> = settings.into_iter().flatten().collect();
    if settings.is_empty() { enough.to_owned() } else { settings.join("; ") }
}

/// To whole seconds, and above a minute to whole minutes.
fn rounded_up(duration: Duration) -> Duration {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    if Duration::from_secs(seconds) <= MINUTE {
        return Duration::from_secs(seconds.max(1));
    }
    Duration::from_mins(seconds.div_ceil(MINUTE.as_secs()))
}

/// `2.1 s`.
pub(super) fn tenths(duration: Duration) -> String {
    let ms = duration.as_millis();
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
