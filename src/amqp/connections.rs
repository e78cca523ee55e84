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
pub struct ConnectionInfo {
    pub state: BrokerState,
    /// While it is up.
    session: Option<Session>,
}

/// The connections that are meant to be up: `publish`, `dead`, and `consume/` and `commands/` with
/// each merchant that consumes intents or commands.
pub type Connections = BTreeMap<String, ConnectionInfo>;

/// The changing account of them.
pub(super) struct ConnectionBoard(watch::Sender<Connections>);

impl ConnectionBoard {
    /// A connection is meant to be up, and is not yet.
    pub(super) fn new(purpose: &str) -> Self {
        let info = ConnectionInfo::default();
        Self(watch::Sender::new(BTreeMap::from([(purpose.to_owned(), info)])))
    }

    pub(super) fn watch(&self) -> watch::Receiver<Connections> {
        self.0.subscribe()
    }

    /// A session has begun, in place of the last one for the same purpose.
    pub(super) fn connected(&self, purpose: &str, session: &Session) {
        let info = ConnectionInfo { state: BrokerState::Connected, session: Some(session.clone()) };
        self.0.send_modify(|connections| _ = connections.insert(purpose.to_owned(), info));
    }

    /// A session, or an attempt to get the first one, has found a state; whether that is news. What
    /// concerns a session that another one has replaced is none.
    pub(super) fn changed(
        &self,
        purpose: &str,
        session: Option<&Session>,
        state: &BrokerState,
    ) -> bool {
        self.0.send_if_modified(|connections| {
            let info = connections.entry(purpose.to_owned()).or_default();
            let is_news = info.session.as_ref() == session && info.state != *state;
            if is_news {
                info.state = state.clone();
                let is_up = !matches!(state, BrokerState::Disconnected { .. });
                info.session = session.filter(|_| is_up).cloned();
            }
            is_news
        })
    }

    /// A session that answers questions. Publishing stands still while the broker is short of
    /// memory or disk, so one that only consumes is taken first, which the names' order sees to.
    pub(super) fn any(&self) -> Option<Session> {
        let connections = self.0.borrow();
        let up = |info: &&ConnectionInfo| info.state == BrokerState::Connected;
        connections.values().find(up)?.session.clone()
    }
}

impl ConnectionInfo {
    /// Host and port while it is up; never the login.
    pub fn host(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.connection().host())
    }
}

impl Default for ConnectionInfo {
    fn default() -> Self {
        let reason = "not connected yet".to_owned();
        Self { state: BrokerState::Disconnected { reason }, session: None }
    }
}
