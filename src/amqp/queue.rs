//! A queue that a process consumes, through any number of sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::connections::BrokerState;
use super::consumer::Inbox;
use super::outage::Outage;
use super::session::Session;
use super::supervisor::Broker;
use super::topology::names::{dead_name, work_queue};
use super::topology::{Topology, TopologyError, compare_on, inspect_on};
use crate::domain::work::Work;
use crate::ports::{self, Checkpoint, CheckpointError, Moment, QueueError};
use crate::telemetry::events;

/// How many attempts to connect fail before the failure is reported.
const TRIES: u32 = 5;

pub struct MerchantQueue {
    merchant: String,
    source: Source,
}

/// The queue of what RabbitMQ put aside.
pub struct DeadLetterQueue(Source);

/// A queue that is consumed on a connection of its own, once everything that its messages may need
/// is declared.
struct Source {
    broker: Broker,
    topology: Topology,
    queue: String,
    /// A part of the connection's name.
    purpose: String,
    prefetch: u16,
    consuming: Mutex<Consuming>,
    may_not_declare: AtomicBool,
}

#[derive(Default)]
struct Consuming {
    session: Option<(Session, Moment)>,
    outage: Outage,
    /// How many sessions there were since something was settled, the present one included.
    fruitless: Arc<AtomicU32>,
}

impl MerchantQueue {
    /// The queue of a merchant's intents, what they need, and how many of them it may hold at once.
    pub fn new(broker: Broker, topology: Topology, merchant: String, prefetch: u16) -> Self {
        Self::of(Work::Intents, broker, topology, merchant, prefetch)
    }

    /// The same of a merchant's commands. They have a connection of their own: what ends one of the
    /// two queues' connections leaves the other alone.
    pub fn of_commands(
        broker: Broker,
        topology: Topology,
        merchant: String,
        prefetch: u16,
    ) -> Self {
        Self::of(Work::Commands, broker, topology, merchant, prefetch)
    }

    fn of(work: Work, broker: Broker, topology: Topology, merchant: String, prefetch: u16) -> Self {
        let queue = work_queue(topology.prefix(), work, &merchant);
        let purpose = match work {
            Work::Intents => format!("consume/{merchant}"),
            Work::Commands => format!("commands/{merchant}"),
        };
        Self { merchant, source: Source::new(broker, topology, queue, purpose, prefetch) }
    }
}

impl DeadLetterQueue {
    /// The queue, and what its messages need.
    pub fn new(broker: Broker, topology: Topology) -> Self {
        let queue = dead_name(topology.prefix());
        Self(Source::new(broker, topology, queue, "dead".to_owned(), 1))
    }
}

impl Source {
    fn new(
        broker: Broker,
        topology: Topology,
        queue: String,
        purpose: String,
        prefetch: u16,
    ) -> Self {
        let (consuming, may_not_declare) = (Mutex::default(), AtomicBool::new(false));
        Self { broker, topology, queue, purpose, prefetch, consuming, may_not_declare }
    }

    /// The current session, or a new one. After a cancel the session stays, for deliveries that are
    /// not settled yet and for the next consumer.
    async fn session(&self) -> Result<(Session, Arc<AtomicU32>), QueueError> {
        let Consuming { session, outage, fruitless } = &mut *self.consuming.lock().await;
        match session {
            Some((live, _)) if live.is_live() && !live.connection().is_worn() => {
                return Ok((live.clone(), Arc::clone(fruitless)));
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
            match self.broker.connect(&self.purpose).await {
                Ok(new) => {
                    fruitless.fetch_add(1, Ordering::Relaxed);
                    let (new, _) = session.insert((new, self.broker.settings().now()));
                    return Ok((new.clone(), Arc::clone(fruitless)));
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

    /// lapin may leave a call unanswered whose connection ends meanwhile.
    async fn open(&self) -> Result<Inbox, QueueError> {
        let (session, fruitless) = self.session().await?;
        tokio::select! {
            biased;
            opened = self.open_on(&session, fruitless) => opened,
            () = session.ended() => {
                Err(QueueError::Connect { reason: session.reason().to_owned() })
            }
        }
    }

    async fn open_on(
        &self,
        session: &Session,
        fruitless: Arc<AtomicU32>,
    ) -> Result<Inbox, QueueError> {
        let refused = |reason: String| QueueError::Refused { queue: self.queue.clone(), reason };
        let missing = inspect_on(session.connection(), &self.topology).await;
        let names = missing.map_err(|err| refused(err.to_string()))?;
        if !self.may_not_declare.load(Ordering::Relaxed) {
            // Named before what is missing: to declare that would stop here.
            match compare_on(session.connection(), &self.topology.without(&names)).await {
                Ok(()) => {}
                // To try again would cost a channel number each time.
                Err(error @ TopologyError::Forbidden { .. }) => {
                    self.may_not_declare.store(true, Ordering::Relaxed);
                    events::topology_not_compared(&self.queue, &error.to_string());
                }
                Err(error) => return Err(refused(error.to_string())),
            }
        }
        if !names.is_empty() {
            return Err(QueueError::Missing { names });
        }
        Inbox::open_after(session, &self.queue, self.prefetch, fruitless).await
    }
}

impl ports::Queue for MerchantQueue {
    type Inbox = Inbox;

    async fn open(&self) -> Result<Inbox, QueueError> {
        self.source.open().await
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        let Source { broker, topology, .. } = &self.source;
        broker.checkpoint(topology.prefix(), &self.merchant).await
    }
}

impl ports::DeadLetterQueue for DeadLetterQueue {
    type Inbox = Inbox;

    /// While the broker takes no publishes a delivery would only be held, and each that is held for
    /// too long brings it nearer to the delivery limit.
    async fn open(&self) -> Result<Inbox, QueueError> {
        let mut state = self.0.broker.state();
        state.wait_for(|state| *state == BrokerState::Connected).await.ok();
        self.0.open().await
    }
}
