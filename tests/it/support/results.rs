//! What comes out at the other end: result events and parked intents.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::waiting::until;

/// The queue that is bound to every result event.
pub(crate) const RESULTS: &str = "results";

/// The type of a message that only marks the end of a queue.
const MARK: &str = "end";

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The routing key that it came with.
    pub(crate) routing_key: String,
    /// The body, byte for byte.
    pub(crate) body: Vec<u8>,
    /// The AMQP properties.
    pub(crate) properties: BasicProperties,
}

/// Takes everything from one queue as it comes.
pub(crate) struct Collector {
    messages: Arc<Mutex<Vec<Message>>>,
    channel: Channel,
    queue: String,
    task: JoinHandle<()>,
}

impl Message {
    /// The event, if it is one.
    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What it answers.
    pub(crate) fn correlation_id(&self) -> String {
        self.properties.correlation_id().as_ref().expect("each event answers one").to_string()
    }

    /// What it is about: an intent by its reference, or a command by its id.
    pub(crate) fn answers(&self) -> String {
        let event = self.event();
        let is_of_intent = matches!(
            event["type"].as_str(),
            Some("smartsend.link.created" | "smartsend.link.unresolved" | "smartsend.link.failed")
        );
        let subject = event["subject"].as_str().map(str::to_owned);
        subject.filter(|_| is_of_intent).unwrap_or_else(|| self.correlation_id())
    }

    /// A header's text, or its number as text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let headers = self.properties.headers().as_ref()?;
        let value = headers.inner().get(name)?;
        let number = || value.as_long_long_int().map(|number| number.to_string());
        value.as_long_string().map(ToString::to_string).or_else(number)
    }
}

impl Collector {
    /// Begins to take messages.
    pub(crate) async fn start(connection: &Connection, queue: &str) -> Self {
        Self::start_without(connection, queue, None).await
    }

    /// The same, but drops those whose routing key ends so.
    pub(crate) async fn start_without(
        connection: &Connection,
        queue: &str,
        dropped: Option<&'static str>,
    ) -> Self {
        let channel = connection.create_channel().await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consuming =
            channel.basic_consume(queue.into(), "collector".into(), options, FieldTable::default());
        let mut consumer = consuming.await.unwrap();
        let messages = Arc::<Mutex<Vec<Message>>>::default();
        let into = Arc::clone(&messages);
        let task = tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                if dropped.is_some_and(|end| delivery.routing_key.as_str().ends_with(end)) {
                    continue;
                }
                into.lock().unwrap().push(Message {
                    routing_key: delivery.routing_key.to_string(),
                    body: delivery.data,
                    properties: delivery.properties,
                });
            }
        });
        Self { messages, channel, queue: queue.to_owned(), task }
    }

    /// How many have come.
    pub(crate) fn count(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// Those that have come from this index on.
    pub(crate) fn from(&self, index: usize) -> Vec<Message> {
        self.messages.lock().unwrap()[index..].to_vec()
    }

    /// Everything that was in the queue until now: a mark goes through it behind the rest.
    pub(crate) async fn all(&self) -> Vec<Message> {
        let before = self.count();
        let mark = BasicProperties::default().with_type(MARK.into());
        let (exchange, key) = ("".into(), self.queue.as_str().into());
        let sent =
            self.channel.basic_publish(exchange, key, BasicPublishOptions::default(), b"", mark);
        sent.await.unwrap();
        let is_mark = |message: &Message| *message.properties.kind() == Some(MARK.into());
        until("the mark to come through", Duration::from_mins(1), async || {
            self.messages.lock().unwrap()[before..].iter().any(is_mark)
        })
        .await;
        let mut messages = self.messages.lock().unwrap();
        messages.retain(|message| !is_mark(message));
        messages.clone()
    }

    /// All that have come, as soon as there are so many.
    pub(crate) async fn take(&self, count: usize, within: Duration) -> Vec<Message> {
        until(&format!("{count} messages"), within, async || self.count() >= count).await;
        self.from(0)
    }

    /// The events among them for one reference, as soon as there is one.
    pub(crate) async fn event_for(&self, reference: &str, within: Duration) -> Message {
        let find = || {
            let messages = self.messages.lock().unwrap();
            messages.iter().find(|message| message.event()["subject"] == reference).cloned()
        };
        until(&format!("an event for {reference}"), within, async || find().is_some()).await;
        find().unwrap()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}
