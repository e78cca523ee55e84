//! What is watched beside the merchants' loops.

use std::sync::Arc;
use std::time::Duration;

use crate::amqp::{Broker, BrokerState, Publisher, Topology};
use crate::clock::SystemClock;
use crate::payu::PayuAccount;
use crate::pipeline::Desk;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::{Component, ConnectionState, Status};

/// How often the parked messages are counted.
const PARKED_EVERY: Duration = Duration::from_secs(10);
/// How long until a topology that could not be declared is declared again.
const DECLARE_WAIT: Duration = Duration::from_secs(5);

type MerchantDesk = Arc<Desk<PayuAccount<SystemClock>, Publisher, SystemClock>>;

/// The desks that are told when the broker takes no publishes.
#[derive(Default)]
pub(super) struct Watched(Vec<MerchantDesk>);

impl Watched {
    pub(super) fn add(&mut self, desk: &MerchantDesk) {
        self.0.push(Arc::clone(desk));
    }
}

/// Shows how the connections stand, and holds every merchant back while nothing can be published.
pub(super) async fn watch_broker(broker: Broker, watched: Watched, status: Status) {
    let mut state = broker.state();
    loop {
        let now = state.borrow_and_update().clone();
        for desk in &watched.0 {
            desk.exits.block(now == BrokerState::Blocked, &desk.turns);
        }
        let stands = match now {
            BrokerState::Connected => ConnectionState::Connected,
            BrokerState::Disconnected { reason } => ConnectionState::Disconnected { reason },
            BrokerState::Blocked => ConnectionState::Blocked,
        };
        for connection in ["consume", "publish"] {
            status.set_connection(connection, stands.clone(), broker.address());
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Counts what is parked, now and then.
pub(super) async fn watch_parked(broker: Broker, metrics: Metrics) {
    let mut state = broker.state();
    while state.wait_for(|state| *state == BrokerState::Connected).await.is_ok() {
        if let Some(count) = broker.parked_count().await {
            metrics.set_parked_messages(count);
        }
        tokio::time::sleep(PARKED_EVERY).await;
    }
}

/// Declares the topology once there is a broker, and again until that succeeds.
pub(super) async fn declare(broker: Broker, topology: Topology, status: Status) {
    loop {
        drop(broker.session().await);
        match broker.apply(&topology).await {
            Ok(()) => {
                status.clear(Component::Topology);
                return;
            }
            Err(error) => status.raise(Component::Topology, error.to_string()),
        }
        tokio::time::sleep(DECLARE_WAIT).await;
    }
}
