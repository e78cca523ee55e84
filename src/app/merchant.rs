//! One merchant's worker, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use super::{Live, Shared, StartError};
use crate::admission::Limits;
use crate::amqp::{MerchantQueue, Publisher, Topology};
use crate::config::{Config, Merchant};
use crate::domain::decide::Policy;
use crate::payu::PayuAccount;
use crate::worker::dedup::CAPACITY;
use crate::worker::{Adapters, Settings, Telemetry, Worker};

/// RabbitMQ allows no larger prefetch on a quorum queue ("Quorum Queues", 2000).
const PREFETCH_MAX: u64 = 2000;

/// How many deliveries are in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefetch {
    total: u16,
    /// Those that may be held through a wait.
    places: usize,
}

impl Prefetch {
    /// At least `concurrency`, places for as many that wait, and never so many that the last one
    /// could wait half of `lease`, or get near the broker's `consumer_timeout`, at the queue's rate.
    fn of(config: &Config, limits: Limits) -> Self {
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

/// The clock has to be the one that stamps deliveries: two clocks start at two moments, and the age
/// of a delivery would be off by the difference.
pub(super) fn worker(
    config: &Config,
    merchant: &Merchant,
    shared: &Shared,
) -> Result<Worker<Live>, StartError> {
    let limits = merchant.limits.intents;
    let prefetch = Prefetch::of(config, limits);
    let delays = config.retry.delays.durations();
    let own = Topology::new(&config.broker.prefix, [&*merchant.name], &delays)?;
    let name = merchant.name.clone();
    let metrics = shared.metrics.merchant(&name);
    let status = shared.status.merchant(&metrics);
    status.starting();
    let telemetry = Telemetry { status, metrics: Arc::clone(&metrics) };
    let adapters = Adapters {
        clock: shared.clock,
        queue: MerchantQueue::new(shared.broker.clone(), own, name, prefetch.total),
        provider: PayuAccount::new(merchant, shared.clock, metrics)?,
        outbox: Publisher::new(shared.broker.clone(), &shared.topology),
    };
    let settings = settings(config, merchant, limits, prefetch);
    Ok(Worker::new(&settings, adapters, telemetry, shared.stopping.clone()))
}

fn settings(config: &Config, merchant: &Merchant, limits: Limits, prefetch: Prefetch) -> Settings {
    let kept = [merchant.in_doubt.quarantine, config.retry.lease, merchant.timeout];
    Settings {
        merchant: merchant.name.clone(),
        policy: policy(config, merchant),
        limits,
        held_max: config.broker.consumer_timeout / 2,
        places: prefetch.places,
        dedup_capacity: CAPACITY,
        dedup_keep: kept.iter().fold(Duration::ZERO, |sum, part| sum.saturating_add(*part)),
        drain: config.shutdown.drain,
    }
}

fn policy(config: &Config, merchant: &Merchant) -> Policy {
    Policy {
        account: merchant.account.clone(),
        rules: merchant.rules.clone(),
        max_amount: merchant.max_amount,
        delays: config.retry.delays.clone(),
        lease: config.retry.lease,
        max_age: config.retry.max_age,
        first_lookup: merchant.in_doubt.first_lookup,
        lookups: merchant.in_doubt.lookups.get(),
        quarantine: merchant.in_doubt.quarantine,
        in_doubt: merchant.in_doubt.policy,
    }
}
