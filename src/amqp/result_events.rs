//! One merchant's result events, on a private queue.
//!
//! Results belong to downstream, and consuming one of its queues would take events away from it. So
//! this queue is exclusive: it gets copies, no one else sees it, and it is deleted with its
//! connection. Events that come without a connection are missed, so the queue is never recreated:
//! its end is reported, and the reader knows that events may be missing.

use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use lapin::options::QueueBindOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::time::{sleep, timeout};

use super::connection::reason;
use super::private_queue;
use super::session::{Session, timed_out};
use super::topology::names::{results_exchange, short, work_queue};
use crate::domain::event::EventKind;
use crate::domain::work::Work;

/// The events that come from now on, as long as the session lasts.
pub struct ResultEvents {
    session: Session,
    /// Where the intents or commands are that the events are about.
    queue: String,
    stream: Consumer,
    /// lapin closes a channel with its last handle, and the stream holds none.
    _channel: Channel,
}

pub struct EventCopy {
    pub body: Vec<u8>,
    /// What it answers, which the body of a command's event does not say.
    pub correlation_id: Option<String>,
}

/// Why a merchant's results cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot follow the results on RabbitMQ: {0}")]
pub struct ResultEventsError(String);

impl ResultEvents {
    /// Declares the queue, binds it to all events of a merchant's intents or commands, and consumes
    /// it.
    ///
    /// What is published after this has all its events seen, unless the session ends. The exchange
    /// must exist: a channel that fails costs the connection its number.
    pub async fn open(
        session: &Session,
        prefix: &str,
        work: Work,
        merchant: &str,
    ) -> Result<Self, ResultEventsError> {
        let begun = async {
            let channel = session.open_channel().await?;
            let stream = begin(&channel, prefix, work, merchant).await?;
            let queue = work_queue(prefix, work, merchant);
            Ok(Self { session: session.clone(), queue, stream, _channel: channel })
        };
        let begun = timeout(session.limit(), begun).await.unwrap_or_else(|_| Err(timed_out()));
        begun.map_err(|err| ResultEventsError(reason(&err)))
    }

    /// Whether anybody consumes the merchant's intents or commands, again and again; `None` where
    /// the broker did not say.
    pub fn work_is_consumed(&self, every: Duration) -> impl Stream<Item = Option<bool>> + use<> {
        let (session, queue) = (self.session.clone(), self.queue.clone());
        stream::unfold(Duration::ZERO, move |wait| {
            let (session, queue) = (session.clone(), queue.clone());
            async move {
                sleep(wait).await;
                let count = session.count(&queue).await.map(|it| it.consumers);
                Some((count.map(|count| count > 0), every))
            }
        })
    }

    /// The next event; `None` once the session or the queue has ended, and events may have been
    /// missed. Dropping this future loses nothing.
    pub async fn next(&mut self) -> Option<EventCopy> {
        let event = tokio::select! {
            biased;
            event = self.stream.next() => event?.ok()?,
            () = self.session.ended() => return None,
        };
        let correlation_id = event.properties.correlation_id().as_ref().map(ToString::to_string);
        Some(EventCopy { body: event.data, correlation_id })
    }
}

async fn begin(
    channel: &Channel,
    prefix: &str,
    work: Work,
    merchant: &str,
) -> lapin::Result<Consumer> {
    let queue = private_queue::declare(channel).await?;
    for kind in EventKind::of(work) {
        let exchange = short(&results_exchange(prefix))?;
        let key = short(&kind.routing_key(merchant))?;
        let options = QueueBindOptions::default();
        let empty = FieldTable::default();
        channel.queue_bind(queue.clone(), exchange, key, options, empty).await?;
    }
    private_queue::consume(channel, queue, "results").await
}
