//! A connection as upstream has one: it publishes new messages, and may follow what becomes of
//! them.
//!
//! Publishing an intent or a command again is safe, and not publishing it is not: the worker looks
//! up a reference that it has seen before. So a publish whose confirm did not come is tried a few
//! times more.

use std::time::Duration;

use bytes::Bytes;
use lapin::types::ShortString;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::ConnectError;
use super::connections::BrokerState;
use super::control::{ControlError, Operator};
use super::publisher::Publisher;
use super::result_events::{ResultEvents, ResultEventsError};
use super::supervisor::Broker;
use super::tls::BrokerConfigError;
use super::topology::{NameTooLongError, Topology, TopologyError, verify};
use crate::clock::SystemClock;
use crate::config::{self, Merchant};
use crate::domain::record::headers::{SIGNATURE, Value};
use crate::domain::work::Work;
use crate::ports::{
    Checkpoint, CheckpointError, Copied, Headers, Moment, Outbox, Outgoing, Properties,
    PublishError,
};

/// How long a session may take to be set up once the broker has answered.
const SESSION_TIMEOUT: Duration = Duration::from_secs(15);
/// How often to ask whether anybody consumes what was published.
pub const CONSUMERS_EVERY: Duration = Duration::from_secs(5);
/// How often a publish is tried before it is given up.
const TRIES: u32 = 5;
/// The first wait between two tries; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);

/// An open connection to the broker, and a topology that exists.
pub struct Upstream {
    broker: Broker,
    supervisor: JoinHandle<()>,
    publisher: Publisher,
    topology: Topology,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error(transparent)]
    Name(#[from] NameTooLongError),
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error("{0}; nothing was sent")]
    Topology(#[from] TopologyError),
    #[error("{0}; nothing was sent")]
    Connect(#[from] ConnectError),
    #[error(
        "missing on RabbitMQ: {0}; declare it with `smartsend topology apply`; nothing was sent"
    )]
    Missing(String),
    #[error("no connection to RabbitMQ within {SESSION_TIMEOUT:?}: {0}; nothing was sent")]
    NoSession(String),
    #[error(
        "the login {0} is not in the merchant's publishers, so the worker would reject what it \
         publishes; use a broker.urls with one that is, or add it; nothing was sent"
    )]
    NotAPublisher(String),
    #[error("{0}; nothing was sent")]
    Results(#[from] ResultEventsError),
}

impl UpstreamError {
    /// Whether the configuration is wrong, and not the broker.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Name(_) | Self::NotAPublisher(_))
    }
}

impl Upstream {
    /// The same as [`connect`](Self::connect), and checks that this login may publish for the merchant.
    pub async fn open(
        settings: &config::Broker,
        topology: Topology,
        (work, merchant): (Work, &Merchant),
        clock: SystemClock,
    ) -> Result<Self, UpstreamError> {
        let upstream = Self::connect(settings, topology, clock).await?;
        let session = upstream.broker.session().await;
        let login = session.connection().login().map(ShortString::as_str);
        if !merchant.publisher_guard.allows(work, login) {
            return Err(UpstreamError::NotAPublisher(login.unwrap_or_default().to_owned()));
        }
        Ok(upstream)
    }

    /// Checks that the topology exists, and connects.
    pub async fn connect(
        settings: &config::Broker,
        topology: Topology,
        clock: SystemClock,
    ) -> Result<Self, UpstreamError> {
        let (broker, supervisor) = Broker::start(settings, clock)?;
        let supervisor = tokio::spawn(supervisor);
        // The exchange of the intents has an alternate one, as that of the commands has, so a
        // confirm does not say that the merchant's queue has the message, nor even that the queue
        // exists.
        let missing = verify(settings, &topology).await?;
        if !missing.is_empty() {
            return Err(UpstreamError::Missing(missing.join(", ")));
        }
        timeout(SESSION_TIMEOUT, broker.session()).await.map_err(|_| {
            UpstreamError::NoSession(match &*broker.state().borrow() {
                BrokerState::Disconnected { reason } => reason.clone(),
                BrokerState::Connected | BrokerState::Blocked => {
                    "the connection was closed right away".to_owned()
                }
            })
        })?;
        let publisher = Publisher::new(broker.clone(), &topology);
        Ok(Self { broker, supervisor, publisher, topology })
    }

    /// The events of a merchant's intents or commands from now on. Opened before the first of them
    /// is published, it misses none.
    pub async fn results(&self, work: Work, merchant: &str) -> Result<ResultEvents, UpstreamError> {
        let session = self.broker.connect("results").await?;
        Ok(ResultEvents::open(&session, self.topology.prefix(), work, merchant).await?)
    }

    /// Someone who gives orders to the workers.
    pub async fn operator(&self) -> Result<Operator, ControlError> {
        Operator::open(&self.broker.session().await, self.topology.prefix()).await
    }

    /// A merchant's checkpoint, which stays where it is.
    pub async fn checkpoint(&self, merchant: &str) -> Result<Option<Checkpoint>, CheckpointError> {
        self.broker.checkpoint(self.topology.prefix(), merchant).await
    }

    /// Publishes something as a worker does.
    pub async fn publish_own(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        self.publisher.publish(outgoing).await
    }

    /// How the connection is, from its next change on.
    pub fn state(&self) -> watch::Receiver<BrokerState> {
        let mut state = self.broker.state();
        state.mark_unchanged();
        state
    }

    /// Tries to publish until the broker confirms it, or another try is pointless.
    pub async fn publish(
        &self,
        work: Work,
        message: &Copied,
        halt: &CancellationToken,
    ) -> Result<(), PublishError> {
        let mut in_doubt = false;
        let mut wait = WAIT_FIRST;
        for attempt in 1..=TRIES {
            match self.publisher.publish_new(work, message).await {
                Ok(()) => return Ok(()),
                Err(why) => {
                    in_doubt = in_doubt || why == PublishError::Unconfirmed;
                    if why == PublishError::Unroutable || attempt == TRIES || halt.is_cancelled() {
                        return Err(if in_doubt { PublishError::Unconfirmed } else { why });
                    }
                }
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = halt.cancelled() => {}
            }
            wait = wait.saturating_mul(2);
        }
        Err(PublishError::Unconfirmed)
    }

    pub async fn close(self) {
        self.broker.close().await;
        self.supervisor.abort();
    }
}

/// A new intent or command as a message, signed if the merchant wants that.
pub fn message(body: Bytes, id: String, merchant: &Merchant, now: Moment) -> Copied {
    let Merchant { name, publisher_guard, .. } = merchant;
    let mut headers = Headers::new();
    if let Some(key) = publisher_guard.signing_keys.first() {
        headers.insert(SIGNATURE.to_owned(), Value::Text(key.sign(name, &id, &body)));
    }
    let properties = Properties {
        content_type: Some("application/json".to_owned()),
        message_id: Some(id),
        app_id: Some("smartsend".to_owned()),
        timestamp: u64::try_from(now.wall.as_second()).ok(),
        ..Properties::default()
    };
    Copied { merchant: name.clone(), body, properties, headers }
}

/// What to show the person who waits, each thing once.
pub struct Notes {
    work: Work,
    trouble_reported: bool,
    idle_reported: bool,
}

impl Notes {
    pub fn about(work: Work) -> Self {
        Self { work, trouble_reported: false, idle_reported: false }
    }

    /// For a change of the connection.
    pub fn of_state(&mut self, state: &BrokerState) -> Option<String> {
        let was_reported =
            std::mem::replace(&mut self.trouble_reported, *state != BrokerState::Connected);
        match state {
            BrokerState::Connected => {
                was_reported.then(|| "RabbitMQ accepts messages again".to_owned())
            }
            BrokerState::Disconnected { reason } => {
                Some(format!("not connected to RabbitMQ, reconnecting: {reason}"))
            }
            BrokerState::Blocked => Some(
                "RabbitMQ accepts no messages: it is short of memory or disk; waiting until it \
                 recovers"
                    .to_owned(),
            ),
        }
    }

    /// For an answer to whether anybody consumes the messages.
    pub fn of_consumers(&mut self, consumed: bool) -> Option<String> {
        let was_reported = std::mem::replace(&mut self.idle_reported, !consumed);
        let noun = self.work.noun();
        match (consumed, was_reported) {
            (true, true) => Some(format!("a worker consumes the {noun}s now")),
            (false, false) => Some(format!(
                "nobody consumes the {noun}s at the moment, so no result can come: start a worker \
                 with `smartsend run`; if there is one, its /readyz says why it consumes nothing"
            )),
            (true, false) | (false, true) => None,
        }
    }
}
