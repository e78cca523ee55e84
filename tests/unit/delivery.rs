//! One delivery through the worker: what is published, in which order, and when it is
//! acknowledged.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod backpressure;
mod counting;
mod outages;
mod odd_answers;
mod readback;
mod settling;
mod stays;
mod strict;
mod table;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use smartsend::admission::signal::Signal;
use smartsend::domain::readback::Fields;
use smartsend::domain::record::headers::Value;
use smartsend::domain::record::{Record, State};
use smartsend::domain::reference::Reference;
use smartsend::ports::{Clock, Copied, Headers, Inbox, Properties, Queue};
use smartsend::worker::Settled;
use tokio::task::JoinHandle;

use crate::support::model::{
    Life, Message, ModelContext, ModelInbox, Process, Scene, Settings, body,
};

/// One process at work on the merchant `default`, without its loop: a test hands it deliveries.
struct Stand {
    scene: Scene,
    process: Process,
    context: Arc<ModelContext>,
    inbox: ModelInbox,
}

impl Stand {
    /// A stand whose circuit breaker is closed.
    async fn new(settings: &Settings) -> Self {
        let stand = Self::half_open(Scene::new(1), settings).await;
        stand.context.scheduler().record(None, Signal::Answered);
        stand
    }

    async fn usual() -> Self {
        Self::new(&Settings::usual()).await
    }

    /// A stand in a scene that there is already.
    async fn half_open(scene: Scene, settings: &Settings) -> Self {
        let process = scene.process(Life::long());
        let context = process.worker("default", settings).context();
        let beside = Arc::clone(&context);
        tokio::spawn(async move { beside.beside().await });
        let inbox = process.queue("default", settings.prefetch).open().await.unwrap();
        Self { scene, process, context, inbox }
    }

    /// Upstream publishes an intent, and it is begun.
    async fn start(&mut self, reference: &str) -> JoinHandle<Settled> {
        self.scene.publish("default", reference);
        self.start_next().await
    }

    /// A message is put into the queue as it is, and begun.
    async fn start_message(&mut self, message: Message) -> JoinHandle<Settled> {
        self.scene.broker.push("default", message);
        self.start_next().await
    }

    /// The next delivery is begun.
    async fn start_next(&mut self) -> JoinHandle<Settled> {
        let delivery = self.inbox.next().await.unwrap();
        let context = Arc::clone(&self.context);
        tokio::spawn(async move {
            let lost = delivery.lost();
            context.process(delivery, lost).await
        })
    }

    /// Upstream publishes an intent, and it is brought to its settlement.
    async fn settle(&mut self, reference: &str) -> Settled {
        self.start(reference).await.await.unwrap()
    }

    async fn settle_message(&mut self, message: Message) -> Settled {
        self.start_message(message).await.await.unwrap()
    }

    async fn settle_next(&mut self) -> Settled {
        self.start_next().await.await.unwrap()
    }

    /// The next delivery is settled, and its copies as often as they are handed back.
    async fn settle_in_the_end(&mut self) -> Settled {
        loop {
            let settled = self.settle_next().await;
            if settled != Settled::HandedBack {
                return settled;
            }
        }
    }

    /// Whether nothing new is started because this refuses messages, by what `/readyz` says.
    fn is_refused(&self, what: &str) -> bool {
        self.process.status.reasons().iter().any(|reason| reason.contains(what))
    }

    /// The value of one of the process's series.
    fn metric(&self, series: &str) -> String {
        let text = self.process.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not in {text}")).to_owned()
    }

    /// Makes the process know that details shows links.
    fn prove(&self) {
        let shown = Reference::parse("shown").unwrap();
        self.context.readback().give(&shown, Some(Timestamp::MAX), Fields::ALL);
    }

    fn story(&self) -> Vec<String> {
        self.scene.broker.story()
    }

    /// The last event's data.
    fn event(&self) -> Json {
        let event = self.scene.broker.results().pop().unwrap();
        let json: Json = serde_json::from_slice(&event.body).unwrap();
        json["data"].clone()
    }

    fn reason(&self) -> String {
        self.event()["reason"]["code"].as_str().unwrap().to_owned()
    }

    fn parked(&self) -> Copied {
        self.scene.broker.parked().pop().unwrap()
    }

    /// The last copy on a retry queue.
    fn returned(&self) -> (Duration, Copied, Record) {
        let (delay, copy) = self.scene.broker.retried().pop().unwrap();
        let record = Record::from_headers(&copy.headers).unwrap();
        (delay, copy, record)
    }
}

/// What upstream publishes.
fn message(reference: &str) -> Message {
    let properties = Properties { message_id: Some("m-1".to_owned()), ..Properties::default() };
    Message::from_upstream(body(reference), properties)
}

/// The same with another field.
fn with(reference: &str, field: &str) -> Message {
    let body = body(reference).replace('}', &format!(",{field}}}"));
    Message { body: body.into(), ..message(reference) }
}

/// A copy of our own, with a record.
fn own_message(reference: &str, record: &Record) -> Message {
    Message { headers: record.to_headers(None), own: true, ..message(reference) }
}

fn first_record(stand: &Stand) -> Record {
    Record::first(stand.context.policy().account.clone(), stand.scene.clock.now().wall)
}

fn is_new(record: &Record) -> bool {
    record.state == State::New
}

fn text(headers: &Headers, name: &str) -> String {
    match headers.get(name) {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
