//! A look at a broker that leaves no trace in it.
//!
//! Whether a login may write to an exchange shows only when one publishes, and so does an alarm. So
//! something is published within a transaction that is never committed: RabbitMQ checks the right
//! when it comes, and routes nothing before the commit ("Transactions" of AMQP 0-9-1: a rollback, or
//! the end of the channel, abandons it).

use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel};
use tokio::time::timeout;

use super::connection::{ConnectError, Connection, reason};
use super::hosts::{BRIEF, Hosts};
use super::server::Server;
use super::tls::BrokerConfigError;
use super::topology::names::{short, work_exchange};
use super::topology::{Audit, Topology, TopologyError, audit_on, inspect_queue, is_missing};
use crate::config;
use crate::domain::work::Work;
use crate::telemetry::status::QueueCount;

/// How long all exchanges and queues may take.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one question may take; a broker that has blocked a connection reads nothing more.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);

const SILENT: &str = "RabbitMQ did not answer";

/// A short-lived connection that only looks.
pub struct Inspection {
    connection: Connection,
    vhost: String,
}

/// Whether something can be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    Allowed,
    /// This login may not write to it.
    Refused,
    /// An alarm keeps everyone from publishing.
    Blocked,
    /// It did not say.
    Unknown(String),
}

impl Inspection {
    /// Connects to every broker of a configuration, in its order.
    pub async fn of_each(
        broker: &config::Broker,
    ) -> Result<Vec<Result<Self, ConnectError>>, BrokerConfigError> {
        let hosts = Hosts::read(broker)?;
        let connections = hosts.connect_each("check", BRIEF).await;
        let vhost = hosts.vhost();
        let of = |connection| Self { connection, vhost: vhost.to_owned() };
        Ok(connections.into_iter().map(|connection| connection.map(of)).collect())
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    pub fn vhost(&self) -> &str {
        &self.vhost
    }

    pub fn login(&self) -> Option<&str> {
        self.connection.login().map(|login| login.as_str())
    }

    pub fn server(&self) -> Option<&Server> {
        self.connection.server()
    }

    pub async fn audit(&self, topology: &Topology) -> Result<Audit, TopologyError> {
        let audited = timeout(AUDIT_TIMEOUT, audit_on(&self.connection, topology)).await;
        audited.unwrap_or(Err(TopologyError::TooLong))
    }

    /// What a queue holds; `None` if it does not exist, and the broker's words if it does not say.
    pub async fn queue(&self, name: &str) -> Result<Option<QueueCount>, String> {
        let asked = timeout(QUESTION_TIMEOUT, async {
            let channel = self.connection.open_channel().await?;
            inspect_queue(&channel, name).await
        });
        match asked.await {
            Ok(Ok(count)) => Ok(Some(count)),
            Ok(Err(error)) if is_missing(&error) => Ok(None),
            Ok(Err(error)) => Err(reason(&error)),
            Err(_) => Err(SILENT.to_owned()),
        }
    }

    /// Whether this login could publish to an exchange that exists. Nothing is published.
    pub async fn may_write(&self, exchange: &str) -> Writing {
        let opened = timeout(QUESTION_TIMEOUT, self.transaction()).await;
        let channel = match opened {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Writing::Unknown(reason(&error)),
            Err(_) => return Writing::Unknown(SILENT.to_owned()),
        };
        let tried = timeout(QUESTION_TIMEOUT, try_to_write(&channel, exchange)).await;
        if self.connection.is_blocked() {
            return Writing::Blocked;
        }
        match tried {
            Ok(Ok(())) => Writing::Allowed,
            // Nothing else ends a channel that was just opened. lapin (4.12) passes on the broker's words
            // only to who was waiting when they came.
            Ok(Err(_)) if self.connection.is_up() => Writing::Refused,
            Ok(Err(error)) => Writing::Unknown(reason(&error)),
            Err(_) => Writing::Unknown(SILENT.to_owned()),
        }
    }

    /// A channel on which nothing is routed before a commit, which never comes.
    async fn transaction(&self) -> lapin::Result<Channel> {
        let channel = self.connection.open_channel().await?;
        channel.tx_select().await?;
        Ok(channel)
    }

    pub async fn close(self) {
        self.connection.close().await;
    }
}

async fn try_to_write(channel: &Channel, exchange: &str) -> lapin::Result<()> {
    let (options, nothing) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish(short(exchange)?, short("")?, options, &[], nothing).await?;
    channel.tx_rollback().await
}

/// The exchanges that a worker publishes to. Those of the work are upstream's: what RabbitMQ brings
/// back to them needs no right of the worker's.
pub fn written(topology: &Topology) -> impl Iterator<Item = &str> {
    let work = Work::ALL.map(|work| work_exchange(topology.prefix(), work));
    topology.exchanges().filter(move |name| !work.iter().any(|work| work == name))
}
