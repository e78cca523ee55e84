//! The brokers of a configuration, in the order in which they are tried.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::tcp::OwnedTLSConfig;
use tokio::time::sleep;

use super::address::Address;
use super::connection::{ConnectError, Connection};
use super::tls::{self, TlsError};
use crate::config;

/// The largest frame, in bytes, of a connection that only declares or inspects. lapin allocates 64
/// times as much for each connection, which is 8 MiB with RabbitMQ's own limit; 8 KiB is the least
/// that RabbitMQ 4.1 accepts.
const BRIEF_FRAME_MAX: u32 = 8192;

/// How long a host may be silent before the next one is tried in parallel. A frozen host accepts
/// connections and says nothing; waiting each of those out would cost seconds at every step.
const HEAD_START: Duration = Duration::from_millis(500);

/// Why the broker's part of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrokerConfigError {
    /// An address cannot be read.
    #[error("broker.urls[{index}] {reason}")]
    Address {
        /// Which one, from 0.
        index: usize,
        /// What is wrong, without the address: it holds a password.
        reason: &'static str,
    },
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Addresses and TLS, read and checked.
#[derive(Clone)]
pub(super) struct Hosts {
    addresses: Vec<Address>,
    tls: OwnedTLSConfig,
}

impl Hosts {
    /// Reads the configuration and the files that it names.
    pub(super) fn read(broker: &config::Broker) -> Result<Self, BrokerConfigError> {
        let read = |(index, url)| {
            Address::read(url, broker.heartbeat)
                .map_err(|reason| BrokerConfigError::Address { index, reason })
        };
        let addresses = broker.urls.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { addresses, tls: tls::read(broker)? })
    }

    /// The hosts, each alone, in order.
    pub(super) fn each(&self) -> impl Iterator<Item = Host<'_>> {
        let tls = &self.tls;
        self.addresses.iter().map(move |address| Host { address, tls })
    }

    /// Connects to the first one that answers, to declare or to inspect.
    pub(super) async fn open_briefly(&self, purpose: &str) -> Result<Connection, ConnectError> {
        self.first(|host| host.open_briefly(purpose)).await
    }

    /// The result of the first host for which this succeeds. The next one is tried when one has
    /// failed, or was silent for a while; attempts that are no longer needed are dropped.
    pub(super) async fn first<'a, T, F>(
        &'a self,
        open: impl Fn(Host<'a>) -> F,
    ) -> Result<T, ConnectError>
    where
        F: Future<Output = Result<T, ConnectError>>,
    {
        let mut refusals = Vec::new();
        let mut attempts = FuturesUnordered::new();
        let mut hosts = self.each().peekable();
        loop {
            attempts.extend(hosts.next().map(&open));
            tokio::select! {
                attempt = attempts.next() => match attempt {
                    Some(Ok(opened)) => return Ok(opened),
                    Some(Err(refusal)) => refusals.push(refusal),
                    None => return Err(ConnectError::all(&refusals)),
                },
                () = sleep(HEAD_START), if hosts.peek().is_some() => {}
            }
        }
    }

    /// The first address's virtual host, for which definitions are written.
    pub(super) fn vhost(&self) -> &str {
        self.addresses.first().map_or("/", Address::vhost)
    }
}

/// One host of the list.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) address: &'a Address,
    tls: &'a OwnedTLSConfig,
}

impl Host<'_> {
    /// Connects to it. `purpose` is a part of the connection's name.
    pub(super) async fn open(self, purpose: &str) -> Result<Connection, ConnectError> {
        self.connect(purpose, None).await
    }

    /// Connects to it for something that needs no large frames.
    pub(super) async fn open_briefly(self, purpose: &str) -> Result<Connection, ConnectError> {
        self.connect(purpose, Some(BRIEF_FRAME_MAX)).await
    }

    async fn connect(
        self,
        purpose: &str,
        frame_max: Option<u32>,
    ) -> Result<Connection, ConnectError> {
        let name = format!("smartsend/{purpose}/{}", std::process::id());
        Connection::open(self.address, self.tls, &name, frame_max).await
    }
}
