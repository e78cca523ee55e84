//! Who may send, and when: the pure core, given the time, and the shell that waits for it.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod circuit_breaker;
mod failure_accrual;
mod limits;
mod outage;
mod priority;
mod properties;
mod rate_limiter;
mod scheduler;
mod throttle;

use std::time::Duration;

use jiff::Timestamp;
use smartsend::admission::circuit_breaker::BreakerState;
use smartsend::admission::rate_limiter::Rate;
use smartsend::admission::signal::{Signal, TripReason};
use smartsend::admission::wait_queue::Ticket;
use smartsend::admission::{Admission, Grant, Limits, Next};
use smartsend::domain::call::Priority;
use smartsend::domain::call::RetryAfter;
use smartsend::domain::classify::Denial;
use smartsend::ports::Moment;

const DENIED: Signal = Signal::Trip(TripReason::Denied(Denial::Forbidden));
const FOREIGN: Signal = Signal::Trip(TripReason::ForeignLink);
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);

/// So many milliseconds after the start, by both clocks.
fn at_ms(millis: u64) -> Moment {
    let start: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let passed = Duration::from_millis(millis);
    Moment { wall: start + passed, steady: Duration::from_hours(1) + passed }
}

/// So many seconds after the start.
fn at(seconds: u64) -> Moment {
    at_ms(seconds * 1000)
}

fn throttled(seconds: u64) -> Signal {
    Signal::Throttled(Some(RetryAfter::In(Duration::from_secs(seconds))))
}

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() }
}

/// So many places, and a rate that never matters once the first second is over.
fn limits(concurrency: u32) -> Limits {
    Limits { rate: rate(1_000_000, 1_000), concurrency, max_retry_after: MAX_RETRY_AFTER }
}

/// One whose breaker is half-open.
fn half_open() -> Admission {
    Admission::new(limits(16), at(0))
}

/// One whose breaker is closed.
fn closed() -> Admission {
    closed_with(limits(16))
}

fn closed_with(limits: Limits) -> Admission {
    let mut admission = Admission::new(limits, at(0));
    admission.record(None, Signal::Answered, at(0));
    assert_eq!(admission.state().breaker, BreakerState::Closed);
    admission
}

/// All who may go now.
fn granted(admission: &mut Admission, now: Moment) -> Vec<Grant> {
    let mut grants = Vec::new();
    loop {
        match admission.next(now) {
            Next::Grant(grant) => grants.push(grant),
            Next::TurnAway(ticket) => panic!("{ticket:?} is turned away"),
            Next::Wait(_) => return grants,
        }
    }
}

/// Who is turned away now.
fn turned_away(admission: &mut Admission, now: Moment) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    loop {
        match admission.next(now) {
            Next::TurnAway(ticket) => tickets.push(ticket),
            Next::Grant(grant) => panic!("{grant:?} goes"),
            Next::Wait(_) => return tickets,
        }
    }
}

/// How long until it is to be asked again.
fn wait(admission: &mut Admission, now: Moment) -> Option<Duration> {
    match admission.next(now) {
        Next::Wait(wait) => wait,
        next @ (Next::Grant(_) | Next::TurnAway(_)) => panic!("{next:?}"),
    }
}

fn probe_due(admission: &Admission) -> Option<u64> {
    match admission.state().breaker {
        BreakerState::Open { probe_at, .. } => probe_at.map(|due| due.as_secs() - 3600),
        breaker @ (BreakerState::Closed | BreakerState::HalfOpen { .. }) => panic!("{breaker:?}"),
    }
}

fn is_down(admission: &Admission) -> bool {
    let breaker = admission.state().breaker;
    matches!(breaker, BreakerState::Open { why: TripReason::Down(_), .. })
}

fn is_closed(admission: &Admission) -> bool {
    admission.state().breaker == BreakerState::Closed
}

fn is_half_open(admission: &Admission) -> bool {
    admission.state().breaker.is_half_open()
}

/// Stands in the queue, as often as there are priorities.
fn enqueue<const N: usize>(admission: &mut Admission, priorities: [Priority; N]) -> [Ticket; N] {
    priorities.map(|priority| admission.enqueue(priority))
}
