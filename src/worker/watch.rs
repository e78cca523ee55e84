//! Tells how a merchant stands, whenever that changes.

use std::mem::discriminant;
use std::time::Duration;

use super::Worker;
use crate::gate::State;
use crate::observe::facts::intents::{GateChanged, MerchantSeen};
use crate::pipeline::{Exit, ShutExits};
use crate::ports::{Clock, Outbox, Provider, Queue};

/// How often numbers are told that change all the time.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);

impl<Q: Queue, P: Provider, O: Outbox, C: Clock> Worker<Q, P, O, C> {
    /// Watches the gate and the ways out. Runs as long as it is polled.
    pub(super) async fn watch(&self) {
        let mut gate = self.desk.turns.state();
        let mut exits = self.desk.exits.watch();
        let mut told = None;
        loop {
            let state = *gate.borrow_and_update();
            self.tell_gate(state, told.is_some_and(|told| is_same(told, state)));
            told = Some(state);
            self.tell_exits(*exits.borrow_and_update());
            loop {
                self.tell_numbers();
                tokio::select! {
                    biased;
                    () = gate.changed() => break,
                    // Its sender lives as long as the desk.
                    Ok(()) = exits.changed() => break,
                    () = self.desk.clock.sleep(NUMBERS_EVERY) => {}
                }
            }
        }
    }

    /// Tells of the gate, in the log only if it is not as it was: each probe that fails sets the
    /// time of the next one, and an outage is long.
    fn tell_gate(&self, state: State, told: bool) {
        let merchant = &*self.desk.merchant;
        let now = self.desk.clock.now();
        let text = match state {
            State::Open => "open".to_owned(),
            State::Probing => "probing".to_owned(),
            State::Paused { until, .. } => {
                let left = until.saturating_sub(now.steady);
                format!("paused for {} s: the provider asks for fewer requests", left.as_secs())
            }
            State::Closed { why, probe_at: None } => format!("closed: {why}"),
            State::Closed { why, probe_at: Some(due) } => {
                let due = now.wall.saturating_add(signed(due.saturating_sub(now.steady)));
                let due = due.map_or_else(|_| String::new(), |due| format!(" at {due:.0}"));
                format!("closed: {why}; the next probe goes out{due}")
            }
        };
        let key = ("gate", merchant);
        match state {
            State::Closed { .. } => {
                self.board.raise(key, format!("merchant {merchant}: the gate is {text}"));
            }
            // A pause is the provider's word and passes by itself: not ready would only move the
            // load to a replica that runs into the same limit.
            State::Paused { .. } | State::Open | State::Probing => self.board.clear(key),
        }
        let change = GateChanged { merchant, state, text: &text };
        if told {
            change.tell_state();
        } else {
            change.tell();
        }
        self.board.update_merchant(merchant, |status| status.gate = text);
    }

    fn tell_exits(&self, shut: ShutExits) {
        let merchant = &*self.desk.merchant;
        let sentences = [
            (
                "results",
                shut.has(Exit::Results),
                "no queue is bound to the results exchange for this merchant's events, or it refuses \
                 them; bind a queue",
            ),
            (
                "retries",
                shut.has(Exit::Retries),
                "a retry queue is missing or refuses messages; run `smartsend topology apply`",
            ),
            (
                "parked",
                shut.has(Exit::Parked),
                "the parked queue is missing or refuses messages; run `smartsend topology apply`",
            ),
        ];
        for (part, is_shut, sentence) in sentences {
            if is_shut {
                let sentence = format!("merchant {merchant}: {sentence}; nothing new is started");
                self.board.raise((part, merchant), sentence);
            } else {
                self.board.clear((part, merchant));
            }
        }
    }

    fn tell_numbers(&self) {
        let in_flight = u64::from(self.desk.turns.in_flight());
        let held = self.desk.held();
        MerchantSeen { merchant: &self.desk.merchant, in_flight }.tell();
        self.board.update_merchant(&self.desk.merchant, |merchant| {
            merchant.in_flight = in_flight;
            merchant.held = held;
        });
    }
}

/// Whether only the time has changed until which it is so.
fn is_same(one: State, other: State) -> bool {
    match (one, other) {
        (State::Closed { why: one, .. }, State::Closed { why: other, .. }) => one == other,
        (one, other) => discriminant(&one) == discriminant(&other),
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
