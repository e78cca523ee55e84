//! Keeps one session alive, and replaces it whole.
//!
//! lapin can recover a connection by itself, and then the stream of deliveries shows no sign of
//! it, confirms of before hang, and a connection that was dropped while it recovered comes back as
//! a consumer that nobody reads. So recovery is off, and both connections are made anew: consuming
//! and publishing fail together, because a delivery is worth nothing while its result has no way
//! out, and a result is worth nothing while its delivery can no longer be acknowledged.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::ConnectError;
use super::hosts::{BrokerConfigError, Host, Hosts};
use super::session::{Session, Settings};
use super::topology::names::parked_name;
use super::topology::{Missing, Topology, TopologyError, apply_on, verify_on};
use crate::config;
use crate::ports::{Clock, Moment};
use crate::telemetry::events;

/// The shortest wait between two rounds over the hosts.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// The longest while nobody answers. Asking costs little then, and the first intent is to move
/// within two seconds of the broker's return, however long it was away.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// The longest where a broker is there and does not want us, or lets us go at once: each session
/// costs it work, and has it deliver everything again.
const WAIT_MAX_UNWANTED: Duration = Duration::from_secs(5);
/// The wait is this part of the outage so far.
const OUTAGE_SHARE: u32 = 20;
/// A session that lived so long ends the outage before it; one that did not counts as a part.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// How often both connections' states are read. lapin's event stream would be the other way, but
/// it loses what happens before it is asked for, and two listeners share one stream.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// How long [`Broker::close`] waits for both goodbyes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Why a session ends that has done nothing wrong.
const STOPPING: &str = "the worker stops";

/// The broker, as long as the process lives, through any number of sessions.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

/// How the broker can be used at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// Both connections are up.
    Connected,
    /// There is no session, for the reason given as a sentence without a secret.
    Disconnected {
        /// Why.
        reason: String,
    },
    /// Both are up, but the broker takes no publishes (RabbitMQ "Memory and Disk Alarms").
    Blocked,
}

struct Shared {
    settings: Arc<Settings>,
    parked_queue: String,
    sessions: watch::Sender<Option<Session>>,
    state: watch::Sender<BrokerState>,
    stop: CancellationToken,
    stopped: CancellationToken,
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
            sessions: watch::Sender::new(None),
            state: watch::Sender::new(BrokerState::Disconnected { reason }),
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
        });
        let supervisor = supervise(Arc::clone(&shared));
        Ok((Self { shared }, supervisor))
    }

    /// A live session, now or as soon as there is one. After [`Broker::close`] there is none.
    pub async fn session(&self) -> Session {
        if let Some(session) = self.live_session() {
            return session;
        }
        let mut sessions = self.shared.sessions.subscribe();
        loop {
            let live = |session: &Option<Session>| session.as_ref().is_some_and(Session::is_live);
            if let Ok(Some(session)) = sessions.wait_for(live).await.map(|found| found.clone()) {
                return session;
            }
        }
    }

    /// The session at hand, if it lives.
    pub(super) fn live_session(&self) -> Option<Session> {
        let session = self.shared.sessions.borrow();
        session.as_ref().filter(|session| session.is_live()).cloned()
    }

    /// Host and port of the session at hand; never the login.
    pub fn address(&self) -> Option<String> {
        self.live_session().map(|session| session.address().to_owned())
    }

    /// What can be told of it, and when that changes.
    pub fn state(&self) -> watch::Receiver<BrokerState> {
        self.shared.state.subscribe()
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.shared.settings
    }

    /// How long one answer of the broker may take.
    pub(super) fn confirm_timeout(&self) -> Duration {
        self.shared.settings.confirm_timeout
    }

    /// How many messages wait in the parked queue now; `None` if nobody can say.
    pub async fn parked_count(&self) -> Option<u64> {
        let session = self.live_session()?;
        let count = session.ready_count(&self.shared.parked_queue).await?;
        Some(count.into())
    }

    /// Finds what of the topology is missing, on a connection of its own.
    pub async fn verify(&self, topology: &Topology) -> Result<Missing, TopologyError> {
        verify_on(&self.shared.settings.hosts, topology).await
    }

    /// Declares the topology, on a connection of its own.
    pub async fn apply(&self, topology: &Topology) -> Result<(), TopologyError> {
        apply_on(&self.shared.settings.hosts, topology).await
    }

    /// Ends the session and the supervisor, within a few seconds whatever the broker does.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        timeout(CLOSE_TIMEOUT, self.shared.stopped.cancelled()).await.ok();
        if let Some(session) = self.shared.sessions.send_replace(None) {
            session.end(STOPPING);
        }
    }
}

async fn supervise(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    loop {
        let session = tokio::select! {
            session = shared.connect(&mut outage) => session,
            () = shared.stop.cancelled() => break,
        };
        let born = shared.now();
        shared.sessions.send_replace(Some(session.clone()));
        shared.tell(BrokerState::Connected, session.address());
        shared.watch(&session).await;
        session.end(STOPPING);
        shared.sessions.send_replace(None);
        if shared.stop.is_cancelled() {
            session.close().await;
            break;
        }
        let reason = session.reason().to_owned();
        shared.tell(BrokerState::Disconnected { reason }, session.address());
        session.close().await;
        if shared.now().since(born) >= SETTLED_AFTER {
            outage = Outage::default();
        } else {
            outage.unwanted = true;
        }
    }
    let reason = STOPPING.to_owned();
    shared.state.send_replace(BrokerState::Disconnected { reason });
    events::broker_closed();
    shared.stopped.cancel();
}

impl Shared {
    fn now(&self) -> Moment {
        (self.settings.now)()
    }

    /// Tries the hosts, round after round, until one gives both connections.
    async fn connect(&self, outage: &mut Outage) -> Session {
        loop {
            if let Some(wait) = outage.wait(self.now()) {
                sleep(wait).await;
            }
            match self.settings.hosts.first(|host| self.open_on(host)).await {
                Ok(session) => return session,
                Err(refusal) => {
                    outage.unwanted = refusal.is_refused();
                    let reason = refusal.to_string();
                    self.tell(BrokerState::Disconnected { reason }, "");
                }
            }
        }
    }

    async fn open_on(&self, host: Host<'_>) -> Result<Session, ConnectError> {
        let (consume, publish) = tokio::try_join!(host.open("consume"), host.open("publish"))?;
        Ok(Session::new(consume, publish, host.address, Arc::clone(&self.settings)))
    }

    /// Returns once the session has ended or the worker stops.
    async fn watch(&self, session: &Session) {
        loop {
            tokio::select! {
                () = session.ended() => return,
                () = self.stop.cancelled() => return,
                () = sleep(WATCH_EVERY) => {}
            }
            let blocked = session.observe();
            if !session.is_live() {
                return;
            }
            let state = if blocked { BrokerState::Blocked } else { BrokerState::Connected };
            self.tell(state, session.address());
        }
    }

    /// Says what has changed, once.
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
        self.state.send_replace(state);
    }
}

/// How long there has been no session that held.
#[derive(Default)]
struct Outage {
    since: Option<Moment>,
    /// Whether a broker was there the last time, and would not keep us.
    unwanted: bool,
}

impl Outage {
    /// How long to wait before the next round; the very first goes at once. The jitter keeps
    /// replicas from coming back in step.
    fn wait(&mut self, now: Moment) -> Option<Duration> {
        let Some(since) = self.since else {
            self.since = Some(now);
            return None;
        };
        let longest = if self.unwanted { WAIT_MAX_UNWANTED } else { WAIT_MAX };
        let wait = (now.since(since) / OUTAGE_SHARE).clamp(WAIT_MIN, longest);
        Some(rand::random_range(wait / 2..=wait))
    }
}
