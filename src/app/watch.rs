//! Background tasks beside the merchants' workers.

use std::sync::Arc;
use std::time::Duration;

use super::Live;
use crate::amqp::topology::apply;
use crate::amqp::{Broker, BrokerState, Topology};
use crate::config;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::{Component, ConnectionState, Status};
use crate::worker::MerchantContext;

/// How often the parked messages are counted.
const PARKED_EVERY: Duration = Duration::from_secs(10);
/// How long until a topology that could not be declared is declared again.
const DECLARE_WAIT: Duration = Duration::from_secs(5);

/// Reports the connections' states, and holds every merchant back while nothing can be published.
pub(super) async fn watch_broker(
    broker: Broker,
    merchants: Vec<Arc<MerchantContext<Live>>>,
    status: Status,
) {
    let mut state = broker.state();
    let mut connections = broker.connections();
    loop {
        let now = state.borrow_and_update().clone();
        for (name, info) in connections.borrow_and_update().iter() {
            let stands = match info.state.clone() {
                BrokerState::Connected => ConnectionState::Connected,
                BrokerState::Disconnected { reason } => ConnectionState::Disconnected { reason },
                BrokerState::Blocked => ConnectionState::Blocked,
            };
            status.set_connection(name, stands, info.host().map(str::to_owned));
        }
        // Without a publishing connection a new link could not be published.
        for merchant in &merchants {
            merchant.set_blocked(now != BrokerState::Connected);
        }
        tokio::select! {
            Ok(()) = state.changed() => {}
            Ok(()) = connections.changed() => {}
            else => return,
        }
    }
}

/// Counts the parked messages now and then.
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
pub(super) async fn declare(
    broker: Broker,
    config: config::Broker,
    topology: Topology,
    status: Status,
) {
    loop {
        drop(broker.session().await);
        match apply(&config, &topology).await {
            Ok(()) => {
                status.clear(Component::Topology);
                return;
            }
            Err(error) => status.raise(Component::Topology, error.to_string()),
        }
        tokio::time::sleep(DECLARE_WAIT).await;
    }
}
