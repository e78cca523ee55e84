//! What a run adds up to.

use std::collections::BTreeMap;

/// How a command ends: its event, and the code of the reason.
pub(super) type End = (&'static str, String);

/// Counts of one run, or of many.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) intents: u64,
    pub(super) commands: u64,
    pub(super) faults: u64,
    pub(super) links: u64,
    /// References with more than one link, but for the stated exception.
    pub(super) doubles: u64,
    /// Those of the stated exception.
    pub(super) excused: u64,
    pub(super) lost: u64,
    pub(super) wrong_failed: u64,
    /// Intents and commands that end with a person.
    pub(super) unresolved: u64,
    /// How often commands ended in which way.
    pub(super) ends: BTreeMap<End, u64>,
}

impl Tally {
    pub(super) fn sum(tallies: &[&Self]) -> Self {
        let mut ends = BTreeMap::new();
        for (end, times) in tallies.iter().flat_map(|tally| &tally.ends) {
            *ends.entry(end.clone()).or_default() += times;
        }
        let sum = |count: fn(&Self) -> u64| tallies.iter().map(|tally| count(tally)).sum();
        Self {
            intents: sum(|tally| tally.intents),
            commands: sum(|tally| tally.commands),
            faults: sum(|tally| tally.faults),
            links: sum(|tally| tally.links),
            doubles: sum(|tally| tally.doubles),
            excused: sum(|tally| tally.excused),
            lost: sum(|tally| tally.lost),
            wrong_failed: sum(|tally| tally.wrong_failed),
            unresolved: sum(|tally| tally.unresolved),
            ends,
        }
    }
}
