//! Who gets the next turn, and when.

use std::sync::Arc;
use std::time::Duration;

use super::line::{May, Order};
use super::{Class, Inner, Shared, Turn};
use crate::gate::{Admission, State};
use crate::pace::Limiter;
use crate::ports::Clock;

/// What the line does next.
pub(super) enum Next {
    /// Nothing, until something changes.
    Idle,
    /// It looks again after so long.
    After(Duration),
}

impl<C: Clock> Shared<C> {
    /// Gives every turn that may be given now.
    pub(super) fn serve(self: &Arc<Self>, inner: &mut Inner<C>) -> Next {
        match inner.gate.state() {
            State::Closed { .. } => inner.ramp.closed(),
            State::Open => inner.ramp.opened(self.clock.now().steady),
            State::Paused { .. } | State::Probing => {}
        }
        let next = self.give(inner);
        let state = inner.gate.state();
        if inner.shown != state {
            inner.shown = state;
            self.state.send_replace(state);
        }
        next
    }

    fn give(self: &Arc<Self>, inner: &mut Inner<C>) -> Next {
        loop {
            let was = inner.gate.state();
            // A pause ends by its time, whoever waits; anything else waits for whoever comes.
            if inner.line.is_empty() && !matches!(was, State::Paused { .. }) {
                return Next::Idle;
            }
            let now = self.clock.now();
            let admission = inner.gate.admission(now);
            if was != inner.gate.state() {
                // The pause is over. An idle limiter has refilled to its whole burst.
                inner.limiter = Limiter::empty(self.limits.rate, now.steady);
            }
            // While probing only a create opens the gate. If all the lookups that come before first
            // creates went first, one at a time, no delivery would be young enough for its create;
            // and one that gets no answer would keep the one place until its timeout.
            let (calls_max, order) = match admission {
                Admission::Free => (self.limits.concurrency, Order::LooksFirst),
                Admission::One => (1, Order::CreatesFirst),
                Admission::Shut => (0, Order::LooksFirst),
                Admission::NotBefore(until) => {
                    return Next::After(until.saturating_sub(now.steady));
                }
            };
            if admission == Admission::Shut {
                inner.line.turn_away_all_but_probes();
            }
            let unpaid = inner.budget.wait(now.steady);
            let may = inner.may(calls_max, order, unpaid.is_zero());
            let Some((class, waiter)) = inner.line.first(may) else {
                return inner.wait_for_pay(may, unpaid);
            };
            if let Err(wait) = inner.take_pace(class, now.steady) {
                inner.line.put_back(class, waiter);
                return Next::After(wait);
            }
            // One who left the line in this very moment leaves the turn unused: the pace is kept.
            let counted = class.is_call().then(|| Arc::clone(self));
            let turn = Turn { counted, class, closures: inner.gate.closures() };
            match waiter.send(turn) {
                Ok(()) => inner.went(class, now.steady),
                Err(mut unused) => unused.counted = None, // its drop would wait for our own lock
            }
        }
    }
}

impl<C: Clock> Inner<C> {
    fn may(&self, calls_max: u32, order: Order, is_paid: bool) -> May {
        let calls = !self.stalled && self.in_flight < calls_max;
        May {
            retries: calls && is_paid,
            lookups: calls && self.lookups.have_room() && (is_paid || !self.lookups.fail()),
            news: calls,
            order,
        }
    }

    /// Nobody may go. Only for those who cannot pay it is a matter of time.
    fn wait_for_pay(&self, may: May, unpaid: Duration) -> Next {
        let looks_wait = self.lookups.have_room()
            && (self.line.has(Class::Lookup) || self.line.has(Class::FirstLook));
        if may.news && !unpaid.is_zero() && (looks_wait || self.line.has(Class::Retry)) {
            return Next::After(unpaid);
        }
        Next::Idle
    }

    fn take_pace(&mut self, class: Class, now: Duration) -> Result<(), Duration> {
        if class.is_call() {
            let wait = self.ramp.wait(now);
            if !wait.is_zero() {
                return Err(wait);
            }
        }
        self.limiter.take(now)
    }

    fn went(&mut self, class: Class, now: Duration) {
        if !class.is_call() {
            return;
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.ramp.went(now);
        if class == Class::Retry || (class.is_look() && self.lookups.fail()) {
            self.budget.pay(now);
        }
        if class.is_look() {
            self.lookups.went();
        }
    }

    pub(super) fn came_back(&mut self, class: Class) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if class.is_look() {
            self.lookups.came_back();
        }
    }
}
