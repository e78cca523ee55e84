//! One merchant's queue, through any number of sessions.

use tokio_util::sync::CancellationToken;

use super::consumer::{AmqpDelivery, Inbox};
use super::supervisor::Broker;
use crate::ports;

/// A queue that is consumed again in every new session.
pub struct MerchantQueue {
    broker: Broker,
    name: String,
    prefetch: u16,
}

impl MerchantQueue {
    /// A queue by its name, and how many deliveries may be in hand at once.
    pub fn new(broker: Broker, name: String, prefetch: u16) -> Self {
        Self { broker, name, prefetch }
    }
}

impl ports::Queue for MerchantQueue {
    type Inbox = Inbox;

    async fn open(&self) -> Result<Inbox, String> {
        let session = self.broker.session().await;
        session.consume(&self.name, self.prefetch).await.map_err(|error| error.to_string())
    }
}

impl ports::Inbox for Inbox {
    type Delivery = AmqpDelivery;

    async fn next(&mut self) -> Option<AmqpDelivery> {
        Self::next(self).await
    }

    async fn cancel(&self) {
        Self::cancel(self).await;
    }

    fn lost(&self) -> CancellationToken {
        self.session().ending()
    }
}
