//! One merchant's queue, through any number of sessions.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::checkpoint;
use super::consumer::Inbox;
use super::outage::Outage;
use super::session::Session;
use super::supervisor::Broker;
use super::topology::names::intents_queue;
use super::topology::{Topology, TopologyError, compare_on, inspect_on};
use crate::ports::{self, Checkpoint, CheckpointError, Moment, QueueError};
use crate::telemetry::events;

/// How many attempts to connect fail before the failure is reported.
const TRIES: u32 = 5;

/// A queue that is consumed on a connection of its merchant's own, once everything that its intents
/// may need is declared.
pub struct MerchantQueue {
    broker: Broker,
    topology: Topology,
    merchant: String,
    prefetch: u16,
    consuming: Mutex<Consuming>,
    may_not_declare: AtomicBool,
}

#[derive(Default)]
struct Consuming {
    session: Option<(Session, Moment)>,
    outage: Outage,
}

impl MerchantQueue {
    /// The queue of a merchant, what that merchant needs, and how many deliveries it may
    /// hold at once.
    pub fn new(broker: Broker, topology: Topology, merchant: String, prefetch: u16) -> Self {
        let (consuming, may_not_declare) = (Mutex::default(), AtomicBool::new(false));
        Self { broker, topology, merchant, prefetch, consuming, may_not_declare }
    }

    /// The current session, or a new one. After a cancel the session stays, for deliveries that are
    /// not settled yet and for the next consumer.
    async fn session(&self) -> Result<Session, QueueError> {
        let Consuming { session, outage } = &mut *self.consuming.lock().await;
        match session {
            Some((live, _)) if live.is_live() && !live.connection().is_worn() => {
                return Ok(live.clone());
            }
            Some((ended, born)) if !ended.is_live() => {
                outage.ended(*born, self.broker.settings().now());
                *session = None;
            }
            Some(_) | None => {}
        }
        let mut tries = 0;
        loop {
            // A delivery is of no use while its result cannot be published.
            drop(self.broker.session().await);
            if let Some(wait) = outage.wait(self.broker.settings().now()) {
                sleep(wait).await;
            }
            match self.broker.connect(&format!("consume/{}", self.merchant)).await {
                Ok(new) => {
                    return Ok(session.insert((new, self.broker.settings().now())).0.clone());
                }
                Err(error) => {
                    outage.failed(error.is_refused());
                    tries += 1;
                    if tries >= TRIES {
                        return Err(QueueError::Connect { reason: error.to_string() });
                    }
                }
            }
        }
    }
}

impl ports::Queue for MerchantQueue {
    type Inbox = Inbox;

    async fn open(&self) -> Result<Inbox, QueueError> {
        let session = self.session().await?;
        let queue = intents_queue(self.topology.prefix(), &self.merchant);
        let refused = |reason: String| QueueError::Refused { queue: queue.clone(), reason };
        let missing = inspect_on(session.connection(), &self.topology).await;
        let names = missing.map_err(|err| refused(err.to_string()))?;
        if !names.is_empty() {
            return Err(QueueError::Missing { names });
        }
        if !self.may_not_declare.load(Ordering::Relaxed) {
            match compare_on(session.connection(), &self.topology).await {
                Ok(()) => {}
                // To try again would cost a channel number each time.
                Err(error @ TopologyError::Forbidden { .. }) => {
                    self.may_not_declare.store(true, Ordering::Relaxed);
                    events::topology_not_compared(&self.merchant, &error.to_string());
                }
                Err(error) => return Err(refused(error.to_string())),
            }
        }
        Inbox::open(&session, &queue, self.prefetch).await
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        checkpoint::read(self.broker.settings(), self.topology.prefix(), &self.merchant).await
    }
}
