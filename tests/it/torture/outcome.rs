//! The outcome of a run, as a row of the table.

use super::run::Run;
use crate::support::parked::Parked;
use crate::support::proof::Row;
use crate::support::tally::Tally;

/// The numbers of one run.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The outcomes of the intents.
    pub(super) tally: Tally,
    /// Kills while there was work to be done.
    pub(super) kills: u64,
    /// Answers that the provider lost.
    pub(super) lost_answers: u64,
    /// What is in the parked queue.
    pub(super) parked: Parked,
    /// Messages left in the queues.
    pub(super) left: u64,
    /// How long the run took.
    pub(super) seconds: u64,
}

/// The table's head.
pub(super) const HEAD: &str = "run            intents kills lost-answers  links  refs doubles lost wrong-failed unresolved/parked  both  events    ids queues-empty seconds seed";

impl Outcome {
    /// A row of the run's own table.
    pub(super) fn row(&self, run: &Run) -> String {
        let tally = &self.tally;
        let empty = if self.left == 0 { "yes".to_owned() } else { format!("no: {}", self.left) };
        format!(
            "{:<14} {:>7} {:>5} {:>12} {:>6} {:>5} {:>7} {:>4} {:>12} {:>17} {:>5} {:>7} {:>6} {:>12} {:>7} {}",
            run.name,
            run.intents,
            self.kills,
            self.lost_answers,
            tally.links,
            tally.references,
            tally.doubled,
            tally.lost,
            tally.failed,
            format!("{}/{}", tally.unresolved, self.parked.copies),
            tally.both,
            tally.events,
            tally.event_ids,
            empty,
            self.seconds,
            run.seed,
        )
    }

    /// A row of the proof's table.
    pub(super) fn proof(&self, run: &Run) -> Row {
        Row {
            faults: self.kills + self.lost_answers,
            kills: self.kills,
            seeds: run.seed.to_string(),
            unresolved_max: run.unresolved_max(),
            ..self.tally.row(format!("torture: {}, {}", run.name, run.api))
        }
    }
}
