//! The one line that every request to the provider stands in.
//!
//! A turn is what the gate, the limiter and the merchant's concurrency allow together, given by
//! [`Class`]. It is taken as the last step before the send: whatever is slow between the two turns
//! an even pace into bursts.
//!
//! Three things make a turn come later, and none lets one come earlier. After a closed gate the
//! pace grows slowly to the whole ([`ramp`]). Retries have to be paid for ([`budget`]). And while
//! looks come to nothing they go one at a time ([`looks`]).

mod budget;
mod line;
mod looks;
mod ramp;
mod serve;
mod watch;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, oneshot};

use crate::gate::{Gate, Probe, Report, State};
use crate::pace::{Limiter, Rate};
use crate::ports::Clock;
use budget::Budget;
use line::Line;
use looks::Looks;
use ramp::Ramp;
use serve::Next;

/// What a turn is for; the first in this order goes first, but while the gate is probing creates
/// go before looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A probe of a closed gate: the one thing that a closed gate lets through.
    Probe,
    /// A token: without one nothing else goes.
    Token,
    /// A lookup: it may end an intent, and never moves money.
    Lookup,
    /// A create that follows a lookup or a failed try.
    Retry,
    /// A first create.
    New,
    /// A lookup ahead of a first create. It goes last, or all that are in hand would look before the
    /// first of them may create, and be too old for it by then.
    FirstLook,
}

impl Class {
    const COUNT: usize = 6;

    fn is_look(self) -> bool {
        matches!(self, Self::Lookup | Self::FirstLook)
    }

    /// Whether it counts as a call in flight.
    fn is_call(self) -> bool {
        match self {
            Self::Probe | Self::Token => false,
            Self::Lookup | Self::Retry | Self::New | Self::FirstLook => true,
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
    ramp: Ramp,
    budget: Budget,
    lookups: Looks,
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
    class: Class,
    /// How often the gate had been closed when it was given.
    closures: u64,
}

impl<C: Clock> Turns<C> {
    /// A line that begins with an empty limiter and a probing gate.
    pub fn new(limits: Limits, clock: C) -> Self {
        let gate = Gate::probing(limits.max_pause);
        let (now, per_second) = (clock.now().steady, limits.rate.per_second.get());
        let inner = Inner {
            limiter: Limiter::empty(limits.rate, now),
            ramp: Ramp::whole(per_second),
            budget: Budget::full(per_second, now),
            lookups: Looks::default(),
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
            self.shared.go_on(&mut inner);
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

    /// Tells what a call showed that had no turn.
    pub fn told(&self, report: Report) {
        self.told_of(None, report);
    }

    /// Tells what the call of a turn showed. A failure of one that was sent before the gate was
    /// closed last says nothing new.
    pub fn told_of(&self, turn: Option<&Turn<C>>, report: Report) {
        if report == Report::Nothing {
            return;
        }
        let now = self.shared.clock.now();
        self.change(|inner| {
            let closures = inner.gate.closures();
            if report.is_failure() && turn.is_some_and(|turn| turn.closures != closures) {
                return;
            }
            if report == Report::Answered {
                inner.budget.earn();
            }
            inner.lookups.told(report);
            inner.gate.told(report, now);
        });
    }

    /// Tells a closed gate what its probe showed.
    pub fn probed(&self, probe: Probe) {
        let now = self.shared.clock.now();
        self.change(|inner| inner.gate.probed(probe, now));
    }

    /// Whether the provider is down, or was so lately that nobody may be judged by its silence.
    pub fn was_down_lately(&self) -> bool {
        let now = self.shared.clock.now();
        self.shared.lock().gate.was_down_lately(now)
    }

    /// Whether the gate is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.shared.lock().gate.state(), State::Closed { .. })
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
        async move { state.wait_for(|state| matches!(state, State::Closed { .. })).await }
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
        self.shared.go_on(&mut inner);
    }
}

impl<C: Clock> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        // A panic while it is held would leave whole values behind all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives every turn that may be given now, and leaves the rest to the driver.
    fn go_on(self: &Arc<Self>, inner: &mut Inner<C>) {
        if let Next::After(_) = self.serve(inner) {
            self.changed.notify_one();
        }
    }
}

impl<C: Clock> Drop for Turn<C> {
    fn drop(&mut self) {
        let Some(shared) = self.counted.take() else { return };
        let mut inner = shared.lock();
        inner.came_back(self.class);
        if self.class == Class::FirstLook {
            // Its create is asked for next, and shall find the place free: the driver comes later.
            return shared.changed.notify_one();
        }
        shared.go_on(&mut inner);
    }
}
