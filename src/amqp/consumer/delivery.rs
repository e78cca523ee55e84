//! A delivery on its way through the worker.

use std::sync::Arc;

use bytes::Bytes;
use lapin::Acker;
use lapin::options::BasicAckOptions;
use tokio::time::timeout;

use super::arrivals::Arrival;
use super::line::Line;
use crate::amqp::headers;
use crate::observe::facts::broker as facts;
use crate::ports::{Delivered, Delivery, Gone};

/// A delivery that RabbitMQ waits to hear about. One that is dropped unsettled would hold its
/// place until the broker's `consumer_timeout`, so dropping it ends the session, and it comes
/// back.
pub struct AmqpDelivery {
    delivered: Box<Delivered>, // it is moved often on its way through the pipeline
    acker: Acker,
    line: Arc<Line>,
    settled: bool,
}

impl AmqpDelivery {
    pub(super) fn new(arrival: Arrival, line: Arc<Line>) -> Self {
        let Arrival { delivery, received } = arrival;
        let read = headers::read(&delivery.properties);
        // The broker refuses a `user_id` that is not the publisher's login (RabbitMQ "Validated
        // User-ID"), so ours says that the worker wrote it.
        let login = line.session().login();
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
        Self { delivered, acker: delivery.acker, line, settled: false }
    }
}

impl Delivery for AmqpDelivery {
    fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    async fn still_ours(&self) -> bool {
        self.line.round_trip().await && self.acker.usable()
    }

    async fn acknowledge(mut self) -> Result<(), Gone> {
        self.line.credit().acknowledging().await;
        let limit = self.line.session().limit();
        let acked = timeout(limit, self.acker.ack(BasicAckOptions::default())).await;
        self.settled = true;
        // `Ok(false)` means that nothing was sent: the channel has ended.
        if let Ok(Ok(true)) = acked {
            return Ok(());
        }
        self.line.session().fail("an acknowledgement could not be sent");
        Err(Gone)
    }

    fn let_go(mut self, why: &'static str) {
        self.settled = true;
        facts::DeliveryLetGo { queue: self.line.queue(), why }.tell();
        self.line.session().fail(why);
    }
}

impl Drop for AmqpDelivery {
    fn drop(&mut self) {
        if self.settled || !self.line.session().is_live() {
            return;
        }
        facts::DeliveryDropped { queue: self.line.queue() }.tell();
        self.line.session().fail("a delivery was dropped before it was settled");
    }
}
