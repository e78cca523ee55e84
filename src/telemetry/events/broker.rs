//! Connections to RabbitMQ, and what is published over them.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing::{debug, error, info, warn};

use crate::ports::{Outgoing, PublishError};
use crate::telemetry::metrics::{DeadLetterMetrics, MerchantMetrics};

/// `address` is `host:port`.
pub fn broker_connected(address: &str) {
    info!(server.address = address, "connected to RabbitMQ");
}

/// There is no session, or the reason for that has changed.
pub fn broker_lost(reason: &str) {
    warn!(reason, "not connected to RabbitMQ, reconnecting: {reason}");
}

/// A connection to consume on has ended.
pub fn connection_lost(connection: &str, reason: &str) {
    warn!(connection, reason, "the connection {connection} to RabbitMQ has ended: {reason}");
}

/// The topology exists, but its arguments could not be compared: to declare it once more takes a
/// permission that the login does not have.
pub fn topology_not_compared(queue: &str, reason: &str) {
    warn!(
        queue,
        reason,
        "could not check the arguments and bindings of exchanges and queues, only that they exist: \
         {reason}; `smartsend topology apply` with a login that may declare checks them"
    );
}

/// No confirm came for a publish.
pub fn publish_unconfirmed(exchange: &str, reason: &str) {
    warn!(exchange, reason, "a publish was not confirmed: {reason}");
}

pub fn broker_closed() {
    info!("the connections to RabbitMQ are closed");
}

pub fn publishing_blocked() {
    error!(
        "RabbitMQ accepts no messages until its memory or disk alarm is over; results wait, nothing \
         is lost"
    );
}

pub fn publishing_unblocked() {
    info!("RabbitMQ accepts messages again");
}

/// A publish was confirmed, or failed for good.
pub fn publish_ended(
    metrics: &MerchantMetrics,
    outgoing: &Outgoing,
    result: Result<(), PublishError>,
) {
    count_publish(|kind, word| metrics.publishes(kind, word), outgoing, result);
}

/// The same for what replaces a message that the broker put aside.
pub fn dead_letter_published(
    metrics: &DeadLetterMetrics,
    outgoing: &Outgoing,
    result: Result<(), PublishError>,
) {
    count_publish(|kind, word| metrics.publishes(kind, word), outgoing, result);
}

fn count_publish(
    counter: impl FnOnce(&'static str, &'static str) -> Counter,
    outgoing: &Outgoing,
    result: Result<(), PublishError>,
) {
    let (kind, word) = words_of(outgoing, result);
    counter(kind, word).inc();
    // What follows is what a person has to know: results that cannot be published, or a lost
    // session.
    if let Err(error) = result {
        debug!(kind, result = word, "a publish did not succeed: {error}");
    }
}

fn words_of(outgoing: &Outgoing, result: Result<(), PublishError>) -> (&'static str, &'static str) {
    let kind = match outgoing {
        Outgoing::Event(_) => "event",
        Outgoing::Retry { .. } => "retry",
        Outgoing::Parked(_) => "parked",
        Outgoing::DeadLetter(_) => "dead_letter",
        Outgoing::Checkpoint { .. } => "checkpoint",
    };
    let word = match result {
        Ok(()) => "confirmed",
        Err(PublishError::Unroutable) => "unroutable",
        Err(PublishError::Refused) => "refused",
        Err(PublishError::Unconfirmed) => "unconfirmed",
    };
    (kind, word)
}

/// A delivery was dropped by a defect or a panic, and ends the session.
pub fn delivery_dropped(queue: &str) {
    error!(queue, "a delivery was dropped unsettled; RabbitMQ will deliver it again");
}

/// This process was suspended for this long, by the clock that shows more.
pub fn process_stalled(gap: Duration) {
    debug!(gap_ms = millis(gap), "the process was suspended, so its deliveries count as older");
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
