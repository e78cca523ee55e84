//! One worker per merchant: it takes deliveries while requests flow, processes each in a task of
//! its own, and stops without leaving an intent in doubt that was not before.

mod background_lookup;
mod backpressure;
mod call;
mod checkpoint;
mod clock_drift;
mod context;
mod create_leave;
pub mod dead_letters;
pub mod dedup;
pub mod given_links;
mod in_flight;
pub mod key_lock;
mod lookup_lag;
mod pause;
mod probe;
mod process;
mod publish;
pub mod readback;
mod settle;
mod spend_guard;
mod stand;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::domain::work::Work;
use crate::ports::{Clock, Delivery, DeliveryOf, Inbox, InboxOf, Ports, Queue};
use crate::telemetry::events;
use crate::telemetry::status::{Component, ConsumerState, MerchantStatus};
pub use context::{Adapters, MerchantContext, Settings, Telemetry};
pub use settle::Settled;

/// How long until a queue is tried again that could not be consumed.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// How long until a checkpoint is asked for again that could not be read.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(1);

/// How long a first token may take before the worker reports that there is none.
const READY_SOON: Duration = Duration::from_secs(2);

pub struct Worker<P: Ports> {
    queue: P::Queue,
    context: Arc<MerchantContext<P>>,
    status: MerchantStatus,
    drain: Duration,
}

/// The deliveries in flight.
#[derive(Debug, Default)]
struct Tasks {
    /// Each in a task of its own.
    running: TaskTracker,
    /// How many were left unacknowledged during the stop: they come back, to another process.
    abandoned: Arc<AtomicUsize>,
}

/// Why the inbox was left.
enum Left {
    /// The process is to stop.
    Stopping,
    /// The circuit breaker is open, or the connection has ended: there will be another inbox.
    ForNow,
}

impl<P: Ports> Worker<P> {
    /// Nothing happens before [`Worker::run`]; it stops when `stopping` ends.
    pub fn new(
        settings: &Settings,
        adapters: Adapters<P>,
        telemetry: Telemetry,
        stopping: CancellationToken,
    ) -> Self {
        let (context, queue) = MerchantContext::new(settings, adapters, &telemetry, stopping);
        let context = Arc::new(context);
        Self { queue, context, status: telemetry.status, drain: settings.drain }
    }

    /// What its deliveries share.
    pub fn context(&self) -> Arc<MerchantContext<P>> {
        Arc::clone(&self.context)
    }

    /// Works until it is to stop, and then until everything in flight is settled, or `drain` is
    /// over. Returns how many deliveries it left unsettled.
    pub async fn run(self) -> usize {
        let tasks = Tasks::default();
        tokio::select! {
            biased;
            () = self.take_until_stopped(&tasks) => {}
            () = self.context.beside() => {} // never ends
            () = self.show_admission() => {} // nor does this
        }
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
    async fn next_inbox(&self) -> Option<InboxOf<P>> {
        let stopping = &self.context.stopping;
        loop {
            stopping.run_until_cancelled(self.context.pause_switch.open()).await?;
            stopping.run_until_cancelled(self.context.until_spendable()).await?;
            stopping.run_until_cancelled(self.get_ready()).await?;
            match stopping.run_until_cancelled(self.queue.open()).await? {
                Ok(inbox) => {
                    self.status.clear(Component::Queue);
                    self.status.set_consumer(ConsumerState::Standby);
                    return Some(inbox);
                }
                Err(error) => {
                    self.status.raise(Component::Queue, &error.to_string());
                    stopping.run_until_cancelled(self.context.clock.sleep(QUEUE_WAIT)).await?;
                }
            }
        }
    }

    /// Waits until there is a token and the breaker is not open. Before that nothing is consumed: a
    /// merchant with wrong credentials leaves its intents where they are.
    async fn get_ready(&self) {
        let mut ready = pin!(self.context.get_ready());
        loop {
            tokio::select! {
                biased;
                () = &mut ready => break,
                () = self.context.clock.sleep(READY_SOON) => {}
            }
            // An open breaker reports itself.
            if self.context.scheduler.is_open() {
                self.status.withdraw(Component::Token);
                continue;
            }
            let last = self.context.metrics.last_failure();
            let last = last.map_or_else(String::new, |cause| format!("; last failure: {cause}"));
            self.status.raise(Component::Token, &format!("it has no token yet{last}"));
        }
        self.status.clear(Component::Token);
    }

    /// Takes deliveries until the inbox ends. A cancelled inbox still gives out what the broker
    /// has sent, and each of these goes back with its record.
    async fn take(&self, mut inbox: InboxOf<P>, tasks: &Tasks) -> Left {
        let channel_ended = inbox.lost();
        let mut held_back = pin!(self.held_back());
        let mut limited = pin!(self.context.spend_guard.closed());
        let mut active = false;
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                () = &mut held_back, if !cancelled => {
                    cancelled = true;
                    inbox.cancel().await;
                }
                () = &mut limited, if !cancelled => {
                    cancelled = true;
                    // Another process may be the active consumer next.
                    self.context.publish_checkpoint().await;
                    inbox.cancel().await;
                }
                delivery = inbox.next() => {
                    let Some(delivery) = delivery else { break };
                    if !active {
                        active = true;
                        self.become_active(&channel_ended).await;
                    }
                    tasks.running.spawn(self.task(delivery, channel_ended.clone(), tasks));
                }
            }
        }
        self.status.set_consumer(ConsumerState::Stopped);
        if self.context.stopping.is_cancelled() { Left::Stopping } else { Left::ForNow }
    }

    /// Ends when the worker stops, the breaker opens or the merchant is paused.
    async fn held_back(&self) {
        let context = &self.context;
        tokio::select! {
            biased;
            () = context.stopping.cancelled() => {}
            () = context.scheduler.opened() => {}
            () = context.pause_switch.closed() => {}
        }
    }

    async fn become_active(&self, channel_ended: &CancellationToken) {
        // What it carries is for those who create.
        if self.context.work == Work::Intents {
            self.restore_checkpoint(channel_ended).await;
        }
        self.context.on_activated();
        let wait = self.context.takeover_delay(self.context.clock.now());
        if !wait.is_zero() {
            self.status.set_takeover(wait);
        }
        self.status.set_consumer(ConsumerState::Active);
    }

    /// Takes in what an earlier process has left. Nothing starts before that is known: without it
    /// this process concludes nothing from a lookup that finds nothing, and does not know what was
    /// spent since it was active last, nor whether it was paused.
    async fn restore_checkpoint(&self, channel_ended: &CancellationToken) {
        loop {
            let asked = tokio::select! {
                biased;
                asked = self.queue.checkpoint() => asked,
                () = channel_ended.cancelled() => return,
                () = self.context.stopping.cancelled() => return,
            };
            match asked {
                Ok(checkpoint) => {
                    self.status.clear(Component::Checkpoint);
                    self.context.restore(checkpoint.as_ref()).await;
                    return;
                }
                Err(error) => self.status.raise(Component::Checkpoint, &error.to_string()),
            }
            tokio::select! {
                biased;
                () = channel_ended.cancelled() => return,
                () = self.context.stopping.cancelled() => return,
                () = self.context.clock.sleep(CHECKPOINT_WAIT) => {}
            }
        }
    }

    /// Brings one delivery to its settlement. A panic on the way is a defect of ours: it is logged,
    /// the delivery is dropped and comes back, and the others go on.
    fn task(
        &self,
        delivery: DeliveryOf<P>,
        channel_ended: CancellationToken,
        tasks: &Tasks,
    ) -> impl Future<Output = ()> + Send + use<P> {
        let abandoned = Arc::clone(&tasks.abandoned);
        let context = Arc::clone(&self.context);
        let span = events::delivery_span(&context.merchant, &delivery.delivered().properties);
        events::acted_on(&span, delivery.delivered());
        async move {
            let processed = context.process(delivery, channel_ended);
            match AssertUnwindSafe(processed).catch_unwind().await {
                Ok(Settled::Abandoned) if context.stopping.is_cancelled() => {
                    abandoned.fetch_add(1, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(_) => events::task_panicked(),
            }
        }
        .instrument(span)
    }

    /// Waits for what is in flight. A request that was written is never abandoned before its own
    /// timeout, and `drain` is longer than that.
    async fn drain(&self, tasks: &Tasks) -> usize {
        let beside = async {
            tokio::join!(self.context.scheduler.drive(), self.show_admission());
        };
        let done = async {
            tasks.running.wait().await;
            self.context.publish_checkpoint().await;
        };
        tasks.running.close();
        tokio::select! {
            biased;
            () = done => {}
            () = beside => {}
            () = self.context.clock.sleep(self.drain) => {}
        }
        let left = tasks.running.len();
        if left > 0 {
            let references = self.context.key_lock.references();
            events::drain_timed_out(&self.context.metrics, left, &references);
        }
        left.saturating_add(tasks.abandoned.load(Ordering::Relaxed))
    }
}
