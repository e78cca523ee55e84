//! One merchant's desk, from the configuration.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::{CannotStart, Common};
use crate::amqp::Publisher;
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::decide::Policy;
use crate::pace::Rate;
use crate::payu::PayuAccount;
use crate::pipeline::{Alone, CAPACITY, Desk, Exits, Memory, Proof};
use crate::turns::{Limits, Turns};

/// RabbitMQ takes no larger prefetch on a quorum queue ("Quorum Queues", 2000).
const PREFETCH_MAX: u64 = 2000;

/// How many deliveries are in hand at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefetch {
    /// All of them.
    pub(super) total: u16,
    /// Those that may wait in hand for a lookup.
    pub(super) room: usize,
}

impl Prefetch {
    /// At least `concurrency`, room for as many that wait, and never so many that the last one
    /// could wait half of the lease, or get near the broker's `consumer_timeout`, at the merchant's
    /// rate.
    pub(super) fn of(config: &Config, merchant: &Merchant) -> Self {
        let patience = (config.retry.lease / 2).min(config.broker.consumer_timeout / 4);
        let served =
            patience.as_millis().saturating_mul(merchant.rate.per_second.get().into()) / 1000;
        let served = u64::try_from(served).unwrap_or(u64::MAX);
        let calls = u64::from(merchant.concurrency.get());
        let room = served.saturating_sub(calls).clamp(1, calls);
        let total = calls.saturating_add(room).min(PREFETCH_MAX);
        Self {
            total: u16::try_from(total).unwrap_or(u16::MAX),
            room: usize::try_from(room).unwrap_or(usize::MAX),
        }
    }
}

/// The clock is the one that deliveries are stamped by: two of them have begun at two moments, and
/// the age of a delivery would be off by what lies between.
pub(super) fn desk(
    config: &Config,
    merchant: &Merchant,
    prefetch: Prefetch,
    common: &Common,
) -> Result<Desk<PayuAccount<SystemClock>, Publisher, SystemClock>, CannotStart> {
    let clock = common.clock;
    let metrics = common.metrics.merchant(&merchant.name);
    let policy = policy(config, merchant);
    let keep = [config.in_doubt.quarantine, config.retry.lease, merchant.timeout];
    let keep = keep.iter().fold(Duration::ZERO, |sum, part| sum.saturating_add(*part));
    let limits = Limits {
        rate: merchant.rate,
        concurrency: merchant.concurrency.get(),
        max_pause: merchant.max_retry_after,
    };
    Ok(Desk {
        merchant: merchant.name.clone(),
        memory: Memory::new(CAPACITY, keep, policy.is_strict())
            .with_room_for(most_sent_within(keep, limits.rate)),
        policy,
        hold: config.retry.lease,
        in_hand_max: config.broker.consumer_timeout / 2,
        provider: PayuAccount::new(merchant, clock, Arc::clone(&metrics))?,
        metrics,
        outbox: Publisher::new(common.broker.clone(), &common.topology),
        clock,
        turns: Turns::new(limits, clock),
        alone: Alone::default(),
        room: Semaphore::new(prefetch.room),
        proof: Proof::default(),
        hold_off: watch::Sender::new(Duration::ZERO),
        exits: Exits::default(),
        stopping: common.stopping.clone(),
    })
}

/// How many references a merchant can send while the first of them is remembered.
fn most_sent_within(keep: Duration, rate: Rate) -> usize {
    let seconds = keep.as_secs().saturating_add(1);
    let paced = u64::from(rate.per_second.get()).saturating_mul(seconds);
    let most = paced.saturating_add(u64::from(rate.burst.get()));
    usize::try_from(most).unwrap_or(usize::MAX)
}

fn policy(config: &Config, merchant: &Merchant) -> Policy {
    Policy {
        account: merchant.account.clone(),
        rules: merchant.rules.clone(),
        max_amount: merchant.max_amount,
        delays: config.retry.delays.clone(),
        max_age: config.retry.max_age,
        settle: config.in_doubt.first_lookup,
        lookups: config.in_doubt.lookups.get(),
        quarantine: config.in_doubt.quarantine,
        in_doubt: config.in_doubt.policy,
    }
}
