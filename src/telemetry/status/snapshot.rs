//! What `/status` and `/readyz` show at one moment.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{CircuitBreakerState, Component, ConnectionState, Since, State, Status};
use crate::telemetry::metrics::MerchantMetrics;

/// A moment, as JSON shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct NotReady {
    component: Component,
    /// The merchant, or the connection.
    name: Option<String>,
    /// A sentence: what is not ready, and what to do.
    reason: String,
    since: Time,
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// A merchant's numbers of this moment.
pub(super) fn levels<S: Serializer>(
    metrics: &Arc<MerchantMetrics>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    metrics.levels().serialize(serializer)
}

impl Status {
    /// Every reason why this process is not ready, as a sentence; none if it is.
    pub fn reasons(&self) -> Vec<String> {
        let mut sentences: Vec<_> =
            self.lock().reasons().into_iter().map(|reason| reason.reason).collect();
        sentences.dedup(); // several connections can be down for the same reason
        sentences
    }

    /// Ends the pauses whose time is over. While no call waits nobody else notices.
    pub fn end_pauses(&self) {
        let now = self.now().wall;
        for merchant in self.lock().merchants.values_mut() {
            if merchant.throttle.as_ref().is_some_and(|pause| pause.is.until.0 <= now) {
                merchant.throttle = None;
                merchant.metrics.throttled.set(0);
            }
        }
    }

    pub fn snapshot(&self) -> Value {
        self.end_pauses();
        let now = self.now();
        let state = self.lock();
        let reasons = state.reasons();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": now.steady.saturating_sub(self.0.started.steady).as_secs(),
            "now": Time(now.wall),
            "ready": reasons.is_empty(),
            "not_ready": reasons,
            "merchants": state.merchants,
            "connections": state.connections,
        })
    }
}

impl State {
    fn reasons(&self) -> Vec<NotReady> {
        let raised = self.raised.iter().map(|((component, name), Since { is, since })| NotReady {
            component: *component,
            name: name.clone(),
            reason: is.clone(),
            since: *since,
        });
        let breakers = self.merchants.iter().filter_map(|(name, merchant)| {
            let Since { is, since } = &merchant.circuit_breaker;
            let (reason, name) = (is.unready(name)?, Some(name.clone()));
            Some(NotReady { component: Component::CircuitBreaker, name, reason, since: *since })
        });
        let connections = self.connections.iter().filter_map(|(name, connection)| {
            let Since { is, since } = &connection.state;
            let (reason, name) = (is.unready()?, Some(name.clone()));
            Some(NotReady { component: Component::Broker, name, reason, since: *since })
        });
        let mut reasons: Vec<NotReady> = raised.chain(breakers).chain(connections).collect();
        // Whoever says what is wrong no longer has to say that it is starting.
        let told: Vec<_> = reasons
            .iter()
            .filter(|reason| reason.component != Component::Start)
            .filter_map(|reason| reason.name.clone())
            .collect();
        reasons.retain(|reason| {
            let is_told = reason.name.as_ref().is_some_and(|name| told.contains(name));
            reason.component != Component::Start || !is_told
        });
        reasons.sort_unstable();
        reasons
    }
}

impl CircuitBreakerState {
    fn unready(&self, merchant: &str) -> Option<String> {
        let Self::Open { until, .. } = self else { return None };
        let why = self.why_open()?;
        let probe = until
            .map_or_else(String::new, |Time(at)| format!("; the next probe goes out at {at:.0}"));
        Some(format!("merchant {merchant}: the circuit breaker is open: {why}{probe}"))
    }
}

impl ConnectionState {
    fn unready(&self) -> Option<String> {
        const BLOCKED: &str =
            "RabbitMQ accepts no messages: it is short of memory or disk; nothing new is started";
        match self {
            Self::Connected => None,
            Self::Blocked => Some(BLOCKED.to_owned()),
            Self::Disconnected { reason } => Some(format!("not connected to RabbitMQ: {reason}")),
        }
    }
}
