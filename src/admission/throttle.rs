//! The pause that the provider asks for when requests come too fast.

use std::time::Duration;

use super::backoff::Backoff;
use crate::domain::call::RetryAfter;
use crate::ports::Moment;

/// The pause if the provider names none; each one in a row is twice as long.
const FIRST: Duration = Duration::from_secs(5);

/// Whether, and until when, the provider has asked for a pause.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Throttle {
    max: Duration,
    unnamed: Backoff,
    until: Option<Duration>,
}

/// Whether a pause is as long as the provider asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    AsAsked,
    /// The provider asked for more than `max_retry_after`.
    Cut,
}

impl Throttle {
    pub(super) fn new(max: Duration) -> Self {
        Self { max, unnamed: Backoff::new(FIRST, max), until: None }
    }

    /// The end of the pause, on the steady clock.
    pub(super) fn until(&self) -> Option<Duration> {
        self.until
    }

    /// Begins a pause, or extends the current one; never shortens it.
    pub(super) fn start(&mut self, retry_after: Option<RetryAfter>, now: Moment) -> Length {
        let asked = match retry_after {
            Some(RetryAfter::In(wait)) => wait,
            Some(RetryAfter::At(time)) => {
                Duration::try_from(time.duration_since(now.wall)).unwrap_or_default()
            }
            // Several calls in flight are throttled at once; that is one pause, not several.
            None if self.until.is_some() => return Length::AsAsked,
            None => self.unnamed.next_wait(),
        };
        let until = now.steady.saturating_add(asked.min(self.max));
        self.until = self.until.max(Some(until));
        if asked > self.max { Length::Cut } else { Length::AsAsked }
    }

    /// Ends the pause if its time is up, and returns when that was.
    pub(super) fn expire(&mut self, now: Duration) -> Option<Duration> {
        self.until.take_if(|until| *until <= now)
    }

    /// Ends a row of pauses of unknown length: a create was answered after the last.
    pub(super) fn end_row(&mut self) {
        self.unnamed.reset();
    }
}
