//! Which rows, in few words.

use std::fmt;

/// How many ranges are kept and shown: a column of errors must not fill the memory.
const SHOWN_MAX: usize = 20;

/// Row numbers that were added in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowRanges {
    /// The first and the last row of each.
    ranges: Vec<(usize, usize)>,
    count: usize,
}

impl RowRanges {
    pub(super) fn add(&mut self, row: usize) {
        self.count = self.count.saturating_add(1);
        if let Some((_, last)) = self.ranges.last_mut()
            && last.checked_add(1) == Some(row)
        {
            *last = row;
        } else if self.ranges.len() < SHOWN_MAX {
            self.ranges.push((row, row));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for RowRanges {
    /// `row 3`, or `rows 3, 5-9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.count == 1 { "row" } else { "rows" })?;
        let mut shown = 0_usize;
        for (place, (first, last)) in self.ranges.iter().enumerate() {
            f.write_str(if place == 0 { " " } else { ", " })?;
            write!(f, "{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            shown = shown.saturating_add(last.saturating_sub(*first)).saturating_add(1);
        }
        match self.count.saturating_sub(shown) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
