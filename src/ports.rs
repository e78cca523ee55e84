//! The ports: what the worker needs of the broker, the provider, the clock and chance.
//!
//! No type of lapin or reqwest passes through here, so that the same worker runs over real
//! sockets, and over a model of them on simulated time.

#![warn(missing_docs)]

mod provider;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::domain::dead_letter::Death;
use crate::domain::event::EventKind;
pub use crate::domain::record::headers::Headers;
use crate::domain::retry_delays::RetryDelay;
use crate::domain::trace::Trace;
use crate::domain::work::Work;
pub use provider::{Provider, Token, TokenError};

/// Everything that a merchant's worker talks to.
pub trait Ports: Send + Sync + 'static {
    /// Time and chance.
    type Clock: Clock;
    /// Where deliveries come from.
    type Queue: Queue;
    /// Who makes links.
    type Provider: Provider;
    /// Where results go.
    type Outbox: Outbox;
}

/// The inbox of a worker's queue.
pub type InboxOf<P> = <<P as Ports>::Queue as Queue>::Inbox;
/// The deliveries from that inbox.
pub type DeliveryOf<P> = <InboxOf<P> as Inbox>::Delivery;

/// One moment on both clocks. A frozen process sees only one of them jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, which can jump.
    pub wall: Timestamp,
    /// Time since an arbitrary start, which only grows.
    pub steady: Duration,
}

impl Moment {
    /// How long after `earlier` this moment is, by the clock that shows more.
    pub fn since(self, earlier: Self) -> Duration {
        let steady = self.steady.saturating_sub(earlier.steady);
        let wall = Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or_default();
        steady.max(wall)
    }

    /// What the wall clock shows when the steady clock shows `steady`, if neither jumps.
    pub fn wall_at(self, steady: Duration) -> Timestamp {
        let wait = SignedDuration::try_from(steady.saturating_sub(self.steady));
        let wait = wait.unwrap_or(SignedDuration::MAX);
        self.wall.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

/// Time, and the only use of chance.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Moment;
    /// Waits this long on the steady clock.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
    /// A random part of a duration, anything from none to all of it ("full jitter").
    fn part_of(&self, longest: Duration) -> Duration;
}

/// The AMQP properties that travel with an intent from hop to hop; everything else is dropped.
///
/// `CC` would copy a retried intent into another merchant's queue, a foreign `user_id` closes the
/// channel (RabbitMQ "Validated User-ID"), and `x-death` can end it as a cycle ("Dead Lettering").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// `content_type`.
    pub content_type: Option<String>,
    /// `message_id`.
    pub message_id: Option<String>,
    /// `correlation_id`.
    pub correlation_id: Option<String>,
    /// `type`.
    pub kind: Option<String>,
    /// `app_id`.
    pub app_id: Option<String>,
    /// `timestamp`, in seconds since 1970.
    pub timestamp: Option<u64>,
    /// Header `traceparent` (W3C Trace Context).
    pub traceparent: Option<String>,
    /// Header `tracestate`.
    pub tracestate: Option<String>,
}

impl Properties {
    /// The trace that the message belongs to.
    pub fn trace(&self) -> Trace<'_> {
        let Self { traceparent, tracestate, .. } = self;
        Trace { traceparent: traceparent.as_deref(), tracestate: tracestate.as_deref() }
    }
}

/// The content of a delivery, without the means to settle it.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The message's bytes, as upstream wrote them.
    pub body: Bytes,
    /// The properties that travel on.
    pub properties: Properties,
    /// The record's headers, whoever wrote them.
    pub headers: Headers,
    /// The login that the broker vouches for.
    pub user_id: Option<String>,
    /// Whether that is our own.
    pub own: bool,
    /// Whether the broker says that it was delivered before.
    pub redelivered: bool,
    /// `x-delivery-count`: how often it came back, 0 on the first delivery.
    pub delivery_count: u64,
    /// A moment not later than its arrival here.
    pub received: Moment,
    /// The exchange that it was published to.
    pub exchange: String,
    /// The routing key that it was published with.
    pub routing_key: String,
    /// The queues that it has left without being acknowledged, the last one first.
    pub deaths: Vec<Death>,
    /// Whether no other comes until this one is settled.
    pub is_alone: bool,
}

/// A delivery that has to be settled. Dropping one abandons it: it stays unacknowledged, and the
/// broker delivers it again once the channel has ended.
pub trait Delivery: Send + Sync + 'static {
    /// Its content.
    fn delivered(&self) -> &Delivered;
    /// Asks the broker, on the channel that it came by, whether that channel is still open.
    fn still_ours(&self) -> impl Future<Output = bool> + Send;
    /// Acknowledges it. Only the broker's confirm of what replaces it allows this.
    fn acknowledge(self) -> impl Future<Output = Result<(), ChannelEndedError>> + Send;
    /// Requeues it at once; it comes back as redelivered. Other deliveries are not affected.
    fn requeue(self) -> impl Future<Output = Result<(), ChannelEndedError>> + Send;
    /// Has the broker carry it to where its queue dead-letters to.
    fn reject(self) -> impl Future<Output = Result<(), ChannelEndedError>> + Send;
    /// Leaves it unacknowledged and ends the merchant's consuming connection, so that the broker
    /// delivers it again soon.
    fn abandon(self, why: &'static str);
}

/// The channel that a delivery came by has ended; it comes back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel has ended")]
pub struct ChannelEndedError;

/// One queue of a merchant, through any number of connections.
pub trait Queue: Send + Sync + 'static {
    /// Its deliveries, while a connection lasts.
    type Inbox: Inbox;
    /// Starts consuming, as soon as there is a connection.
    fn open(&self) -> impl Future<Output = Result<Self::Inbox, QueueError>> + Send;
    /// Reads the merchant's checkpoint and leaves it there for the next process; `None` if there is
    /// none.
    fn checkpoint(
        &self,
    ) -> impl Future<Output = Result<Option<Checkpoint>, CheckpointError>> + Send;
}

/// The queue of what the broker put aside, through any number of connections.
pub trait DeadLetterQueue: Send + Sync + 'static {
    /// Its deliveries, while a connection lasts.
    type Inbox: Inbox;
    /// Starts consuming one delivery at a time, as soon as something can be published.
    fn open(&self) -> impl Future<Output = Result<Self::Inbox, QueueError>> + Send;
}

/// Why a queue is not consumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// There is no connection to consume on.
    #[error("{reason}")]
    Connect {
        /// What the client or the broker says.
        reason: String,
    },
    /// An exchange or queue that what is on this queue may need is not declared.
    #[error(
        "missing on RabbitMQ: {}; declare it with `smartsend topology apply`",
        names.join(", ")
    )]
    Missing {
        /// Exchanges and queues.
        names: Vec<String>,
    },
    /// The broker refused, or did not answer.
    #[error("cannot consume queue {queue}: {reason}")]
    Refused {
        /// The queue's name.
        queue: String,
        /// What the broker says.
        reason: String,
    },
}

/// What an earlier process left for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The body as it was published.
    pub body: Bytes,
    /// Whether the broker vouches that our own login wrote it.
    pub own: bool,
}

/// Why the checkpoint cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read queue {queue}: {reason}")]
pub struct CheckpointError {
    /// The queue's name.
    pub queue: String,
    /// What the client or the broker says.
    pub reason: String,
}

/// A queue's deliveries, until the connection ends or they are cancelled.
pub trait Inbox: Send + 'static {
    /// One of them.
    type Delivery: Delivery;
    /// The next one; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Self::Delivery>> + Send;
    /// Asks the broker to send no more. What it has sent still comes, and can be settled.
    fn cancel(&mut self) -> impl Future<Output = ()> + Send;
    /// Ends when the connection has: then none of its deliveries is ours any longer.
    fn lost(&self) -> CancellationToken;
}

/// Something to publish.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A result, to the results exchange.
    Event(EventMessage),
    /// An intent or a command, to the retry exchange of this delay.
    Retry {
        /// Which of them, and so which queue it comes back to.
        work: Work,
        /// How long it waits.
        delay: RetryDelay,
        /// The message and its record.
        copy: Copied,
    },
    /// An intent or a command, to the parked exchange.
    Parked(Copied),
    /// A message that the broker put aside and that cannot be announced yet, to where it came from.
    DeadLetter(Copied),
    /// A checkpoint for the next process, to the checkpoint exchange. It replaces the merchant's
    /// last one.
    Checkpoint {
        /// The merchant; the routing key.
        merchant: String,
        /// JSON.
        body: Bytes,
    },
}

/// A result event, ready for the broker.
#[derive(Clone, Debug)]
pub struct EventMessage {
    /// The event's kind; with the merchant it makes the routing key.
    pub kind: EventKind,
    /// The merchant.
    pub merchant: String,
    /// The event as structured JSON.
    pub body: Bytes,
    /// `message_id` is the event's id, `type` its CloudEvents type, and so on.
    pub properties: Properties,
}

/// An intent or a command that is published again, byte for byte.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The routing key: the merchant whose queue it came from, or that of a message that the broker
    /// put aside.
    pub merchant: String,
    /// The body as it came.
    pub body: Bytes,
    /// The properties as they came.
    pub properties: Properties,
    /// Headers `x-smartsend-…`.
    pub headers: Headers,
}

/// Why a publish did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker has no queue for it and kept nothing; it may be published again.
    #[error("no queue is bound for it")]
    Unroutable,
    /// The broker refused it and kept nothing.
    #[error("the broker refused it")]
    Refused,
    /// No confirm came; whether the broker has it is unknown.
    #[error("no confirm came")]
    Unconfirmed,
}

/// Publishes to the broker. Only the broker's confirm is success.
pub trait Outbox: Clone + Send + Sync + 'static {
    /// Publishes and waits for the confirm.
    fn publish(&self, outgoing: &Outgoing)
    -> impl Future<Output = Result<(), PublishError>> + Send;
}
