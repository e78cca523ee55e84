//! What happened: one function for each event, which knows its level, its text and its metrics.
//!
//! Lines on a delivery's way have its ids from [`delivery_span`], so a function takes no id that
//! the span around it provides. Nothing here may hold a customer's data, a link or a secret.

mod broker;
mod calls;
mod intents;
mod spans;
mod worker;

pub use broker::{
    broker_closed, broker_connected, broker_lost, connection_lost, delivery_dropped,
    process_stalled, publish_ended, publish_unconfirmed, publishing_blocked, publishing_unblocked,
};
pub use calls::{
    call_ended, exchange_failed, probe_ended, readback_ended, secret_unreadable, token_ended,
    token_rejected,
};
pub use intents::{
    delivery_abandoned, delivery_requeued, intent_handed_back, intent_returned, intent_settled,
};
pub use spans::{call_span, delivery_span, intent_read, trace_call};
pub(super) use worker::{
    became_unready, circuit_breaker_changed, consumer_changed, throttled, unready_resolved,
};
pub use worker::{drain_timed_out, task_panicked, worker_started, worker_stopping};
