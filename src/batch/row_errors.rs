//! The errors of all rows, for a person.
//!
//! One wrong formula makes a column of errors. Listed row by row, ten thousand lines of the same
//! sentence hide the one line that differs.

use std::collections::HashMap;

use super::row_ranges::RowRanges;
use super::validate::Validated;

/// How many different errors are kept; every bad row has its own in the file of bad rows.
const LINES_MAX: usize = 100;

#[derive(Debug, Default)]
pub(super) struct RowErrors {
    lines: Vec<(RowRanges, String)>,
    place_of: HashMap<String, usize>,
    more: usize,
}

impl RowErrors {
    pub(super) fn add(&mut self, row: &Validated) {
        for error in row.result.as_ref().err().into_iter().flat_map(|row| &row.errors) {
            let text = error.to_string();
            if let Some(place) = self.place_of.get(&text) {
                if let Some((rows, _)) = self.lines.get_mut(*place) {
                    rows.add(row.number);
                }
            } else if self.lines.len() < LINES_MAX {
                let mut rows = RowRanges::default();
                rows.add(row.number);
                self.place_of.insert(text.clone(), self.lines.len());
                self.lines.push((rows, text));
            } else {
                self.more = self.more.saturating_add(1);
            }
        }
    }

    /// A line for each error, with the rows that have it, in the order of their first rows.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|(rows, text)| format!("{rows}: {text}"));
        let more = (self.more > 0).then(|| format!("and {} more errors", self.more));
        lines.chain(more).collect()
    }
}
