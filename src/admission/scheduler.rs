//! The queue that every request to the provider stands in.
//!
//! A permit is taken as the last step before the send: whatever is slow between the two turns an
//! even pace into bursts.
//!
//! Whoever waits for the breaker, or for any change, does so by a cancellation token: they wake in
//! the order of waiting, `tokio::sync::watch` in a random one, and a simulation has to come out the
//! same every time.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::circuit_breaker::{BreakerState, ProbeResult};
use super::signal::Signal;
use super::wait_queue::Ticket;
use super::{Admission, AdmissionState, Grant, Limits, Next};
use crate::domain::call::Priority;
use crate::domain::decide::Requests;
use crate::ports::{Clock, Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct BreakerOpen;

/// Grants the permits of one merchant.
#[derive(Clone, Debug)]
pub struct Scheduler<C: Clock> {
    shared: Arc<Shared<C>>,
}

#[derive(Debug)]
struct Shared<C: Clock> {
    clock: C,
    inner: Mutex<Inner>,
    /// Wakes the driver when something waits for a moment to come.
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    admission: Admission,
    /// Dropping one turns its request away.
    waiters: BTreeMap<Ticket, oneshot::Sender<Grant>>,
    /// The state as it was published last.
    published: AdmissionState,
    /// Cancelled at the next change of the state.
    changing: CancellationToken,
    /// Cancelled while the breaker is open.
    opened: CancellationToken,
    /// Cancelled while it is not.
    passable: CancellationToken,
}

/// Permission to send one request. Dropping it, used or not, ends the request.
#[derive(Debug)]
pub struct Permit<C: Clock> {
    shared: Arc<Shared<C>>,
    grant: Grant,
}

/// A place in the queue. Dropping it leaves the queue, or returns a permit that was not picked up.
struct Waiting<C: Clock> {
    shared: Arc<Shared<C>>,
    ticket: Ticket,
    granted: oneshot::Receiver<Grant>,
    is_over: bool,
}

impl<C: Clock> Scheduler<C> {
    /// Begins with an empty limiter and a half-open breaker.
    pub fn new(limits: Limits, clock: C) -> Self {
        let admission = Admission::new(limits, clock.now());
        let published = admission.state();
        let passable = CancellationToken::new();
        passable.cancel();
        let opened = CancellationToken::new();
        let inner = Inner {
            admission,
            waiters: BTreeMap::new(),
            published,
            changing: CancellationToken::new(),
            opened,
            passable,
        };
        let shared = Shared { clock, inner: Mutex::new(inner), changed: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Waits for a permit; `Err` if the breaker is or becomes open. Dropping the future leaves the
    /// queue.
    pub async fn acquire(&self, priority: Priority) -> Result<Permit<C>, BreakerOpen> {
        let mut waiting = self.shared.change(|inner, _| {
            let (waiter, granted) = oneshot::channel();
            let ticket = inner.admission.enqueue(priority);
            inner.waiters.insert(ticket, waiter);
            Waiting { shared: Arc::clone(&self.shared), ticket, granted, is_over: false }
        });
        let granted = (&mut waiting.granted).await;
        waiting.is_over = true;
        let grant = granted.map_err(|_| BreakerOpen)?;
        Ok(Permit { shared: Arc::clone(&self.shared), grant })
    }

    /// Grants the permits that only need time to pass. Runs as long as it is polled.
    pub async fn drive(&self) {
        loop {
            let wait = self.shared.dispatch(&mut self.shared.lock());
            match wait {
                None => self.shared.changed.notified().await,
                Some(wait) => tokio::select! {
                    biased;
                    () = self.shared.changed.notified() => {}
                    () = self.shared.clock.sleep(wait) => {}
                },
            }
        }
    }

    /// Takes in what a call showed, and by which permit it was sent. A failure of one that was sent
    /// before the breaker opened last says nothing new.
    pub fn record(&self, permit: Option<&Permit<C>>, signal: Signal) {
        let grant = permit.map(|permit| &permit.grant);
        self.shared.change(|inner, now| inner.admission.record(grant, signal, now));
    }

    /// Takes in what a probe of the open breaker showed.
    pub fn probed(&self, probe: ProbeResult) {
        self.shared.change(|inner, now| inner.admission.probed(probe, now));
    }

    /// Begins anew with one call at a time and nothing saved up, since another process may have
    /// sent until now.
    pub fn on_activated(&self) {
        self.shared.change(|inner, now| inner.admission.on_activated(now));
    }

    /// Holds all calls back while results cannot be published, or lets them go again.
    pub fn set_backpressure(&self, on: bool) {
        self.shared.change(|inner, _| inner.admission.set_backpressure(on));
    }

    /// The state as it was published last.
    pub fn state(&self) -> AdmissionState {
        self.shared.lock().published
    }

    /// The state, and what ends at the next change of it.
    pub fn watch(&self) -> (AdmissionState, impl Future<Output = ()> + Send + use<C>) {
        let inner = self.shared.lock();
        (inner.published, inner.changing.clone().cancelled_owned())
    }

    pub fn is_open(&self) -> bool {
        self.breaker().is_open()
    }

    /// Ends when the breaker is open.
    pub fn opened(&self) -> impl Future<Output = ()> + Send + use<C> {
        self.shared.lock().opened.clone().cancelled_owned()
    }

    /// Ends when the breaker is not open.
    pub fn passable(&self) -> impl Future<Output = ()> + Send + use<C> {
        self.shared.lock().passable.clone().cancelled_owned()
    }

    /// Ends when a probe of the open breaker is due.
    pub async fn probe_due(&self) {
        loop {
            self.opened().await;
            let BreakerState::Open { probe_at, .. } = self.breaker() else { continue };
            let Some(due) = probe_at else {
                self.passable().await; // no probe is due before a restart
                continue;
            };
            let wait = due.saturating_sub(self.shared.clock.now().steady);
            if wait.is_zero() {
                return;
            }
            self.shared.clock.sleep(wait).await;
        }
    }

    pub fn in_flight(&self) -> u32 {
        self.shared.lock().admission.in_flight()
    }

    fn breaker(&self) -> BreakerState {
        self.shared.lock().admission.state().breaker
    }

    pub fn requests(&self) -> Requests {
        let now = self.shared.clock.now();
        self.shared.lock().admission.requests(now)
    }
}

impl<C: Clock> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves whole values behind.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a change, grants every permit that can be granted now, and leaves the rest to the
    /// driver.
    fn change<T>(&self, change: impl FnOnce(&mut Inner, Moment) -> T) -> T {
        let mut inner = self.lock();
        let changed = change(&mut inner, self.clock.now());
        if self.dispatch(&mut inner).is_some() {
            self.changed.notify_one();
        }
        changed
    }

    /// Grants every permit that can be granted now. Returns how long until there may be another.
    fn dispatch(&self, inner: &mut Inner) -> Option<Duration> {
        let wait = loop {
            match inner.admission.next(self.clock.now()) {
                Next::Grant(grant) => {
                    let unseen = match inner.waiters.remove(&grant.ticket) {
                        Some(waiter) => waiter.send(grant).is_err(),
                        None => true,
                    };
                    if unseen {
                        inner.admission.release(&grant);
                    }
                }
                Next::TurnAway(ticket) => drop(inner.waiters.remove(&ticket)),
                Next::Wait(wait) => break wait,
            }
        };
        inner.publish();
        wait
    }
}

impl Inner {
    fn publish(&mut self) {
        let state = self.admission.state();
        if state == self.published {
            return;
        }
        match (self.published.breaker.is_open(), state.breaker.is_open()) {
            (false, true) => {
                self.passable = CancellationToken::new();
                self.opened.cancel();
            }
            (true, false) => {
                self.opened = CancellationToken::new();
                self.passable.cancel();
            }
            (false, false) | (true, true) => {}
        }
        self.published = state;
        std::mem::take(&mut self.changing).cancel();
    }
}

impl<C: Clock> Drop for Waiting<C> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.shared.change(|inner, _| {
            inner.waiters.remove(&self.ticket);
            inner.admission.leave(self.ticket);
            if let Ok(unseen) = self.granted.try_recv() {
                inner.admission.release(&unseen);
            }
        });
    }
}

impl<C: Clock> Drop for Permit<C> {
    fn drop(&mut self) {
        if self.grant.ticket.priority().is_call() {
            self.shared.change(|inner, _| inner.admission.release(&self.grant));
        }
    }
}
