//! Holds new creates back while a limit on money is reached.
//!
//! As with an open circuit breaker, the consumer is cancelled, and what has not started goes back
//! with its record: nothing fails, and nothing gets older.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::MerchantContext;
use crate::domain::amount::Amount;
use crate::domain::decide::CreateCall;
use crate::domain::spending::{LimitReached, SpendLimits, Spending, Steps, Window};
use crate::ports::{Clock, Ports};
use crate::telemetry::status::{Component, MerchantStatus};

/// How often the metric follows the time, without which it would show what was spent at the last
/// create.
const SHOWN_EVERY: Duration = Duration::from_secs(10);

/// What one merchant has spent.
#[derive(Debug)]
pub(super) struct SpendGuard {
    is_limited: bool,
    state: Mutex<State>,
    changed: Notify,
    status: MerchantStatus,
}

#[derive(Debug)]
struct State {
    spending: Spending,
    reached: Option<LimitReached>,
    /// Cancelled while a limit is reached.
    closed: CancellationToken,
    /// Until when something may have been spent of which this process does not know.
    unknown_until: Option<Timestamp>,
}

/// An amount that counts as spent.
#[derive(Debug)]
pub(super) struct Counted {
    amount: Amount,
    at: Timestamp,
}

impl SpendGuard {
    pub(super) fn new(limits: SpendLimits, status: MerchantStatus) -> Self {
        let spending = Spending::new(limits);
        Self {
            is_limited: spending.is_limited(),
            state: Mutex::new(State {
                spending,
                reached: None,
                closed: CancellationToken::new(),
                unknown_until: None,
            }),
            changed: Notify::new(),
            status,
        }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Ends while a limit is reached.
    pub(super) async fn closed(&self) {
        let closed = self.lock().closed.clone();
        closed.cancelled().await;
    }

    /// Ends when something was spent since the last time.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What was spent, for a checkpoint.
    pub(super) fn steps(&self, now: Timestamp) -> Vec<(Window, Steps)> {
        let mut state = self.lock();
        state.spending.steps(now).map(|(window, steps)| (window, steps.clone())).collect()
    }

    /// Takes in what an earlier process has spent; nothing if there is no telling.
    pub(super) fn restore(&self, earlier: &[(Window, Steps)], now: Timestamp) {
        let mut state = self.lock();
        for (window, steps) in earlier {
            state.spending.merge(*window, steps, now);
        }
        let knows = |window| earlier.iter().any(|(known, _)| *known == window);
        let unknown: Vec<_> = state.spending.windows().filter(|window| !knows(*window)).collect();
        let Some(longest) = unknown.iter().max() else { return };
        state.unknown_until = Some(longest.end(now));
        let keys: Vec<_> = unknown.iter().map(|window| window.key()).collect();
        self.changed.notify_one();
        self.status.raise(
            Component::SpendSums,
            &format!(
                "there is no checkpoint that says what was spent before; {} counts from now on, so \
                 as much again as it allows may be sent",
                keys.join(" and ")
            ),
        );
    }

    fn close(&self, state: &mut State, reached: LimitReached) {
        state.reached = Some(reached);
        state.closed.cancel();
        self.status.set_limit_reached(Some(reached));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held leaves whole values behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Whether a create of this amount could be counted. One that could not would only take the
    /// permit of another request.
    pub(super) fn has_room_to_spend(&self, amount: Amount) -> bool {
        let guard = &self.spend_guard;
        if !guard.is_limited {
            return true;
        }
        let now = self.spending_clock();
        let mut state = guard.lock();
        let room = state.spending.room(amount, now);
        room.map_err(|reached| guard.close(&mut state, reached)).is_ok()
    }

    /// Counts an amount as spent, right before the create that may spend it; `Err` if there is no
    /// room for it.
    pub(super) fn spend(&self, call: &CreateCall<'_>) -> Result<Option<Counted>, LimitReached> {
        let (guard, amount) = (&self.spend_guard, call.intent().amount);
        if !guard.is_limited || !call.is_new_spending() {
            return Ok(None);
        }
        let at = self.spending_clock();
        let mut state = guard.lock();
        let spent = state.spending.spend(amount, at);
        spent.inspect_err(|reached| guard.close(&mut state, *reached))?;
        self.show_spending(&mut state.spending, at);
        drop(state);
        guard.changed.notify_one();
        Ok(Some(Counted { amount, at }))
    }

    /// Takes back what its create did not spend.
    pub(super) fn take_back(&self, counted: &Counted) {
        let mut state = self.spend_guard.lock();
        state.spending.take_back(counted.amount, counted.at);
        self.show_spending(&mut state.spending, counted.at);
    }

    /// Ends when no limit is reached any more.
    pub(super) async fn until_spendable(&self) {
        loop {
            let wait = {
                let mut state = self.spend_guard.lock();
                let Some(reached) = state.reached else { return };
                let wait = reached.until.duration_since(self.spending_clock());
                let Some(wait) = Duration::try_from(wait).ok().filter(|wait| !wait.is_zero())
                else {
                    state.reached = None;
                    state.closed = CancellationToken::new();
                    self.spend_guard.status.set_limit_reached(None);
                    return;
                };
                wait
            };
            self.clock.sleep(wait).await;
        }
    }

    /// Lets the metric follow the time. Runs as long as it is polled.
    pub(super) async fn follow_spending(&self) {
        if !self.spend_guard.is_limited {
            return std::future::pending().await;
        }
        loop {
            let now = self.spending_clock();
            {
                let mut state = self.spend_guard.lock();
                self.show_spending(&mut state.spending, now);
                if state.unknown_until.take_if(|until| *until <= now).is_some() {
                    self.spend_guard.status.clear(Component::SpendSums);
                }
            }
            self.clock.sleep(SHOWN_EVERY).await;
        }
    }

    fn show_spending(&self, spending: &mut Spending, now: Timestamp) {
        for (window, used, limit) in spending.used(now) {
            self.metrics.set_spending(window, used, limit);
        }
    }

    /// The wall clock as far as it can be believed: one that jumps would empty the windows, or fill
    /// them for ever.
    pub(super) fn spending_clock(&self) -> Timestamp {
        self.clock_drift.believed(self.clock.now())
    }
}
