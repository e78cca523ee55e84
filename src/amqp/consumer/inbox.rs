//! The deliveries of one queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::channel::ConsumerChannel;
use super::delivery::AmqpDelivery;
use super::stream::DeliveryStream;
use crate::amqp::connection::reason;
use crate::amqp::session::{Session, timed_out};
use crate::amqp::topology::is_missing;
use crate::amqp::topology::names::short;
use crate::ports::{self, QueueError};

/// How many sessions in a row may end before anything was settled. In the next one a delivery is out
/// alone.
const FRUITLESS_MAX: u32 = 3;

/// The deliveries of one queue, in order.
pub struct Inbox {
    channel: Arc<ConsumerChannel>,
    deliveries: DeliveryStream,
}

impl Inbox {
    /// Starts consuming a queue. A queue that is missing, or may not be consumed, fails only this
    /// call; anything else ends the session too.
    pub async fn open(session: &Session, queue: &str, prefetch: u16) -> Result<Self, QueueError> {
        Self::open_after(session, queue, prefetch, Arc::default()).await
    }

    /// The same after so many sessions in a row in which nothing was settled.
    pub(in crate::amqp) async fn open_after(
        session: &Session,
        queue: &str,
        prefetch: u16,
        fruitless: Arc<AtomicU32>,
    ) -> Result<Self, QueueError> {
        let begun = timeout(session.limit(), begin(session, queue, prefetch, fruitless)).await;
        begun.unwrap_or_else(|_| Err(timed_out())).map_err(|err| {
            if is_missing(&err) {
                return QueueError::Missing { names: vec![format!("queue {queue}")] };
            }
            let reason = reason(&err);
            if !err.is_amqp_soft_error() {
                session.fail(format!("consuming could not start: {reason}"));
            }
            QueueError::Refused { queue: queue.to_owned(), reason }
        })
    }

    /// The session that it belongs to.
    pub fn session(&self) -> &Session {
        &self.channel.session
    }
}

impl ports::Inbox for Inbox {
    type Delivery = AmqpDelivery;

    /// At the end the session is live if a cancel was asked for; otherwise what was not handed out
    /// is no longer ours, and comes back. Dropping this future loses nothing.
    async fn next(&mut self) -> Option<AmqpDelivery> {
        let arrival = tokio::select! {
            biased;
            () = self.channel.session.ended() => None,
            arrival = self.deliveries.next() => arrival,
        };
        arrival.map(|arrival| AmqpDelivery::new(arrival, Arc::clone(&self.channel)))
    }

    /// Acknowledging works until the last delivery is settled, except while this runs.
    ///
    /// RabbitMQ takes a consumer off a quorum queue by a replicated command. What the queue sends
    /// to its channel process until that is done never reaches the socket: it is returned and
    /// counted, and comes back as redelivered, in doubt though it was never processed. So before
    /// the cancel the acknowledgements are held back until the prefetch is used up. Then the queue
    /// has nothing left to send, and the cancel puts nothing in doubt.
    async fn cancel(&mut self) {
        self.deliveries.finish_widening().await;
        let channel = Arc::clone(&self.channel);
        let _hold = channel.settling.write().await;
        self.deliveries.gather().await;
        self.deliveries.is_cancelled = true;
        channel.cancel().await;
    }

    fn lost(&self) -> CancellationToken {
        self.session().ending()
    }
}

/// Whoever is alone at a queue begins with one delivery at a time: what it is sent may have ended
/// every session and every process before, and whatever else is out then comes back counted. Where
/// another consumer waits, to change the prefetch later would give the queue to that one.
async fn begin(
    session: &Session,
    queue: &str,
    prefetch: u16,
    fruitless: Arc<AtomicU32>,
) -> lapin::Result<Inbox> {
    let asked_at = session.settings().now();
    let channel = session.open_channel().await?;
    let options = QueueDeclareOptions::durable().passive();
    let found = channel.queue_declare(short(queue)?, options, FieldTable::default()).await?;
    let is_alone = found.consumer_count() == 0 && found.message_count() > 0;
    let is_careful = is_alone || fruitless.load(Ordering::Relaxed) > FRUITLESS_MAX;
    let channel = Arc::new(ConsumerChannel::new(session.clone(), channel, queue, fruitless));
    let stream = channel.consume(if is_careful { 1 } else { prefetch }).await?;
    let full_prefetch = (is_careful && prefetch > 1).then_some(prefetch);
    let deliveries = DeliveryStream::new(stream, asked_at, Arc::clone(&channel), full_prefetch);
    Ok(Inbox { channel, deliveries })
}
