//! Holds new creates back while an operator has paused the merchant.
//!
//! What was sent ends as ever, and what may have been sent is looked up: only nothing is sent that
//! asks for a link, whether for the first time or again. Commands are carried out, since a cancel may
//! be why the merchant is paused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::context::MerchantContext;
use crate::domain::control::{ControlAction, Pause, Reply};
use crate::ports::Ports;
use crate::telemetry::status::MerchantStatus;

/// Whether one merchant is paused.
#[derive(Debug)]
pub(super) struct PauseSwitch {
    state: Mutex<State>,
    /// Whether nothing may be started.
    closed: watch::Sender<bool>,
    status: MerchantStatus,
}

#[derive(Debug, Default)]
struct State {
    pause: Option<Pause>,
    /// How many may be started all the same.
    allowed: u32,
}

/// A create that an operator has let through a pause.
#[derive(Debug)]
pub(super) struct Allowance;

/// An operator has paused the merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paused;

impl PauseSwitch {
    pub(super) fn new(status: MerchantStatus) -> Self {
        Self { state: Mutex::default(), closed: watch::Sender::new(false), status }
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Ends while nothing may be started.
    pub(super) async fn closed(&self) {
        self.wait_for(true).await;
    }

    /// Ends while something may be started.
    pub(super) async fn open(&self) {
        self.wait_for(false).await;
    }

    async fn wait_for(&self, is_closed: bool) {
        let mut closed = self.closed.subscribe();
        // The sender is in here, so there is always another value to come.
        closed.wait_for(|closed| *closed == is_closed).await.ok();
    }

    pub(super) fn pause(&self) -> Option<Pause> {
        self.lock().pause.clone()
    }

    /// Takes in what a checkpoint says. A pause that only this process knows of stays.
    pub(super) fn restore(&self, pause: Option<Pause>) {
        let mut state = self.lock();
        if let (None, Some(pause)) = (&state.pause, pause) {
            self.set(&mut state, State { pause: Some(pause), allowed: 0 });
        }
    }

    /// Leave for a create that is about to be sent; `Ok(None)` where nothing is paused.
    pub(super) fn pass(&self) -> Result<Option<Allowance>, Paused> {
        let mut state = self.lock();
        if state.pause.is_none() {
            return Ok(None);
        }
        let allowed = state.allowed.checked_sub(1).ok_or(Paused)?;
        let pause = state.pause.clone();
        self.set(&mut state, State { pause, allowed });
        Ok(Some(Allowance))
    }

    /// A create that was let through was not sent.
    pub(super) fn give_back(&self, Allowance: Allowance) {
        let mut state = self.lock();
        let (pause, allowed) = (state.pause.clone(), state.allowed.saturating_add(1));
        self.set(&mut state, State { pause, allowed });
    }

    fn set(&self, state: &mut State, to: State) {
        self.status.set_paused(to.pause.as_ref(), to.allowed);
        self.closed.send_replace(to.pause.is_some() && to.allowed == 0);
        *state = to;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves whole values behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Does what an operator orders. The answer comes once the checkpoint says the same, if this
    /// process knows what else belongs into it.
    pub async fn obey(&self, process: &str, action: ControlAction) -> Reply {
        {
            let mut state = self.pause_switch.lock();
            let to = match action {
                ControlAction::Pause(pause) => Some(State { pause: Some(pause), allowed: 0 }),
                ControlAction::Resume { .. } => Some(State::default()),
                ControlAction::Allow { process: named, limit, .. } if named == process => {
                    Some(State { pause: state.pause.clone(), allowed: limit })
                }
                ControlAction::Allow { .. } | ControlAction::Ask => None,
            };
            if let Some(to) = to {
                self.pause_switch.set(&mut state, to);
            }
        }
        let is_active = self.was_active();
        let is_saved = is_active && self.publish_checkpoint().await;
        let is_paused = self.pause_switch.pause().is_some();
        Reply { process: process.to_owned(), is_paused, is_active, is_saved }
    }
}
