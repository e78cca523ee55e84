//! What waits on RabbitMQ: some queues are counted, and the parked queue is looked through.
//!
//! Nothing is taken away. What was looked at is given back, in its place, when the connection is
//! closed, and to be delivered so often does a parked message no harm. Other queues are not read: a
//! message of a retry queue would begin its wait anew, and those of the work queues are their
//! worker's.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;

use super::connection::{ConnectError, Connection, reason};
use super::headers::own_headers;
use super::hosts::Hosts;
use super::tls::BrokerConfigError;
use super::topology::inspect_queue;
use super::topology::names::{parked_name, short};
use crate::config;
use crate::domain::record::headers::Headers;
use crate::telemetry::status::QueueCount;

/// How many messages one consumer is given. RabbitMQ gives none more than 2,000 on a quorum queue,
/// and what is given may have to be held in memory at once.
const PREFETCH: u16 = 500;
/// How many parked messages are looked at at most.
pub const LOOKED_AT_MAX: u32 = 20_000;
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the next message may be in coming before the rest is taken to be with somebody else.
const SILENCE: Duration = Duration::from_secs(1);

/// What waits.
#[derive(Clone, Debug)]
pub struct Inventory<T> {
    /// How many messages of each queue are ready; `None` where that is unknown.
    pub ready: BTreeMap<String, Option<u32>>,
    /// What was kept of the parked queue, or why it could not be read.
    pub parked: Result<LookedThrough<T>, String>,
}

/// What was seen of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedThrough<T> {
    pub kept: Vec<T>,
    /// How many messages were looked at.
    pub looked_at: u32,
    /// How many were ready.
    pub ready: u32,
    /// Whether that is all. It is not where somebody else holds some of them meanwhile.
    pub is_whole: bool,
}

/// A message that is looked at.
pub struct Seen<'a> {
    pub body: &'a [u8],
    pub headers: &'a Headers,
    pub routing_key: &'a str,
}

/// Why nothing could be counted or read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error("{0}")]
    Connect(#[from] ConnectError),
}

/// Counts these queues, and looks through the parked queue for what `keep` makes something of.
pub async fn take<T>(
    broker: &config::Broker,
    queues: impl IntoIterator<Item = String>,
    keep: impl Fn(Seen<'_>) -> Option<T>,
) -> Result<Inventory<T>, InventoryError> {
    // What is around a message may need the largest frame that RabbitMQ sends.
    let connection = Hosts::read(broker)?.connect("where", None).await?;
    let mut ready: BTreeMap<_, _> = queues.into_iter().map(|queue| (queue, None)).collect();
    let queue = parked_name(&broker.prefix);
    let mut seen = LookedThrough { kept: Vec::new(), looked_at: 0, ready: 0, is_whole: false };
    let looked = timeout(LIMIT, async {
        let look = async {
            count(&connection, &mut ready).await?;
            look_through(&connection, &queue, &mut seen, keep).await
        };
        tokio::select! {
            biased;
            looked = look => looked,
            error = connection.error() => Err(error),
        }
    });
    let looked = looked.await;
    connection.close().await;
    let parked = match looked {
        // After the time is over it is what was seen so far.
        Ok(Ok(())) | Err(_) => Ok(seen),
        Ok(Err(error)) => Err(format!("cannot read queue {queue}: {}", reason(&error))),
    };
    Ok(Inventory { ready, parked })
}

/// A queue that cannot be counted costs its channel.
async fn count(
    connection: &Connection,
    ready: &mut BTreeMap<String, Option<u32>>,
) -> lapin::Result<()> {
    let mut channel = connection.open_channel().await?;
    for (queue, count) in ready {
        match inspect_queue(&channel, queue).await {
            Ok(found) => *count = Some(found.ready),
            Err(_) => channel = connection.open_channel().await?,
        }
    }
    Ok(())
}

/// The messages stay with their channels until the connection is closed: given back one by one, the
/// same ones would come again.
async fn look_through<T>(
    connection: &Connection,
    queue: &str,
    seen: &mut LookedThrough<T>,
    keep: impl Fn(Seen<'_>) -> Option<T>,
) -> lapin::Result<()> {
    let questions = connection.open_channel().await?;
    let QueueCount { ready, consumers: others } = inspect_queue(&questions, queue).await?;
    seen.ready = ready;
    let most = ready.min(LOOKED_AT_MAX);
    let mut channels: Vec<Channel> = Vec::new();
    while seen.looked_at < most {
        let channel = connection.open_channel().await?;
        let before = seen.looked_at;
        look_at_some(&channel, queue, most, seen, &keep).await?;
        channels.push(channel);
        if seen.looked_at == before {
            break; // somebody else has the rest
        }
    }
    // Who came meanwhile may have been given some of them.
    let found = inspect_queue(&questions, queue).await?;
    let is_alone = others == 0 && usize::try_from(found.consumers) == Ok(channels.len());
    seen.is_whole = is_alone && seen.looked_at >= ready;
    Ok(())
}

/// As many as one consumer is given.
async fn look_at_some<T>(
    channel: &Channel,
    queue: &str,
    most: u32,
    seen: &mut LookedThrough<T>,
    keep: &impl Fn(Seen<'_>) -> Option<T>,
) -> lapin::Result<()> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut messages =
        channel.basic_consume(short(queue)?, "where".into(), options, arguments).await?;
    for _ in 0..PREFETCH.into() {
        if seen.looked_at >= most {
            break;
        }
        let Ok(Some(message)) = timeout(SILENCE, messages.next()).await else { break };
        let message = message?;
        seen.looked_at = seen.looked_at.saturating_add(1);
        let headers = own_headers(&message.properties);
        let routing_key = message.routing_key.as_str();
        seen.kept.extend(keep(Seen { body: &message.data, headers: &headers, routing_key }));
    }
    Ok(())
}
