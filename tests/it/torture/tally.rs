//! What a run has come to, counted from the ledger and from the results.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::run::Run;
use crate::support::results::Message;

/// The numbers of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Kills while there was work to be done.
    pub(super) kills: u64,
    /// Links in the ledger.
    pub(super) links: u64,
    /// References that have a link.
    pub(super) references: u64,
    /// References that have more than one.
    pub(super) doubled: u64,
    /// Intents without an outcome.
    pub(super) lost: u64,
    /// Intents that failed.
    pub(super) failed: u64,
    /// Intents that have a link, by the events.
    pub(super) created: u64,
    /// Intents that were announced as unresolved.
    pub(super) unresolved: u64,
    /// Intents that have both of these outcomes.
    pub(super) both: u64,
    /// Messages in the parked queue.
    pub(super) parked: u64,
    /// Events, repeats included.
    pub(super) events: u64,
    /// Distinct ids of events.
    pub(super) event_ids: u64,
    /// Outcomes of an intent with more than one event id.
    pub(super) wavering_ids: u64,
    /// Events with a link that is not the reference's in the ledger.
    pub(super) false_links: u64,
    /// Messages left in the queues.
    pub(super) left: u64,
    /// How long the run took.
    pub(super) seconds: u64,
}

/// The table's head.
pub(super) const HEAD: &str = "run            intents kills  links  refs doubles lost wrong-failed unresolved/parked  both  events    ids queues-empty seconds seed";

impl Tally {
    /// Counts.
    pub(super) fn count(run: &Run, ledger: &Value, results: &[Message]) -> Self {
        let mut tally = Self::default();
        let mut links: HashMap<&str, Vec<&str>> = HashMap::new();
        for link in ledger["links"].as_array().unwrap() {
            let reference = link["reference"].as_str().unwrap();
            links.entry(reference).or_default().push(link["link"].as_str().unwrap());
        }
        tally.links = links.values().map(|links| links.len() as u64).sum();
        tally.references = links.len() as u64;
        tally.doubled = links.values().filter(|links| links.len() > 1).count() as u64;
        tally.count_events(run, &links, results);
        tally
    }

    fn count_events(&mut self, run: &Run, links: &HashMap<&str, Vec<&str>>, results: &[Message]) {
        let mut outcomes: HashMap<(String, String), HashSet<String>> = HashMap::new();
        let mut ids = HashSet::new();
        for message in results {
            let event = message.event();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (reference, kind, id) =
                (text(&event["subject"]), text(&event["type"]), text(&event["id"]));
            if kind == "smartsend.link.created" {
                let link = event["data"]["link"].as_str().unwrap();
                let known = links.get(&*reference).is_some_and(|links| links.contains(&link));
                self.false_links += u64::from(!known);
            }
            ids.insert(id.clone());
            outcomes.entry((reference, kind)).or_default().insert(id);
        }
        self.events = results.len() as u64;
        self.event_ids = ids.len() as u64;
        self.wavering_ids = outcomes.values().filter(|ids| ids.len() > 1).count() as u64;
        for number in 0..run.intents {
            let reference = run.reference(number);
            let has = |kind: &str| {
                let key = (reference.clone(), format!("smartsend.link.{kind}"));
                outcomes.contains_key(&key)
            };
            let (created, failed, unresolved) = (has("created"), has("failed"), has("unresolved"));
            self.created += u64::from(created);
            self.failed += u64::from(failed);
            self.unresolved += u64::from(unresolved);
            self.both += u64::from(created && unresolved);
            self.lost += u64::from(!created && !failed && !unresolved);
        }
    }

    /// A row of the table.
    pub(super) fn row(&self, run: &Run) -> String {
        let mut row = String::new();
        let empty = if self.left == 0 { "yes".to_owned() } else { format!("no: {}", self.left) };
        write!(
            row,
            "{:<14} {:>7} {:>5} {:>6} {:>5} {:>7} {:>4} {:>12} {:>17} {:>5} {:>7} {:>6} {:>12} {:>7} {}",
            run.name,
            run.intents,
            self.kills,
            self.links,
            self.references,
            self.doubled,
            self.lost,
            self.failed,
            format!("{}/{}", self.unresolved, self.parked),
            self.both,
            self.events,
            self.event_ids,
            empty,
            self.seconds,
            run.seed,
        )
        .unwrap();
        row
    }
}
