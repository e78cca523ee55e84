//! Where a broker is, read from an `amqp://` or `amqps://` address.
//!
//! The address holds a password, so it has no `Debug`, and only host and port are ever shown.

use std::fmt;

use lapin::uri::AMQPUri;

use crate::config::BrokerUrl;
use crate::config::duration::Heartbeat;

/// One broker's address with the heartbeat that we ask for.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
}

impl Address {
    /// Reads an address. The error quotes nothing of it.
    pub(super) fn read(url: &BrokerUrl, heartbeat: Heartbeat) -> Result<Self, &'static str> {
        let mut uri: AMQPUri = url
            .as_uri()
            .parse()
            .map_err(|_| "must be amqp://user:password@host:port/vhost, percent-encoded")?;
        // Unset would mean the server's 60 seconds, and a dead peer is noticed only after two.
        uri.query.heartbeat = Some(heartbeat.seconds());
        Ok(Self { uri })
    }

    /// The login, which the broker compares a message's `user_id` with.
    pub(super) fn login(&self) -> &str {
        &self.uri.authority.userinfo.username
    }

    /// The virtual host.
    pub(super) fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    /// What lapin connects by.
    pub(super) fn uri(&self) -> &AMQPUri {
        &self.uri
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uri.authority.host, self.uri.authority.port)
    }
}
