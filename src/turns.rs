//! The one line that every request to the provider stands in.
//!
//! A turn is what the gate, the limiter and the merchant's concurrency allow together, given in
//! this order: what makes a probe, a token, a look, a retry, a first create. It is taken as the
//! last step before the send: whatever is slow between the two turns an even pace into bursts.

mod line;
mod watch;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

use crate::gate::{Admission, Gate, Report, State};
use crate::pace::{Limiter, Rate};
use crate::ports::Clock;
use line::Line;

/// What a turn is for; the first in this order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A probe of a closed gate: the one thing that a closed gate lets through.
    Probe,
    /// A token: without one nothing else goes.
    Token,
    /// A look: it may end an intent, and never moves money.
    Look,
    /// A create that follows a look or a failed try.
    Retry,
    /// A first create.
    New,
}

impl Class {
    const COUNT: usize = 5;

    /// Whether it counts as a call in flight.
    fn is_call(self) -> bool {
        match self {
            Self::Probe | Self::Token => false,
            Self::Look | Self::Retry | Self::New => true,
        }
    }
}

/// The gate is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut;

/// The limits of one merchant.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The pace.
    pub rate: Rate,
    /// Calls in flight at once, at least 1.
    pub concurrency: u32,
    /// The longest pause that is believed.
    pub max_pause: Duration,
}

/// The line of one merchant.
#[derive(Clone, Debug)]
pub struct Turns<C: Clock> {
    shared: Arc<Shared<C>>,
}

#[derive(Debug)]
struct Shared<C: Clock> {
    clock: C,
    limits: Limits,
    inner: Mutex<Inner<C>>,
    /// Tells the driver that something is waiting for a moment to come.
    changed: Notify,
    /// The gate's state, for whoever shows it or waits for it.
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct Inner<C: Clock> {
    gate: Gate,
    limiter: Limiter,
    line: Line<C>,
    in_flight: u32,
    /// Results cannot be published, so nothing new may be started.
    stalled: bool,
    /// The gate's state as it was shown last.
    shown: State,
}

/// Leave to send one request. Dropping it, used or not, says that the request is over.
#[derive(Debug)]
pub struct Turn<C: Clock> {
    /// Whose call in flight it counts as.
    counted: Option<Arc<Shared<C>>>,
}

/// What the line does next.
enum Next {
    /// Nothing, until something changes.
    Idle,
    /// It looks again after so long.
    After(Duration),
}

impl<C: Clock> Turns<C> {
    /// A line that begins with an empty limiter and a probing gate.
    pub fn new(limits: Limits, clock: C) -> Self {
        let gate = Gate::probing(limits.max_pause);
        let inner = Inner {
            limiter: Limiter::empty(limits.rate, clock.now().steady),
            line: Line::new(),
            in_flight: 0,
            stalled: false,
            shown: gate.state(),
            gate,
        };
        let shared = Shared {
            state: watch::Sender::new(inner.gate.state()),
            clock,
            limits,
            inner: Mutex::new(inner),
            changed: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Waits for a turn; `Err` if the gate is or becomes closed. Dropping the future leaves the
    /// line.
    pub async fn take(&self, class: Class) -> Result<Turn<C>, Shut> {
        let waiting = {
            let mut inner = self.shared.lock();
            let (waiter, waiting) = oneshot::channel();
            inner.line.push(class, waiter);
            if let Next::After(_) = self.shared.serve(&mut inner) {
                self.shared.changed.notify_one();
            }
            waiting
        };
        waiting.await.map_err(|_| Shut)
    }

    /// Serves the line when time alone moves it on. Runs as long as it is polled.
    pub async fn drive(&self) {
        loop {
            let next = self.shared.serve(&mut self.shared.lock());
            match next {
                Next::Idle => self.shared.changed.notified().await,
                Next::After(wait) => tokio::select! {
                    biased;
                    () = self.shared.changed.notified() => {}
                    () = self.shared.clock.sleep(wait) => {}
                },
            }
        }
    }

    /// Tells the gate what a call showed.
    pub fn told(&self, report: Report) {
        if report == Report::Nothing {
            return;
        }
        let now = self.shared.clock.now();
        self.change(|inner| inner.gate.told(report, now));
    }

    /// Tells a closed gate what its probe showed.
    pub fn probed(&self, good: bool) {
        let now = self.shared.clock.now();
        self.change(|inner| inner.gate.probed(good, now));
    }

    /// Begins anew with one call at a time and nothing saved up, since another process may have
    /// sent until now.
    pub fn took_over(&self) {
        let now = self.shared.clock.now().steady;
        self.change(|inner| {
            inner.gate.took_over();
            inner.limiter = Limiter::empty(self.shared.limits.rate, now);
        });
    }

    /// Holds everything back while results cannot be published, or lets it go on.
    pub fn stall(&self, stalled: bool) {
        self.change(|inner| inner.stalled = stalled);
    }

    /// The gate's state, and each change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Ends when the gate is closed.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + use<C> {
        let mut state = self.state();
        async move {
            // The sender lives as long as the line; without one nothing will ever be closed.
            if state.wait_for(|state| matches!(state, State::Closed { .. })).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> u32 {
        self.shared.lock().in_flight
    }

    /// For how long the gate was closed since a time.
    pub fn closed_since(&self, since: Timestamp) -> Duration {
        let now = self.shared.clock.now().wall;
        self.shared.lock().gate.closed_since(since, now)
    }

    fn change(&self, change: impl FnOnce(&mut Inner<C>)) {
        let mut inner = self.shared.lock();
        change(&mut inner);
        if let Next::After(_) = self.shared.serve(&mut inner) {
            self.shared.changed.notify_one();
        }
    }
}

impl<C: Clock> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        // A panic while it is held would leave whole values behind all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives every turn that may be given now.
    fn serve(self: &Arc<Self>, inner: &mut Inner<C>) -> Next {
        let next = self.give(inner);
        let state = inner.gate.state();
        if inner.shown != state {
            inner.shown = state;
            self.state.send_replace(state);
        }
        next
    }

    fn give(self: &Arc<Self>, inner: &mut Inner<C>) -> Next {
        loop {
            let was = inner.gate.state();
            // A pause ends by its time, whoever waits; anything else waits for whoever comes.
            if inner.line.is_empty() && !matches!(was, State::Paused { .. }) {
                return Next::Idle;
            }
            let now = self.clock.now();
            let admission = inner.gate.admission(now);
            if was != inner.gate.state() {
                // The pause is over. An idle limiter has refilled to its whole burst.
                inner.limiter = Limiter::empty(self.limits.rate, now.steady);
            }
            let (calls_max, shut) = match admission {
                Admission::Free => (self.limits.concurrency, false),
                Admission::One => (1, false),
                Admission::Shut => (0, true),
                Admission::NotBefore(until) => {
                    return Next::After(until.saturating_sub(now.steady));
                }
            };
            if shut {
                inner.line.turn_away_all_but_probes();
            }
            let room = !inner.stalled && inner.in_flight < calls_max;
            // While probing only a create opens the gate. If all the looks that come before first
            // creates went first, one at a time, no delivery would be young enough for its create.
            let Some((class, waiter)) = inner.line.first(room, admission == Admission::One) else {
                return Next::Idle;
            };
            if let Err(wait) = inner.limiter.take(now.steady) {
                inner.line.put_back(class, waiter);
                return Next::After(wait);
            }
            // One who left the line in this very moment leaves the turn unused: the pace is kept.
            let counted = class.is_call().then(|| Arc::clone(self));
            match waiter.send(Turn { counted }) {
                Ok(()) if class.is_call() => inner.in_flight = inner.in_flight.saturating_add(1),
                Ok(()) => {}
                Err(mut unused) => unused.counted = None, // its drop would wait for our own lock
            }
        }
    }
}

impl<C: Clock> Drop for Turn<C> {
    fn drop(&mut self) {
        let Some(shared) = self.counted.take() else { return };
        let mut inner = shared.lock();
        inner.in_flight = inner.in_flight.saturating_sub(1);
        if let Next::After(_) = shared.serve(&mut inner) {
            shared.changed.notify_one();
        }
    }
}
