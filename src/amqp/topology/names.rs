//! The names of exchanges and queues, by the prefix.

use std::time::Duration;

use lapin::types::ShortString;

use crate::config;

/// The exchange that upstream publishes intents to.
pub fn intents_exchange(prefix: &str) -> String {
    format!("{prefix}.intents")
}

/// A merchant's queue of intents.
pub fn intents_queue(prefix: &str, merchant: &str) -> String {
    format!("{prefix}.intents.{merchant}")
}

/// The exchange and queue of a retry delay, by its shortest form, so that `120s` and `2m` name one
/// queue.
pub fn retry_name(prefix: &str, delay: Duration) -> String {
    format!("{prefix}.retry.{}", config::duration::shortest(delay))
}

/// The exchange of the checkpoints.
pub fn checkpoint_exchange(prefix: &str) -> String {
    format!("{prefix}.checkpoint")
}

/// The queue of a merchant's one checkpoint.
pub fn checkpoint_queue(prefix: &str, merchant: &str) -> String {
    format!("{prefix}.checkpoint.{merchant}")
}

/// The exchange of the result events.
pub fn results_exchange(prefix: &str) -> String {
    format!("{prefix}.results")
}

/// The exchange and queue of what waits for a person.
pub fn parked_name(prefix: &str) -> String {
    format!("{prefix}.parked")
}

/// A name as AMQP carries it; `None` if it is too long.
pub(in crate::amqp) fn short(name: &str) -> Option<ShortString> {
    ShortString::try_new(name).ok()
}
