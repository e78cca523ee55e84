//! The worker's own way to a broker, set up for a test.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use smartsend::amqp::{Broker, BrokerState, Session, Topology};
use smartsend::clock::SystemClock;
use smartsend::config::{self, Config};
use smartsend::ports::Clock;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::canary;

/// A running [`Broker`]. Dropping it ends its sessions.
pub(crate) struct Running {
    pub(crate) broker: Broker,
    supervisor: JoinHandle<()>,
}

/// `[broker]` for some addresses, with the prefix `smartsend`.
pub(crate) fn settings(urls: &[&str]) -> config::Broker {
    canary::watch();
    let text = format!(
        r#"
        [broker]
        urls = {urls:?}
        [merchants.default]
        payout_merchant_id = "1111312"
        api = "v1"
        client_id = "client"
        client_secret = "secret"
        rate_per_second = 1
        max_amount = "1.00"
        "#
    );
    let no_file = |_: &Path| Err(ErrorKind::NotFound.into());
    Config::parse(&text, std::iter::empty(), &no_file).unwrap().broker
}

/// Starts a broker on these settings.
pub(crate) fn start(settings: &config::Broker) -> Running {
    start_by(settings, SystemClock::start())
}

/// The same by another clock.
pub(crate) fn start_by(settings: &config::Broker, clock: impl Clock) -> Running {
    let (broker, supervisor) = Broker::start(settings, clock).unwrap();
    Running { broker, supervisor: tokio::spawn(supervisor) }
}

/// The topology of these merchants with one retry delay of a second, declared.
pub(crate) async fn declared(settings: &config::Broker, merchants: &[&str]) -> Topology {
    let delays = [Duration::from_secs(1)];
    let topology = Topology::new(&settings.prefix, merchants.iter().copied(), &delays).unwrap();
    smartsend::amqp::topology::apply(settings, &topology).await.unwrap();
    topology
}

impl Running {
    /// A session to consume on.
    pub(crate) async fn consuming(&self) -> Session {
        let connected = timeout(Duration::from_mins(1), self.broker.connect("consume/default"));
        connected.await.unwrap().unwrap()
    }

    /// Waits, up to a minute, until the state is such a one.
    pub(crate) async fn reaches(&self, wanted: impl FnMut(&BrokerState) -> bool) -> BrokerState {
        let mut state = self.broker.state();
        let reached = timeout(Duration::from_mins(1), state.wait_for(wanted)).await;
        reached
            .unwrap_or_else(|_| panic!("it stayed {:?}", self.broker.state().borrow()))
            .unwrap()
            .clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}
