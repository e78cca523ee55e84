//! What each of those who may know has said of one reference.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::parked_copy::ParkedCopy;
use super::seen_link::SeenLink;
use crate::amqp::inventory::LookedThrough;
use crate::domain::reference::Reference;
use crate::telemetry::status::{ConsumerState, Known, ReferenceStatus};

/// Everything that was learnt. What could not be learnt is an `Err` that says why, or `None`.
#[derive(Debug)]
pub struct Facts {
    pub reference: Reference,
    pub merchant: String,
    pub workers: Vec<WorkerFacts>,
    /// How many messages wait in each queue through which it may go; they were not read.
    pub waiting: BTreeMap<String, Option<u32>>,
    pub parked: Result<LookedThrough<ParkedCopy>, String>,
    /// `None` if PayU shows no link.
    pub provider: Result<Option<SeenLink>, String>,
}

/// What one worker has said.
#[derive(Debug)]
pub struct WorkerFacts {
    /// Where it was asked.
    pub url: String,
    pub said: Result<ReferenceStatus, String>,
}

/// A part of the answer that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Part {
    /// The worker that works for the merchant.
    Worker,
    /// How much waits.
    Queues,
    /// The parked queue, or a part of it.
    Parked,
    /// PayU.
    Provider,
}

/// How the amount that PayU shows compares with that of what is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountAgreement {
    Agrees,
    Differs,
    /// One side has none.
    Unknown,
}

impl WorkerFacts {
    /// What it knows of the merchant's intent, and of the merchant's command.
    pub fn known(&self, merchant: &str) -> [Option<Known>; 2] {
        let Ok(said) = &self.said else { return [None, None] };
        let commands = format!("{merchant}/commands");
        [merchant, &*commands].map(|queue| said.queues.get(queue)?.known)
    }

    /// Whether it is the merchant's active consumer; `None` if the merchant is not one of its own.
    pub fn consumer(&self, merchant: &str) -> Option<ConsumerState> {
        Some(self.said.as_ref().ok()?.queues.get(merchant)?.consumer)
    }
}

impl Facts {
    /// What a worker has in flight, or has put on a retry queue; an intent before a command. The moment
    /// is that of its answer.
    pub fn known(&self) -> Option<(Known, Timestamp)> {
        let all = self.workers.iter().filter_map(|worker| {
            let now = worker.said.as_ref().ok()?.now.0;
            let known = worker.known(&self.merchant).into_iter().flatten().next()?;
            Some((known, now))
        });
        // Of two that know it, the one that has done something last has it now.
        all.max_by_key(|(known, _)| known.since)
    }

    pub fn copies(&self) -> &[ParkedCopy] {
        self.parked.as_ref().map_or(&[], |looked| &looked.kept)
    }

    pub fn link(&self) -> Option<&SeenLink> {
        self.provider.as_ref().ok()?.as_ref()
    }

    /// How many messages wait unread; `None` if one of the queues could not be counted.
    pub fn unread(&self) -> Option<u64> {
        self.waiting.values().map(|count| count.map(u64::from)).sum()
    }

    /// Which parts are missing.
    pub fn missing(&self) -> Vec<Part> {
        let active =
            |worker: &WorkerFacts| worker.consumer(&self.merchant) == Some(ConsumerState::Active);
        let has_worker = self.known().is_some() || self.workers.iter().any(active);
        let has_parked = self.parked.as_ref().is_ok_and(|looked| looked.is_whole);
        let parts = [
            (Part::Worker, has_worker),
            (Part::Queues, self.unread().is_some()),
            (Part::Parked, has_parked),
            (Part::Provider, self.provider.is_ok()),
        ];
        parts.into_iter().filter(|(_, is_there)| !is_there).map(|(part, _)| part).collect()
    }

    pub fn amount_agreement(&self) -> AmountAgreement {
        let Some(shown) = self.link().and_then(|link| link.amount) else {
            return AmountAgreement::Unknown;
        };
        let asked: Vec<_> = self.copies().iter().filter_map(|copy| copy.amount).collect();
        match asked.as_slice() {
            [] => AmountAgreement::Unknown,
            asked if asked.iter().all(|amount| *amount == shown) => AmountAgreement::Agrees,
            _ => AmountAgreement::Differs,
        }
    }
}
