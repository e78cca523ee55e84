//! Declares the topology, and verifies that it is there.
//!
//! A declare that fails closes its channel, and lapin never forgets such a channel's number.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind, ExchangeKind};
use tokio::time::timeout;

use super::names::short;
use super::table::{Exchange, Queue, Topology};
use crate::amqp::connection::{ConnectError, Connection, reason};
use crate::amqp::hosts::{BRIEF, Hosts};
use crate::amqp::tls::BrokerConfigError;
use crate::config;
use crate::telemetry::status::QueueCount;

/// How long declaring or verifying the whole topology may take.
const TOPOLOGY_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the topology could not be declared or verified.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopologyError {
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error("{0}; check that RabbitMQ runs and that broker.urls is right")]
    Connect(#[from] ConnectError),
    #[error("RabbitMQ did not answer in time; try again")]
    TooLong,
    #[error(
        "{what} exists with another {argument}: {text}. AMQP cannot change it: delete it \
         once it is empty and run `smartsend topology apply`, or choose another broker.prefix"
    )]
    Differs { what: String, argument: String, text: String },
    #[error("this login has no configure permission for {what}: {text}")]
    Forbidden { what: String, text: String },
    /// The broker refused, or the connection broke.
    #[error("cannot declare or inspect {what}: {text}")]
    Refused { what: String, text: String },
}

/// Declares a topology on the first broker of a configuration that answers, on a short-lived
/// connection; what already exists with the same arguments is left alone.
pub async fn apply(broker: &config::Broker, topology: &Topology) -> Result<(), TopologyError> {
    let connection = Hosts::read(broker)?.connect("topology", BRIEF).await?;
    let declared = timeout(TOPOLOGY_TIMEOUT, topology.declare(&connection)).await;
    connection.close().await;
    declared.unwrap_or(Err(TopologyError::TooLong))
}

/// Finds what is missing of a topology, on a short-lived connection.
pub async fn verify(
    broker: &config::Broker,
    topology: &Topology,
) -> Result<Vec<String>, TopologyError> {
    let connection = Hosts::read(broker)?.connect("verify", BRIEF).await?;
    let found = inspect_on(&connection, topology).await;
    connection.close().await;
    found
}

/// Finds by name what of a topology is missing. Each thing that is costs the connection a channel
/// number.
pub(in crate::amqp) async fn inspect_on(
    connection: &Connection,
    topology: &Topology,
) -> Result<Vec<String>, TopologyError> {
    let found = timeout(TOPOLOGY_TIMEOUT, topology.inspect(connection)).await;
    found.unwrap_or(Err(TopologyError::TooLong))
}

/// Finds whether an argument differs, of a topology of which no exchange and no queue is missing: to
/// declare once more what exists changes nothing, and fails if it is not the same. A binding can
/// only be made, so one that is missing is there after this.
pub(in crate::amqp) async fn compare_on(
    connection: &Connection,
    topology: &Topology,
) -> Result<(), TopologyError> {
    let compared = timeout(TOPOLOGY_TIMEOUT, topology.declare(connection)).await;
    compared.unwrap_or(Err(TopologyError::TooLong))
}

impl Topology {
    async fn declare(&self, connection: &Connection) -> Result<(), TopologyError> {
        let channel = open(connection).await?;
        self.declare_all(&channel).await?;
        for queue in &self.queues {
            let bound = bind(&channel, queue).await;
            bound.map_err(|err| refused(format!("binding of queue {}", queue.name), &err))?;
        }
        Ok(())
    }

    async fn declare_all(&self, channel: &Channel) -> Result<(), TopologyError> {
        for exchange in &self.exchanges {
            let declared = declare_exchange(channel, exchange, false).await;
            declared.map_err(|err| refused(exchange.line(), &err))?;
        }
        for queue in &self.queues {
            let declared = declare_queue(channel, queue).await;
            declared.map_err(|err| refused(queue.line(), &err))?;
        }
        Ok(())
    }

    async fn inspect(&self, connection: &Connection) -> Result<Vec<String>, TopologyError> {
        let mut missing = Vec::new();
        let mut channel = open(connection).await?;
        for exchange in &self.exchanges {
            let what = exchange.line();
            match declare_exchange(&channel, exchange, true).await {
                Ok(()) => {}
                Err(err) if is_missing(&err) => {
                    missing.push(what);
                    channel = open(connection).await?;
                }
                Err(err) => return Err(refused(what, &err)),
            }
        }
        for queue in &self.queues {
            let what = queue.line();
            match inspect_queue(&channel, &queue.name).await {
                Ok(_) => {}
                Err(err) if is_missing(&err) => {
                    missing.push(what);
                    channel = open(connection).await?;
                }
                Err(err) => return Err(refused(what, &err)),
            }
        }
        Ok(missing)
    }
}

/// What a queue holds. If it does not exist, the broker closes the channel.
pub(in crate::amqp) async fn inspect_queue(
    channel: &Channel,
    queue: &str,
) -> lapin::Result<QueueCount> {
    let options = QueueDeclareOptions::durable().passive();
    let found = channel.queue_declare(short(queue)?, options, FieldTable::default()).await?;
    Ok(QueueCount { ready: found.message_count(), consumers: found.consumer_count() })
}

pub(super) async fn open(connection: &Connection) -> Result<Channel, TopologyError> {
    let opened = connection.open_channel().await;
    opened.map_err(|err| refused("a channel".to_owned(), &err))
}

pub(super) async fn declare_exchange(
    channel: &Channel,
    exchange: &Exchange,
    passive: bool,
) -> lapin::Result<()> {
    let options =
        ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    // lapin sends the name of a kind as it is.
    let kind = ExchangeKind::Custom(exchange.kind.to_owned());
    let arguments = exchange.arguments.clone();
    channel.exchange_declare(short(&exchange.name)?, kind, options, arguments).await
}

pub(super) async fn declare_queue(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let (options, arguments) = (QueueDeclareOptions::durable(), queue.arguments.clone());
    channel.queue_declare(short(&queue.name)?, options, arguments).await.map(drop)
}

async fn bind(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    let (exchange, key) = (short(&queue.exchange)?, short(&queue.routing_key)?);
    channel.queue_bind(short(&queue.name)?, exchange, key, options, arguments).await
}

pub(in crate::amqp) fn is_missing(err: &lapin::Error) -> bool {
    soft_error(err) == Some(&AMQPSoftError::NOTFOUND)
}

pub(super) fn is_forbidden(err: &lapin::Error) -> bool {
    soft_error(err) == Some(&AMQPSoftError::ACCESSREFUSED)
}

fn soft_error(err: &lapin::Error) -> Option<&AMQPSoftError> {
    let ErrorKind::ProtocolError(err) = err.kind() else {
        return None;
    };
    match err.kind() {
        AMQPErrorKind::Soft(soft) => Some(soft),
        AMQPErrorKind::Hard(_) => None,
    }
}

pub(super) fn refused(what: String, err: &lapin::Error) -> TopologyError {
    let text = reason(err);
    match soft_error(err) {
        Some(AMQPSoftError::PRECONDITIONFAILED) => {
            // "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in …"
            let argument = text.split('\'').nth(1).unwrap_or("argument").to_owned();
            TopologyError::Differs { what, argument, text }
        }
        Some(AMQPSoftError::ACCESSREFUSED) => TopologyError::Forbidden { what, text },
        Some(_) | None => TopologyError::Refused { what, text },
    }
}
