//! The names of exchanges and queues, by the prefix.

use std::io;
use std::time::Duration;

use lapin::types::ShortString;

use crate::config;
use crate::domain::work::Work;

/// The exchange that upstream publishes to.
pub fn work_exchange(prefix: &str, work: Work) -> String {
    match work {
        Work::Intents => format!("{prefix}.intents"),
        Work::Commands => format!("{prefix}.commands"),
    }
}

/// A merchant's queue of it.
pub fn work_queue(prefix: &str, work: Work, merchant: &str) -> String {
    format!("{}.{merchant}", work_exchange(prefix, work))
}

/// The exchange and queue of a retry delay, by its shortest form, so that `120s` and `2m` name one
/// queue. A merchant's name has no dot, so none of its queues has this name.
pub fn retry_name(prefix: &str, work: Work, delay: Duration) -> String {
    let delay = config::duration::shortest(delay);
    match work {
        Work::Intents => format!("{prefix}.retry.{delay}"),
        Work::Commands => format!("{prefix}.commands.retry.{delay}"),
    }
}

pub fn checkpoint_exchange(prefix: &str) -> String {
    format!("{prefix}.checkpoint")
}

pub fn checkpoint_queue(prefix: &str, merchant: &str) -> String {
    format!("{prefix}.checkpoint.{merchant}")
}

/// The exchange of operators' orders, which every process hears.
pub fn control_exchange(prefix: &str) -> String {
    format!("{prefix}.control")
}

pub fn results_exchange(prefix: &str) -> String {
    format!("{prefix}.results")
}

/// The exchange and queue of what RabbitMQ itself puts aside.
pub fn dead_name(prefix: &str) -> String {
    format!("{prefix}.dead")
}

/// The exchange and queue of what waits for a person.
pub fn parked_name(prefix: &str) -> String {
    format!("{prefix}.parked")
}

/// The exchange and queue of what a person has taken off the parked queue for good.
pub fn discarded_name(prefix: &str) -> String {
    format!("{prefix}.discarded")
}

/// A name as AMQP carries it. lapin's own conversion panics above 255 bytes.
pub(in crate::amqp) fn short(name: &str) -> lapin::Result<ShortString> {
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "more than 255 bytes").into();
    ShortString::try_new(name).map_err(too_long)
}
