//! Every exchange, queue and binding, as data.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable};

use super::names::{
    checkpoint_exchange, checkpoint_queue, dead_name, intents_exchange, intents_queue, parked_name,
    results_exchange, retry_name, short,
};
use crate::config::Config;

/// How often a delivery may come back before the broker puts it aside: twice
/// [`RETURNS_MAX`](crate::domain::decide::RETURNS_MAX), so that a crash loop puts nothing aside that
/// was never tried.
const INTENT_DELIVERY_LIMIT: i64 = 20;
/// How often what was put aside may come back before the broker parks it without an event. What
/// cannot be announced yet is published again, so only what kills its consumer gets there.
const DEAD_DELIVERY_LIMIT: i64 = 3;
/// A parked intent and a checkpoint must survive being read, and an event a notifier that crashes.
/// RabbitMQ 4.0 and later would otherwise put the limit at 20 and drop it ("Quorum Queues", Poison
/// Message Handling).
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The whole topology for a prefix, some merchants and some delays.
#[derive(Clone, Debug)]
pub struct Topology {
    prefix: String,
    /// In the order in which they can be declared.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) queues: Vec<Queue>,
    merchants: Vec<String>,
    delays: Vec<Duration>,
}

/// A durable exchange.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) arguments: FieldTable,
}

/// A durable quorum queue, bound to one exchange.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) arguments: FieldTable,
    pub(super) exchange: String,
    pub(super) routing_key: String,
}

/// A name would not fit into AMQP's 255 bytes.
#[derive(Debug, thiserror::Error)]
#[error("broker.prefix is too long: the name {0} has more than 255 bytes")]
pub struct NameTooLongError(String);

impl Topology {
    /// The topology of these merchants and retry delays.
    pub fn new<'a>(
        prefix: &str,
        merchants: impl IntoIterator<Item = &'a str>,
        delays: &[Duration],
    ) -> Result<Self, NameTooLongError> {
        let mut topology = Self {
            prefix: prefix.to_owned(),
            exchanges: Vec::new(),
            queues: Vec::new(),
            merchants: merchants.into_iter().map(str::to_owned).collect(),
            delays: delays.to_vec(),
        };
        topology.add_shared();
        for delay in delays {
            topology.add_retry(*delay);
        }
        for merchant in topology.merchants.clone() {
            topology.add_merchant(&merchant);
        }
        topology.measured()
    }

    /// Adds a durable queue that is bound to every result event. Results belong to downstream, so
    /// there is none by default.
    pub fn with_results_queue(mut self, name: &str) -> Result<Self, NameTooLongError> {
        let arguments = [("x-delivery-limit", NO_DELIVERY_LIMIT.into())];
        self.add_queue(name.to_owned(), &arguments, results_exchange(&self.prefix), "#");
        self.measured()
    }

    /// The topology that a whole configuration asks for.
    pub fn of(config: &Config) -> Result<Self, NameTooLongError> {
        let merchants = config.merchants.keys().map(String::as_str);
        Self::new(&config.broker.prefix, merchants, &config.retry.delays.durations())
    }

    /// Every exchange and queue, as a line for a person.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let exchanges = self.exchanges.iter().map(Exchange::line);
        exchanges.chain(self.queues.iter().map(Queue::line))
    }

    /// The rest without those that have these lines, and without what is bound to them.
    pub(in crate::amqp) fn without(&self, lines: &[String]) -> Self {
        let mut rest = self.clone();
        rest.exchanges.retain(|exchange| !lines.contains(&exchange.line()));
        let exchanges: Vec<_> = rest.exchanges.iter().map(|exchange| &exchange.name).collect();
        rest.queues
            .retain(|queue| !lines.contains(&queue.line()) && exchanges.contains(&&queue.exchange));
        rest
    }

    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.queues.iter().map(|queue| &*queue.name)
    }

    pub fn is_retry_queue(&self, queue: &str) -> bool {
        self.delays.iter().any(|delay| retry_name(&self.prefix, *delay) == queue)
    }

    /// The queues that nobody may consume: RabbitMQ itself moves on what waits on a retry queue,
    /// and a checkpoint is only looked at.
    pub fn unconsumed_queues(&self) -> impl Iterator<Item = String> {
        let retries = self.delays.iter().map(|delay| retry_name(&self.prefix, *delay));
        let merchants = self.merchants.iter();
        retries.chain(merchants.map(|merchant| checkpoint_queue(&self.prefix, merchant)))
    }

    pub(in crate::amqp) fn merchants(&self) -> &[String] {
        &self.merchants
    }

    pub(in crate::amqp) fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// The first part of every name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn add_shared(&mut self) {
        let (parked, dead) = (parked_name(&self.prefix), dead_name(&self.prefix));
        self.add_exchange(parked.clone(), "fanout", &[]);
        self.add_exchange(dead.clone(), "fanout", &[]);
        // One merchant without a queue must not block the retry queues for all.
        let alternate = ("alternate-exchange", text(&dead));
        self.add_exchange(intents_exchange(&self.prefix), "direct", &[alternate]);
        self.add_exchange(results_exchange(&self.prefix), "topic", &[]);
        self.add_exchange(checkpoint_exchange(&self.prefix), "direct", &[]);
        let arguments = [
            ("x-delivery-limit", NO_DELIVERY_LIMIT.into()),
            // A policy with a maximum length would otherwise drop what was parked first.
            ("x-overflow", text("reject-publish")),
        ];
        self.add_queue(parked.clone(), &arguments, parked.clone(), "");
        self.add_queue(dead.clone(), &consumed(&parked, DEAD_DELIVERY_LIMIT), dead, "");
    }

    fn add_retry(&mut self, delay: Duration) {
        let name = retry_name(&self.prefix, delay);
        self.add_exchange(name.clone(), "fanout", &[]);
        let ttl_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let [exchange, strategy, overflow] = dead_letter(&intents_exchange(&self.prefix));
        let arguments = [("x-message-ttl", ttl_ms.into()), exchange, strategy, overflow];
        self.add_queue(name.clone(), &arguments, name, "");
    }

    fn add_merchant(&mut self, merchant: &str) {
        let arguments = consumed(&dead_name(&self.prefix), INTENT_DELIVERY_LIMIT);
        let queue = intents_queue(&self.prefix, merchant);
        let exchange = intents_exchange(&self.prefix);
        self.add_queue(queue, &arguments, exchange, merchant);
        let arguments = [
            ("x-delivery-limit", NO_DELIVERY_LIMIT.into()),
            ("x-max-length", AMQPValue::LongLongInt(1)),
            ("x-overflow", text("drop-head")), // a new one replaces the last
        ];
        let queue = checkpoint_queue(&self.prefix, merchant);
        let exchange = checkpoint_exchange(&self.prefix);
        self.add_queue(queue, &arguments, exchange, merchant);
    }

    fn add_exchange(&mut self, name: String, kind: &'static str, arguments: &[(&str, AMQPValue)]) {
        self.exchanges.push(Exchange { name, kind, arguments: table(arguments) });
    }

    fn add_queue(
        &mut self,
        name: String,
        arguments: &[(&str, AMQPValue)],
        exchange: String,
        routing_key: &str,
    ) {
        let mut arguments = table(arguments);
        arguments.insert("x-queue-type".into(), text("quorum"));
        let routing_key = routing_key.to_owned();
        self.queues.push(Queue { name, arguments, exchange, routing_key });
    }

    fn measured(self) -> Result<Self, NameTooLongError> {
        let exchanges = self.exchanges.iter().map(|exchange| &exchange.name);
        let queues = self.queues.iter().map(|queue| &queue.name);
        match exchanges.chain(queues).find(|name| short(name).is_err()) {
            Some(name) => Err(NameTooLongError(name.clone())),
            None => Ok(self),
        }
    }
}

/// A queue that one process at a time consumes.
fn consumed(dead_letters_to: &str, delivery_limit: i64) -> [(&'static str, AMQPValue); 5] {
    let [exchange, strategy, overflow] = dead_letter(dead_letters_to);
    let single = ("x-single-active-consumer", AMQPValue::Boolean(true));
    [single, ("x-delivery-limit", delivery_limit.into()), exchange, strategy, overflow]
}

impl Exchange {
    pub(super) fn line(&self) -> String {
        format!("exchange {}", self.name)
    }
}

impl Queue {
    pub(super) fn line(&self) -> String {
        format!("queue {}", self.name)
    }
}

/// At-least-once dead lettering needs all three together; with one missing RabbitMQ falls back to
/// at-most-once without a word ("Quorum Queues", Dead Lettering).
fn dead_letter(exchange: &str) -> [(&'static str, AMQPValue); 3] {
    [
        ("x-dead-letter-exchange", text(exchange)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

/// RabbitMQ compares the types of arguments too.
fn table(arguments: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}
