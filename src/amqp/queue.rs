//! One merchant's queue, through any number of sessions.

use tokio_util::sync::CancellationToken;

use super::consumer::{AmqpDelivery, Inbox};
use super::supervisor::Broker;
use super::topology::Topology;
use super::topology::names::intents_queue;
use crate::ports;

/// A queue that is consumed again in every new session, once everything is there that this
/// merchant's intents may go through: publishing to an exchange that is missing would end the
/// session for every merchant.
pub struct MerchantQueue {
    broker: Broker,
    topology: Topology,
    merchant: String,
    prefetch: u16,
}

impl MerchantQueue {
    /// The queue of a merchant, what that merchant needs, and how many deliveries may be in hand
    /// at once.
    pub fn new(broker: Broker, topology: Topology, merchant: String, prefetch: u16) -> Self {
        Self { broker, topology, merchant, prefetch }
    }
}

impl ports::Queue for MerchantQueue {
    type Inbox = Inbox;

    async fn open(&self) -> Result<Inbox, String> {
        let session = self.broker.session().await;
        let missing = self.broker.verify(&self.topology).await.map_err(|err| err.to_string())?;
        let missing: Vec<&str> = missing.of(&self.merchant).collect();
        if !missing.is_empty() {
            return Err(format!(
                "merchant {}: missing on RabbitMQ: {}; declare it with `smartsend topology apply`",
                self.merchant,
                missing.join(", "),
            ));
        }
        let queue = intents_queue(self.topology.prefix(), &self.merchant);
        Inbox::open(&session, &queue, self.prefetch).await.map_err(|error| error.to_string())
    }
}

impl ports::Inbox for Inbox {
    type Delivery = AmqpDelivery;

    async fn next(&mut self) -> Option<AmqpDelivery> {
        Self::next(self).await
    }

    async fn cancel(&mut self) {
        Self::cancel(self).await;
    }

    fn lost(&self) -> CancellationToken {
        self.session().ending()
    }
}
