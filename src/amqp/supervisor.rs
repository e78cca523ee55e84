//! Keeps the publishing session alive, and makes those that consume.
//!
//! lapin can recover a connection automatically, but then the stream of deliveries shows no sign of
//! it, earlier confirms hang, and a connection that was dropped while it recovered comes back as a
//! consumer that nothing reads. So recovery is off, and a session that has ended is replaced whole.
//! Each ends on its own: a delivery whose result cannot be published at the moment waits for the
//! next publishing session, and one whose consuming session has ended is not acknowledged at all,
//! whatever was published for it, and comes back.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channel_pool::ChannelPool;
use super::checkpoint;
use super::connection::ConnectError;
use super::connections::{BrokerState, ConnectionBoard, ConnectionInfo, Connections};
use super::outage::Outage;
use super::session::{Session, Settings};
use super::tls::BrokerConfigError;
use crate::config;
use crate::ports::{Checkpoint, CheckpointError, Clock};
use crate::telemetry::events;
use crate::telemetry::status::QueueCount;

/// How long [`Broker::close`] waits for the connections to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a connection's state is polled. lapin's event stream is no alternative: it loses what
/// happens before it is requested, and two listeners share one stream.
const WATCH_EVERY: Duration = Duration::from_millis(100);
const PUBLISH: &str = "publish";

/// The broker, for the life of the process, through any number of sessions.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    pool: watch::Sender<Option<Arc<ChannelPool>>>,
    /// Of the publishing connection.
    state: watch::Sender<BrokerState>,
    connections: ConnectionBoard,
    /// The tasks of the supervisor and of each session.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Broker {
    /// Reads the configuration. The future is the supervisor: it connects, and runs until
    /// [`Broker::close`].
    pub fn start(
        config: &config::Broker,
        clock: impl Clock,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), BrokerConfigError> {
        let settings = Settings::read(config, clock)?;
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            pool: watch::Sender::new(None),
            state: watch::Sender::new(ConnectionInfo::default().state),
            connections: ConnectionBoard::new(PUBLISH),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let supervisor = shared.tasks.track_future(supervise(Arc::clone(&shared)));
        Ok((Self { shared }, supervisor))
    }

    /// The channels of the live publishing session, now or as soon as there is one. After
    /// [`Broker::close`] there is none.
    pub(super) async fn pool(&self) -> Arc<ChannelPool> {
        let live = |pool: &Option<Arc<ChannelPool>>| {
            pool.as_ref().is_some_and(|pool| pool.session().is_live())
        };
        let mut pools = self.shared.pool.subscribe();
        loop {
            if let Ok(Some(pool)) = pools.wait_for(live).await.map(|found| found.clone()) {
                return pool;
            }
        }
    }

    /// The live publishing session, now or as soon as there is one.
    pub async fn session(&self) -> Session {
        self.pool().await.session().clone()
    }

    /// A session to consume on, which ends on its own, or once another one has replaced it and
    /// nothing uses it any more.
    pub async fn connect(&self, purpose: &str) -> Result<Session, ConnectError> {
        connect(&self.shared, purpose).await
    }

    /// The state of the publishing connection and its changes.
    pub fn state(&self) -> watch::Receiver<BrokerState> {
        self.shared.state.subscribe()
    }

    pub fn connections(&self) -> watch::Receiver<Connections> {
        self.shared.connections.watch()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// A merchant's checkpoint, which stays where it is.
    pub async fn checkpoint(
        &self,
        prefix: &str,
        merchant: &str,
    ) -> Result<Option<Checkpoint>, CheckpointError> {
        checkpoint::read(&self.shared.settings, prefix, merchant).await
    }

    /// What a queue holds now; `None` if that is unknown.
    pub async fn count(&self, queue: &str) -> Option<QueueCount> {
        self.shared.connections.any()?.count(queue).await
    }

    /// Ends every session and the supervisor, within a few seconds whatever the broker does.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        timeout(CLOSE_TIMEOUT, self.shared.tasks.wait()).await.ok();
        self.shared.pool.send_replace(None);
    }
}

/// Keeps a publishing session. One whose channel numbers run out is replaced before they have, and
/// publishes under way still get their answers on it.
async fn supervise(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    while !shared.stop.is_cancelled() {
        let mut session = tokio::select! {
            session = connect_at_last(&shared, &mut outage) => session,
            () = shared.stop.cancelled() => break,
        };
        let born = shared.settings.now();
        shared.pool.send_replace(Some(ChannelPool::new(session.clone())));
        while session.is_live() {
            tokio::select! {
                () = session.ended() => {}
                () = sleep(WATCH_EVERY) => {}
            }
            if session.connection().is_worn()
                && !session.is_blocked()
                && let Ok(next) = connect(&shared, PUBLISH).await
            {
                session = next;
                shared.pool.send_replace(Some(ChannelPool::new(session.clone())));
            }
        }
        shared.pool.send_replace(None);
        outage.ended(born, shared.settings.now());
    }
    events::broker_closed();
}

/// Tries the hosts, round after round, until one gives a publishing connection.
async fn connect_at_last(shared: &Arc<Shared>, outage: &mut Outage) -> Session {
    loop {
        if let Some(wait) = outage.wait(shared.settings.now()) {
            sleep(wait).await;
        }
        match connect(shared, PUBLISH).await {
            Ok(session) => return session,
            Err(refusal) => outage.failed(refusal.is_refused()),
        }
    }
}

async fn connect(shared: &Arc<Shared>, purpose: &str) -> Result<Session, ConnectError> {
    let connected = Session::connect(&shared.settings, purpose, &shared.stop).await;
    match &connected {
        Ok(session) => {
            shared.connections.connected(purpose, session);
            shared.report(purpose, Some(session), &BrokerState::Connected);
            shared.tasks.spawn(keep(Arc::clone(shared), session.clone(), purpose.to_owned()));
        }
        Err(error) => {
            shared.publish_state(
                purpose,
                None,
                &BrokerState::Disconnected { reason: error.to_string() },
            );
        }
    }
    connected
}

/// Watches a session until it ends, and closes it.
async fn keep(shared: Arc<Shared>, session: Session, purpose: String) {
    while session.is_live() {
        let is_blocked = session.observe();
        let state = if is_blocked { BrokerState::Blocked } else { BrokerState::Connected };
        shared.publish_state(&purpose, Some(&session), &state);
        tokio::select! {
            () = session.ended() => {}
            () = sleep(WATCH_EVERY) => {}
        }
    }
    let reason = session.reason().to_owned();
    shared.publish_state(&purpose, Some(&session), &BrokerState::Disconnected { reason });
    session.close().await;
}

impl Shared {
    /// Reports each change of a state once.
    fn publish_state(&self, purpose: &str, session: Option<&Session>, state: &BrokerState) {
        if self.connections.changed(purpose, session, state) {
            self.report(purpose, session, state);
        }
    }

    fn report(&self, purpose: &str, session: Option<&Session>, state: &BrokerState) {
        let is_news = !self.stop.is_cancelled();
        let was = (purpose == PUBLISH).then(|| self.state.send_replace(state.clone()));
        match (was, state) {
            (None, BrokerState::Disconnected { reason }) if is_news && session.is_some() => {
                events::connection_lost(purpose, reason);
            }
            (Some(_), BrokerState::Disconnected { reason }) if is_news => {
                events::broker_lost(reason);
            }
            (Some(BrokerState::Disconnected { .. }), BrokerState::Connected) => {
                events::broker_connected(session.map_or("", |session| session.connection().host()));
            }
            (Some(BrokerState::Blocked), BrokerState::Connected) => events::publishing_unblocked(),
            (Some(_), BrokerState::Blocked) => events::publishing_blocked(),
            (Some(_) | None, _) => {}
        }
    }
}
