//! A delivery that is not settled yet.

use std::sync::Arc;

use bytes::Bytes;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};

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
    /// See [`StampedDelivery::is_counted`].
    is_counted: bool,
    settled: bool,
}

impl AmqpDelivery {
    pub(super) fn new(arrival: StampedDelivery, channel: Arc<ConsumerChannel>) -> Self {
        let StampedDelivery { delivery, received, is_alone, is_counted } = arrival;
        // The broker refuses a `user_id` that is not the publisher's login (RabbitMQ "Validated
        // User-ID"), so ours says that the worker wrote it.
        let properties = &delivery.properties;
        let user_id = properties.user_id().as_ref();
        let own = user_id.is_some() && user_id == channel.session.connection().login();
        let delivered = Box::new(Delivered {
            properties: headers::properties(properties),
            headers: headers::own_headers(properties),
            user_id: user_id.map(|login| login.to_string()),
            own,
            redelivered: delivery.redelivered,
            delivery_count: headers::delivery_count(properties),
            body: Bytes::from(delivery.data),
            received,
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            deaths: headers::deaths(properties),
            is_alone,
        });
        Self { delivered, acker: delivery.acker, channel, is_counted, settled: false }
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
        let settled =
            self.channel.settle(self.is_counted, self.acker.ack(BasicAckOptions::default())).await;
        self.settled = true;
        settled
    }

    async fn requeue(mut self) -> Result<(), ChannelEndedError> {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let settled = self.channel.settle(self.is_counted, self.acker.nack(options)).await;
        self.settled = true;
        settled
    }

    async fn reject(mut self) -> Result<(), ChannelEndedError> {
        let options = BasicRejectOptions { requeue: false };
        let settled = self.channel.settle(self.is_counted, self.acker.reject(options)).await;
        self.settled = true;
        settled
    }

    fn abandon(mut self, why: &'static str) {
        self.settled = true;
        self.channel.session.fail(why);
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        if self.settled || !self.channel.session.is_live() {
            return;
        }
        events::delivery_dropped(&self.channel.queue);
        self.channel.session.fail("a delivery was dropped before it was settled");
    }
}
