//! What falls within one second, wherever it begins.

use std::collections::VecDeque;

const SECOND_US: u64 = 1_000_000;

/// The times, in microseconds, that lie within the second before the last one.
#[derive(Default)]
pub(super) struct SlidingSecond(VecDeque<u64>);

impl SlidingSecond {
    /// Adds a time unless there are `limit` within its second.
    pub(super) fn admit(&mut self, at_us: u64, limit: u32) -> bool {
        self.slide_to(at_us);
        let is_admitted = self.0.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if is_admitted {
            self.0.push_back(at_us);
        }
        is_admitted
    }

    /// Adds a time, and counts those within its second.
    pub(super) fn count(&mut self, at_us: u64) -> usize {
        self.slide_to(at_us);
        self.0.push_back(at_us);
        self.0.len()
    }

    fn slide_to(&mut self, at_us: u64) {
        while self.0.front().is_some_and(|then| at_us.saturating_sub(*then) >= SECOND_US) {
            self.0.pop_front();
        }
    }
}
