//! Every exchange, queue and binding, as data.

use std::collections::BTreeMap;
use std::time::Duration;

use super::names::{
    checkpoint_exchange, checkpoint_queue, intents_exchange, intents_queue, parked_name,
    results_exchange, retry_name, short,
};
use crate::config::Config;

/// How often a delivery may come back before the broker parks it: twice
/// [`RETURNS_MAX`](crate::domain::decide::RETURNS_MAX), so that a crash loop parks nothing that
/// was never tried.
const INTENT_DELIVERY_LIMIT: i64 = 20;
/// A parked intent and a checkpoint must survive being read, and an event a notifier that crashes.
/// RabbitMQ 4.0 and later would otherwise put the limit at 20 and drop it ("Quorum Queues", Poison
/// Message Handling).
const NO_DELIVERY_LIMIT: (&str, Argument) = ("x-delivery-limit", Argument::Number(1_000_000_000));

/// The whole topology for a prefix, some merchants and some delays.
#[derive(Clone, Debug)]
pub struct Topology {
    prefix: String,
    /// In the order in which they can be declared.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) queues: Vec<Queue>,
    pub(super) bindings: Vec<Binding>,
    merchants: Vec<String>,
    delays: Vec<Duration>,
}

/// A durable exchange.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) alternate: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Direct,
    Fanout,
    Topic,
}

/// A durable quorum queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) arguments: BTreeMap<&'static str, Argument>,
    /// Whose queue it is; `None` if every merchant needs it.
    pub(super) merchant: Option<String>,
}

/// A queue's argument. RabbitMQ compares the types too.
#[derive(Clone, Debug)]
pub(super) enum Argument {
    Text(String),
    Number(i64),
    Flag(bool),
}

#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) exchange: String,
    pub(super) queue: String,
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
            bindings: Vec::new(),
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
        let results = results_exchange(&self.prefix);
        self.add_queue(Queue::new(name.to_owned(), [NO_DELIVERY_LIMIT]), &results, "#");
        self.measured()
    }

    /// The topology that a whole configuration asks for.
    pub fn of(config: &Config) -> Result<Self, NameTooLongError> {
        let merchants = config.merchants.keys().map(String::as_str);
        Self::new(&config.broker.prefix, merchants, &config.retry.delays.durations())
    }

    /// Every exchange and queue, as a line for a person.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let exchanges = self.exchanges.iter();
        let exchanges = exchanges.map(|exchange| format!("exchange {}", exchange.name));
        let queues = self.queues.iter();
        exchanges.chain(queues.map(|queue| format!("queue {}", queue.name)))
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
        let parked = parked_name(&self.prefix);
        self.add_exchange(parked.clone(), Kind::Fanout, None);
        self.add_exchange(intents_exchange(&self.prefix), Kind::Direct, Some(parked.clone()));
        self.add_exchange(results_exchange(&self.prefix), Kind::Topic, None);
        self.add_exchange(checkpoint_exchange(&self.prefix), Kind::Direct, None);
        // A policy with a maximum length would otherwise drop what was parked first.
        let arguments = [NO_DELIVERY_LIMIT, on_overflow("reject-publish")];
        self.add_queue(Queue::new(parked.clone(), arguments), &parked, "");
    }

    fn add_retry(&mut self, delay: Duration) {
        let name = retry_name(&self.prefix, delay);
        self.add_exchange(name.clone(), Kind::Fanout, None);
        let ttl_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let ttl = ("x-message-ttl", Argument::Number(ttl_ms));
        let [exchange, strategy, overflow] = dead_letter(intents_exchange(&self.prefix));
        let arguments = [ttl, exchange, strategy, overflow];
        self.add_queue(Queue::new(name.clone(), arguments), &name, "");
    }

    fn add_merchant(&mut self, merchant: &str) {
        let single = ("x-single-active-consumer", Argument::Flag(true));
        let limit = ("x-delivery-limit", Argument::Number(INTENT_DELIVERY_LIMIT));
        let [exchange, strategy, overflow] = dead_letter(parked_name(&self.prefix));
        let arguments = [single, limit, exchange, strategy, overflow];
        let intents = intents_exchange(&self.prefix);
        let mut queue = Queue::new(intents_queue(&self.prefix, merchant), arguments);
        queue.merchant = Some(merchant.to_owned());
        self.add_queue(queue, &intents, merchant);
        // A new one replaces the last.
        let length = ("x-max-length", Argument::Number(1));
        let arguments = [length, on_overflow("drop-head"), NO_DELIVERY_LIMIT];
        let checkpoint = checkpoint_exchange(&self.prefix);
        let mut queue = Queue::new(checkpoint_queue(&self.prefix, merchant), arguments);
        queue.merchant = Some(merchant.to_owned());
        self.add_queue(queue, &checkpoint, merchant);
    }

    fn add_exchange(&mut self, name: String, kind: Kind, alternate: Option<String>) {
        self.exchanges.push(Exchange { name, kind, alternate });
    }

    fn add_queue(&mut self, queue: Queue, exchange: &str, routing_key: &str) {
        self.bindings.push(Binding {
            exchange: exchange.to_owned(),
            queue: queue.name.clone(),
            routing_key: routing_key.to_owned(),
        });
        self.queues.push(queue);
    }

    fn measured(self) -> Result<Self, NameTooLongError> {
        let exchanges = self.exchanges.iter().map(|exchange| &exchange.name);
        let queues = self.queues.iter().map(|queue| &queue.name);
        match exchanges.chain(queues).find(|name| short(name).is_none()) {
            Some(name) => Err(NameTooLongError(name.clone())),
            None => Ok(self),
        }
    }
}

impl Queue {
    fn new<const N: usize>(name: String, arguments: [(&'static str, Argument); N]) -> Self {
        let mut arguments = BTreeMap::from(arguments);
        arguments.insert("x-queue-type", Argument::Text("quorum".to_owned()));
        Self { name, arguments, merchant: None }
    }
}

/// At-least-once dead lettering needs all three together; with one missing RabbitMQ falls back to
/// at-most-once without a word ("Quorum Queues", Dead Lettering).
fn dead_letter(exchange: String) -> [(&'static str, Argument); 3] {
    [
        ("x-dead-letter-exchange", Argument::Text(exchange)),
        ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned())),
        on_overflow("reject-publish"),
    ]
}

fn on_overflow(behaviour: &str) -> (&'static str, Argument) {
    ("x-overflow", Argument::Text(behaviour.to_owned()))
}
