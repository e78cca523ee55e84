//! For how long a gate was closed. Closed time does not make an intent older.

use std::time::Duration;

use jiff::Timestamp;

/// How many spans are remembered.
const SPANS_MAX: usize = 64;

/// The times during which the gate was closed, by the wall clock, as an intent's age is.
#[derive(Debug, Default)]
pub(super) struct ClosedTime {
    /// From and to; the last one may go on.
    spans: Vec<(Timestamp, Option<Timestamp>)>,
}

impl ClosedTime {
    /// It begins, or goes on if it has not ended.
    ///
    /// The oldest two spans are kept as one when there are too many: what is closed time once must
    /// not count towards `max_age` later, and the time between them had better not.
    pub(super) fn begin(&mut self, now: Timestamp) {
        if let Some((_, None)) = self.spans.last() {
            return;
        }
        self.spans.push((now, None));
        if self.spans.len() > SPANS_MAX {
            let (start, _) = self.spans.remove(0);
            if let Some(oldest) = self.spans.first_mut() {
                oldest.0 = start;
            }
        }
    }

    /// It ends, if it has not.
    pub(super) fn end(&mut self, now: Timestamp) {
        if let Some((_, end @ None)) = self.spans.last_mut() {
            *end = Some(now);
        }
    }

    /// How much of it there was since a time.
    pub(super) fn since(&self, since: Timestamp, now: Timestamp) -> Duration {
        self.spans.iter().fold(Duration::ZERO, |sum, (start, end)| {
            let start = since.max(*start);
            let overlap = end.unwrap_or(now).duration_since(start);
            sum.saturating_add(Duration::try_from(overlap).unwrap_or_default())
        })
    }
}
