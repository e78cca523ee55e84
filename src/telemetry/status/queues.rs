//! What waits on RabbitMQ, as it was counted last.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Component, ConsumerState, Status, Time};

/// What RabbitMQ says of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueCount {
    /// Messages that wait to be delivered.
    pub ready: u32,
    pub consumers: u32,
}

/// The queues that could be counted, by their names.
#[derive(Default, Serialize)]
pub struct QueueCounts {
    pub(super) counted_at: Option<Time>,
    /// What waits on all retry queues together.
    #[serde(skip)]
    pub(super) retries: u64,
    #[serde(flatten)]
    pub(super) queues: BTreeMap<String, QueueCount>,
}

impl Status {
    /// What was counted now. `intents_queue` is the queue of a merchant; the others that matter
    /// hold what is to be retried.
    pub fn set_queues(
        &self,
        queues: BTreeMap<String, QueueCount>,
        intents_queue: impl Fn(&str) -> String,
        is_retry_queue: impl Fn(&str) -> bool,
    ) {
        let counted_at = Some(Time(self.now().wall));
        let mut state = self.lock();
        for (name, merchant) in &mut state.merchants {
            merchant.queue = queues.get(&intents_queue(name)).copied();
        }
        let retries = queues.iter().filter(|(name, _)| is_retry_queue(name));
        let retries = retries.map(|(_, queue)| u64::from(queue.ready)).sum();
        state.queues = QueueCounts { counted_at, retries, queues };
    }

    /// The merchants that consume and are given nothing, though intents wait; each with what its
    /// queue holds. How many consume says little: of those that wait for their turn, RabbitMQ 3.10
    /// counts none.
    pub fn passed_over(&self) -> BTreeMap<String, QueueCount> {
        let state = self.lock();
        let merchants = state.merchants.iter();
        let passed_over = merchants.filter_map(|(name, merchant)| {
            let queue = merchant.queue?;
            let is_standby = merchant.consumer.is == ConsumerState::Standby;
            (is_standby && queue.ready > 0).then(|| (name.clone(), queue))
        });
        passed_over.collect()
    }

    /// Reports what is wrong with the consumers of a queue, and of a merchant if it is one's, or that
    /// nothing is.
    pub fn note_consumers(&self, merchant: Option<&str>, note: Option<String>) {
        match note {
            Some(note) => self.raise_for(Component::Consumers, merchant, note),
            None => self.clear_for(Component::Consumers, merchant),
        }
    }
}
