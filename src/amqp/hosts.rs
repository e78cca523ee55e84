//! The brokers of a configuration, in the order in which they are tried.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use tokio::time::sleep;

use super::connection::{ConnectError, Connection};
use super::tls::{self, BrokerConfigError};
use crate::config::{self, BrokerUrl};

/// The largest frame, in bytes, of a connection that only declares or inspects. lapin allocates 64
/// times as much for each connection, which is 8 MiB with RabbitMQ's own limit; 8 KiB is the least
/// that RabbitMQ 4.1 accepts.
pub(super) const BRIEF: Option<u32> = Some(8192);

/// How long a host may be silent before the next one is tried in parallel. A frozen host accepts
/// connections and says nothing; waiting each of those out would cost seconds at every step.
const HEAD_START: Duration = Duration::from_millis(500);

/// Addresses and TLS, read and checked.
pub(super) struct Hosts {
    /// With their passwords, so nothing that holds them has a `Debug`.
    addresses: Vec<AMQPUri>,
    tls: OwnedTLSConfig,
}

impl Hosts {
    /// Reads the configuration and the files that it names.
    pub(super) fn read(broker: &config::Broker) -> Result<Self, BrokerConfigError> {
        let address = |(index, url): (usize, &BrokerUrl)| {
            let mut uri: AMQPUri = url.as_uri().parse().map_err(|_| BrokerConfigError {
                key: format!("urls[{index}]"),
                reason: "must be amqp://user:password@host:port/vhost, percent-encoded".to_owned(),
            })?;
            // Unset would mean the server's 60 seconds, and a dead peer is noticed only after two.
            uri.query.heartbeat = Some(broker.heartbeat.seconds());
            Ok(uri)
        };
        let addresses = broker.urls.iter().enumerate().map(address).collect::<Result<_, _>>()?;
        Ok(Self { addresses, tls: tls::read(broker)? })
    }

    /// Connects to the first host that answers. The next one is tried when one has failed, or was
    /// silent for a while; attempts that are no longer needed are dropped. `purpose` is a part of
    /// the connection's name; without `frame_max` the broker's own limit applies.
    pub(super) async fn connect(
        &self,
        purpose: &str,
        frame_max: Option<u32>,
    ) -> Result<Connection, ConnectError> {
        let name = name(purpose);
        let mut refusals = Vec::new();
        let mut attempts = FuturesUnordered::new();
        let mut addresses = self.addresses.iter();
        loop {
            let next = addresses.next();
            attempts.extend(next.map(|host| Connection::open(host, &self.tls, &name, frame_max)));
            tokio::select! {
                attempt = attempts.next() => match attempt {
                    Some(Ok(opened)) => return Ok(opened),
                    Some(Err(refusal)) => refusals.push(refusal),
                    None => return Err(ConnectError::all(&refusals)),
                },
                () = sleep(HEAD_START), if addresses.len() > 0 => {}
            }
        }
    }

    /// Connects to each of them, all at once, and says what came of it.
    pub(super) async fn connect_each(
        &self,
        purpose: &str,
        frame_max: Option<u32>,
    ) -> Vec<Result<Connection, ConnectError>> {
        let name = name(purpose);
        let open = |host| Connection::open(host, &self.tls, &name, frame_max);
        join_all(self.addresses.iter().map(open)).await
    }

    /// The first address's virtual host, for which definitions are written.
    pub(super) fn vhost(&self) -> &str {
        self.addresses.first().map_or("/", |uri| &uri.vhost)
    }
}

/// What operators see in RabbitMQ's list of connections.
fn name(purpose: &str) -> String {
    format!("smartsend/{purpose}/{}", std::process::id())
}
