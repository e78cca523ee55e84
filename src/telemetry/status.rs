//! The worker's status: whether it is ready, and the state of each merchant and connection.
//!
//! States are kept as types, with the moments since and until which they hold, and become sentences
//! only when a page is rendered. A stored sentence goes stale: "paused for 8 s" is wrong a second
//! later.

mod dead_letters;
mod held_back;
mod merchant;
mod on_its_way;
mod queues;
mod readiness;
mod snapshot;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::events;
use super::metrics::{CallFailure, MerchantMetrics, Metrics};
use crate::ports::{Clock, Moment};
use dead_letters::DeadLetters;
use held_back::{Pause, Paused, SpendLimit};
pub use merchant::MerchantStatus;
pub use on_its_way::{Known, OnItsWay, QueueStatus, ReferenceStatus, Step, Tracked};
pub use queues::{QueueCount, QueueCounts};
pub use time::Time;

/// What can keep the worker from being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Component {
    Start,
    Stop,
    Broker,
    Topology,
    Queue,
    /// What an earlier process left for this merchant.
    Checkpoint,
    Token,
    CircuitBreaker,
    /// Whether an operator has paused the merchant.
    Paused,
    /// A limit on money.
    SpendLimit,
    /// What was spent before this process was the active consumer.
    SpendSums,
    Results,
    Retries,
    Parked,
    /// Whether operators' orders are heard.
    Control,
    /// Who else consumes.
    Consumers,
    Throttle,
    Takeover,
    /// Whether the wall clock can be believed.
    Clock,
    DeadLetters,
}

impl Component {
    /// Whether what is raised of it keeps nothing from being ready.
    fn is_note(self) -> bool {
        match self {
            Self::Consumers | Self::Throttle | Self::Takeover | Self::Clock | Self::SpendSums => {
                true
            }
            Self::Start
            | Self::Stop
            | Self::Broker
            | Self::Topology
            | Self::Queue
            | Self::Checkpoint
            | Self::Token
            | Self::CircuitBreaker
            | Self::Paused
            | Self::SpendLimit
            | Self::Results
            | Self::Retries
            | Self::Parked
            | Self::Control
            | Self::DeadLetters => false,
        }
    }

    /// Whoever says what is wrong with a merchant need not say that it is starting, and an open
    /// breaker is why it has no token.
    fn is_explained_by(self, other: Self) -> bool {
        (self == Self::Start && other > Self::Start)
            || (self == Self::Token && other == Self::CircuitBreaker)
    }
}

/// Whether this process receives a merchant's deliveries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames,
)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ConsumerState {
    /// It does not consume: not connected, or the circuit breaker is open.
    Stopped,
    /// It consumes, but no delivery has come: perhaps another process is the active consumer.
    Standby,
    /// This process is the active consumer.
    Active,
}

/// What a merchant's circuit breaker lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, IntoStaticStr, VariantNames)]
#[serde(tag = "state", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CircuitBreakerState {
    Closed,
    Open {
        /// Why, and what to do.
        reason: String,
        /// What was seen last of the provider, if that is the reason.
        cause: Option<CallFailure>,
        /// When the next probe goes out; `None`: not before a restart.
        until: Option<Time>,
    },
    HalfOpen {
        /// Why it was open, and what was seen last of the provider; `None` if it was not.
        after: Option<String>,
    },
}

/// How a connection to the broker can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    Connected,
    /// It is up, but RabbitMQ accepts no publishes ("Memory and Disk Alarms").
    Blocked,
    Disconnected {
        /// Why; never with a login.
        reason: String,
    },
}

/// The worker's status. Clones share it.
#[derive(Clone)]
pub struct Status(Arc<Shared>);

struct Shared {
    metrics: Metrics,
    now: Box<dyn Fn() -> Moment + Send + Sync>,
    started: Moment,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Reasons that stay until they are cleared, by component and, where it has one, merchant.
    raised: BTreeMap<(Component, Option<String>), Since<String>>,
    merchants: BTreeMap<String, MerchantState>,
    connections: BTreeMap<String, Connection>,
    queues: QueueCounts,
    dead_letters: DeadLetters,
}

#[derive(Serialize)]
struct MerchantState {
    consumer: Since<ConsumerState>,
    circuit_breaker: Since<CircuitBreakerState>,
    throttle: Option<Since<Pause>>,
    spend_limit: Option<Since<SpendLimit>>,
    paused: Option<Paused>,
    /// Under the strict policy, the time in which a new active consumer creates nothing.
    takeover: Option<Since<Pause>>,
    /// What its queue held when it was counted last.
    queue: Option<QueueCount>,
    #[serde(skip)]
    on_its_way: Arc<OnItsWay>,
    #[serde(flatten, serialize_with = "snapshot::levels")]
    metrics: Arc<MerchantMetrics>,
}

#[derive(Serialize)]
struct Connection {
    #[serde(flatten)]
    state: Since<ConnectionState>,
    /// `host:port` that it is or was connected to.
    host: Option<String>,
    /// How often it was set up since the start.
    connects: u64,
}

/// A value, and when it came to be.
#[derive(Clone, Serialize)]
struct Since<T> {
    #[serde(flatten)]
    is: T,
    since: Time,
}

impl<T: PartialEq> Since<T> {
    /// Replaces it by another value, which holds since `now`; whether it is another one.
    fn becomes(&mut self, is: T, now: Timestamp) -> bool {
        let changes = self.is != is;
        if changes {
            *self = Self { is, since: Time(now) };
        }
        changes
    }
}

impl Status {
    /// A worker that is not ready before [`Status::started`].
    pub fn new<C: Clock>(metrics: &Metrics, clock: C) -> Self {
        let started = clock.now();
        let starting = Since { is: "the worker is starting".to_owned(), since: Time(started.wall) };
        let raised = BTreeMap::from([((Component::Start, None), starting)]);
        let state = Mutex::new(State { raised, ..State::default() });
        let now = Box::new(move || clock.now());
        Self(Arc::new(Shared { metrics: metrics.clone(), now, started, state }))
    }

    pub fn started(&self) {
        self.lock().raised.remove(&(Component::Start, None));
    }

    /// No new work is started from now on.
    pub fn stopping(&self) {
        self.insert(Component::Stop, None, "the worker is stopping".to_owned());
    }

    /// Adds a reason that is logged elsewhere.
    fn insert(&self, component: Component, merchant: Option<String>, is: String) {
        let since = Time(self.now().wall);
        self.lock().raised.insert((component, merchant), Since { is, since });
    }

    /// Reports what is not ready and what to do, in a sentence.
    pub fn raise(&self, component: Component, sentence: impl Into<String>) {
        self.raise_for(component, None, sentence.into());
    }

    /// Clears what was raised, if anything was.
    pub fn clear(&self, component: Component) {
        self.clear_for(component, None);
    }

    /// Adds a merchant, which is stopped and whose circuit breaker is half-open.
    pub fn merchant(&self, metrics: &Arc<MerchantMetrics>) -> MerchantStatus {
        let since = Time(self.now().wall);
        let on_its_way = Arc::default();
        let state = MerchantState {
            metrics: Arc::clone(metrics),
            consumer: Since { is: ConsumerState::Stopped, since },
            circuit_breaker: Since { is: CircuitBreakerState::HalfOpen { after: None }, since },
            throttle: None,
            spend_limit: None,
            paused: None,
            takeover: None,
            queue: None,
            on_its_way: Arc::clone(&on_its_way),
        };
        self.0.metrics.set_broker_connected(&metrics.connection(), false);
        self.lock().merchants.insert(metrics.merchant().to_owned(), state);
        let merchant =
            MerchantStatus { status: self.clone(), metrics: Arc::clone(metrics), on_its_way };
        merchant.set_consumer(ConsumerState::Stopped);
        merchant.set_circuit_breaker(&CircuitBreakerState::HalfOpen { after: None });
        merchant
    }

    /// A connection's state, and the host that it is connected to, if it is known.
    pub fn set_connection(&self, name: &str, state: ConnectionState, host: Option<String>) {
        let is_up = !matches!(state, ConnectionState::Disconnected { .. });
        self.0.metrics.set_broker_connected(name, is_up);
        let now = self.now().wall;
        let mut shared = self.lock();
        let connection = shared.connections.entry(name.to_owned()).or_insert_with(|| {
            let is = ConnectionState::Disconnected { reason: String::new() };
            Connection { state: Since { is, since: Time(now) }, host: None, connects: 0 }
        });
        let was_down = matches!(connection.state.is, ConnectionState::Disconnected { .. });
        connection.connects = connection.connects.saturating_add((is_up && was_down).into());
        connection.host = host.or_else(|| connection.host.take());
        connection.state.becomes(state, now);
    }

    /// A message that the broker put aside is announced with this reason, and parked. The routing
    /// key is its event's.
    pub fn put_aside(&self, routing_key: &str, reason: &str) {
        let now = self.now().wall;
        self.lock().dead_letters.announced(routing_key, reason, now);
    }

    /// A message that the broker put aside cannot be announced and parked yet.
    pub fn cannot_announce(&self, routing_key: &str, cause: String) {
        let now = self.now();
        self.lock().dead_letters.stuck(routing_key, cause, now);
    }

    /// How many messages were put aside since the start.
    pub fn put_aside_count(&self) -> u64 {
        self.lock().dead_letters.announced
    }

    /// The parked queue was empty when so many had been put aside.
    pub fn nothing_parked(&self, put_aside: u64) {
        self.lock().dead_letters.nothing_parked(put_aside);
    }

    fn raise_for(&self, component: Component, merchant: Option<&str>, sentence: String) {
        let since = Time(self.now().wall);
        let mut state = self.lock();
        let raised = state.raised.entry((component, merchant.map(str::to_owned)));
        let raised = raised.or_insert_with(|| Since { is: String::new(), since });
        if raised.is != sentence {
            events::raised(component, merchant, component.is_note(), &sentence);
            raised.is = sentence;
        }
    }

    fn clear_for(&self, component: Component, merchant: Option<&str>) {
        let before = self.lock().raised.remove(&(component, merchant.map(str::to_owned)));
        if let Some(before) = before {
            events::resolved(component, merchant, &before.is);
        }
    }

    fn withdraw_for(&self, component: Component, merchant: Option<&str>) {
        self.lock().raised.remove(&(component, merchant.map(str::to_owned)));
    }

    fn now(&self) -> Moment {
        (self.0.now)()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves whole values behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Status")
    }
}
