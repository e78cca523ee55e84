//! Exchange and routing key of everything that is published, made once.

use std::collections::HashMap;

use lapin::types::ShortString;
use tokio::sync::Semaphore;

use super::refusals::Refusals;
use super::topology::Topology;
use super::topology::names::{
    checkpoint_exchange, intents_exchange, parked_name, results_exchange, retry_name, short,
};
use crate::domain::event::EventKind;
use crate::ports::Outgoing;

/// How many publishes wait for their confirms at once, shared evenly by the merchants.
const CHANNEL_COUNT: usize = 64;
/// A merchant's smallest share, however many merchants there are.
const SHARE_MIN: usize = 4;

/// Where one publish goes, and whether it is taken there.
pub(super) struct Route {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) refusals: Refusals,
}

/// Every way out of one merchant.
pub(super) struct MerchantRoutes {
    /// One permit for each channel that this merchant may use at once. What hangs on one
    /// merchant's queues takes no channel from the others.
    pub(super) share: Semaphore,
    pub(super) intents: Route,
    created: Route,
    failed: Route,
    unresolved: Route,
    parked: Route,
    checkpoint: Route,
    /// By the delay's index.
    retries: Vec<Route>,
}

/// Every route of a topology.
pub(super) struct Routes(HashMap<String, MerchantRoutes>);

impl Routes {
    /// The routes of a topology, whose names are known to fit.
    pub(super) fn new(topology: &Topology) -> Self {
        let merchants = topology.merchants();
        let share = (CHANNEL_COUNT / merchants.len().max(1)).max(SHARE_MIN);
        let routes = |merchant: &String| {
            Some((merchant.clone(), MerchantRoutes::new(topology, merchant, share)?))
        };
        Self(merchants.iter().filter_map(routes).collect())
    }

    /// A merchant's routes; `None` if it is not configured.
    pub(super) fn of(&self, merchant: &str) -> Option<&MerchantRoutes> {
        self.0.get(merchant)
    }
}

impl MerchantRoutes {
    fn new(topology: &Topology, merchant: &str, share: usize) -> Option<Self> {
        let prefix = topology.prefix();
        let route = |exchange: String, key: &str| {
            Some(Route {
                exchange: short(&exchange).ok()?,
                routing_key: short(key).ok()?,
                refusals: Refusals::default(),
            })
        };
        let event = |kind: EventKind| route(results_exchange(prefix), &kind.routing_key(merchant));
        let retries = topology.delays().iter();
        Some(Self {
            share: Semaphore::new(share),
            intents: route(intents_exchange(prefix), merchant)?,
            created: event(EventKind::Created)?,
            failed: event(EventKind::Failed)?,
            unresolved: event(EventKind::Unresolved)?,
            parked: route(parked_name(prefix), merchant)?,
            checkpoint: route(checkpoint_exchange(prefix), merchant)?,
            retries: retries
                .map(|delay| route(retry_name(prefix, *delay), merchant))
                .collect::<Option<_>>()?,
        })
    }

    /// The route of this publish; `None` for a delay that is not configured.
    pub(super) fn of(&self, outgoing: &Outgoing) -> Option<&Route> {
        match outgoing {
            Outgoing::Event(event) => Some(match event.kind {
                EventKind::Created => &self.created,
                EventKind::Failed => &self.failed,
                EventKind::Unresolved => &self.unresolved,
            }),
            Outgoing::Retry { delay, .. } => self.retries.get(delay.index()),
            Outgoing::Parked(_) => Some(&self.parked),
            Outgoing::Checkpoint { .. } => Some(&self.checkpoint),
        }
    }
}
