//! What is watched beside the merchants' loops.

use std::sync::Arc;
use std::time::Duration;

use crate::amqp::{Broker, BrokerState, Publisher, Topology};
use crate::clock::SystemClock;
use crate::observe::board::Board;
use crate::observe::facts::broker::ParkedCounted;
use crate::payu::PayuAccount;
use crate::pipeline::Desk;

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

/// Tells the board of the broker, and holds every merchant back while nothing can be published.
pub(super) async fn watch_broker(broker: Broker, watched: Watched, board: Board) {
    let mut state = broker.state();
    loop {
        let now = state.borrow_and_update().clone();
        match &now {
            BrokerState::Connected => board.clear(("broker", "")),
            BrokerState::Disconnected { reason } => {
                board.raise(("broker", ""), format!("not connected to RabbitMQ: {reason}"));
            }
            BrokerState::Blocked => board.raise(
                ("broker", ""),
                "RabbitMQ takes no messages: it is short of memory or disk; nothing new is started",
            ),
        }
        for connection in ["consume", "publish"] {
            board.update_connection(connection, |status| {
                let connected = !matches!(now, BrokerState::Disconnected { .. });
                status.connects =
                    status.connects.saturating_add(u64::from(connected && !status.connected));
                status.connected = connected;
                status.host = broker.address().or_else(|| status.host.take());
            });
        }
        for desk in &watched.0 {
            desk.exits.block(now == BrokerState::Blocked, &desk.turns);
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Counts what is parked, now and then.
pub(super) async fn watch_parked(broker: Broker) {
    let mut state = broker.state();
    while state.wait_for(|state| *state == BrokerState::Connected).await.is_ok() {
        if let Some(count) = broker.parked_count().await {
            ParkedCounted { count }.tell();
        }
        tokio::time::sleep(PARKED_EVERY).await;
    }
}

/// Declares the topology once there is a broker, and again until that succeeds.
pub(super) async fn declare(broker: Broker, topology: Topology, board: Board) {
    loop {
        drop(broker.session().await);
        match broker.apply(&topology).await {
            Ok(()) => {
                board.clear(("topology", ""));
                return;
            }
            Err(error) => board.raise(("topology", ""), error.to_string()),
        }
        tokio::time::sleep(DECLARE_WAIT).await;
    }
}
