//! One merchant's worker, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use super::{Live, Shared, StartError};
use crate::admission::Limits;
use crate::amqp::{MerchantQueue, Publisher, Topology};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::work::Work;
use crate::payu::PayuAccount;
use crate::telemetry::metrics::MerchantMetrics;
use crate::worker::dedup::CAPACITY;
use crate::worker::key_lock::KeyLock;
use crate::worker::{Adapters, Settings, Telemetry, Worker};

/// RabbitMQ allows no larger prefetch on a quorum queue ("Quorum Queues", 2000).
const PREFETCH_MAX: u64 = 2000;

/// How many deliveries are in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefetch {
    pub(super) total: u16,
    /// Those that may be held through a wait.
    places: usize,
}

impl Prefetch {
    /// At least `concurrency`, places for as many that wait, and never so many that the last one
    /// could wait half of `lease`, or get near the broker's `consumer_timeout`, at the queue's rate.
    pub(super) fn of(config: &Config, limits: Limits) -> Self {
        let patience = (config.retry.lease / 2).min(config.broker.consumer_timeout / 4);
        let per_second = limits.rate.per_second.get();
        let served = patience.as_millis().saturating_mul(per_second.into()) / 1000;
        let served = u64::try_from(served).unwrap_or(u64::MAX);
        let calls = u64::from(limits.concurrency);
        let places = served.saturating_sub(calls).clamp(1, calls);
        let total = calls.saturating_add(places).min(PREFETCH_MAX);
        Self {
            total: u16::try_from(total).unwrap_or(u16::MAX),
            places: usize::try_from(places).unwrap_or(usize::MAX),
        }
    }
}

/// The workers of one merchant: of its intents and, where it takes them, of its commands. They have
/// one account, since a second token may end the first, and one key lock.
pub(super) fn workers(
    config: &Config,
    merchant: &Merchant,
    shared: &Shared,
) -> Result<Vec<Worker<Live>>, StartError> {
    let metrics = shared.metrics.merchant(&merchant.name);
    let account = PayuAccount::new(merchant, shared.clock, Arc::clone(&metrics))?;
    let parts = Parts { config, merchant, shared, account: account.into(), lock: Arc::default() };
    let mut workers = vec![parts.worker(Work::Intents, merchant.limits.intents, metrics)?];
    if let Some(limits) = merchant.limits.commands {
        let metrics = shared.metrics.commands_of(&merchant.name);
        workers.push(parts.worker(Work::Commands, limits, metrics)?);
    }
    Ok(workers)
}

/// What both workers of a merchant are made of.
struct Parts<'a> {
    config: &'a Config,
    merchant: &'a Merchant,
    shared: &'a Shared,
    account: Arc<PayuAccount<SystemClock>>,
    lock: Arc<KeyLock>,
}

impl Parts<'_> {
    /// The clock has to be the one that stamps deliveries: two clocks start at two moments, and the
    /// age of a delivery would be off by the difference.
    fn worker(
        &self,
        work: Work,
        limits: Limits,
        metrics: Arc<MerchantMetrics>,
    ) -> Result<Worker<Live>, StartError> {
        let Self { config, merchant, shared, account, lock } = self;
        let prefetch = Prefetch::of(config, limits);
        let status = shared.status.merchant(&metrics);
        status.starting();
        let adapters = Adapters {
            clock: shared.clock,
            queue: self.queue(work, prefetch)?,
            provider: Arc::clone(account),
            outbox: Publisher::new(shared.broker.clone(), &shared.topology),
            key_lock: Arc::clone(lock),
        };
        let settings = settings(config, merchant, (work, limits), prefetch);
        let telemetry = Telemetry { metrics, status };
        Ok(Worker::new(&settings, adapters, telemetry, shared.stopping.clone()))
    }

    fn queue(&self, work: Work, prefetch: Prefetch) -> Result<MerchantQueue, StartError> {
        let Self { config, merchant, shared, .. } = self;
        let delays = config.retry.delays.durations();
        let (prefix, name) = (&config.broker.prefix, merchant.name.clone());
        let broker = shared.broker.clone();
        Ok(match work {
            Work::Intents => {
                let own = Topology::new(prefix, [&*name], &delays)?;
                MerchantQueue::new(broker, own, name, prefetch.total)
            }
            Work::Commands => {
                let own = Topology::of_commands(prefix, [&*name], &delays)?;
                MerchantQueue::of_commands(broker, own, name, prefetch.total)
            }
        })
    }
}

pub(super) fn settings(
    config: &Config,
    merchant: &Merchant,
    (work, limits): (Work, Limits),
    prefetch: Prefetch,
) -> Settings {
    let kept = [merchant.in_doubt.quarantine, config.retry.lease, merchant.timeout];
    Settings {
        merchant: merchant.name.clone(),
        work,
        policy: config.policy(merchant),
        spend_limits: merchant.spend_limits,
        publisher_guard: merchant.publisher_guard.clone(),
        limits,
        held_max: config.broker.consumer_timeout / 2,
        places: prefetch.places,
        dedup_capacity: CAPACITY,
        dedup_keep: kept.iter().fold(Duration::ZERO, |sum, part| sum.saturating_add(*part)),
        drain: config.shutdown.drain,
    }
}
