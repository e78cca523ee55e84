//! The way to and from RabbitMQ.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::ports::{Outgoing, PublishError};
use crate::telemetry::metrics::{MerchantMetrics, PublishKind};

/// `address` is `host:port`.
pub fn broker_connected(address: &str) {
    info!(server.address = address, "connected to RabbitMQ");
}

/// There is no session, or there is another reason for it.
pub fn broker_lost(reason: &str) {
    warn!(reason, "not connected to RabbitMQ, connecting again: {reason}");
}

/// The worker stops.
pub fn broker_closed() {
    info!("the connections to RabbitMQ are closed");
}

pub fn publishing_blocked() {
    error!(
        "RabbitMQ takes no publishes until its memory or disk alarm is over; results wait, nothing \
         is lost"
    );
}

pub fn publishing_unblocked() {
    info!("RabbitMQ takes publishes again");
}

/// A publish was confirmed, or was not and will not be.
pub fn publish_ended(
    metrics: &MerchantMetrics,
    outgoing: &Outgoing,
    result: Result<(), PublishError>,
) {
    let kind = match outgoing {
        Outgoing::Event(_) => PublishKind::Event,
        Outgoing::Retry { .. } => PublishKind::Retry,
        Outgoing::Parked(_) => PublishKind::Parked,
        Outgoing::Checkpoint { .. } => PublishKind::Checkpoint,
    };
    let word = match result {
        Ok(()) => "confirmed",
        Err(PublishError::Unroutable) => "unroutable",
        Err(PublishError::Refused) => "refused",
        Err(PublishError::Unconfirmed) => "unconfirmed",
    };
    metrics.publishes.of((kind, word)).inc();
    // A person learns of it from what follows: results that cannot be published, or a lost session.
    if let Err(error) = result {
        debug!(kind = kind.as_str(), result = word, "a publish did not succeed: {error}");
    }
}

/// A delivery was dropped by a defect or a panic, and ends the session.
pub fn delivery_dropped(queue: &str) {
    error!(queue, "a delivery was dropped unsettled; RabbitMQ will deliver it again");
}

/// This process did not run for so long, by the clock that says longer.
pub fn process_stalled(gap: Duration) {
    debug!(gap_ms = millis(gap), "the process did not run, so its deliveries are dated back");
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
