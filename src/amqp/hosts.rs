//! The brokers of a configuration, in the order in which they are tried.

use lapin::tcp::OwnedTLSConfig;

use super::address::Address;
use super::connection::{CannotConnect, Link};
use super::tls::{self, TlsError};
use crate::config;

/// Why the broker's part of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// An address cannot be read.
    #[error("broker.urls[{index}] {reason}")]
    Address {
        /// Which one, from 0.
        index: usize,
        /// What is wrong, without the address: it holds a password.
        reason: &'static str,
    },
    /// There is no address.
    #[error("broker.urls must hold at least one address")]
    NoAddress,
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
    pub(super) fn read(broker: &config::Broker) -> Result<Self, CannotStart> {
        let read = |(index, url)| {
            Address::read(url, broker.heartbeat)
                .map_err(|reason| CannotStart::Address { index, reason })
        };
        let addresses: Vec<_> =
            broker.urls.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        if addresses.is_empty() {
            return Err(CannotStart::NoAddress);
        }
        Ok(Self { addresses, tls: tls::read(broker)? })
    }

    /// The hosts, each alone, in order.
    pub(super) fn each(&self) -> impl Iterator<Item = Host<'_>> {
        let tls = &self.tls;
        self.addresses.iter().map(move |address| Host { address, tls })
    }

    /// Connects to the first one that answers. `purpose` is a part of the connection's name.
    pub(super) async fn open(&self, purpose: &str) -> Result<Link, CannotConnect> {
        let mut refusals = Vec::new();
        for host in self.each() {
            match host.open(purpose).await {
                Ok(link) => return Ok(link),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(CannotConnect::all(&refusals))
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
    /// Connects to it.
    pub(super) async fn open(self, purpose: &str) -> Result<Link, CannotConnect> {
        let name = format!("smartsend/{purpose}/{}", std::process::id());
        Link::open(self.address, self.tls, &name).await
    }
}
