//! What the deliveries of one merchant share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::backpressure::Backpressure;
use super::checkpoint::Published;
use super::clock_drift::ClockDrift;
use super::dedup::DedupCache;
use super::given_links::GivenLinks;
use super::in_flight::InFlight;
use super::key_lock::KeyLock;
use super::lookup_lag::LagTracker;
use super::pause::PauseSwitch;
use super::process::{process_command, process_intent};
use super::readback::ReadbackTracker;
use super::settle::Settled;
use super::spend_guard::SpendGuard;
use crate::admission::Limits;
use crate::admission::scheduler::Scheduler;
use crate::domain::classify::lookup::Lookup;
use crate::domain::decide::{LastAnswers, Policy};
use crate::domain::publisher_guard::PublisherGuard;
use crate::domain::spending::SpendLimits;
use crate::domain::work::Work;
use crate::ports::{Clock, DeliveryOf, Moment, Ports};
use crate::telemetry::metrics::MerchantMetrics;
use crate::telemetry::status::{MerchantStatus, OnItsWay};

/// The settings of one merchant's worker.
#[derive(Clone, Debug)]
pub struct Settings {
    pub merchant: String,
    /// What its queue holds.
    pub work: Work,
    pub policy: Policy,
    pub publisher_guard: PublisherGuard,
    pub spend_limits: SpendLimits,
    pub limits: Limits,
    /// How long a delivery may be held before the broker takes it back.
    pub held_max: Duration,
    /// How many deliveries may be held through a wait.
    pub places: usize,
    /// How many references are remembered.
    pub dedup_capacity: usize,
    /// For how long a reference that was sent is remembered.
    pub dedup_keep: Duration,
    /// How long a stop waits for what is in flight.
    pub drain: Duration,
}

/// What a worker talks to.
pub struct Adapters<P: Ports> {
    pub clock: P::Clock,
    pub queue: P::Queue,
    pub provider: P::Provider,
    pub outbox: P::Outbox,
    /// One for all that is about the merchant's references.
    pub key_lock: Arc<KeyLock>,
}

/// Where one merchant's worker reports its state.
#[derive(Clone, Debug)]
pub struct Telemetry {
    pub metrics: Arc<MerchantMetrics>,
    pub status: MerchantStatus,
}

/// What the deliveries of one merchant share: the policy, the ports, admission, and what this
/// process remembers.
pub struct MerchantContext<P: Ports> {
    pub(super) merchant: String,
    pub(super) work: Work,
    pub(super) policy: Policy,
    pub(super) publisher_guard: PublisherGuard,
    pub(super) spend_guard: SpendGuard,
    pub(super) pause_switch: PauseSwitch,
    was_active: AtomicBool,
    pub(super) held_max: Duration,
    pub(super) clock: P::Clock,
    pub(super) provider: P::Provider,
    pub(super) outbox: P::Outbox,
    pub(super) scheduler: Scheduler<P::Clock>,
    pub(super) dedup: DedupCache,
    pub(super) key_lock: Arc<KeyLock>,
    pub(super) places: Semaphore,
    pub(super) readback: ReadbackTracker,
    pub(super) lookup_lag: LagTracker,
    pub(super) checkpoint: Published,
    pub(super) given_links: GivenLinks,
    pub(super) clock_drift: ClockDrift,
    last_answers: Mutex<LastAnswers>,
    pub(super) backpressure: Backpressure<P::Clock>,
    pub(super) metrics: Arc<MerchantMetrics>,
    pub(super) on_its_way: Arc<OnItsWay>,
    /// Ends when the process is to stop.
    pub(super) stopping: CancellationToken,
    /// Under the strict policy, the moment of the steady clock before which nothing is created.
    no_create_before: Mutex<Duration>,
}

impl<P: Ports> MerchantContext<P> {
    pub(super) fn new(
        settings: &Settings,
        adapters: Adapters<P>,
        telemetry: &Telemetry,
        stopping: CancellationToken,
    ) -> (Self, P::Queue) {
        let Adapters { clock, queue, provider, outbox, key_lock } = adapters;
        let Settings { policy, limits, dedup_capacity, dedup_keep, .. } = settings;
        let scheduler = Scheduler::new(*limits, clock.clone());
        // A copy that met the key lock comes back within this time.
        let verdict_keep = policy.quarantine.saturating_add(policy.delays.longest().duration());
        // Room for what can be sent while the first of it is remembered.
        let dedup = DedupCache::new(*dedup_capacity, *dedup_keep, verdict_keep, policy.is_strict())
            .with_room_for(limits.rate.most_within(*dedup_keep));
        let clock_drift = ClockDrift::new(clock.now(), telemetry.status.clone());
        let context = Self {
            merchant: settings.merchant.clone(),
            work: settings.work,
            policy: policy.clone(),
            publisher_guard: settings.publisher_guard.clone(),
            spend_guard: SpendGuard::new(settings.spend_limits, telemetry.status.clone()),
            pause_switch: PauseSwitch::new(telemetry.status.clone()),
            was_active: AtomicBool::new(false),
            held_max: settings.held_max,
            clock,
            provider,
            outbox,
            backpressure: Backpressure::new(scheduler.clone(), telemetry.status.clone()),
            scheduler,
            dedup,
            key_lock,
            places: Semaphore::new(settings.places),
            readback: ReadbackTracker::new(policy.quarantine),
            lookup_lag: LagTracker::default(),
            checkpoint: Published::default(),
            given_links: GivenLinks::default(),
            clock_drift,
            last_answers: Mutex::default(),
            metrics: Arc::clone(&telemetry.metrics),
            on_its_way: telemetry.status.on_its_way(),
            stopping,
            no_create_before: Mutex::default(),
        };
        (context, queue)
    }

    /// Runs the background work beside the deliveries, as long as it is polled.
    pub async fn beside(&self) {
        // Each of these is polled when it was woken itself: nearly always they sleep.
        let mut beside: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        beside.push(Box::pin(self.scheduler.drive()));
        beside.push(Box::pin(self.probe_when_due()));
        beside.push(Box::pin(self.read_back()));
        beside.push(Box::pin(self.keep_checkpoint()));
        beside.push(Box::pin(self.measure_lookup_lag()));
        beside.push(Box::pin(self.follow_spending()));
        while beside.next().await.is_some() {} // none of them ends
    }

    /// Processes one delivery until it is settled. `channel_ended` ends when its channel has.
    pub async fn process(
        &self,
        delivery: DeliveryOf<P>,
        channel_ended: CancellationToken,
    ) -> Settled {
        let in_flight = InFlight { delivery, channel_ended, context: self };
        match self.work {
            Work::Intents => process_intent(in_flight).await,
            Work::Commands => process_command(in_flight).await,
        }
    }

    /// RabbitMQ accepts no publishes, or accepts them again. Nothing new is started in the
    /// meantime.
    pub fn set_blocked(&self, blocked: bool) {
        self.backpressure.set_blocked(blocked);
    }

    pub fn scheduler(&self) -> &Scheduler<P::Clock> {
        &self.scheduler
    }

    pub fn readback(&self) -> &ReadbackTracker {
        &self.readback
    }

    pub fn metrics(&self) -> Arc<MerchantMetrics> {
        Arc::clone(&self.metrics)
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Starts as the new active consumer: another process may have been sending until now, so one
    /// call goes out at a time, and under the strict policy none is a create until what the other
    /// one sent has had time to show.
    pub fn on_activated(&self) {
        self.was_active.store(true, Ordering::Relaxed);
        self.scheduler.on_activated();
        let now = self.clock.now();
        if self.policy.is_strict() && self.work == Work::Intents {
            let delay = self.policy.quarantine.saturating_add(self.policy.lease);
            let mut before = self.no_create_before.lock().unwrap_or_else(PoisonError::into_inner);
            *before = now.steady.saturating_add(delay);
        }
    }

    /// Whether it is or was the active consumer.
    pub(super) fn was_active(&self) -> bool {
        self.was_active.load(Ordering::Relaxed)
    }

    pub fn merchant(&self) -> &str {
        &self.merchant
    }

    pub fn work(&self) -> Work {
        self.work
    }

    pub(super) fn last_answers(&self) -> LastAnswers {
        *self.lock_last_answers()
    }

    pub(super) fn attempt_ended(&self, is_answered: bool) {
        if is_answered {
            self.lock_last_answers().attempt = Some(self.clock.now().wall);
        }
    }

    pub(super) fn lookup_ended(&self, lookup: &Lookup) {
        if lookup.is_answered() {
            self.lock_last_answers().lookup = Some(self.clock.now().wall);
        }
    }

    fn lock_last_answers(&self) -> MutexGuard<'_, LastAnswers> {
        self.last_answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long nothing may be created yet.
    pub(super) fn takeover_delay(&self, now: Moment) -> Duration {
        let before = *self.no_create_before.lock().unwrap_or_else(PoisonError::into_inner);
        before.saturating_sub(now.steady)
    }
}
