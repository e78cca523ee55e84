//! What the oracle knows of one intent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use smartsend::domain::event::EventKind;
use smartsend::ports::EventMessage;

use super::Broken;
use super::copies::Copies;
use crate::simulation::announced::Announced;
use crate::simulation::intents::{Planned, Sort};

/// An intent, and where it is.
pub(super) struct Known {
    pub(super) copies: Copies,
    pub(super) reference: String,
    sort: Sort,
    amount: String,
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

impl Known {
    pub(super) fn new(planned: &Planned) -> Self {
        let json: Json = serde_json::from_str(&planned.body).unwrap();
        Self {
            copies: Copies::of(&planned.id),
            reference: planned.reference.clone(),
            sort: planned.sort,
            amount: json["amount"].as_str().unwrap().to_owned(),
            links: Vec::new(),
            created: false,
            failed: None,
            reasons: BTreeSet::new(),
            ids: BTreeMap::new(),
        }
    }

    /// Whether everybody who waits for it knows its outcome.
    pub(super) fn has_ended(&self) -> bool {
        let is_failed = match &self.failed {
            Some(_) if self.sort.is_parked() => self.copies.parked > 0,
            failed => failed.is_some(),
        };
        self.created || is_failed || self.is_with_a_person()
    }

    /// Whether it is parked, with no better outcome.
    pub(super) fn is_with_a_person(&self) -> bool {
        let is_announced = self.copies.parked > 0 && !self.reasons.is_empty();
        is_announced && !self.created && self.failed.is_none()
    }

    pub(super) fn was_announced_with(&self, reason: &str) -> bool {
        self.reasons.contains(reason)
    }

    /// Takes an event about it: it must have the id that it always had and the link that there is,
    /// and call nothing a failure that is not one.
    pub(super) fn announced(
        &mut self,
        event: &EventMessage,
        announced: Announced,
    ) -> Result<(), Broken> {
        let id = event.properties.message_id.clone().unwrap();
        let name = match event.kind {
            EventKind::Created | EventKind::Failed => event.kind.outcome().to_owned(),
            EventKind::Rejected | EventKind::Unresolved => {
                format!("{} for {}", event.kind.outcome(), announced.code)
            }
            EventKind::Cancelled
            | EventKind::Extended
            | EventKind::CancelFailed
            | EventKind::ExtendFailed
            | EventKind::CommandUnresolved => {
                return Err(format!("{} ends like a command: {:?}", self.copies.id, event.kind));
            }
        };
        let known = self.ids.entry(name.clone()).or_insert_with(|| id.clone());
        if *known != id {
            return Err(format!("{} has two ids for {name}: {known} and {id}", self.copies.id));
        }
        if !announced.code.is_empty() {
            self.reasons.insert(announced.code.clone());
        }
        match announced.kind {
            EventKind::Created => self.is_created(&announced.data),
            EventKind::Failed | EventKind::Rejected => {
                self.is_failed(announced.kind, announced.code)
            }
            EventKind::Unresolved
            | EventKind::Cancelled
            | EventKind::Extended
            | EventKind::CancelFailed
            | EventKind::ExtendFailed
            | EventKind::CommandUnresolved => Ok(()),
        }
    }

    fn is_created(&mut self, data: &Json) -> Result<(), Broken> {
        self.created = true;
        let said = |name: &str| data[name].as_str().unwrap_or_default();
        if !self.links.iter().any(|link| link == said("link")) {
            return Err(format!("{} gets a link that is not its own", self.copies.id));
        }
        if said("merchantRefId") != self.reference || said("amount") != self.amount {
            return Err(format!("{} gets another's reference or amount", self.copies.id));
        }
        // Nobody gets a link but whom the intent names.
        for (name, own) in [("custMobile", "9999999999"), ("custEmail", "asha@example.com")] {
            if !["", own].contains(&said(name)) {
                return Err(format!("{} goes to a stranger's {name}", self.copies.id));
            }
        }
        match &self.failed {
            Some(code) => Err(format!("{} is created, and has failed with {code}", self.copies.id)),
            None => Ok(()),
        }
    }

    fn is_failed(&mut self, kind: EventKind, code: String) -> Result<(), Broken> {
        let may_fail = self.sort.may_end_with() == Some((kind, &code));
        if !may_fail || !self.links.is_empty() || self.created {
            let links = self.links.len();
            return Err(format!("{} fails with {code}, and has {links} links", self.copies.id));
        }
        self.failed = Some(code);
        Ok(())
    }
}
