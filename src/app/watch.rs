//! Background tasks beside the merchants' workers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Live;
use crate::amqp::topology::apply;
use crate::amqp::topology::names::{parked_name, work_queue};
use crate::amqp::{Broker, BrokerState, Topology};
use crate::config;
use crate::domain::work::Work;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::{Component, ConnectionState, QueueCount, Status};
use crate::worker::MerchantContext;

/// How often the queues are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);
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

/// Counts what waits on the queues now and then, and who consumes them.
pub(super) async fn watch_queues(
    broker: Broker,
    topology: Topology,
    status: Status,
    metrics: Metrics,
) {
    let parked = parked_name(topology.prefix());
    let mut passed_over = BTreeMap::new();
    let mut state = broker.state();
    let is_up = |state: &BrokerState| !matches!(state, BrokerState::Disconnected { .. });
    while state.wait_for(is_up).await.is_ok() {
        let put_aside = status.put_aside_count();
        let counts = count(&broker, &topology).await;
        if let Some(parked) = counts.get(&parked) {
            metrics.set_parked_messages(parked.ready.into());
            // Somebody who looks through it holds what is there, and gives it back.
            if parked.ready == 0 && parked.consumers == 0 {
                status.nothing_parked(put_aside);
            }
        }
        status.note_consumers(None, stray_consumers(&topology, &counts));
        status.set_queues(
            counts,
            |merchant| work_queue(topology.prefix(), Work::Intents, merchant),
            |queue| topology.is_retry_queue(queue),
        );
        let before = std::mem::replace(&mut passed_over, status.passed_over());
        for merchant in before.keys().chain(passed_over.keys()) {
            // Once may be the moment before the first delivery.
            let queue = passed_over.get(merchant).filter(|_| before.contains_key(merchant));
            let name = work_queue(topology.prefix(), Work::Intents, merchant);
            let note = queue.map(|queue| another_consumer(merchant, &name, *queue));
            status.note_consumers(Some(merchant), note);
        }
        tokio::time::sleep(COUNT_EVERY).await;
    }
}

/// The queues up to the first one that is not there, or does not answer: each of those costs a
/// channel.
async fn count(broker: &Broker, topology: &Topology) -> BTreeMap<String, QueueCount> {
    let mut counts = BTreeMap::new();
    for queue in topology.queues() {
        let Some(count) = broker.count(queue).await else { break };
        counts.insert(queue.to_owned(), count);
    }
    counts
}

fn stray_consumers(topology: &Topology, counts: &BTreeMap<String, QueueCount>) -> Option<String> {
    let is_consumed = |queue: &String| counts.get(queue).is_some_and(|count| count.consumers > 0);
    let queues: Vec<_> = topology.unconsumed_queues().filter(is_consumed).collect();
    (!queues.is_empty()).then(|| {
        format!(
            "a stray consumer takes what is on {}, which nobody may consume; `rabbitmqctl \
             list_consumers` names it; stop it",
            queues.join(", ")
        )
    })
}

fn another_consumer(merchant: &str, queue: &str, count: QueueCount) -> String {
    format!(
        "merchant {merchant}: RabbitMQ gives what is on {queue} to another consumer, and {} wait \
         there; if no other smartsend runs, it is a stray one, and `rabbitmqctl list_consumers` \
         names it",
        count.ready
    )
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
