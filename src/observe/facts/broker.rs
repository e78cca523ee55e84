//! What happened on the way to and from RabbitMQ.

use std::time::Duration;

use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use crate::ports::PublishError;

/// The two connections of a session, as the metric names them.
const CONNECTIONS: [&str; 2] = ["consume", "publish"];

/// Both connections are up.
pub struct BrokerConnected<'a> {
    /// Host and port.
    pub address: &'a str,
}

/// There is no session, or the reason why there is none has changed.
pub struct BrokerLost<'a> {
    /// A sentence without a secret.
    pub reason: &'a str,
}

/// The worker stops, and both connections have been closed.
pub struct BrokerClosed;

/// The worker was told to stop.
pub struct WorkerStopping;

/// RabbitMQ takes no publishes, because it is short of memory or disk.
pub struct PublishingBlocked;

/// RabbitMQ takes publishes again.
pub struct PublishingUnblocked;

/// A publish has its answer, or will get none.
pub struct PublishEnded {
    /// `event`, `retry`, `parked` or `intent`.
    pub kind: &'static str,
    /// What came of it.
    pub result: Result<(), PublishError>,
}

/// A delivery was given back by ending the session.
pub struct DeliveryLetGo<'a> {
    /// The queue that it came from.
    pub queue: &'a str,
    /// Why.
    pub why: &'static str,
}

/// A delivery was dropped by a defect or a panic, and given back by ending the session.
pub struct DeliveryDropped<'a> {
    /// The queue that it came from.
    pub queue: &'a str,
}

/// This process did not run for a while.
pub struct ProcessStalled {
    /// For how long, by the clock that says longer.
    pub gap: Duration,
}

impl BrokerConnected<'_> {
    /// Tells it.
    pub fn tell(&self) {
        set_connected(1.0);
        info!(server.address = self.address, "connected to RabbitMQ");
    }
}

impl BrokerLost<'_> {
    /// Tells it.
    pub fn tell(&self) {
        set_connected(0.0);
        let reason = self.reason;
        warn!(reason, "not connected to RabbitMQ, connecting anew: {reason}");
    }
}

impl WorkerStopping {
    /// Tells it.
    pub fn tell(&self) {
        info!(
            "told to stop: nothing new is started, and what is in hand is settled or handed back"
        );
    }
}

impl BrokerClosed {
    /// Tells it.
    pub fn tell(&self) {
        set_connected(0.0);
        info!("the connections to RabbitMQ are closed");
    }
}

impl PublishingBlocked {
    /// Tells it.
    pub fn tell(&self) {
        error!(
            "RabbitMQ takes no publishes until its memory or disk alarm is over; results wait, \
             nothing is lost"
        );
    }
}

impl PublishingUnblocked {
    /// Tells it.
    pub fn tell(&self) {
        info!("RabbitMQ takes publishes again");
    }
}

impl PublishEnded {
    /// Tells it.
    pub fn tell(&self) {
        let kind = self.kind;
        let result = match self.result {
            Ok(()) => "confirmed",
            Err(PublishError::Unroutable) => "unroutable",
            Err(PublishError::Refused) => "refused",
            Err(PublishError::Unconfirmed) => "unconfirmed",
        };
        counter!("smartsend_publishes_total", "kind" => kind, "result" => result).increment(1);
        if self.result.is_err() {
            warn!(kind, result, "a publish did not succeed");
        }
    }
}

impl DeliveryLetGo<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let (queue, why) = (self.queue, self.why);
        warn!(queue, why, "a delivery was let go and will come back");
    }
}

impl DeliveryDropped<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let queue = self.queue;
        error!(queue, "a delivery was dropped unsettled and will come back");
    }
}

impl ProcessStalled {
    /// Tells it.
    pub fn tell(&self) {
        let gap_ms = u64::try_from(self.gap.as_millis()).unwrap_or(u64::MAX);
        debug!(gap_ms, "the process did not run, so its deliveries are dated back");
    }
}

fn set_connected(value: f64) {
    for connection in CONNECTIONS {
        gauge!("smartsend_broker_connected", "connection" => connection).set(value);
    }
}

/// The worker has started.
pub struct WorkerStarted {
    /// Where its pages are.
    pub ops: std::net::SocketAddr,
    /// How many merchants it works for.
    pub merchants: usize,
}

impl WorkerStarted {
    /// Tells it.
    pub fn tell(&self) {
        info!(ops.address = %self.ops, merchants = self.merchants, "smartsend has started");
    }
}

/// What is parked was counted.
pub struct ParkedCounted {
    /// Messages in the parked queue.
    pub count: u64,
}

impl ParkedCounted {
    /// Tells it.
    pub fn tell(&self) {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        gauge!("smartsend_parked_messages").set(count);
    }
}
