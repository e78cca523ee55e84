//! The outcomes of intents, counted from the provider's ledger and from the results.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::proof::Row;
use super::provider::LinkMade;
use super::results::Message;

/// Links and events, by reference.
#[derive(Default)]
pub(crate) struct Evidence {
    links: HashMap<String, Vec<String>>,
    announced: HashMap<String, HashMap<String, Announced>>,
}

/// Events of one type for one reference.
#[derive(Default)]
struct Announced {
    /// By the reason, where that is part of the id.
    ids: HashMap<String, HashSet<String>>,
    count: u64,
    links: Vec<String>,
}

/// The numbers of some intents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Intents.
    pub(crate) intents: u64,
    /// Links in the ledger.
    pub(crate) links: u64,
    /// References that have a link.
    pub(crate) references: u64,
    /// References that have more than one.
    pub(crate) doubled: u64,
    /// Intents without an outcome.
    pub(crate) lost: u64,
    /// Intents that failed.
    pub(crate) failed: u64,
    /// Intents that have a link, by the events.
    pub(crate) created: u64,
    /// Intents that were announced as unresolved.
    pub(crate) unresolved: u64,
    /// Intents that have both of these outcomes.
    pub(crate) both: u64,
    /// Events, repeats included.
    pub(crate) events: u64,
    /// Distinct ids of events.
    pub(crate) event_ids: u64,
    /// Outcomes of an intent with more than one event id.
    pub(crate) wavering_ids: u64,
    /// Events with a link that is not the reference's in the ledger.
    pub(crate) false_links: u64,
}

impl Evidence {
    /// Sorts it by reference.
    pub(crate) fn gather(links: impl IntoIterator<Item = LinkMade>, results: &[Message]) -> Self {
        let mut evidence = Self::default();
        for LinkMade { reference, link, .. } in links {
            evidence.links.entry(reference).or_default().push(link);
        }
        for message in results {
            let event = message.event();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let kinds = evidence.announced.entry(text(&event["subject"])).or_default();
            let events = kinds.entry(text(&event["type"])).or_default();
            let reason = match event["type"].as_str() {
                Some("smartsend.link.unresolved") => text(&event["data"]["reason"]["code"]),
                Some(_) | None => String::new(),
            };
            events.ids.entry(reason).or_default().insert(text(&event["id"]));
            events.count += 1;
            events.links.extend(event["data"]["link"].as_str().map(str::to_owned));
        }
        evidence
    }

    /// Counts the outcomes of the intents of these references.
    pub(crate) fn tally(&self, references: impl IntoIterator<Item = String>) -> Tally {
        let mut tally = Tally::default();
        for reference in references {
            self.count(&reference, &mut tally);
        }
        tally
    }

    fn count(&self, reference: &str, tally: &mut Tally) {
        let none = Vec::new();
        let links = self.links.get(reference).unwrap_or(&none);
        tally.intents += 1;
        tally.links += links.len() as u64;
        tally.references += u64::from(!links.is_empty());
        tally.doubled += u64::from(links.len() > 1);
        let count = |kind: &str| {
            let events = self.announced.get(reference)?.get(&format!("smartsend.link.{kind}"))?;
            tally.events += events.count;
            tally.event_ids += events.ids.values().map(HashSet::len).sum::<usize>() as u64;
            tally.wavering_ids += u64::from(events.ids.values().any(|ids| ids.len() > 1));
            tally.false_links +=
                events.links.iter().filter(|link| !links.contains(link)).count() as u64;
            Some(())
        };
        let [created, failed, unresolved] =
            ["created", "failed", "unresolved"].map(count).map(|events| events.is_some());
        tally.created += u64::from(created);
        tally.failed += u64::from(failed);
        tally.unresolved += u64::from(unresolved);
        tally.both += u64::from(created && unresolved);
        tally.lost += u64::from(!created && !failed && !unresolved);
    }
}

impl Tally {
    /// Adds another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.intents += other.intents;
        self.links += other.links;
        self.references += other.references;
        self.doubled += other.doubled;
        self.lost += other.lost;
        self.failed += other.failed;
        self.created += other.created;
        self.unresolved += other.unresolved;
        self.both += other.both;
        self.events += other.events;
        self.event_ids += other.event_ids;
        self.wavering_ids += other.wavering_ids;
        self.false_links += other.false_links;
    }

    /// A row of the proof's table with these counts, for one run without faults or a seed.
    pub(crate) fn row(&self, layer: String) -> Row {
        Row {
            layer,
            runs: 1,
            unit: "runs",
            intents: self.intents,
            links: self.links,
            doubles: self.doubled,
            lost: self.lost,
            wrong_failed: self.failed,
            unresolved: self.unresolved,
            ..Row::default()
        }
    }

    /// Whatever the provider and the setting: every intent has its outcome, and no second link.
    pub(crate) fn assert_nothing_lost_or_doubled(&self, what: &str) {
        assert_eq!(self.doubled, 0, "{what}: a reference has two links: {self:?}");
        assert_eq!(self.lost, 0, "{what}: an intent has no outcome: {self:?}");
        assert_eq!(self.failed, 0, "{what}: an intent failed that a link could be made for");
        assert_eq!(self.false_links, 0, "{what}: an event has a link that the ledger has not");
        assert_eq!(self.wavering_ids, 0, "{what}: an outcome has more than one event id");
    }

    /// With a provider that refuses duplicates every intent gets its link.
    pub(crate) fn assert_one_link_each(&self, what: &str) {
        self.assert_nothing_lost_or_doubled(what);
        let all = self.intents;
        let counts = [self.links, self.references, self.created, self.event_ids];
        assert_eq!(counts, [all; 4], "{what}: not every intent has its link: {self:?}");
        assert_eq!(self.unresolved, 0, "{what}: something was left unresolved: {self:?}");
    }

    /// Under the strict setting what a crash leaves in doubt is parked, but a copy of it may still
    /// get the link.
    pub(crate) fn assert_one_link_or_unresolved(&self, what: &str) {
        self.assert_nothing_lost_or_doubled(what);
        assert_eq!(self.links, self.references, "{what}: {self:?}");
        assert_eq!(self.created + self.unresolved - self.both, self.intents, "{what}: {self:?}");
    }
}
