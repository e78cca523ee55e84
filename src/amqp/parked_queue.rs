//! The parked queue, for a person.
//!
//! To look at it is to consume it without acknowledging: whatever was only looked at goes back when
//! the pass ends, however it ends.

use tokio::task::JoinHandle;

use super::parked_pass::{ParkedQueueError, Pass};
use super::publisher::Publisher;
use super::result_events::ResultEvents;
use super::supervisor::Broker;
use super::topology::names::parked_name;
use super::topology::{Topology, verify};
use crate::clock::SystemClock;
use crate::config;
use crate::domain::work::Work;
use crate::ports::{Copied, PublishError};

/// The parked queue, and the way from there.
pub struct ParkedQueue {
    broker: Broker,
    supervisor: JoinHandle<()>,
    publisher: Publisher,
    topology: Topology,
    name: String,
}

impl ParkedQueue {
    /// Connects to nothing yet.
    pub fn open(
        settings: &config::Broker,
        topology: &Topology,
        clock: SystemClock,
    ) -> Result<Self, ParkedQueueError> {
        let (broker, supervisor) = Broker::start(settings, clock)?;
        let supervisor = tokio::spawn(supervisor);
        let publisher = Publisher::of_any_merchant(broker.clone(), topology);
        let name = parked_name(topology.prefix());
        Ok(Self { broker, supervisor, publisher, topology: topology.clone(), name })
    }

    /// Checks that everything is there that a message may go to. A confirm does not say so: the
    /// exchanges have an alternate one.
    pub async fn verify(&self, settings: &config::Broker) -> Result<(), ParkedQueueError> {
        let missing = verify(settings, &self.topology).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(ParkedQueueError::Missing(missing.join(", ")))
    }

    /// Begins to go through everything that is ready now, once.
    pub async fn pass(&self) -> Result<Pass, ParkedQueueError> {
        Pass::begin(self.broker.connect("parked").await?, self.name.clone()).await
    }

    /// The events of a merchant's intents or commands from now on.
    pub async fn results(
        &self,
        work: Work,
        merchant: &str,
    ) -> Result<ResultEvents, ParkedQueueError> {
        let session = self.broker.connect("results").await?;
        Ok(ResultEvents::open(&session, self.topology.prefix(), work, merchant).await?)
    }

    /// Publishes a copy to its merchant's queue, under this connection's login.
    pub async fn replay(&self, work: Work, copy: &Copied) -> Result<(), PublishError> {
        self.publisher.publish_new(work, copy).await
    }

    /// Publishes a copy to where it can be fetched back from for a while.
    pub async fn discard(&self, copy: &Copied) -> Result<(), PublishError> {
        self.publisher.publish_discarded(copy).await
    }

    pub async fn close(self) {
        self.broker.close().await;
        self.supervisor.abort();
    }
}
