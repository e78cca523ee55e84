//! One delivery through the whole pipeline: what is published, in which order, and when it is
//! acknowledged.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod outages;
mod settling;
mod stays;
mod strict;
mod table;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use smartsend::domain::record::{Record, State, Value};
use smartsend::gate::Report;
use smartsend::pipeline::{Settlement, handle};
use smartsend::ports::{Clock, Copied, Headers, Inbox, Properties, Queue};
use tokio::task::JoinHandle;

use crate::support::model::{Life, Message, ModelDesk, ModelInbox, Process, Scene, Settings, body};

/// One process at work on the merchant `default`, without its loop: a test hands it deliveries.
struct Stand {
    scene: Scene,
    process: Process,
    desk: Arc<ModelDesk>,
    inbox: ModelInbox,
}

impl Stand {
    /// A stand whose gate is open.
    async fn new(settings: &Settings) -> Self {
        let stand = Self::probing(Scene::new(1), settings).await;
        stand.desk.turns.told(Report::Answered);
        stand
    }

    async fn usual() -> Self {
        Self::new(&Settings::usual()).await
    }

    /// A stand in a scene that there is already.
    async fn probing(scene: Scene, settings: &Settings) -> Self {
        let process = scene.process(Life::long());
        let desk = Arc::new(process.desk("default", settings));
        let driven = Arc::clone(&desk);
        tokio::spawn(async move {
            tokio::join!(driven.turns.drive(), driven.probe_when_due());
        });
        let inbox = process.queue("default", settings.prefetch).open().await.unwrap();
        Self { scene, process, desk, inbox }
    }

    /// Upstream publishes an intent, and it is begun.
    async fn start(&mut self, reference: &str) -> JoinHandle<Settlement> {
        self.scene.publish("default", reference);
        self.start_next().await
    }

    /// A message is put into the queue as it is, and begun.
    async fn start_message(&mut self, message: Message) -> JoinHandle<Settlement> {
        self.scene.broker.push("default", message);
        self.start_next().await
    }

    /// The next delivery is begun.
    async fn start_next(&mut self) -> JoinHandle<Settlement> {
        let delivery = self.inbox.next().await.unwrap();
        let desk = Arc::clone(&self.desk);
        tokio::spawn(async move {
            let lost = delivery.lost();
            handle(delivery, lost, &desk).await
        })
    }

    /// Upstream publishes an intent, and it is brought to its settlement.
    async fn settle(&mut self, reference: &str) -> Settlement {
        self.start(reference).await.await.unwrap()
    }

    async fn settle_message(&mut self, message: Message) -> Settlement {
        self.start_message(message).await.await.unwrap()
    }

    async fn settle_next(&mut self) -> Settlement {
        self.start_next().await.await.unwrap()
    }

    /// The next delivery is settled, and its copies as often as they are handed back.
    async fn settle_in_the_end(&mut self) -> Settlement {
        loop {
            match self.settle_next().await {
                Settlement::HandedBack => {}
                settlement
                @ (Settlement::Settled(_) | Settlement::Returned | Settlement::LetGo) => {
                    return settlement;
                }
            }
        }
    }

    /// The value of one of the process's series.
    fn metric(&self, series: &str) -> String {
        let text = self.process.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not in {text}")).to_owned()
    }

    /// Makes the process know that details shows links.
    fn prove(&self) {
        self.desk.proof.give();
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
    let (body, headers) = (body(reference).into(), Headers::new());
    Message { body, properties, headers, own: false, redelivered: false, count: 0 }
}

/// A copy of our own, with a record.
fn own_message(reference: &str, record: &Record) -> Message {
    Message { headers: record.to_headers(None), own: true, ..message(reference) }
}

fn first_record(stand: &Stand) -> Record {
    Record::first(stand.desk.policy.account.clone(), stand.scene.clock.now().wall)
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
