//! What the oracle knows of one intent.
#![expect(clippy::wildcard_enum_match_arm, reason = "an intent has no event of a command")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use smartsend::domain::event::EventKind;
use smartsend::ports::EventMessage;

use super::Broken;
use crate::simulation::intents::{Planned, Sort};

/// An intent, and where it is.
pub(super) struct Known {
    pub(super) id: String,
    reference: String,
    sort: Sort,
    amount: String,
    published: u32,
    /// Copies in the queue and in hand.
    pub(super) here: u32,
    /// Copies on retry queues.
    pub(super) shelved: u32,
    /// Parked copies.
    pub(super) parked: u32,
    /// Whether there was more than one copy of it at a time, by whoever's doing.
    pub(super) is_doubled: bool,
    /// The links that it has.
    pub(super) links: Vec<String>,
    created: bool,
    /// The code of its `link.failed`.
    pub(super) failed: Option<String>,
    /// Every reason that was announced.
    reasons: BTreeSet<String>,
    /// The id of the events that say each thing.
    ids: BTreeMap<String, String>,
}

/// What an event says.
pub(super) struct Told {
    kind: EventKind,
    /// The reason's code, if there is one.
    pub(super) code: String,
    pub(super) attempts: Option<u64>,
    data: Json,
}

impl Told {
    pub(super) fn of(event: &EventMessage) -> Self {
        let json: Json = serde_json::from_slice(&event.body).unwrap();
        let data = json["data"].clone();
        let code = data["reason"]["code"].as_str().unwrap_or_default().to_owned();
        Self { kind: event.kind, code, attempts: data["attempts"].as_u64(), data }
    }

    pub(super) fn ends_without_a_link(&self) -> bool {
        self.kind != EventKind::Created
    }

    /// Whether the event alone replaces a delivery: the others are parked as well.
    pub(super) fn is_enough(&self) -> bool {
        match self.kind {
            EventKind::Created | EventKind::Failed => true,
            EventKind::Rejected | EventKind::Unresolved => false,
            of_command => panic!("{of_command:?} for an intent"),
        }
    }
}

impl Known {
    pub(super) fn new(planned: &Planned) -> Self {
        let json: Json = serde_json::from_str(&planned.body).unwrap();
        Self {
            id: planned.id.clone(),
            reference: planned.reference.clone(),
            sort: planned.sort,
            amount: json["amount"].as_str().unwrap().to_owned(),
            published: 0,
            here: 0,
            shelved: 0,
            parked: 0,
            is_doubled: false,
            links: Vec::new(),
            created: false,
            failed: None,
            reasons: BTreeSet::new(),
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn queued(&mut self, returned: bool) {
        self.here += 1;
        if returned {
            self.shelved -= 1;
        } else {
            self.published += 1;
            self.is_doubled |= self.published > 1;
        }
    }

    /// Whether it is in a queue, in hand, parked, or has ended.
    pub(super) fn is_somewhere(&self) -> bool {
        self.here + self.shelved > 0 || self.has_ended()
    }

    /// Whether everybody who waits for it knows what became of it.
    pub(super) fn has_ended(&self) -> bool {
        let is_failed = match &self.failed {
            Some(_) if self.sort.is_parked() => self.parked > 0,
            failed => failed.is_some(),
        };
        self.created || is_failed || self.is_with_a_person()
    }

    /// Whether it is parked, and nothing better has become of it.
    pub(super) fn is_with_a_person(&self) -> bool {
        let is_announced = self.parked > 0 && !self.reasons.is_empty();
        is_announced && !self.created && self.failed.is_none()
    }

    pub(super) fn was_announced_with(&self, reason: &str) -> bool {
        self.reasons.contains(reason)
    }

    /// An event about it: with the id that it always had, the link that there is, and no failure
    /// that is not one.
    pub(super) fn told(&mut self, event: &EventMessage, told: Told) -> Result<(), Broken> {
        let id = event.properties.message_id.clone().unwrap();
        let said = match event.kind {
            EventKind::Created | EventKind::Failed => event.kind.outcome().to_owned(),
            EventKind::Rejected | EventKind::Unresolved => {
                format!("{} for {}", event.kind.outcome(), told.code)
            }
            of_command => return Err(format!("{of_command:?} for {}", self.id)),
        };
        let known = self.ids.entry(said.clone()).or_insert_with(|| id.clone());
        if *known != id {
            return Err(format!("{} has two ids for {said}: {known} and {id}", self.id));
        }
        if !told.code.is_empty() {
            self.reasons.insert(told.code.clone());
        }
        match told.kind {
            EventKind::Created => self.is_created(&told.data),
            EventKind::Failed | EventKind::Rejected => self.is_failed(told.kind, told.code),
            EventKind::Unresolved => Ok(()),
            of_command => Err(format!("{of_command:?} for {}", self.id)),
        }
    }

    fn is_created(&mut self, data: &Json) -> Result<(), Broken> {
        self.created = true;
        let said = |name: &str| data[name].as_str().unwrap_or_default();
        if !self.links.iter().any(|link| link == said("link")) {
            return Err(format!("{} is told a link that is not its own", self.id));
        }
        if said("merchantRefId") != self.reference || said("amount") != self.amount {
            return Err(format!("{} is told another's reference or amount", self.id));
        }
        // Nobody gets a link but whom the intent names.
        for (name, own) in [("custMobile", "9999999999"), ("custEmail", "asha@example.com")] {
            if !["", own].contains(&said(name)) {
                return Err(format!("{} goes to a stranger's {name}", self.id));
            }
        }
        match &self.failed {
            Some(code) => Err(format!("{} is created, and has failed with {code}", self.id)),
            None => Ok(()),
        }
    }

    fn is_failed(&mut self, kind: EventKind, code: String) -> Result<(), Broken> {
        let may_fail = self.sort.may_end_with() == Some((kind, &code));
        if !may_fail || !self.links.is_empty() || self.created {
            let links = self.links.len();
            return Err(format!("{} fails with {code}, and has {links} links", self.id));
        }
        self.failed = Some(code);
        Ok(())
    }
}
