//! The process and its merchants.

use std::net::SocketAddr;

use jiff::Timestamp;
use tracing::{error, info, warn};

use crate::domain::control::Pause;
use crate::domain::reference::Reference;
use crate::domain::spending::LimitReached;
use crate::telemetry::metrics::MerchantMetrics;
use crate::telemetry::status::{CircuitBreakerState, Component, ConsumerState};

/// How many references one line names.
const NAMED_MAX: usize = 100;

/// `ops` is the address of the health pages.
pub fn worker_started(ops: SocketAddr, merchants: usize) {
    info!(ops.address = %ops, merchants, "smartsend has started");
}

pub fn worker_stopping() {
    info!("stopping: no new work is started; deliveries are settled or handed back");
}

/// The last line of all. `left` is how many deliveries are not settled.
pub fn worker_stopped(left: usize) {
    match left {
        0 => info!("stopped; everything is settled or handed back"),
        left => warn!(work_left = left, "stopped; deliveries left to RabbitMQ: {left}"),
    }
}

/// The stop took longer than `drain`; `left` deliveries are unacknowledged.
pub fn drain_timed_out(metrics: &MerchantMetrics, left: usize, references: &[Reference]) {
    let named: Vec<_> = references.iter().take(NAMED_MAX).map(Reference::as_str).collect();
    warn!(
        merchant = metrics.merchant(),
        left,
        references = named.join(" "),
        "shutdown.drain is over; what is left stays unacknowledged, and RabbitMQ will deliver it again",
    );
}

/// A delivery's task panicked. The panic's text may hold what must not be logged.
pub fn task_panicked() {
    error!(
        "a delivery's task panicked, which is a bug in smartsend; RabbitMQ will deliver it again"
    );
}

pub(in crate::telemetry) fn raised(
    component: Component,
    merchant: Option<&str>,
    is_note: bool,
    sentence: &str,
) {
    let begin = if is_note { "note" } else { "not ready" };
    // It belongs to the merchant, not to the intent that happened to meet it first.
    warn!(parent: None, component = component.into_str(), merchant, "{begin}: {sentence}");
}

pub(in crate::telemetry) fn resolved(component: Component, merchant: Option<&str>, sentence: &str) {
    info!(parent: None, component = component.into_str(), merchant, "resolved: {sentence}");
}

pub(in crate::telemetry) fn consumer_changed(merchant: &str, state: ConsumerState) {
    let text = match state {
        ConsumerState::Stopped => "the queue is no longer consumed",
        ConsumerState::Standby => {
            "consuming the queue; the first delivery makes this process the active consumer"
        }
        ConsumerState::Active => "this process is the active consumer",
    };
    info!(merchant, "{text}");
}

/// An open circuit breaker is logged as a warning: a person should know of it.
pub(in crate::telemetry) fn circuit_breaker_changed(merchant: &str, state: &CircuitBreakerState) {
    match state {
        CircuitBreakerState::Closed => {
            info!(merchant, "the circuit breaker is closed; requests flow");
        }
        CircuitBreakerState::HalfOpen { .. } => {
            info!(merchant, "the circuit breaker is half-open; one call goes out at a time");
        }
        CircuitBreakerState::Open { .. } => {
            let why = state.why_open().unwrap_or_default();
            warn!(merchant, "the circuit breaker is open, nothing is sent: {why}");
        }
    }
}

/// A limit on money that is reached is logged as a warning: perhaps it should be higher.
pub(in crate::telemetry) fn spend_limit_changed(merchant: &str, reached: Option<LimitReached>) {
    let Some(LimitReached { window, used, limit, amount, until }) = reached else {
        info!(parent: None, merchant, "there is room below the limits on money again");
        return;
    };
    let key = window.key();
    warn!(
        parent: None, merchant, %used, %limit, %until,
        "{key} is reached: {used} of {limit} rupees are spent, and {amount} more does not fit; \
         nothing new is started until {until:.0}"
    );
}

/// A message among the orders is none, or our own login has not published it.
pub fn order_ignored(own: bool) {
    let why = if own { "it is no order" } else { "it was not published by the worker's login" };
    warn!(parent: None, "a message on the control exchange is ignored: {why}");
}

/// An operator has paused a merchant, or resumed it.
pub(in crate::telemetry) fn paused(merchant: &str, pause: Option<&Pause>) {
    let Some(Pause { actor, reason, since }) = pause else {
        info!(parent: None, merchant, "the merchant is resumed");
        return;
    };
    warn!(
        parent: None, merchant, actor, reason, %since,
        "{actor} has paused the merchant: {reason}; nothing new is started"
    );
}

pub(in crate::telemetry) fn takeover_begun(merchant: &str, until: Timestamp) {
    info!(
        merchant, %until,
        "another process may have been sending until now; nothing is created until {until:.0}"
    );
}

pub(in crate::telemetry) fn throttled(merchant: &str, until: Timestamp) {
    info!(
        parent: None, merchant, %until,
        "the provider asked for fewer requests; none is sent until {until:.0}"
    );
}
