//! A look at every exchange and queue that goes on where something is wrong, and changes nothing.
//!
//! To declare what exists changes nothing, and fails if it is not the same. So each thing is declared
//! only once it was found, and bindings, which AMQP can only make, are left alone.

use std::collections::BTreeMap;

use lapin::Channel;

use super::declare::{
    TopologyError, declare_exchange, declare_queue, inspect_queue, is_forbidden, is_missing, open,
    refused,
};
use super::table::{Exchange, Queue, Topology};
use crate::amqp::connection::Connection;
use crate::telemetry::status::QueueCount;

/// What was found of a topology.
#[derive(Debug, Default)]
pub struct Audit {
    /// By their lines, as all below.
    pub missing: Vec<String>,
    /// What has another argument, or cannot be inspected.
    pub wrong: Vec<TopologyError>,
    /// What this login may not declare, so that its arguments could not be compared.
    pub uncompared: Vec<String>,
    /// What the queues hold, by their names.
    pub counts: BTreeMap<String, QueueCount>,
}

enum Thing<'a> {
    Exchange(&'a Exchange),
    Queue(&'a Queue),
}

/// Looks at all of a topology. It fails only if the connection does.
pub(in crate::amqp) async fn audit_on(
    connection: &Connection,
    topology: &Topology,
) -> Result<Audit, TopologyError> {
    let mut audit = Audit::default();
    let exchanges = topology.exchanges.iter().map(Thing::Exchange);
    let things = exchanges.chain(topology.queues.iter().map(Thing::Queue));
    let mut channel = open(connection).await?;
    for thing in things {
        let Err(error) = thing.look(&channel, &mut audit).await else { continue };
        if is_missing(&error) {
            audit.missing.push(thing.line());
        } else if is_forbidden(&error) {
            audit.uncompared.push(thing.line());
        } else {
            audit.wrong.push(refused(thing.line(), &error));
        }
        // The broker has closed it.
        channel = open(connection).await?;
    }
    Ok(audit)
}

impl Thing<'_> {
    fn line(&self) -> String {
        match self {
            Self::Exchange(exchange) => exchange.line(),
            Self::Queue(queue) => queue.line(),
        }
    }

    async fn look(&self, channel: &Channel, audit: &mut Audit) -> lapin::Result<()> {
        match self {
            Self::Exchange(exchange) => {
                declare_exchange(channel, exchange, true).await?;
                declare_exchange(channel, exchange, false).await
            }
            Self::Queue(queue) => {
                let count = inspect_queue(channel, &queue.name).await?;
                audit.counts.insert(queue.name.clone(), count);
                declare_queue(channel, queue).await
            }
        }
    }
}
