//! Exchange and routing key of everything that is published.

use lapin::types::ShortString;

use super::topology::Topology;
use super::topology::names::{
    checkpoint_exchange, dead_name, discarded_name, parked_name, results_exchange, retry_name,
    short, work_exchange,
};
use crate::domain::work::Work;
use crate::ports::Outgoing;

/// Where one publish goes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
}

impl Route {
    /// The way to a merchant's queue of intents, or of commands.
    pub(super) fn to_work(topology: &Topology, work: Work, merchant: &str) -> Option<Self> {
        Self::new(&work_exchange(topology.prefix(), work), merchant)
    }

    /// The way to what a person has discarded.
    pub(super) fn to_discarded(topology: &Topology, merchant: &str) -> Option<Self> {
        Self::new(&discarded_name(topology.prefix()), merchant)
    }

    /// `None` for a delay that is not configured, and for a queue that the merchant does not have.
    pub(super) fn of(outgoing: &Outgoing, topology: &Topology) -> Option<Self> {
        let (prefix, merchant) = (topology.prefix(), merchant_of(outgoing));
        match outgoing {
            Outgoing::Event(event) => {
                Self::new(&results_exchange(prefix), &event.kind.routing_key(merchant))
            }
            Outgoing::Retry { work, delay, .. } => {
                let delay = topology.delays().get(delay.index())?;
                topology.merchants(*work).iter().find(|name| *name == merchant)?;
                Self::new(&retry_name(prefix, *work, *delay), merchant)
            }
            Outgoing::Parked(_) => Self::new(&parked_name(prefix), merchant),
            Outgoing::DeadLetter(_) => Self::new(&dead_name(prefix), merchant),
            Outgoing::Checkpoint { .. } => Self::new(&checkpoint_exchange(prefix), merchant),
        }
    }

    fn new(exchange: &str, routing_key: &str) -> Option<Self> {
        Some(Self { exchange: short(exchange).ok()?, routing_key: short(routing_key).ok()? })
    }
}

pub(super) fn merchant_of(outgoing: &Outgoing) -> &str {
    match outgoing {
        Outgoing::Event(event) => &event.merchant,
        Outgoing::Retry { copy, .. } | Outgoing::Parked(copy) | Outgoing::DeadLetter(copy) => {
            &copy.merchant
        }
        Outgoing::Checkpoint { merchant, .. } => merchant,
    }
}
