//! The deliveries of one queue.

use std::sync::Arc;

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::channel::{CONSUMER_TAG, ConsumerChannel};
use super::delivery::AmqpDelivery;
use super::stream::DeliveryStream;
use crate::amqp::connection::reason;
use crate::amqp::session::{Session, timed_out};
use crate::amqp::topology::is_missing;
use crate::amqp::topology::names::short;
use crate::ports::{self, QueueError};

/// The deliveries of one queue, in order.
pub struct Inbox {
    channel: Arc<ConsumerChannel>,
    deliveries: DeliveryStream,
}

impl Inbox {
    /// Starts consuming a queue. A queue that is missing, or may not be consumed, fails only this
    /// call; anything else ends the session too.
    pub async fn open(session: &Session, queue: &str, prefetch: u16) -> Result<Self, QueueError> {
        let asked_at = session.settings().now();
        let begun = timeout(session.limit(), begin(session, queue, prefetch)).await;
        let (channel, stream) = begun.unwrap_or_else(|_| Err(timed_out())).map_err(|err| {
            if is_missing(&err) {
                return QueueError::Missing { names: vec![format!("queue {queue}")] };
            }
            let reason = reason(&err);
            if !err.is_amqp_soft_error() {
                session.fail(format!("consuming could not start: {reason}"));
            }
            QueueError::Refused { queue: queue.to_owned(), reason }
        })?;
        let channel = Arc::new(ConsumerChannel::new(session.clone(), channel, queue, prefetch));
        let deliveries = DeliveryStream::new(stream, asked_at, Arc::clone(&channel));
        Ok(Self { channel, deliveries })
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

async fn begin(
    session: &Session,
    queue: &str,
    prefetch: u16,
) -> lapin::Result<(Channel, Consumer)> {
    let name = short(queue)?;
    let channel = session.open_channel().await?;
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let stream = channel.basic_consume(name, CONSUMER_TAG.into(), options, arguments).await?;
    Ok((channel, stream))
}
