//! Provider, broker and clock, and the processes that work between them.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use smartsend::admission::Limits;
use smartsend::admission::rate_limiter::Rate;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::decide::{InDoubtPolicy, Policy};
use smartsend::domain::intent::{Intent, wire};
use smartsend::domain::link::LinkHosts;
use smartsend::domain::publisher_guard::PublisherGuard;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::spending::SpendLimits;
use smartsend::domain::work::Work;
use smartsend::ports::{Outbox, Ports, Provider, Queue};
use smartsend::telemetry::metrics::Metrics;
use smartsend::telemetry::status::Status;
use smartsend::worker::key_lock::KeyLock;
use smartsend::worker::{self, Adapters, MerchantContext, Telemetry, Worker};
use tokio_util::sync::CancellationToken;

use crate::support::canary::{DESCRIPTION, EMAIL, MOBILE};

use super::account::{ModelAccount, Tokens};
use super::broker::Broker;
use super::clock::{Chance, ModelClock};
use super::inbox::{ModelQueue, Seat};
use super::journal::Journal;
use super::life::{Freeze, Life};
use super::outbox::ModelOutbox;
use super::smart_send::SmartSend;

/// The model, with any way to the provider and any queue.
pub(crate) struct ModelPorts<P = ModelAccount, Q = ModelQueue, O = ModelOutbox>(
    PhantomData<(P, Q, O)>,
);

impl<P: Provider, Q: Queue, O: Outbox> Ports for ModelPorts<P, Q, O> {
    type Clock = ModelClock;
    type Queue = Q;
    type Provider = P;
    type Outbox = O;
}

pub(crate) type ModelWorker = Worker<ModelPorts>;
pub(crate) type ModelContext = MerchantContext<ModelPorts>;

/// What a merchant's configuration says.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) work: Work,
    pub(crate) policy: Policy,
    pub(crate) spend_limits: SpendLimits,
    pub(crate) publisher_guard: PublisherGuard,
    pub(crate) limits: Limits,
    pub(crate) held_max: Duration,
    pub(crate) places: usize,
    pub(crate) prefetch: usize,
    pub(crate) capacity: usize,
    pub(crate) drain: Duration,
}

impl Settings {
    /// The contract's defaults.
    pub(crate) fn usual() -> Self {
        let delays = [1, 5, 30, 120, 600].map(Duration::from_secs);
        Self {
            work: Work::Intents,
            policy: Policy {
                account: Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 },
                rules: ClassifyRules {
                    rejects: Vec::new(),
                    link_hosts: LinkHosts::Only(vec!["payumoney.com".to_owned()]),
                },
                max_amount: Amount::parse("200000.00").unwrap(),
                delays: RetryDelays::new(&delays).unwrap(),
                lease: Duration::from_mins(1),
                max_age: Duration::from_hours(24),
                first_lookup: Duration::from_secs(5),
                lookups: 3,
                quarantine: Duration::from_mins(5),
                in_doubt: InDoubtPolicy::Resend,
            },
            spend_limits: SpendLimits::default(),
            publisher_guard: PublisherGuard::default(),
            limits: Limits {
                rate: Rate { per_second: at_least_one(10), burst: at_least_one(2) },
                concurrency: 16,
                max_retry_after: Duration::from_mins(15),
            },
            held_max: Duration::from_mins(15),
            places: 16,
            prefetch: 32,
            capacity: 65_536,
            drain: Duration::from_secs(30),
        }
    }

    /// The setting under which even a naive provider makes no second link.
    pub(crate) fn strict() -> Self {
        let mut settings = Self::usual();
        settings.policy.in_doubt = InDoubtPolicy::Strict;
        settings
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Everything outside the processes.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) clock: ModelClock,
    pub(crate) smart_send: SmartSend,
    pub(crate) broker: Broker,
    pub(crate) chance: Chance,
    pub(crate) journal: Journal,
    processes: Arc<AtomicU64>,
}

/// One process. Its deliveries come back when it is killed.
pub(crate) struct Process {
    pub(crate) number: u64,
    pub(crate) life: Life,
    pub(crate) stopping: CancellationToken,
    pub(crate) metrics: Metrics,
    pub(crate) status: Status,
    clock: ModelClock,
    /// One for all that is about a reference.
    key_lock: Arc<KeyLock>,
    /// The tokens of each merchant.
    tokens: Mutex<BTreeMap<String, Arc<Tokens>>>,
    scene: Scene,
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        let chance = Chance::of(seed);
        let clock = ModelClock::new(chance.clone());
        let journal = Journal::new(clock.clone());
        let smart_send = SmartSend::new(clock.clone(), journal.clone());
        let (broker, processes) = (Broker::new(journal.clone()), Arc::default());
        Self { clock, smart_send, broker, chance, journal, processes }
    }

    /// A process that starts with an empty memory.
    pub(crate) fn process(&self, life: Life) -> Process {
        self.process_ahead(life, SignedDuration::ZERO)
    }

    /// One whose wall clock is so far ahead.
    pub(crate) fn process_ahead(&self, life: Life, ahead: SignedDuration) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let (stopping, metrics) = (CancellationToken::new(), Metrics::new());
        let clock = self.clock.of_process(life.clone(), ahead);
        let status = Status::new(&metrics, clock.clone());
        status.started();
        let (key_lock, tokens, scene) = (Arc::default(), Mutex::default(), self.clone());
        Process { number, life, stopping, metrics, status, clock, key_lock, tokens, scene }
    }

    /// A provider of its own, for another merchant.
    pub(crate) fn another_provider(&self) -> SmartSend {
        SmartSend::new(self.clock.clone(), self.journal.clone())
    }

    /// An intent from upstream.
    pub(crate) fn publish(&self, merchant: &str, reference: &str) {
        self.broker.publish_intent(merchant, body(reference));
    }

    /// A command for a merchant.
    pub(crate) fn command(&self, merchant: &str, body: &str) {
        self.broker.publish_intent(&queue_name(Work::Commands, merchant), body.to_owned());
    }
}

impl Process {
    pub(crate) fn queue(&self, merchant: &str, prefetch: usize) -> ModelQueue {
        let (broker, clock) = (self.scene.broker.clone(), self.clock.clone());
        let (life, process) = (self.life.clone(), self.number);
        let seat = Seat { broker, clock, life, process, merchant: merchant.to_owned() };
        ModelQueue { seat, prefetch }
    }

    pub(crate) fn worker(&self, merchant: &str, settings: &Settings) -> ModelWorker {
        self.worker_at(merchant, &self.scene.smart_send, settings)
    }

    /// A worker for a merchant whose provider this is.
    pub(crate) fn worker_at(
        &self,
        merchant: &str,
        smart_send: &SmartSend,
        settings: &Settings,
    ) -> ModelWorker {
        let provider = self.account(merchant, smart_send, settings.work);
        let timeout = smart_send.timeout();
        self.worker_with((merchant, provider, timeout), settings)
    }

    /// The way to a provider for a merchant's work.
    pub(crate) fn account(
        &self,
        merchant: &str,
        smart_send: &SmartSend,
        work: Work,
    ) -> ModelAccount {
        let (clock, life) = (self.clock.clone(), self.life.clone());
        let tokens = self.tokens.lock().unwrap().entry(merchant.to_owned()).or_default().clone();
        ModelAccount::new(smart_send.clone(), clock, life, (self.number, work), tokens)
    }

    /// Its clock.
    pub(crate) fn clock(&self) -> &ModelClock {
        &self.clock
    }

    /// A worker for a merchant with any way to its provider, and how long a call may take.
    pub(crate) fn worker_with<P: Provider>(
        &self,
        (merchant, provider, timeout): (&str, P, Duration),
        settings: &Settings,
    ) -> Worker<ModelPorts<P>> {
        let Scene { broker, journal, .. } = &self.scene;
        let (process, life) = (self.number, self.life.clone());
        let queue = self.queue(&queue_name(settings.work, merchant), settings.prefetch);
        let outbox =
            ModelOutbox { broker: broker.clone(), life, process, journal: journal.clone() };
        self.worker_over((merchant, provider, timeout), (queue, outbox), settings)
    }

    /// The same over any queue.
    pub(crate) fn worker_over<P: Provider, Q: Queue, O: Outbox>(
        &self,
        (merchant, provider, timeout): (&str, P, Duration),
        (queue, outbox): (Q, O),
        settings: &Settings,
    ) -> Worker<ModelPorts<P, Q, O>> {
        let (clock, key_lock) = (self.clock.clone(), Arc::clone(&self.key_lock));
        let adapters = Adapters { clock, queue, provider, outbox, key_lock };
        let metrics = match settings.work {
            Work::Intents => self.metrics.merchant(merchant),
            Work::Commands => self.metrics.commands_of(merchant),
        };
        let telemetry = Telemetry { status: self.status.merchant(&metrics), metrics };
        let settings = worker::Settings {
            merchant: merchant.to_owned(),
            work: settings.work,
            policy: settings.policy.clone(),
            spend_limits: settings.spend_limits,
            publisher_guard: settings.publisher_guard.clone(),
            limits: settings.limits,
            held_max: settings.held_max,
            places: settings.places,
            dedup_capacity: settings.capacity,
            dedup_keep: settings.policy.quarantine + settings.policy.lease + timeout,
            drain: settings.drain,
        };
        Worker::new(&settings, adapters, telemetry, self.stopping.clone())
    }

    /// The process is gone, and with it its connection.
    pub(crate) fn cut(&self) {
        self.scene.broker.cut(self.number);
    }

    /// The broker gives up on it, and the process notices so much later.
    pub(crate) fn cut_unseen(&self, unseen: Duration) {
        self.scene.broker.cut_unseen(self.number, unseen);
    }

    /// It stands still, and time goes on.
    pub(crate) fn freeze(&self, by: Freeze) {
        self.life.freeze(by, self.scene.clock.elapsed());
    }

    /// It wakes up.
    pub(crate) fn thaw(&self) {
        self.life.thaw(self.scene.clock.elapsed());
        self.scene.broker.nudge();
    }
}

/// The model's name of a queue; the one of a merchant's intents is the merchant's.
pub(crate) fn queue_name(work: Work, merchant: &str) -> String {
    match work {
        Work::Intents => merchant.to_owned(),
        Work::Commands => format!("{merchant}/commands"),
    }
}

/// An intent of 100.50 for Asha, as upstream writes it for either API.
pub(crate) fn body(reference: &str) -> String {
    format!(
        r#"{{"merchantRefId":"{reference}","amount":"100.50","description":"{DESCRIPTION}","custName":"Asha","custMobile":"{MOBILE}","custEmail":"{EMAIL}"}}"#
    )
}

/// What [`body`] says.
pub(crate) fn intent_of(reference: &str) -> Intent {
    wire::parse(body(reference).as_bytes(), Api::V1).unwrap()
}
