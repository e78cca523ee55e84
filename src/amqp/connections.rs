//! How each connection stands, for whoever shows it.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::session::Session;

/// How a connection can be used at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerState {
    Connected,
    Disconnected {
        /// Why, as a sentence without a secret.
        reason: String,
    },
    /// It is up, but the broker takes no publishes (RabbitMQ "Memory and Disk Alarms").
    Blocked,
}

/// One of the connections, by its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    pub state: BrokerState,
    /// Host and port while it is up; never the login.
    pub host: Option<String>,
    session: Option<u64>,
}

/// The connections that are meant to be up: `publish`, and `consume/` with each merchant that
/// consumes.
pub type Connections = BTreeMap<String, ConnectionInfo>;

/// The changing account of them.
pub(super) struct ConnectionBoard(watch::Sender<Connections>);

impl ConnectionBoard {
    /// A connection is meant to be up, and is not yet.
    pub(super) fn new(purpose: &str, reason: &str) -> Self {
        let info = ConnectionInfo::disconnected(reason);
        Self(watch::Sender::new(BTreeMap::from([(purpose.to_owned(), info)])))
    }

    pub(super) fn watch(&self) -> watch::Receiver<Connections> {
        self.0.subscribe()
    }

    pub(super) fn connected(&self, purpose: &str, session: &Session) {
        let info = ConnectionInfo {
            state: BrokerState::Connected,
            host: Some(session.address().to_owned()),
            session: Some(session.number()),
        };
        self.0.send_modify(|connections| _ = connections.insert(purpose.to_owned(), info));
    }

    pub(super) fn disconnected(&self, purpose: &str, reason: &str) {
        let info = ConnectionInfo::disconnected(reason);
        self.0.send_modify(|connections| _ = connections.insert(purpose.to_owned(), info));
    }

    /// A session has ended. By now there may be another one for the same purpose.
    pub(super) fn ended(&self, purpose: &str, session: &Session) {
        self.0.send_if_modified(|connections| {
            let is_its = |info: &&mut ConnectionInfo| info.session == Some(session.number());
            let Some(info) = connections.get_mut(purpose).filter(is_its) else { return false };
            *info = ConnectionInfo::disconnected(session.reason());
            true
        });
    }

    /// The broker has blocked a connection, or takes publishes on it again.
    pub(super) fn becomes(&self, purpose: &str, state: &BrokerState) {
        self.0.send_if_modified(|connections| {
            let differs = |info: &&mut ConnectionInfo| info.state != *state;
            let Some(info) = connections.get_mut(purpose).filter(differs) else { return false };
            info.state = state.clone();
            true
        });
    }
}

impl ConnectionInfo {
    fn disconnected(reason: &str) -> Self {
        let state = BrokerState::Disconnected { reason: reason.to_owned() };
        Self { state, host: None, session: None }
    }
}
