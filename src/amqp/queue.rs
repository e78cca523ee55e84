//! One merchant's queue, through any number of sessions.

use tokio_util::sync::CancellationToken;

use super::checkpoint;
use super::consumer::{AmqpDelivery, Inbox};
use super::supervisor::Broker;
use super::topology::Topology;
use super::topology::names::intents_queue;
use crate::ports::{self, Checkpoint, CheckpointError, QueueError};

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

    async fn open(&self) -> Result<Inbox, QueueError> {
        let session = self.broker.session().await;
        let queue = intents_queue(self.topology.prefix(), &self.merchant);
        let refused = |reason: String| QueueError::Refused { queue: queue.clone(), reason };
        let missing = self.broker.verify(&self.topology).await;
        let missing = missing.map_err(|err| refused(err.to_string()))?;
        let names: Vec<String> = missing.of(&self.merchant).map(str::to_owned).collect();
        if !names.is_empty() {
            return Err(QueueError::Missing { names });
        }
        Inbox::open(&session, &queue, self.prefetch)
            .await
            .map_err(|error| refused(error.to_string()))
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        checkpoint::read(self.broker.settings(), self.topology.prefix(), &self.merchant).await
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
