//! Says how a merchant stands, whenever that changes.

use std::time::Duration;

use super::Worker;
use crate::gate::State;
use crate::pipeline::{Exit, ShutExits};
use crate::ports::{Clock, Outbox, Provider, Queue};
use crate::telemetry::status::{CircuitBreakerState, Component, Time};

impl<Q: Queue, P: Provider, O: Outbox, C: Clock> Worker<Q, P, O, C> {
    /// Watches the gate and the ways out. Runs as long as it is polled.
    pub(super) async fn watch(&self) {
        let mut gate = self.desk.turns.state();
        let mut exits = self.desk.exits.watch();
        loop {
            let paused_until = self.show_gate(*gate.borrow_and_update());
            self.show_exits(*exits.borrow_and_update());
            let pause = async {
                let Some(until) = paused_until else { return std::future::pending::<()>().await };
                let now = self.desk.clock.now().steady;
                self.desk.clock.sleep(until.saturating_sub(now)).await;
                // Nothing may be waiting for its end.
                self.status.set_throttle(None);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = gate.changed() => {}
                // Its sender lives as long as the desk.
                Ok(()) = exits.changed() => {}
                () = pause => {}
            }
        }
    }

    /// Shows the gate's state; until when it is paused.
    fn show_gate(&self, state: State) -> Option<Duration> {
        let (breaker, paused_until) = match state {
            State::Open => (CircuitBreakerState::Closed, None),
            State::Probing => (CircuitBreakerState::HalfOpen, None),
            State::Paused { until, cut: false } => (CircuitBreakerState::Closed, Some(until)),
            State::Paused { until, cut: true } => (CircuitBreakerState::HalfOpen, Some(until)),
            State::Closed { why, probe_at } => {
                let now = self.desk.clock.now();
                let until = probe_at.map(|at| Time(now.wall_at(at)));
                (CircuitBreakerState::Open { reason: why.to_string(), until }, None)
            }
        };
        self.status.set_circuit_breaker(&breaker);
        self.status.set_throttle(paused_until);
        paused_until
    }

    fn show_exits(&self, shut: ShutExits) {
        for (component, is_shut, sentence) in [
            (
                Component::Results,
                shut.has(Exit::Results),
                "no queue is bound to the results exchange for this merchant's events, or it \
                 refuses them; bind a queue; nothing new is started",
            ),
            (
                Component::Retries,
                shut.has(Exit::Retries),
                "a retry queue is missing or refuses messages; run `smartsend topology apply`; \
                 nothing new is started",
            ),
            (
                Component::Parked,
                shut.has(Exit::Parked),
                "the parked queue is missing or refuses messages; run `smartsend topology apply`; \
                 nothing new is started",
            ),
        ] {
            if is_shut {
                self.status.raise(component, sentence);
            } else {
                self.status.clear(component);
            }
        }
    }
}
