//! How looks fare, and what that means for the next one.
//!
//! Details may be broken, or answer errors for whatever it does not know, while creates work. Then
//! every in doubt intent looks again and again, and since looks go first in the line, and a silent
//! one keeps its place for the whole timeout, they would leave nothing for creates. So while looks
//! fail, one goes at a time, and each costs as a retry does. The first that is answered well ends
//! that, so no lookup is kept waiting for ever.

use crate::gate::{Report, Trouble};

/// So many in a row mean that looks fail.
const ROW_MAX: u32 = 3;

/// How looks have fared lately.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Failures since the last one that was answered well.
    row: u32,
    in_flight: u32,
}

impl Looks {
    /// Takes in what a call showed.
    pub(super) fn told(&mut self, report: Report) {
        match report {
            Report::Looked => self.row = 0,
            Report::LookFailed(Trouble::Silent | Trouble::Broken) => {
                self.row = self.row.saturating_add(1);
            }
            // What was not sent tells nothing of details, and the gate hears of it.
            Report::LookFailed(Trouble::Unreachable)
            | Report::Nothing
            | Report::Answered
            | Report::Failed(_)
            | Report::Throttled(_)
            | Report::Shut(_) => {}
        }
    }

    /// Whether looks cost as retries do, and go one at a time.
    pub(super) fn fail(&self) -> bool {
        self.row >= ROW_MAX
    }

    /// Whether another lookup may go beside those in flight.
    pub(super) fn have_room(&self) -> bool {
        !self.fail() || self.in_flight == 0
    }

    pub(super) fn went(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    pub(super) fn came_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}
