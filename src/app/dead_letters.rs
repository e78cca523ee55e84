//! What announces the messages that RabbitMQ put aside, from the configuration.

use super::{Shared, StartError};
use crate::amqp::topology::names::{work_exchange, work_queue};
use crate::amqp::{DeadLetterQueue, Publisher, Topology};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::dead_letter::Merchants;
use crate::domain::work::Work;
use crate::telemetry::metrics::DeadLetterMetrics;
use crate::worker::dead_letters::DeadLetters;

pub(super) fn worker(
    config: &Config,
    shared: &Shared,
    metrics: DeadLetterMetrics,
) -> Result<DeadLetters<SystemClock, DeadLetterQueue, Publisher>, StartError> {
    let prefix = &config.broker.prefix;
    let own = Topology::new(prefix, [], &[])?;
    let accounts = config.merchants.values();
    let accounts = accounts.map(|merchant| (merchant.name.clone(), merchant.account.clone()));
    Ok(DeadLetters {
        clock: shared.clock,
        outbox: Publisher::of_any_merchant(shared.broker.clone(), &own),
        queue: DeadLetterQueue::new(shared.broker.clone(), own),
        merchants: Merchants {
            intents_prefix: work_queue(prefix, Work::Intents, ""),
            commands_prefix: work_queue(prefix, Work::Commands, ""),
            commands_exchange: work_exchange(prefix, Work::Commands),
            accounts: accounts.collect(),
        },
        metrics,
        status: shared.status.clone(),
        stopping: shared.stopping.clone(),
        drain: config.shutdown.drain,
    })
}
