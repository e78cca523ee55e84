//! One loop per merchant: take deliveries while the gate lets them go, give each a task, and stop
//! without leaving a doubt behind that was not there before.

mod watch;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::gate::State;
use crate::pipeline::{Desk, Settlement, handle};
use crate::ports::{Clock, Delivery, Inbox, Outbox, Provider, Queue};
use crate::telemetry::events;
use crate::telemetry::status::{Component, ConsumerState, MerchantStatus};

/// How long until a queue is tried again that could not be consumed.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// How long a first token may take before anyone is told that there is none.
const READY_SOON: Duration = Duration::from_secs(2);

/// One merchant's loop, and what it needs.
#[derive(Debug)]
pub struct Worker<Q, P, O, C: Clock> {
    /// Where deliveries come from.
    pub queue: Q,
    /// Where they are dealt with.
    pub desk: Arc<Desk<P, O, C>>,
    /// How this merchant stands.
    pub status: MerchantStatus,
    /// How long a stop waits for what is in hand.
    pub drain: Duration,
}

/// The deliveries in hand.
#[derive(Debug, Default)]
struct Tasks {
    /// Each in a task of its own.
    running: TaskTracker,
    /// How many were let go during the stop: they come back, to another process.
    let_go: Arc<AtomicUsize>,
}

/// Why the inbox was left.
enum Left {
    /// The process is to stop.
    Stopping,
    /// The gate is closed, or the connection has ended: there will be another inbox.
    ForNow,
}

impl<Q: Queue, P: Provider, O: Outbox, C: Clock> Worker<Q, P, O, C> {
    /// Works until the desk is told to stop, and then until everything in hand is settled, or
    /// `drain` is over. Returns how many deliveries it left unsettled.
    pub async fn run(self) -> usize {
        let tasks = Tasks::default();
        // Each of these is polled when it was woken itself, and not at every delivery: nearly
        // always they sleep.
        let mut beside: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        beside.push(Box::pin(self.desk.turns.drive()));
        beside.push(Box::pin(self.desk.probe_when_due()));
        beside.push(Box::pin(self.watch()));
        tokio::select! {
            biased;
            () = self.take_until_stopped(&tasks) => {}
            _ = beside.next() => {} // none of them ends
        }
        drop(beside);
        self.drain(&tasks).await
    }

    async fn take_until_stopped(&self, tasks: &Tasks) {
        while let Some(inbox) = self.next_inbox().await {
            if let Left::Stopping = self.take(inbox, tasks).await {
                return;
            }
        }
    }

    /// The next inbox; `None` to stop.
    async fn next_inbox(&self) -> Option<Q::Inbox> {
        loop {
            self.unless_stopping(self.get_ready()).await?;
            match self.unless_stopping(self.queue.open()).await? {
                Ok(inbox) => {
                    self.status.clear(Component::Queue);
                    self.status.set_consumer(ConsumerState::Standby);
                    return Some(inbox);
                }
                Err(error) => {
                    self.status.raise(Component::Queue, &error.to_string());
                    self.unless_stopping(self.desk.clock.sleep(QUEUE_WAIT)).await?;
                }
            }
        }
    }

    /// Waits until there is a token and the gate is not closed. Before that nothing is consumed: a
    /// merchant with wrong credentials leaves its intents where they are.
    async fn get_ready(&self) {
        let mut ready = pin!(self.desk.get_ready());
        tokio::select! {
            biased;
            () = &mut ready => return,
            () = self.desk.clock.sleep(READY_SOON) => {}
        }
        // A closed gate is told by itself.
        if !matches!(*self.desk.turns.state().borrow(), State::Closed { .. }) {
            self.status.raise(Component::Token, "there is no token yet; check auth_url");
        }
        ready.await;
        self.status.clear(Component::Token);
    }

    /// Waits for something; `None` to stop.
    async fn unless_stopping<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = wait => Some(done),
            () = self.desk.stopping.cancelled() => None,
        }
    }

    /// Takes deliveries until the inbox ends. A cancelled inbox still gives out what the broker
    /// has sent, and each of these goes back with its record.
    async fn take(&self, mut inbox: Q::Inbox, tasks: &Tasks) -> Left {
        let lost = inbox.lost();
        let mut stopping = pin!(self.desk.stopping.cancelled());
        let mut closed = pin!(self.desk.turns.closed());
        let mut active = false;
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                () = &mut stopping, if !cancelled => {
                    cancelled = true;
                    inbox.cancel().await;
                }
                () = &mut closed, if !cancelled => {
                    cancelled = true;
                    inbox.cancel().await;
                }
                delivery = inbox.next() => {
                    let Some(delivery) = delivery else { break };
                    if !active {
                        active = true;
                        self.desk.took_over();
                        self.status.set_consumer(ConsumerState::Active);
                    }
                    tasks.running.spawn(self.task(delivery, lost.clone(), tasks));
                }
            }
        }
        self.status.set_consumer(ConsumerState::Stopped);
        if self.desk.stopping.is_cancelled() { Left::Stopping } else { Left::ForNow }
    }

    /// Brings one delivery to its settlement. A panic on the way is a defect of ours: it is told,
    /// the delivery is dropped and comes back, and the others go on.
    fn task<D: Delivery>(
        &self,
        delivery: D,
        lost: CancellationToken,
        tasks: &Tasks,
    ) -> impl Future<Output = ()> + Send + use<D, Q, P, O, C> {
        let let_go = Arc::clone(&tasks.let_go);
        let desk = Arc::clone(&self.desk);
        let span = events::delivery_span(&desk.merchant, &delivery.delivered().properties);
        let handled = async move {
            let settled = AssertUnwindSafe(handle(delivery, lost, &desk)).catch_unwind().await;
            match settled {
                Ok(Settlement::LetGo) if desk.stopping.is_cancelled() => {
                    let_go.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(_) => events::task_panicked(),
            }
        };
        handled.instrument(span)
    }

    /// Waits for what is in hand. A request that was written is never abandoned before its own
    /// timeout, and `drain` is longer than that.
    async fn drain(&self, tasks: &Tasks) -> usize {
        let beside = async {
            tokio::join!(self.desk.turns.drive(), self.watch());
        };
        tasks.running.close();
        tokio::select! {
            biased;
            () = tasks.running.wait() => {}
            () = beside => {}
            () = self.desk.clock.sleep(self.drain) => {}
        }
        let (left, let_go) = (tasks.running.len(), tasks.let_go.load(Ordering::Relaxed));
        if left > 0 {
            let references = self.desk.alone.references();
            events::drain_timed_out(&self.desk.metrics, left, &references);
        }
        left.saturating_add(let_go)
    }
}
