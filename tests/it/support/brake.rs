//! What holds all of a worker's connections at once, so that it can be killed at an exact point.
//!
//! Fault proxies stand on every way out of a worker, and share one brake. Once it is pulled, no
//! byte passes in either direction: whatever the worker does until it is dead stays without effect.

use tokio::sync::watch;

#[derive(Clone, Copy, Default)]
struct State {
    pulled: bool,
    /// Goes up at each release; a connection ends when it is no longer the one it began in.
    era: u64,
}

/// The brake. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Brake {
    state: watch::Sender<State>,
}

/// One connection's view of the brake.
#[derive(Clone)]
pub(crate) struct Hold {
    states: watch::Receiver<State>,
    era: u64,
}

impl Brake {
    /// Nothing passes any more.
    pub(crate) fn pull(&self) {
        self.state.send_modify(|state| state.pulled = true);
    }

    /// Waits until it is pulled.
    pub(crate) async fn pulled(&self) {
        self.state.subscribe().wait_for(|state| state.pulled).await.unwrap();
    }

    /// Ends every connection, with what it held back, and lets new ones pass.
    pub(crate) fn release(&self) {
        self.state.send_modify(|state| {
            state.pulled = false;
            state.era += 1;
        });
    }

    /// For a new connection.
    pub(crate) fn hold(&self) -> Hold {
        let states = self.state.subscribe();
        let era = states.borrow().era;
        Hold { states, era }
    }
}

impl Hold {
    /// Waits while the brake is pulled. False if the connection has ended meanwhile.
    pub(crate) async fn may_pass(&mut self) -> bool {
        let era = self.era;
        let waited = self.states.wait_for(|state| state.era != era || !state.pulled).await;
        waited.is_ok_and(|state| state.era == era)
    }

    /// Returns once the connection has ended.
    pub(crate) async fn ended(&mut self) {
        let era = self.era;
        // An error says that the brake itself is gone.
        self.states.wait_for(|state| state.era != era).await.ok();
    }
}
