//! What `/status` and `/readyz` show at one moment.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::held_back::Pause;
use super::time::{Time, countdown};
use super::{
    CircuitBreakerState, Component, ConnectionState, QueueStatus, ReferenceStatus, Since, State,
    Status,
};
use crate::domain::reference::Reference;
use crate::telemetry::metrics::MerchantMetrics;

/// Something that is not ready, or that a person should know of.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct NotReady {
    component: Component,
    /// The merchant, or the connection.
    name: Option<String>,
    /// A sentence: what it is, and what to do.
    pub(super) reason: String,
    pub(super) since: Time,
}

/// A merchant's numbers of this moment.
pub(super) fn levels<S: Serializer>(
    metrics: &Arc<MerchantMetrics>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    metrics.levels().serialize(serializer)
}

impl Status {
    /// Ends the pauses whose time is over. While no call waits nobody else notices.
    pub fn end_pauses(&self) {
        let now = self.now().wall;
        for merchant in self.lock().merchants.values_mut() {
            if merchant.throttle.as_ref().is_some_and(|pause| pause.is.until.0 <= now) {
                merchant.throttle = None;
                merchant.metrics.throttled.set(0);
            }
            merchant.takeover.take_if(|pause| pause.is.until.0 <= now);
        }
    }

    /// What this process knows of one reference.
    pub fn of_reference(&self, reference: &Reference) -> ReferenceStatus {
        let now = Time(self.now().wall);
        let state = self.lock();
        let queues = state.merchants.iter().map(|(name, merchant)| {
            let known = merchant.on_its_way.get(reference);
            (name.clone(), QueueStatus { consumer: merchant.consumer.is, known })
        });
        let queues = queues.collect();
        ReferenceStatus { merchant_ref_id: reference.as_str().to_owned(), now, queues }
    }

    pub fn snapshot(&self) -> Value {
        self.end_pauses();
        let now = self.now();
        let mut state = self.lock();
        state.dead_letters.refresh(now);
        let reasons = state.reasons(now.wall);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": now.steady.saturating_sub(self.0.started.steady).as_secs(),
            "now": Time(now.wall),
            "ready": reasons.is_empty(),
            "not_ready": reasons,
            "notes": state.notes(now.wall),
            "merchants": state.merchants,
            "connections": state.connections,
            "queues": state.queues,
            "dead_letters": state.dead_letters,
        })
    }
}

impl State {
    /// What keeps this process from being ready.
    pub(super) fn reasons(&self, now: Timestamp) -> Vec<NotReady> {
        let raised = self.raised(false);
        let breakers = self.merchants.iter().filter_map(|(name, merchant)| {
            let Since { is, since } = &merchant.circuit_breaker;
            let (reason, name) = (is.unready(name, now)?, Some(name.clone()));
            Some(NotReady { component: Component::CircuitBreaker, name, reason, since: *since })
        });
        let connections = self.connections.iter().filter_map(|(name, connection)| {
            let Since { is, since } = &connection.state;
            let (reason, name) = (is.unready()?, Some(name.clone()));
            Some(NotReady { component: Component::Broker, name, reason, since: *since })
        });
        let limits = self.merchants.iter().filter_map(|(name, merchant)| {
            let Since { is, since } = merchant.spend_limit.as_ref()?;
            let (reason, name) = (is.unready(name, now), Some(name.clone()));
            Some(NotReady { component: Component::SpendLimit, name, reason, since: *since })
        });
        let paused = self.merchants.iter().filter_map(|(name, merchant)| {
            let paused = merchant.paused.as_ref()?;
            let (reason, name) = (paused.unready(name), Some(name.clone()));
            Some(NotReady { component: Component::Paused, name, reason, since: paused.since })
        });
        let all = raised.chain(breakers).chain(paused).chain(limits).chain(connections);
        let mut reasons: Vec<NotReady> = all.collect();
        let all: Vec<_> = reasons.iter().map(|it| (it.component, it.name.clone())).collect();
        reasons.retain(|it| {
            let explains = |(component, name): &(Component, Option<String>)| {
                name.is_some() && *name == it.name && it.component.is_explained_by(*component)
            };
            !all.iter().any(explains)
        });
        reasons.sort_unstable();
        reasons
    }

    /// What a person should know of though all is ready.
    pub(super) fn notes(&self, now: Timestamp) -> Vec<NotReady> {
        let pauses = self.merchants.iter().flat_map(|(name, merchant)| {
            let note = |component, pause: &Since<Pause>, what| {
                let until = countdown(pause.is.until, now);
                let reason = format!("merchant {name}: {what} until {until}");
                NotReady { component, name: Some(name.clone()), reason, since: pause.since }
            };
            let throttle = merchant.throttle.as_ref().map(|pause| {
                let what = "the provider asked for fewer requests; none is sent";
                note(Component::Throttle, pause, what)
            });
            let takeover = merchant.takeover.as_ref().map(|pause| {
                let what = "another process may have been sending until now; nothing is created";
                note(Component::Takeover, pause, what)
            });
            let Since { is, since } = &merchant.circuit_breaker;
            let half_open = is.note(name).map(|reason| {
                let (component, name) = (Component::CircuitBreaker, Some(name.clone()));
                NotReady { component, name, reason, since: *since }
            });
            throttle.into_iter().chain(takeover).chain(half_open)
        });
        let dead_letters = self.dead_letters.notes().map(|(reason, since)| NotReady {
            component: Component::DeadLetters,
            name: None,
            reason,
            since: Time(since),
        });
        self.raised(true).chain(pauses).chain(dead_letters).collect()
    }

    fn raised(&self, notes: bool) -> impl Iterator<Item = NotReady> {
        let raised = self.raised.iter();
        let raised = raised.filter(move |((component, _), _)| component.is_note() == notes);
        raised.map(|((component, name), Since { is, since })| NotReady {
            component: *component,
            name: name.clone(),
            reason: is.clone(),
            since: *since,
        })
    }
}

impl CircuitBreakerState {
    fn unready(&self, merchant: &str, now: Timestamp) -> Option<String> {
        let Self::Open { until, .. } = self else { return None };
        let why = self.why_open()?;
        let probe = match until {
            None => String::new(),
            Some(Time(at)) if *at <= now => "; a probe is under way".to_owned(),
            Some(at) => format!("; the next probe goes out at {}", countdown(*at, now)),
        };
        Some(format!("merchant {merchant}: the circuit breaker is open: {why}{probe}"))
    }
}

impl CircuitBreakerState {
    /// A provider whose lookups work and whose creates fail opens it again and again.
    fn note(&self, merchant: &str) -> Option<String> {
        let Self::HalfOpen { after: Some(why) } = self else { return None };
        Some(format!(
            "merchant {merchant}: the circuit breaker is half-open, and one call goes out at a time, \
             until a create is answered; it was open because {why}"
        ))
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
