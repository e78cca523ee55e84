//! The summary of a run, for a person.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::DirectError;
use crate::batch::status::{Counts, Share};
use crate::batch::summary::{by_code, line, lines_by_code, share};
use crate::local::StoreError;

#[derive(Debug)]
pub enum DirectEnd {
    Finished,
    /// A signal stopped it.
    Interrupted,
    /// Nothing more could be written to the store.
    Failed(StoreError),
}

/// The numbers of a run; its `Display` is a table for stdout.
#[derive(Debug)]
pub struct DirectSummary {
    pub end: DirectEnd,
    pub(super) counts: Counts,
    pub(super) already: Share,
    pub(super) elapsed: Duration,
    pub(super) results: Result<PathBuf, DirectError>,
    pub(super) store: PathBuf,
}

impl DirectSummary {
    /// Whether every row of the file has a link, and the results are written.
    pub fn is_success(&self) -> bool {
        self.counts.created.rows == self.counts.rows.rows && self.results.is_ok()
    }

    /// How many rows have not ended.
    pub fn left(&self) -> usize {
        self.counts.unsent.rows.saturating_add(self.counts.open.rows)
    }

    /// What the numbers do not show.
    pub fn advice(&self) -> Vec<String> {
        let of_results = self.results.as_ref().err().map(ToString::to_string);
        self.advice_after_end().into_iter().chain(of_results).collect()
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        let Counts { rows, skipped, unsent, open, created, failed, rejected, unresolved, .. } =
            &self.counts;
        json!({
            "end": match self.end {
                DirectEnd::Finished => "finished",
                DirectEnd::Interrupted => "interrupted",
                DirectEnd::Failed(_) => "failed",
            },
            "rows": rows.rows,
            "skipped": skipped.rows,
            "already": share(&self.already),
            "created": share(created),
            "failed": by_code(failed),
            "rejected": by_code(rejected),
            "unresolved": by_code(unresolved),
            "unsent": share(unsent),
            "unknown": share(open),
            "seconds": self.elapsed.as_secs(),
            "results": self.results.as_ref().ok().map(|path| path.to_string_lossy()),
        })
    }

    fn advice_after_end(&self) -> Option<String> {
        let again = "run the same batch again to go on: what may have been sent is looked up first";
        let left = self.left();
        match &self.end {
            _ if left == 0 => None,
            DirectEnd::Finished => None,
            DirectEnd::Interrupted => Some(format!("stopped with {left} rows left; {again}")),
            DirectEnd::Failed(why) => {
                let cure = match why {
                    StoreError::Full => "free some space, and ",
                    StoreError::Sqlite(_) | StoreError::Damaged(_) | StoreError::Panicked => "",
                };
                let store = self.store.display();
                Some(format!("cannot write {store}: {why}; {left} rows are left; {cure}{again}"))
            }
        }
    }
}

impl fmt::Display for DirectSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { rows, skipped, unsent, open, created, failed, rejected, unresolved, .. } =
            &self.counts;
        // Of bad rows not every amount is known.
        writeln!(f, "{:<11} {}", "rows", rows.rows)?;
        writeln!(f, "{:<11} {}", "skipped", skipped.rows)?;
        if self.already.rows > 0 {
            let Share { rows, rupees } = &self.already;
            let counted = "by an earlier run, and counted below too";
            writeln!(f, "{:<11} {rows:<6} {rupees:>12} rupees {counted}", "already")?;
        }
        line(f, "created", created)?;
        for (name, ends) in [("failed", failed), ("rejected", rejected), ("unresolved", unresolved)]
        {
            lines_by_code(f, name, ends)?;
        }
        for (name, share) in [("unsent", unsent), ("unknown", open)] {
            if share.rows > 0 {
                line(f, name, share)?;
            }
        }
        writeln!(f, "time        {:.1?}", self.elapsed)?;
        match &self.results {
            Ok(results) => writeln!(f, "results     {}", results.display()),
            Err(_) => Ok(()),
        }
    }
}
