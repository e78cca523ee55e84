//! Declares the topology, and verifies that it is there.
//!
//! A declare that fails closes its channel, and lapin never forgets such a channel's
//! number. So both run on a short-lived connection of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

use tokio::time::timeout;

use super::names::short;
use super::table::{Argument, Exchange, Kind, Queue, Topology};
use crate::amqp::connection::{ConnectError, Connection, reason};
use crate::amqp::hosts::{BrokerConfigError, Hosts};
use crate::config;

/// How long declaring or verifying the whole topology may take.
const TOPOLOGY_TIMEOUT: Duration = Duration::from_mins(1);

/// Why `topology apply` failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Start(#[from] BrokerConfigError),
    /// The broker refused, or could not be reached.
    #[error(transparent)]
    Apply(#[from] TopologyError),
}

/// Why the topology could not be declared or verified.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopologyError {
    /// No broker could be reached.
    #[error("{0}; check that RabbitMQ runs and that broker.urls is right")]
    Connect(#[from] ConnectError),
    /// The broker did not answer.
    #[error("RabbitMQ did not answer in time; try again")]
    TooLong,
    /// Something of that name exists with another argument.
    #[error(
        "{kind} {name} exists with another {argument}: {text}. Delete it once it is empty, or \
         choose another broker.prefix; AMQP cannot change it"
    )]
    Differs {
        /// `queue` or `exchange`.
        kind: &'static str,
        name: String,
        /// The argument that differs.
        argument: String,
        text: String,
    },
    /// The broker refused, or the connection broke.
    #[error("cannot declare or inspect {kind} {name}: {text}")]
    Refused {
        /// `queue`, `exchange` or `binding`.
        kind: &'static str,
        name: String,
        text: String,
    },
}

/// What a broker lacks of a topology.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Exchanges and queues that every merchant needs.
    pub shared: Vec<String>,
    /// Queues that only one merchant needs, by merchant.
    pub merchants: BTreeMap<String, Vec<String>>,
}

impl TopologyError {
    pub(in crate::amqp) fn channel(err: &lapin::Error) -> Self {
        refused("channel", "for the topology", err)
    }
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.merchants.is_empty()
    }

    /// What this merchant needs.
    pub fn of<'a>(&'a self, merchant: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let own = self.merchants.get(merchant);
        let all = self.shared.iter().chain(own.into_iter().flatten());
        all.map(String::as_str)
    }
}

/// Declares a topology on the first broker of a configuration that answers.
pub async fn apply(broker: &config::Broker, topology: &Topology) -> Result<(), ApplyError> {
    let hosts = Hosts::read(broker)?;
    Ok(apply_on(&hosts, topology).await?)
}

/// Finds what is missing of a topology, on a short-lived connection.
pub(in crate::amqp) async fn verify_on(
    hosts: &Hosts,
    topology: &Topology,
) -> Result<Missing, TopologyError> {
    let connection = hosts.open_briefly("verify").await?;
    let found = inspect_on(&connection, topology).await;
    connection.close().await;
    found
}

/// Finds what of a topology is missing. Each thing that is costs the connection a channel number.
pub(in crate::amqp) async fn inspect_on(
    connection: &Connection,
    topology: &Topology,
) -> Result<Missing, TopologyError> {
    let found = timeout(TOPOLOGY_TIMEOUT, topology.inspect(connection)).await;
    found.unwrap_or(Err(TopologyError::TooLong))
}

/// Declares a topology, on a short-lived connection.
pub(in crate::amqp) async fn apply_on(
    hosts: &Hosts,
    topology: &Topology,
) -> Result<(), TopologyError> {
    let connection = hosts.open_briefly("topology").await?;
    let declared = timeout(TOPOLOGY_TIMEOUT, topology.declare(&connection)).await;
    connection.close().await;
    declared.unwrap_or(Err(TopologyError::TooLong))
}

impl Topology {
    /// Declares everything; what already exists with the same arguments is left alone.
    pub(in crate::amqp) async fn declare(
        &self,
        connection: &Connection,
    ) -> Result<(), TopologyError> {
        let channel = open(connection).await?;
        for exchange in &self.exchanges {
            declare_exchange(&channel, exchange).await?;
        }
        for queue in &self.queues {
            declare_queue(&channel, queue).await?;
        }
        for binding in &self.bindings {
            let names = (
                name("queue", &binding.queue)?,
                name("exchange", &binding.exchange)?,
                name("binding", &binding.routing_key)?,
            );
            let options = QueueBindOptions::default();
            channel
                .queue_bind(names.0, names.1, names.2, options, FieldTable::default())
                .await
                .map_err(|err| refused("binding", &binding.queue, &err))?;
        }
        Ok(())
    }

    /// Inspects everything by name. Arguments and bindings cannot be seen this way.
    pub(in crate::amqp) async fn inspect(
        &self,
        connection: &Connection,
    ) -> Result<Missing, TopologyError> {
        let mut missing = Missing::default();
        let mut channel = open(connection).await?;
        for exchange in &self.exchanges {
            let options = ExchangeDeclareOptions {
                passive: true,
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            let exchange_name = name("exchange", &exchange.name)?;
            let kind = exchange.kind.into();
            let asked =
                channel.exchange_declare(exchange_name, kind, options, FieldTable::default());
            match asked.await {
                Ok(()) => {}
                Err(err) if is_missing(&err) => {
                    missing.shared.push(format!("exchange {}", exchange.name));
                    channel = open(connection).await?;
                }
                Err(err) => return Err(refused("exchange", &exchange.name, &err)),
            }
        }
        for queue in &self.queues {
            if inspect_queue(&channel, &queue.name).await?.is_some() {
                continue;
            }
            channel = open(connection).await?;
            let text = format!("queue {}", queue.name);
            match &queue.merchant {
                Some(merchant) => missing.merchants.entry(merchant.clone()).or_default().push(text),
                None => missing.shared.push(text),
            }
        }
        Ok(missing)
    }
}

/// The number of ready messages of a queue; `None` if it does not exist, and then the channel
/// is closed.
pub(in crate::amqp) async fn inspect_queue(
    channel: &Channel,
    queue: &str,
) -> Result<Option<u32>, TopologyError> {
    let options = QueueDeclareOptions::durable().passive();
    let asked = channel.queue_declare(name("queue", queue)?, options, FieldTable::default());
    match asked.await {
        Ok(found) => Ok(Some(found.message_count())),
        Err(err) if is_missing(&err) => Ok(None),
        Err(err) => Err(refused("queue", queue, &err)),
    }
}

async fn open(connection: &Connection) -> Result<Channel, TopologyError> {
    let opened = connection.open_channel().await;
    opened.map_err(|err| TopologyError::channel(&err))
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> Result<(), TopologyError> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    if let Some(alternate) = &exchange.alternate {
        let alternate = AMQPValue::LongString(LongString::from(alternate.as_bytes()));
        arguments.insert("alternate-exchange".into(), alternate);
    }
    let declared = channel.exchange_declare(
        name("exchange", &exchange.name)?,
        exchange.kind.into(),
        options,
        arguments,
    );
    declared.await.map_err(|err| refused("exchange", &exchange.name, &err))
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<(), TopologyError> {
    let mut arguments = FieldTable::default();
    for (argument, value) in &queue.arguments {
        arguments.insert((*argument).into(), value.into());
    }
    let options = QueueDeclareOptions::durable();
    let declared = channel.queue_declare(name("queue", &queue.name)?, options, arguments);
    match declared.await {
        Ok(_) => Ok(()),
        Err(err) => Err(refused("queue", &queue.name, &err)),
    }
}

fn name(kind: &'static str, text: &str) -> Result<ShortString, TopologyError> {
    short(text).ok_or_else(|| TopologyError::Refused {
        kind,
        name: text.to_owned(),
        text: "its name has more than 255 bytes".to_owned(),
    })
}

pub(in crate::amqp) fn is_missing(err: &lapin::Error) -> bool {
    soft_error(err) == Some(&AMQPSoftError::NOTFOUND)
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

fn refused(kind: &'static str, name: &str, err: &lapin::Error) -> TopologyError {
    let text = reason(err);
    let name = name.to_owned();
    if soft_error(err) != Some(&AMQPSoftError::PRECONDITIONFAILED) {
        return TopologyError::Refused { kind, name, text };
    }
    // "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': …"
    let quoted = text.split('\'').nth(1);
    TopologyError::Differs { kind, name, argument: quoted.unwrap_or("argument").to_owned(), text }
}

impl From<Kind> for ExchangeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Direct => Self::Direct,
            Kind::Fanout => Self::Fanout,
            Kind::Topic => Self::Topic,
        }
    }
}

impl From<&Argument> for AMQPValue {
    fn from(argument: &Argument) -> Self {
        match argument {
            Argument::Text(text) => Self::LongString(LongString::from(text.as_bytes())),
            Argument::Number(number) => Self::LongLongInt(*number),
            Argument::Flag(flag) => Self::Boolean(*flag),
        }
    }
}
