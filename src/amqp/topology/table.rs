//! Every exchange, queue and binding, as data.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable};

use super::names::{
    checkpoint_exchange, checkpoint_queue, control_exchange, dead_name, discarded_name,
    parked_name, results_exchange, retry_name, short, work_exchange, work_queue,
};
use crate::config::{Config, Merchant};
use crate::domain::work::Work;

/// How often a delivery may come back before the broker puts it aside: twice
/// [`RETURNS_MAX`](crate::domain::decide::RETURNS_MAX), so that a crash loop puts nothing aside that
/// was never tried.
const WORK_DELIVERY_LIMIT: i64 = 20;
/// How often what was put aside may come back before the broker parks it without an event. What
/// cannot be announced yet is published again, so only what kills its consumer gets there.
const DEAD_DELIVERY_LIMIT: i64 = 3;
/// A parked intent and a checkpoint must survive being read, and an event a notifier that crashes.
/// RabbitMQ 4.0 and later would otherwise put the limit at 20 and drop it ("Quorum Queues", Poison
/// Message Handling).
const NO_DELIVERY_LIMIT: i64 = 1_000_000_000;
/// For how long what was discarded can still be fetched back, in milliseconds: 30 days.
const DISCARDED_TTL_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The whole topology for a prefix, some merchants and some delays.
#[derive(Clone, Debug)]
pub struct Topology {
    prefix: String,
    /// In the order in which they can be declared.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) queues: Vec<Queue>,
    /// The merchants whose intents it carries.
    intents: Vec<String>,
    /// The merchants whose commands it carries.
    commands: Vec<String>,
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
    /// The topology of these merchants' intents and of the retry delays.
    pub fn new<'a>(
        prefix: &str,
        merchants: impl IntoIterator<Item = &'a str>,
        delays: &[Duration],
    ) -> Result<Self, NameTooLongError> {
        let mut topology = Self::shared(prefix, delays);
        topology.add_retries(Work::Intents);
        for merchant in merchants {
            topology.add_work(Work::Intents, merchant);
            topology.add_checkpoint(merchant);
            topology.intents.push(merchant.to_owned());
        }
        topology.measured()
    }

    /// The topology that these merchants' commands need, and nothing of the intents' alone, which
    /// may be in disorder without holding up a cancel.
    pub fn of_commands<'a>(
        prefix: &str,
        merchants: impl IntoIterator<Item = &'a str>,
        delays: &[Duration],
    ) -> Result<Self, NameTooLongError> {
        Self::shared(prefix, delays).with_commands(merchants)
    }

    /// Adds what these merchants' commands need, which is nothing where there are no merchants: an
    /// installation without commands has no trace of them.
    pub fn with_commands<'a>(
        mut self,
        merchants: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NameTooLongError> {
        for merchant in merchants {
            if self.commands.is_empty() {
                self.add_work_exchange(Work::Commands);
                self.add_retries(Work::Commands);
            }
            self.add_work(Work::Commands, merchant);
            self.commands.push(merchant.to_owned());
        }
        self.measured()
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
        Self::of_merchants(config, config.merchants.values())
    }

    /// The topology that some merchants of a configuration ask for.
    pub fn of_merchants<'a>(
        config: &Config,
        merchants: impl IntoIterator<Item = &'a Merchant>,
    ) -> Result<Self, NameTooLongError> {
        let merchants: Vec<_> = merchants.into_iter().collect();
        let names = merchants.iter().map(|merchant| &*merchant.name);
        let commanded = merchants.iter().filter(|merchant| merchant.limits.commands.is_some());
        let commanded = commanded.map(|merchant| &*merchant.name);
        Self::new(&config.broker.prefix, names, &config.retry.delays.durations())?
            .with_commands(commanded)
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

    pub fn exchanges(&self) -> impl Iterator<Item = &str> {
        self.exchanges.iter().map(|exchange| &*exchange.name)
    }

    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.queues.iter().map(|queue| &*queue.name)
    }

    pub fn is_retry_queue(&self, queue: &str) -> bool {
        self.retry_queues().any(|name| name == queue)
    }

    /// The queues that nobody may consume: RabbitMQ itself moves on what waits on a retry queue,
    /// and a checkpoint is only looked at.
    pub fn unconsumed_queues(&self) -> impl Iterator<Item = String> {
        let merchants = self.intents.iter();
        let checkpoints = merchants.map(|merchant| checkpoint_queue(&self.prefix, merchant));
        self.retry_queues().chain(checkpoints)
    }

    fn retry_queues(&self) -> impl Iterator<Item = String> {
        let of =
            move |work| self.delays.iter().map(move |delay| retry_name(&self.prefix, work, *delay));
        Work::ALL.into_iter().flat_map(of)
    }

    /// The merchants that have a queue of it.
    pub(in crate::amqp) fn merchants(&self, work: Work) -> &[String] {
        match work {
            Work::Intents => &self.intents,
            Work::Commands => &self.commands,
        }
    }

    pub(in crate::amqp) fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// The first part of every name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What all merchants have in common.
    fn shared(prefix: &str, delays: &[Duration]) -> Self {
        let mut topology = Self {
            prefix: prefix.to_owned(),
            exchanges: Vec::new(),
            queues: Vec::new(),
            intents: Vec::new(),
            commands: Vec::new(),
            delays: delays.to_vec(),
        };
        topology.add_shared();
        topology
    }

    fn add_shared(&mut self) {
        let (parked, dead) = (parked_name(&self.prefix), dead_name(&self.prefix));
        let discarded = discarded_name(&self.prefix);
        self.add_exchange(parked.clone(), "fanout", &[]);
        self.add_exchange(discarded.clone(), "fanout", &[]);
        self.add_exchange(dead.clone(), "fanout", &[]);
        self.add_work_exchange(Work::Intents);
        self.add_exchange(results_exchange(&self.prefix), "topic", &[]);
        self.add_exchange(checkpoint_exchange(&self.prefix), "direct", &[]);
        self.add_exchange(control_exchange(&self.prefix), "fanout", &[]);
        let arguments = [
            ("x-delivery-limit", NO_DELIVERY_LIMIT.into()),
            // A policy with a maximum length would otherwise drop what was parked first.
            ("x-overflow", text("reject-publish")),
        ];
        self.add_queue(parked.clone(), &arguments, parked.clone(), "");
        self.add_queue(dead.clone(), &consumed(&parked, DEAD_DELIVERY_LIMIT), dead, "");
        let arguments = [
            ("x-delivery-limit", NO_DELIVERY_LIMIT.into()),
            ("x-message-ttl", DISCARDED_TTL_MS.into()),
            ("x-overflow", text("reject-publish")),
        ];
        self.add_queue(discarded.clone(), &arguments, discarded, "");
    }

    fn add_work_exchange(&mut self, work: Work) {
        // One merchant without a queue must not block the retry queues for all.
        let alternate = ("alternate-exchange", text(&dead_name(&self.prefix)));
        self.add_exchange(work_exchange(&self.prefix, work), "direct", &[alternate]);
    }

    fn add_retries(&mut self, work: Work) {
        for delay in self.delays.clone() {
            let name = retry_name(&self.prefix, work, delay);
            self.add_exchange(name.clone(), "fanout", &[]);
            let ttl_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            let [exchange, strategy, overflow] = dead_letter(&work_exchange(&self.prefix, work));
            let arguments = [("x-message-ttl", ttl_ms.into()), exchange, strategy, overflow];
            self.add_queue(name.clone(), &arguments, name, "");
        }
    }

    fn add_work(&mut self, work: Work, merchant: &str) {
        let arguments = consumed(&dead_name(&self.prefix), WORK_DELIVERY_LIMIT);
        let queue = work_queue(&self.prefix, work, merchant);
        let exchange = work_exchange(&self.prefix, work);
        self.add_queue(queue, &arguments, exchange, merchant);
    }

    fn add_checkpoint(&mut self, merchant: &str) {
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
