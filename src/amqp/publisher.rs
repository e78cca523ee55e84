//! Publishing, where only the broker's confirm is success.
//!
//! An intent could be lost here in two ways. lapin takes the sequence number and writes the frames
//! under two different locks, so two publishes at once on one channel can swap their confirms; and
//! a message that the broker returns is attached to whichever confirm comes next, while its own is
//! a plain ack. So a channel carries one unconfirmed publish at a time, and there are many
//! channels. Speed comes from their number: a confirm takes about a millisecond.
//!
//! A channel that got anything but a plain ack is discarded. After a nack it would go on nacking:
//! in RabbitMQ 3.10 it keeps asking the node that led the queue when it was first used, for as long
//! as that node is away (`rabbit_fifo_client:enqueue/3`), though another leads the queue now.
//!
//! All merchants publish on one connection, and none may hold up another: each has its share of
//! channels, what is refused is retried on one of them, and a missing confirm ends only that
//! channel, as long as the broker still answers on the connection.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::channel_pool::ChannelPool;
use super::connection::{Connection, reason};
use super::headers;
use super::refusals::Refusals;
use super::routes::{Route, merchant_of};
use super::supervisor::Broker;
use super::topology::Topology;
use crate::domain::work::Work;
use crate::ports::{Copied, Headers, Outbox, Outgoing, Properties, PublishError};
use crate::telemetry::events;

/// How many publishes of one queue wait for their confirms at once.
const SHARE_MAX: usize = 64;
/// How many of all queues do: well below RabbitMQ's default of 2047 channels for a connection.
const CHANNELS_MAX: usize = 512;
/// A queue's smallest share, however many queues there are.
const SHARE_MIN: usize = 4;

/// Publishes to RabbitMQ. Clones share everything.
#[derive(Clone)]
pub struct Publisher {
    broker: Broker,
    topology: Arc<Topology>,
    shares: Arc<Shares>,
    refusals: Arc<Refusals>,
}

/// One permit for each channel that may be used at once.
enum Shares {
    /// What hangs on one merchant's queues takes no channel from the others.
    OfMerchants(HashMap<String, Semaphore>),
    /// For messages with any routing key, one at a time.
    OfAny(Semaphore),
}

/// The broker's answer to one publish.
enum Verdict {
    Yes,
    No(PublishError),
    /// Unknown, for this reason.
    Unknown(String),
}

impl Publisher {
    /// Publishes what goes through this topology; each of its merchants has a share of channels.
    /// What comes of a merchant's commands has a publisher, and so a share, beside that of its intents.
    pub fn new(broker: Broker, topology: &Topology) -> Self {
        let queues = || Work::ALL.into_iter().flat_map(|work| topology.merchants(work));
        let share = (CHANNELS_MAX / queues().count().max(1)).clamp(SHARE_MIN, SHARE_MAX);
        let shares = queues().map(|merchant| (merchant.clone(), Semaphore::new(share)));
        Self::with(broker, topology, Shares::OfMerchants(shares.collect()))
    }

    /// Publishes for whatever merchant, one at a time: what RabbitMQ put aside, and what a person
    /// takes off the parked queue.
    pub fn of_any_merchant(broker: Broker, topology: &Topology) -> Self {
        Self::with(broker, topology, Shares::OfAny(Semaphore::new(1)))
    }

    fn with(broker: Broker, topology: &Topology, shares: Shares) -> Self {
        let (topology, shares) = (Arc::new(topology.clone()), Arc::new(shares));
        Self { broker, topology, shares, refusals: Arc::default() }
    }

    /// Publishes an intent or a command as upstream does, to its merchant's queue. Its `user_id`
    /// says who published it; a copy of the worker's own has a record too.
    pub async fn publish_new(&self, work: Work, message: &Copied) -> Result<(), PublishError> {
        let route = Route::to_work(&self.topology, work, &message.merchant);
        self.confirm(&message.merchant, route, |connection| copied(message, connection)).await
    }

    /// Publishes what a person has discarded, to where it can be fetched back from for a while.
    pub async fn publish_discarded(&self, message: &Copied) -> Result<(), PublishError> {
        let route = Route::to_discarded(&self.topology, &message.merchant);
        self.confirm(&message.merchant, route, |connection| copied(message, connection)).await
    }

    async fn confirm<'a>(
        &self,
        merchant: &str,
        route: Option<Route>,
        content: impl FnOnce(&Connection) -> (&'a Bytes, BasicProperties),
    ) -> Result<(), PublishError> {
        // Nothing is declared for a merchant or a delay that is not configured.
        let share = self.shares.of(merchant).ok_or(PublishError::Unroutable)?;
        let route = &route.ok_or(PublishError::Unroutable)?;
        let attempt = self.refusals.attempt(route, self.broker.settings().now().steady)?;
        let _place = share.acquire().await; // it is never closed
        let (pool, channel) = self.channel().await?;
        let (body, properties) = content(pool.session().connection());
        let answered = {
            let published = pin!(publish(&channel, route, body, properties));
            pool.session().answer(published).await
        };
        match answered.unwrap_or_else(|| Verdict::Unknown("no confirm in time".to_owned())) {
            Verdict::Yes => {
                attempt.accepted();
                pool.give_back(channel);
                Ok(())
            }
            Verdict::No(error) => {
                attempt.refused(error, self.broker.settings().now().steady);
                Err(error)
            }
            Verdict::Unknown(why) => {
                events::publish_unconfirmed(route.exchange.as_str(), &why);
                pool.check();
                Err(PublishError::Unconfirmed)
            }
        }
    }

    /// A channel of the live session. Nothing has been written yet, so a session that ends in the
    /// meantime is simply replaced by the next.
    async fn channel(&self) -> Result<(Arc<ChannelPool>, Channel), PublishError> {
        let broker = &self.broker;
        loop {
            let pool = timeout(broker.settings().confirm_timeout, broker.pool()).await;
            let pool = pool.map_err(|_| PublishError::Unconfirmed)?;
            if let Some(channel) = pool.take().await {
                return Ok((pool, channel));
            }
            if pool.session().is_live() {
                pool.check();
                return Err(PublishError::Unconfirmed);
            }
        }
    }
}

impl Shares {
    fn of(&self, merchant: &str) -> Option<&Semaphore> {
        match self {
            Self::OfMerchants(shares) => shares.get(merchant),
            Self::OfAny(share) => Some(share),
        }
    }
}

impl Outbox for Publisher {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let route = Route::of(outgoing, &self.topology);
        self.confirm(merchant_of(outgoing), route, |connection| content(outgoing, connection)).await
    }
}

async fn publish(
    channel: &Channel,
    route: &Route,
    body: &Bytes,
    properties: BasicProperties,
) -> Verdict {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let written = channel.basic_publish(
        route.exchange.clone(),
        route.routing_key.clone(),
        options,
        body,
        properties,
    );
    let confirmed = match written.await {
        Ok(confirm) => confirm.await,
        Err(err) => Err(err),
    };
    match confirmed {
        Ok(Confirmation::Ack(None)) => Verdict::Yes,
        Ok(Confirmation::Ack(Some(_))) => Verdict::No(PublishError::Unroutable),
        Ok(Confirmation::Nack(_)) => Verdict::No(PublishError::Refused),
        Ok(Confirmation::NotRequested) => Verdict::Unknown("a channel without confirms".to_owned()),
        // The broker closes a channel for a publish that it refuses: the exchange does not exist,
        // or the login may not write to it. It was the only one, and nothing was kept.
        Err(err) if err.is_amqp_soft_error() => Verdict::No(PublishError::Refused),
        Err(err) => Verdict::Unknown(reason(&err)),
    }
}

fn copied<'a>(message: &'a Copied, connection: &Connection) -> (&'a Bytes, BasicProperties) {
    let (login, frame_max) = (connection.login(), connection.frame_max());
    (&message.body, headers::write(&message.properties, &message.headers, login, frame_max))
}

/// The login is what makes a record believed when its copy comes back, and a checkpoint.
fn content<'a>(outgoing: &'a Outgoing, connection: &Connection) -> (&'a Bytes, BasicProperties) {
    let write = |properties: &Properties, headers: &Headers, user_id: Option<&ShortString>| {
        headers::write(properties, headers, user_id, connection.frame_max())
    };
    let login = connection.login();
    match outgoing {
        Outgoing::Event(event) => (&event.body, write(&event.properties, &Headers::new(), None)),
        Outgoing::Retry { copy, .. } | Outgoing::Parked(copy) | Outgoing::DeadLetter(copy) => {
            (&copy.body, write(&copy.properties, &copy.headers, login))
        }
        Outgoing::Checkpoint { body, .. } => {
            let content_type = Some("application/json".to_owned());
            let json = Properties { content_type, ..Properties::default() };
            (body, write(&json, &Headers::new(), login))
        }
    }
}
