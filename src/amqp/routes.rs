//! Exchange and routing key of everything that is published, made once.

use std::collections::HashMap;
use std::time::Duration;

use lapin::types::ShortString;

use super::topology::Topology;
use super::topology::names::{
    checkpoint_exchange, intents_exchange, parked_name, results_exchange, retry_name, short,
};
use crate::domain::event::EventKind;
use crate::ports::Outgoing;

/// Where one publish goes.
pub(super) struct Route<'a> {
    pub(super) exchange: &'a ShortString,
    pub(super) routing_key: &'a ShortString,
}

/// Every route of a topology.
pub(super) struct Routes {
    intents: Option<ShortString>,
    results: Option<ShortString>,
    parked: Option<ShortString>,
    checkpoint: Option<ShortString>,
    /// By the delay's index.
    retries: Vec<ShortString>,
    merchants: HashMap<String, Keys>,
}

/// A merchant's routing keys.
struct Keys {
    merchant: ShortString,
    created: ShortString,
    failed: ShortString,
    unresolved: ShortString,
}

impl Routes {
    /// The routes of a topology, whose names are known to fit.
    pub(super) fn new(topology: &Topology) -> Self {
        let prefix = topology.prefix();
        let retry = |delay: &Duration| short(&retry_name(prefix, *delay));
        let keys = |merchant: &String| Some((merchant.clone(), Keys::new(merchant)?));
        Self {
            intents: short(&intents_exchange(prefix)),
            results: short(&results_exchange(prefix)),
            parked: short(&parked_name(prefix)),
            checkpoint: short(&checkpoint_exchange(prefix)),
            retries: topology.delays().iter().filter_map(retry).collect(),
            merchants: topology.merchants().iter().filter_map(keys).collect(),
        }
    }

    /// The route of this publish; `None` for a merchant or a delay that is not configured.
    pub(super) fn of(&self, outgoing: &Outgoing) -> Option<Route<'_>> {
        let (exchange, routing_key) = match outgoing {
            Outgoing::Event(event) => {
                let keys = self.merchants.get(&event.merchant)?;
                (self.results.as_ref()?, keys.of(event.kind))
            }
            Outgoing::Retry { delay, copy } => {
                let keys = self.merchants.get(&copy.merchant)?;
                (self.retries.get(delay.index())?, &keys.merchant)
            }
            Outgoing::Parked(copy) => {
                let keys = self.merchants.get(&copy.merchant)?;
                (self.parked.as_ref()?, &keys.merchant)
            }
            Outgoing::Checkpoint { merchant, .. } => {
                (self.checkpoint.as_ref()?, &self.merchants.get(merchant)?.merchant)
            }
        };
        Some(Route { exchange, routing_key })
    }

    /// The route of an intent to this merchant's queue.
    pub(super) fn of_intent(&self, merchant: &str) -> Option<Route<'_>> {
        let keys = self.merchants.get(merchant)?;
        Some(Route { exchange: self.intents.as_ref()?, routing_key: &keys.merchant })
    }
}

impl Keys {
    fn new(merchant: &str) -> Option<Self> {
        let key = |kind: EventKind| short(&kind.routing_key(merchant));
        Some(Self {
            merchant: short(merchant)?,
            created: key(EventKind::Created)?,
            failed: key(EventKind::Failed)?,
            unresolved: key(EventKind::Unresolved)?,
        })
    }

    fn of(&self, kind: EventKind) -> &ShortString {
        match kind {
            EventKind::Created => &self.created,
            EventKind::Failed => &self.failed,
            EventKind::Unresolved => &self.unresolved,
        }
    }
}
