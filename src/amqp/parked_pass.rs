//! One pass through the parked queue.
//!
//! A quorum queue hands out at most 2,000 messages to one consumer (RabbitMQ "Quorum Queues",
//! Consumer Prefetch), so there is a further consumer, on a channel of its own, as often as the last
//! one has its fill. What is not taken off stays unacknowledged until the pass ends, and nothing of
//! it is kept here: the memory that it takes does not grow with the queue.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, Consumer};
use tokio::time::{sleep, timeout};

use super::connection::{ConnectError, reason};
use super::headers;
use super::result_events::ResultEventsError;
use super::session::{Session, timed_out};
use super::tls::BrokerConfigError;
use super::topology::names::short;
use super::topology::{TopologyError, inspect_queue, is_missing};
use crate::ports::{Headers, Properties};
use crate::telemetry::status::QueueCount;

/// The most that a quorum queue hands out to one consumer.
const CONSUMER_MAX: u32 = 2000;
/// How long the queue may be silent before it is asked what it still has.
const SILENCE: Duration = Duration::from_millis(300);
/// How often in a row it may be: then it hands out nothing any more.
const SILENCES_MAX: u32 = 50;
/// A quorum queue takes so many acknowledgements at a time (ra, `FLUSH_COMMANDS_SIZE`).
const FLUSHED_AT_ONCE: u32 = 16;
/// More can never wait for one consumer.
const FLUSHES_MAX: u32 = CONSUMER_MAX.div_ceil(FLUSHED_AT_ONCE);
/// How long the end of a pass may take.
const END_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_EVERY: Duration = Duration::from_millis(50);

pub struct Pass {
    session: Session,
    queue: String,
    found: QueueCount,
    readers: Vec<Reader>,
    /// How many may have been handed out by now.
    room: u32,
    seen: u32,
}

struct Reader {
    channel: Channel,
    stream: Consumer,
    acknowledged: u32,
}

/// A message as it lies on the parked queue.
#[derive(Clone, Debug)]
pub struct ParkedMessage {
    pub body: Bytes,
    pub properties: Properties,
    /// The headers of ours, whoever wrote them.
    pub headers: Headers,
    pub routing_key: String,
    /// Whether the broker vouches that the login of this connection wrote the headers.
    pub own: bool,
}

/// It in our hands. Dropping it leaves it on the queue.
pub struct ParkedDelivery {
    pub message: ParkedMessage,
    acker: Acker,
}

/// How far a pass has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// How many were ready when it began.
    pub ready: u32,
    /// How many of them it has seen.
    pub seen: u32,
    /// How many others consumed the queue. What is in their hands is not ready, and nothing says how
    /// much it is.
    pub other_consumers: u32,
}

/// Why the parked queue cannot be read, or nothing can go from there.
#[derive(Debug, thiserror::Error)]
pub enum ParkedQueueError {
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error("missing on RabbitMQ: {0}; declare it with `smartsend topology apply`")]
    Missing(String),
    #[error("cannot read queue {queue}: {text}")]
    Refused { queue: String, text: String },
    #[error("the connection to RabbitMQ was lost: {0}")]
    Lost(String),
    #[error(transparent)]
    Results(#[from] ResultEventsError),
}

impl ParkedQueueError {
    /// Whether the configuration is wrong, and not the broker.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_))
    }
}

impl Pass {
    /// Begins to go through everything that is ready now, once.
    pub(super) async fn begin(session: Session, queue: String) -> Result<Self, ParkedQueueError> {
        let counted = async {
            let channel = session.open_channel().await?;
            inspect_queue(&channel, &queue).await
        };
        let counted = timeout(session.limit(), counted).await.unwrap_or_else(|_| Err(timed_out()));
        match counted {
            Ok(found) => Ok(Self { session, queue, found, readers: Vec::new(), room: 0, seen: 0 }),
            Err(err) if is_missing(&err) => {
                Err(ParkedQueueError::Missing(format!("queue {queue}")))
            }
            Err(err) => Err(ParkedQueueError::Refused { queue, text: reason(&err) }),
        }
    }

    /// Whether nobody else has consumed the queue so far: who came meanwhile may have been given a part
    /// of it.
    pub(super) async fn is_alone(&self) -> bool {
        let count = self.session.count(&self.queue).await;
        let consumers = count.and_then(|count| usize::try_from(count.consumers).ok());
        self.found.consumers == 0 && consumers == Some(self.readers.len())
    }

    /// What it has seen so far.
    pub fn extent(&self) -> Extent {
        let QueueCount { ready, consumers } = self.found;
        Extent { ready, seen: self.seen, other_consumers: consumers }
    }

    /// The next one; `None` once as many were seen as were ready at first, or the queue has none left.
    pub async fn next(&mut self) -> Result<Option<ParkedDelivery>, ParkedQueueError> {
        let mut silences = 0;
        while self.seen < self.found.ready {
            if self.seen >= self.room {
                self.add_reader().await?;
            }
            let Some(reader) = self.readers.last_mut() else { break };
            tokio::select! {
                biased;
                next = reader.stream.next() => match next {
                    Some(Ok(delivery)) => return Ok(Some(self.take(delivery))),
                    Some(Err(err)) => return Err(ParkedQueueError::Lost(reason(&err))),
                    None => return Err(lost("the consumer was cancelled")),
                },
                () = self.session.ended() => return Err(lost(self.session.reason())),
                () = sleep(SILENCE) => {
                    silences += 1;
                    let left = self.session.count(&self.queue).await;
                    let left = left.ok_or_else(|| lost("it no longer answers"))?.ready;
                    // Somebody else has the rest. What was on its way to us has come by now.
                    if left == 0 && silences > 1 {
                        break;
                    }
                    if silences > SILENCES_MAX {
                        return Err(lost("the queue hands out nothing"));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes one off the queue for good. Only the broker's confirm of what replaces it allows this.
    pub async fn take_off(&mut self, delivery: ParkedDelivery) -> Result<(), ParkedQueueError> {
        let acked = timeout(self.session.limit(), delivery.acker.ack(BasicAckOptions::default()));
        match acked.await {
            Ok(Ok(true)) => {
                // Only the last one read is ever taken off.
                if let Some(reader) = self.readers.last_mut() {
                    reader.acknowledged = reader.acknowledged.saturating_add(1);
                }
                self.room = self.room.saturating_add(1);
                Ok(())
            }
            Ok(Ok(false) | Err(_)) | Err(_) => Err(lost(self.session.reason())),
        }
    }

    /// Ends it: what was taken off has reached the queue, and the rest is back on it. `false` where
    /// the broker did not say of the former.
    pub async fn end(self) -> bool {
        let flushed = timeout(END_TIMEOUT, self.flush()).await;
        // Whatever is not back by then the end of the connection brings back.
        timeout(END_TIMEOUT, self.give_back()).await.ok();
        self.session.fail("the pass is over");
        flushed.unwrap_or(false)
    }

    /// Acknowledgements reach a quorum queue late, and the end of a channel at once: see
    /// `ConsumerChannel`.
    async fn flush(&self) -> bool {
        for reader in self.readers.iter().filter(|reader| reader.acknowledged > 0) {
            let flushes = reader.acknowledged.div_ceil(FLUSHED_AT_ONCE).min(FLUSHES_MAX);
            for _ in 0..=flushes {
                if inspect_queue(&reader.channel, &self.queue).await.is_err() {
                    return false;
                }
            }
        }
        true
    }

    async fn give_back(&self) {
        for reader in &self.readers {
            reader.channel.close(200, "OK".into()).await.ok();
        }
        while !self.readers.is_empty() {
            match self.session.count(&self.queue).await {
                Some(count) if count.consumers > self.found.consumers => sleep(POLL_EVERY).await,
                Some(_) | None => return,
            }
        }
    }

    async fn add_reader(&mut self) -> Result<(), ParkedQueueError> {
        let count = (self.found.ready - self.seen).min(CONSUMER_MAX);
        let begun = timeout(self.session.limit(), self.consume(count)).await;
        let begun = begun.unwrap_or_else(|_| Err(timed_out()));
        let refused =
            |err| ParkedQueueError::Refused { queue: self.queue.clone(), text: reason(&err) };
        self.readers.push(begun.map_err(refused)?);
        self.room = self.seen.saturating_add(count);
        Ok(())
    }

    async fn consume(&self, count: u32) -> lapin::Result<Reader> {
        let channel = self.session.open_channel().await?;
        let prefetch = u16::try_from(count).unwrap_or(u16::MAX);
        channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let stream =
            channel.basic_consume(short(&self.queue)?, "parked".into(), options, arguments).await?;
        Ok(Reader { channel, stream, acknowledged: 0 })
    }

    fn take(&mut self, delivery: Delivery) -> ParkedDelivery {
        self.seen = self.seen.saturating_add(1);
        let properties = &delivery.properties;
        let user_id = properties.user_id().as_ref();
        let message = ParkedMessage {
            own: user_id.is_some() && user_id == self.session.connection().login(),
            properties: headers::properties(properties),
            headers: headers::own_headers(properties),
            routing_key: delivery.routing_key.to_string(),
            body: Bytes::from(delivery.data),
        };
        ParkedDelivery { message, acker: delivery.acker }
    }
}

fn lost(why: &str) -> ParkedQueueError {
    ParkedQueueError::Lost(why.to_owned())
}
