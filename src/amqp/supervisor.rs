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
use super::connection::ConnectError;
use super::connections::{BrokerState, ConnectionBoard, Connections};
use super::hosts::{BrokerConfigError, Hosts};
use super::outage::Outage;
use super::session::{STOPPING, Session, Settings, WATCH_EVERY};
use super::topology::names::parked_name;
use super::topology::{Topology, TopologyError, apply_on, inspect_queue, verify_on};
use crate::config;
use crate::ports::{Clock, Moment};
use crate::telemetry::events;

/// How long [`Broker::close`] waits for the connections to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The publishing connection's name.
const PUBLISH: &str = "publish";

/// The broker, for the life of the process, through any number of sessions.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    parked_queue: String,
    pool: watch::Sender<Option<ChannelPool>>,
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
        let settings = Settings {
            hosts: Hosts::read(config)?,
            confirm_timeout: config.confirm_timeout,
            heartbeat: config.heartbeat.into(),
            now: Box::new(move || clock.now()),
        };
        let reason = "not connected yet".to_owned();
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            parked_queue: parked_name(&config.prefix),
            pool: watch::Sender::new(None),
            connections: ConnectionBoard::new(PUBLISH, &reason),
            state: watch::Sender::new(BrokerState::Disconnected { reason }),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let supervisor = shared.tasks.track_future(supervise(Arc::clone(&shared)));
        Ok((Self { shared }, supervisor))
    }

    /// The channels of the live publishing session, now or as soon as there is one. After
    /// [`Broker::close`] there is none.
    pub(super) async fn pool(&self) -> ChannelPool {
        if let Some(pool) = self.live_pool() {
            return pool;
        }
        let mut pools = self.shared.pool.subscribe();
        loop {
            let live = |pool: &Option<ChannelPool>| pool.as_ref().is_some_and(is_live);
            if let Ok(Some(pool)) = pools.wait_for(live).await.map(|found| found.clone()) {
                return pool;
            }
        }
    }

    pub(super) fn live_pool(&self) -> Option<ChannelPool> {
        let pool = self.shared.pool.borrow();
        pool.as_ref().filter(|pool| is_live(pool)).cloned()
    }

    /// The live publishing session, now or as soon as there is one.
    pub async fn session(&self) -> Session {
        self.pool().await.session().clone()
    }

    /// A session to consume on, which ends on its own.
    pub async fn connect(&self, purpose: &str) -> Result<Session, ConnectError> {
        let connected = self.shared.connect(purpose).await;
        match &connected {
            Ok(session) => {
                let (shared, purpose) = (Arc::clone(&self.shared), purpose.to_owned());
                self.shared.tasks.spawn(keep(shared, session.clone(), purpose));
            }
            Err(error) => self.shared.connections.disconnected(purpose, &error.to_string()),
        }
        connected
    }

    /// The state of the publishing connection and its changes.
    pub fn state(&self) -> watch::Receiver<BrokerState> {
        self.shared.state.subscribe()
    }

    /// All connections and their changes.
    pub fn connections(&self) -> watch::Receiver<Connections> {
        self.shared.connections.watch()
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.shared.settings
    }

    /// How long one answer of the broker may take.
    pub(super) fn confirm_timeout(&self) -> Duration {
        self.shared.settings.confirm_timeout
    }

    pub(super) fn now(&self) -> Moment {
        self.shared.now()
    }

    /// How many messages wait in the parked queue now; `None` if that is unknown.
    pub async fn parked_count(&self) -> Option<u64> {
        let pool = self.live_pool()?;
        let counting = async {
            let channel = pool.take().await?;
            let count = inspect_queue(&channel, &self.shared.parked_queue).await.ok()?;
            pool.give_back(channel);
            Some(count.into())
        };
        timeout(self.confirm_timeout(), counting).await.ok()?
    }

    /// Finds what is missing of the topology, on a connection of its own.
    pub async fn verify(&self, topology: &Topology) -> Result<Vec<String>, TopologyError> {
        verify_on(&self.shared.settings.hosts, topology).await
    }

    /// Declares the topology, on a connection of its own.
    pub async fn apply(&self, topology: &Topology) -> Result<(), TopologyError> {
        apply_on(&self.shared.settings.hosts, topology).await
    }

    /// Ends every session and the supervisor, within a few seconds whatever the broker does.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        timeout(CLOSE_TIMEOUT, self.shared.tasks.wait()).await.ok();
        self.shared.pool.send_replace(None);
    }
}

fn is_live(pool: &ChannelPool) -> bool {
    pool.session().is_live()
}

/// Watches a session to consume on until it ends, and closes it.
async fn keep(shared: Arc<Shared>, session: Session, purpose: String) {
    session.watch().await;
    shared.connections.ended(&purpose, &session);
    if !shared.stop.is_cancelled() {
        events::connection_lost(&purpose, session.reason());
    }
    session.close().await;
}

async fn supervise(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    while !shared.stop.is_cancelled() {
        let session = tokio::select! {
            session = shared.connect_at_last(&mut outage) => session,
            () = shared.stop.cancelled() => break,
        };
        let born = shared.now();
        let mut pool = ChannelPool::new(session);
        shared.pool.send_replace(Some(pool.clone()));
        shared.tell(BrokerState::Connected, pool.session().address());
        shared.watch(&mut pool).await;
        shared.pool.send_replace(None);
        if !shared.stop.is_cancelled() {
            let reason = pool.session().reason().to_owned();
            shared.tell(BrokerState::Disconnected { reason }, "");
        }
        pool.session().close().await;
        outage.ended(born, shared.now());
    }
    shared.connections.disconnected(PUBLISH, STOPPING);
    let reason = STOPPING.to_owned();
    shared.state.send_replace(BrokerState::Disconnected { reason });
    events::broker_closed();
}

impl Shared {
    fn now(&self) -> Moment {
        (self.settings.now)()
    }

    async fn connect(&self, purpose: &str) -> Result<Session, ConnectError> {
        let session = Session::connect(&self.settings, purpose, &self.stop).await?;
        self.connections.connected(purpose, &session);
        Ok(session)
    }

    /// Tries the hosts, round after round, until one gives a publishing connection.
    async fn connect_at_last(&self, outage: &mut Outage) -> Session {
        loop {
            if let Some(wait) = outage.wait(self.now()) {
                sleep(wait).await;
            }
            match self.connect(PUBLISH).await {
                Ok(session) => return session,
                Err(refusal) => {
                    outage.failed(refusal.is_refused());
                    let reason = refusal.to_string();
                    self.tell(BrokerState::Disconnected { reason }, "");
                }
            }
        }
    }

    /// Returns once the publishing session has ended. One whose channel numbers run out is replaced
    /// before, and publishes under way still get their answers there.
    async fn watch(&self, pool: &mut ChannelPool) {
        loop {
            tokio::select! {
                () = pool.session().ended() => return,
                () = sleep(WATCH_EVERY) => {}
            }
            let blocked = pool.session().observe();
            if !pool.session().is_live() {
                return;
            }
            let state = if blocked { BrokerState::Blocked } else { BrokerState::Connected };
            self.tell(state, pool.session().address());
            if !blocked && pool.session().is_worn() {
                self.renew(pool).await;
            }
        }
    }

    async fn renew(&self, pool: &mut ChannelPool) {
        if let Ok(session) = self.connect(PUBLISH).await {
            let worn = std::mem::replace(pool, ChannelPool::new(session));
            self.pool.send_replace(Some(pool.clone()));
            self.tasks.spawn(worn.retire());
        }
    }

    /// Reports each change of the publishing state once.
    fn tell(&self, state: BrokerState, address: &str) {
        let was = self.state.borrow().clone();
        if was == state {
            return;
        }
        match (&was, &state) {
            (BrokerState::Blocked, BrokerState::Connected) => events::publishing_unblocked(),
            (_, BrokerState::Connected) => events::broker_connected(address),
            (_, BrokerState::Disconnected { reason }) => events::broker_lost(reason),
            (_, BrokerState::Blocked) => events::publishing_blocked(),
        }
        match &state {
            BrokerState::Disconnected { reason } => self.connections.disconnected(PUBLISH, reason),
            BrokerState::Connected | BrokerState::Blocked => {
                self.connections.becomes(PUBLISH, &state);
            }
        }
        self.state.send_replace(state);
    }
}
