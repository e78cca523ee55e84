//! What holds all of a worker's connections at once, so that it can be killed at an exact point.
//!
//! Fault proxies stand on every way out of a worker, and share one brake. Once it is pulled, no
//! byte passes in either direction: whatever the worker does until it is dead stays without effect.

use tokio::sync::watch;

/// What happens to connections, old and new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything passes.
    #[default]
    Up,
    /// They are there, and nothing passes in either direction.
    Frozen,
    /// They are closed at once.
    Down,
}

#[derive(Clone, Copy, Default)]
struct State {
    mode: Mode,
    /// A connection ends when this is no longer the one that it began in.
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
    /// Changes the mode of every connection.
    pub(crate) fn set(&self, mode: Mode) {
        self.state.send_modify(|state| {
            state.mode = mode;
            state.era += u64::from(mode == Mode::Down);
        });
    }

    /// Nothing passes any more.
    pub(crate) fn pull(&self) {
        self.set(Mode::Frozen);
    }

    /// Waits until it is pulled.
    pub(crate) async fn pulled(&self) {
        self.state.subscribe().wait_for(|state| state.mode == Mode::Frozen).await.unwrap();
    }

    /// Ends every connection, with what it held back, and lets new ones pass.
    pub(crate) fn release(&self) {
        self.set(Mode::Down);
        self.set(Mode::Up);
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
        let waited =
            self.states.wait_for(|state| state.era != era || state.mode != Mode::Frozen).await;
        waited.is_ok_and(|state| state.era == era && state.mode == Mode::Up)
    }

    /// Returns once the connection has ended.
    pub(crate) async fn ended(&mut self) {
        let era = self.era;
        // An error says that the brake itself is gone.
        self.states.wait_for(|state| state.era != era || state.mode == Mode::Down).await.ok();
    }
}
