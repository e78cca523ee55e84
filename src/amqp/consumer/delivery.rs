//! A delivery that is not settled yet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::channel::ConsumerChannel;
use super::stream::StampedDelivery;
use crate::amqp::headers;
use crate::ports::{ChannelEndedError, Delivered, Delivery};
use crate::telemetry::events;

/// A delivery that RabbitMQ is waiting on. One that is dropped unsettled would hold its
/// place until the broker's `consumer_timeout`, so dropping it ends the session, and it comes
/// back.
pub struct AmqpDelivery {
    delivered: Box<Delivered>, // it is moved often on its way through the pipeline
    acker: Acker,
    channel: Arc<ConsumerChannel>,
    settled: bool,
}

impl AmqpDelivery {
    pub(super) fn new(arrival: StampedDelivery, channel: Arc<ConsumerChannel>) -> Self {
        let StampedDelivery { delivery, received } = arrival;
        let read = headers::read(&delivery.properties);
        // The broker refuses a `user_id` that is not the publisher's login (RabbitMQ "Validated
        // User-ID"), so ours says that the worker wrote it.
        let login = channel.session().connection().login();
        let own = match (&read.user_id, login) {
            (Some(user_id), Some(login)) => user_id == login.as_str(),
            (Some(_) | None, _) => false,
        };
        let delivered = Box::new(Delivered {
            body: Bytes::from(delivery.data),
            properties: read.properties,
            headers: read.headers,
            own,
            redelivered: delivery.redelivered,
            delivery_count: read.delivery_count,
            received,
        });
        Self { delivered, acker: delivery.acker, channel, settled: false }
    }
}

impl AmqpDelivery {
    fn limit(&self) -> Duration {
        self.channel.session().limit()
    }

    /// `Ok(false)` means that nothing was sent: the channel has ended.
    fn settled(
        &mut self,
        sent: &Result<lapin::Result<bool>, Elapsed>,
    ) -> Result<(), ChannelEndedError> {
        self.settled = true;
        if matches!(sent, Ok(Ok(true))) {
            return Ok(());
        }
        self.channel.session().fail("an acknowledgement could not be sent");
        Err(ChannelEndedError)
    }
}

impl Delivery for AmqpDelivery {
    fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    async fn still_ours(&self) -> bool {
        self.channel.round_trip().await && self.acker.usable()
    }

    async fn acknowledge(mut self) -> Result<(), ChannelEndedError> {
        self.channel.credit().settling().await;
        let settled = timeout(self.limit(), self.acker.ack(BasicAckOptions::default())).await;
        self.settled(&settled)
    }

    async fn requeue(mut self) -> Result<(), ChannelEndedError> {
        self.channel.credit().settling().await;
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let settled = timeout(self.limit(), self.acker.nack(options)).await;
        self.settled(&settled)
    }

    fn abandon(mut self, why: &'static str) {
        self.settled = true;
        self.channel.session().fail(why);
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        if self.settled || !self.channel.session().is_live() {
            return;
        }
        events::delivery_dropped(self.channel.queue());
        self.channel.session().fail("a delivery was dropped before it was settled");
    }
}
