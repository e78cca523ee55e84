//! What `/status` and `/readyz` show at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{
    CircuitBreakerState, Component, ConnectionStands, ConnectionState, ConsumerState,
    MerchantStands, Since, Stands, Status,
};
use crate::telemetry::metrics::Levels;

/// A moment, as JSON shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

/// Why the worker is not ready.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct NotReady {
    component: Component,
    /// The merchant, or the connection.
    name: Option<String>,
    /// A sentence: what is not ready, and what to do.
    reason: String,
    since: Time,
}

/// How everything stood at one moment.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    version: &'static str,
    uptime_seconds: u64,
    now: Time,
    ready: bool,
    not_ready: Vec<NotReady>,
    merchants: BTreeMap<String, Merchant>,
    connections: BTreeMap<String, Connection>,
}

#[derive(Debug, Serialize)]
struct Merchant {
    consumer: Since<ConsumerState>,
    circuit_breaker: Since<CircuitBreakerState>,
    throttle: Throttle,
    #[serde(flatten)]
    levels: Levels,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Throttle {
    Off,
    On { since: Time, until: Time },
}

#[derive(Debug, Serialize)]
struct Connection {
    #[serde(flatten)]
    state: Since<ConnectionState>,
    /// `host:port` that it is or was connected to.
    host: Option<String>,
    connects: u64,
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Status {
    /// Every reason why this process is not ready, as a sentence; none if it is.
    pub fn reasons(&self) -> Vec<String> {
        let mut sentences: Vec<_> =
            self.lock().reasons().into_iter().map(|reason| reason.reason).collect();
        sentences.dedup(); // several connections are down for one reason
        sentences
    }

    pub fn snapshot(&self) -> Snapshot {
        let now = self.now();
        let stands = self.lock();
        let not_ready = stands.reasons();
        let merchant = |(name, merchant): (&String, &MerchantStands)| {
            (name.clone(), Merchant::of(merchant, now.wall))
        };
        let connection = |(name, connection): (&String, &ConnectionStands)| {
            (name.clone(), Connection::of(connection))
        };
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: now.steady.saturating_sub(self.0.started.steady).as_secs(),
            now: Time(now.wall),
            ready: not_ready.is_empty(),
            not_ready,
            merchants: stands.merchants.iter().map(merchant).collect(),
            connections: stands.connections.iter().map(connection).collect(),
        }
    }
}

impl Stands {
    fn reasons(&self) -> Vec<NotReady> {
        let raised = self.raised.iter().map(|((component, name), sentence)| NotReady {
            component: *component,
            name: name.clone(),
            reason: sentence.is.clone(),
            since: sentence.since,
        });
        let breakers = self.merchants.iter().filter_map(|(name, merchant)| {
            let Since { is, since } = &merchant.circuit_breaker;
            let (name, since) = (Some(name.clone()), *since);
            let reason = is.unready(name.as_deref().unwrap_or_default())?;
            Some(NotReady { component: Component::CircuitBreaker, name, reason, since })
        });
        let connections = self.connections.iter().filter_map(|(name, connection)| {
            let Since { is, since } = &connection.state;
            let (name, reason) = (Some(name.clone()), is.unready()?);
            Some(NotReady { component: Component::Broker, name, reason, since: *since })
        });
        let mut reasons: Vec<NotReady> = raised.chain(breakers).chain(connections).collect();
        reasons.sort_unstable();
        reasons
    }
}

impl CircuitBreakerState {
    fn unready(&self, merchant: &str) -> Option<String> {
        let Self::Open { reason, until } = self else { return None };
        let probe = until
            .map_or_else(String::new, |Time(at)| format!("; the next probe goes out at {at:.0}"));
        Some(format!("merchant {merchant}: the circuit breaker is open: {reason}{probe}"))
    }
}

impl ConnectionState {
    fn unready(&self) -> Option<String> {
        match self {
            Self::Connected => None,
            Self::Blocked => Some(
                "RabbitMQ takes no messages: it is short of memory or disk; nothing new is started"
                    .to_owned(),
            ),
            Self::Disconnected { reason } => Some(format!("not connected to RabbitMQ: {reason}")),
        }
    }
}

impl Merchant {
    fn of(stands: &MerchantStands, now: Timestamp) -> Self {
        let throttle = match &stands.throttle {
            Some(Since { is: until, since }) if *until > now => {
                Throttle::On { since: *since, until: Time(*until) }
            }
            Some(_) | None => Throttle::Off,
        };
        Self {
            consumer: stands.consumer.clone(),
            circuit_breaker: stands.circuit_breaker.clone(),
            throttle,
            levels: stands.metrics.levels(),
        }
    }
}

impl Connection {
    fn of(stands: &ConnectionStands) -> Self {
        let ConnectionStands { state, host, connects } = stands;
        Self { state: state.clone(), host: host.clone(), connects: *connects }
    }
}
