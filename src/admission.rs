//! Who may send, and when.
//!
//! Every request of a merchant passes, in this order, the [throttle], the [circuit
//! breaker](circuit_breaker), the [rate limiter](rate_limiter) and `concurrency`. [`Priority`]
//! decides who goes next, limited by fairness: while a new create waits, at most every second
//! permit goes to lookups and retries together, and they hold at most half of the places. So
//! lookups and retries that fail, however many, do not keep new creates from being sent.
//!
//! [`Admission`] is plain data: given the time, it says who goes next and when to ask again. The
//! [`scheduler`] does the waiting.

pub mod backoff;
pub mod circuit_breaker;
pub mod rate_limiter;
pub mod scheduler;
pub mod signal;
pub mod wait_queue;
mod failure_accrual;
mod limits;
mod throttle;

use std::time::Duration;

use crate::domain::call::Priority;
use crate::domain::decide::Requests;
use crate::ports::Moment;
use circuit_breaker::{BreakerState, CircuitBreaker, ProbeResult};
pub use limits::{DividedLimits, Limits};
use rate_limiter::RateLimiter;
use signal::Signal;
use throttle::{Length, Throttle};
use wait_queue::{Ticket, WaitQueue};

/// What one queue of a merchant may send, and who of it goes next.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    throttle: Throttle,
    breaker: CircuitBreaker,
    limiter: RateLimiter,
    queue: WaitQueue,
    in_flight: InFlight,
    /// Whether the last permit of a call went to a lookup or a retry.
    last_was_repeat: bool,
    /// What went last of lookups and retries.
    last_repeat: Priority,
    /// Whether results cannot be published, so that nothing new may be started.
    backpressure: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct InFlight {
    news: u32,
    repeats: u32,
}

/// What can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdmissionState {
    pub breaker: BreakerState,
    /// The end of the pause that the provider asked for, on the steady clock.
    pub throttled_until: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Grant(Grant),
    /// This one is rejected, since the breaker is open.
    TurnAway(Ticket),
    /// Nothing before this long, or, if `None`, before something happens.
    Wait(Option<Duration>),
}

/// Permission to send one request, until it is [released](Admission::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub ticket: Ticket,
    /// How often the breaker had opened when it was granted.
    opening: u64,
}

impl Admission {
    /// Begins with an empty limiter and a half-open breaker.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self {
            limits,
            throttle: Throttle::new(limits.max_retry_after),
            breaker: CircuitBreaker::new(now.steady),
            limiter: RateLimiter::empty(limits.rate, now.steady),
            queue: WaitQueue::default(),
            in_flight: InFlight::default(),
            last_was_repeat: false,
            last_repeat: Priority::Retry,
            backpressure: false,
        }
    }

    pub fn state(&self) -> AdmissionState {
        AdmissionState { breaker: self.breaker.state(), throttled_until: self.throttle.until() }
    }

    pub fn requests(&self, now: Moment) -> Requests {
        self.breaker.requests(now.steady)
    }

    pub fn in_flight(&self) -> u32 {
        self.in_flight.news.saturating_add(self.in_flight.repeats)
    }

    pub fn enqueue(&mut self, priority: Priority) -> Ticket {
        self.queue.push(priority)
    }

    /// Leaves the queue without a permit.
    pub fn leave(&mut self, ticket: Ticket) {
        self.queue.remove(ticket);
    }

    /// Who goes next. Ask until it says to wait.
    pub fn next(&mut self, now: Moment) -> Next {
        self.pass_time(now);
        let is_open = self.breaker.state().is_open();
        if is_open && let Some(ticket) = self.queue.first_but_probes() {
            self.queue.remove(ticket);
            return Next::TurnAway(ticket);
        }
        if let Some(until) = self.throttle.until() {
            return Next::Wait(Some(until.saturating_sub(now.steady)));
        }
        let Some(ticket) = self.first() else { return Next::Wait(self.half_open_for(now)) };
        if let Err(wait) = self.limiter.take(now.steady) {
            return Next::Wait(Some(wait));
        }
        self.queue.remove(ticket);
        self.hold_place(ticket.priority());
        Next::Grant(Grant { ticket, opening: self.breaker.openings() })
    }

    /// The first of those that may be sent.
    fn first(&self) -> Option<Ticket> {
        let always = [Priority::Probe, Priority::Token];
        always
            .into_iter()
            .find_map(|priority| self.queue.first(priority))
            .or_else(|| self.first_call())
    }

    fn first_call(&self) -> Option<Ticket> {
        // While half-open only a create closes the breaker, and a lookup that gets no answer would
        // hold the only place until its timeout.
        let (places, order) = match self.breaker.state() {
            BreakerState::Open { .. } => return None,
            BreakerState::HalfOpen { .. } => {
                (1, [Priority::Retry, Priority::New, Priority::Lookup])
            }
            // They alternate: behind lookups without end, a create that one of them has led to would
            // be too old each time that its turn came.
            BreakerState::Closed if self.last_repeat == Priority::Lookup => {
                (self.limits.concurrency, [Priority::Retry, Priority::Lookup, Priority::New])
            }
            BreakerState::Closed => {
                (self.limits.concurrency, [Priority::Lookup, Priority::Retry, Priority::New])
            }
        };
        if self.backpressure || self.in_flight() >= places {
            return None;
        }
        let repeats_max = (self.limits.concurrency / 2).max(1);
        let only_new = self.queue.has(Priority::New)
            && (self.last_was_repeat || self.in_flight.repeats >= repeats_max);
        order
            .into_iter()
            .filter(|priority| !only_new || *priority == Priority::New)
            .find_map(|priority| self.queue.first(priority))
            .or_else(|| self.first_spare())
    }

    /// The first of those that go out only while nothing else waits, and requests flow.
    fn first_spare(&self) -> Option<Ticket> {
        let flows = self.breaker.state() == BreakerState::Closed;
        let others = [Priority::Lookup, Priority::Retry, Priority::New];
        let is_idle = !others.into_iter().any(|priority| self.queue.has(priority));
        if flows && is_idle { self.queue.first(Priority::Spare) } else { None }
    }

    fn half_open_for(&self, now: Moment) -> Option<Duration> {
        match self.breaker.state() {
            BreakerState::HalfOpen { until, .. } => Some(until.saturating_sub(now.steady)),
            BreakerState::Closed | BreakerState::Open { .. } => None,
        }
    }

    fn hold_place(&mut self, priority: Priority) {
        if let Some(places) = self.in_flight.of(priority) {
            *places = places.saturating_add(1);
            self.last_was_repeat = priority.is_repeat();
            if priority.is_repeat() {
                self.last_repeat = priority;
            }
        }
    }

    /// The request of a permit is over, or was never sent.
    pub fn release(&mut self, grant: &Grant) {
        if let Some(places) = self.in_flight.of(grant.ticket.priority()) {
            *places = places.saturating_sub(1);
        }
    }

    /// Records what a call showed. A failure of one that was sent before the breaker opened last is
    /// ignored.
    pub fn record(&mut self, sent_by: Option<&Grant>, signal: Signal, now: Moment) {
        let opening = self.breaker.openings();
        if signal.is_failure() && sent_by.is_some_and(|grant| grant.opening != opening) {
            return;
        }
        self.pass_time(now);
        self.change_breaker(now, |breaker| breaker.record(signal, now.steady));
        match signal {
            Signal::Throttled(retry_after) => {
                if self.throttle.start(retry_after, now) == Length::Cut {
                    self.change_breaker(now, |breaker| breaker.half_open(now.steady));
                }
            }
            // A call answered during a pause was in flight when it began, and says nothing of its
            // end.
            Signal::Answered if self.throttle.until().is_none() => {
                self.throttle.end_row();
                self.change_breaker(now, CircuitBreaker::close);
            }
            Signal::Nothing
            | Signal::Answered
            | Signal::Failed(_)
            | Signal::LookedUp
            | Signal::LookupFailed(_)
            | Signal::Trip(_) => {}
        }
    }

    /// Records what a probe of the open breaker showed.
    pub fn probed(&mut self, probe: ProbeResult, now: Moment) {
        self.change_breaker(now, |breaker| breaker.probed(probe, now.steady));
    }

    /// Starts over, half-open and with an empty limiter, since another process may have been
    /// sending until now.
    pub fn on_activated(&mut self, now: Moment) {
        self.change_breaker(now, |breaker| breaker.half_open(now.steady));
        self.limiter.drain(now.steady);
    }

    /// Holds all calls back while results cannot be published, or releases them.
    pub fn set_backpressure(&mut self, on: bool) {
        self.backpressure = on;
    }

    /// Ends what ends with time: a pause, and the half-open state.
    fn pass_time(&mut self, now: Moment) {
        if let Some(ended) = self.throttle.expire(now.steady) {
            self.limiter.start_slowly(ended);
        }
        self.change_breaker(now, |breaker| breaker.expire(now.steady));
    }

    fn change_breaker(&mut self, now: Moment, change: impl FnOnce(&mut CircuitBreaker)) {
        let before = self.breaker.state();
        change(&mut self.breaker);
        let after = self.breaker.state();
        let was_open = matches!(before, BreakerState::HalfOpen { after: Some(_), .. });
        if was_open && after == BreakerState::Closed {
            self.limiter.start_slowly(now.steady);
        }
    }
}

impl InFlight {
    /// The places that requests of this kind hold.
    fn of(&mut self, priority: Priority) -> Option<&mut u32> {
        match priority {
            Priority::Probe | Priority::Token => None,
            Priority::Lookup | Priority::Retry | Priority::Spare => Some(&mut self.repeats),
            Priority::New => Some(&mut self.news),
        }
    }
}
