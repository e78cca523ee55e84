//! Parked messages as a worker leaves them, and their outcomes.

use std::process::Output;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value as Json;
use smartsend::actor::Actor;
use smartsend::amqp::ParkedMessage;
use smartsend::amqp::headers::{own_headers, properties};
use smartsend::domain::account::{Account, Api};
use smartsend::domain::record::headers::Value;
use smartsend::domain::record::{Record, Seen};

use crate::support::intents::{self, intent, publish_to};
use crate::support::results::{Collector, Message};
use crate::support::scenario::Scenario;

pub(super) const PARKED: &str = "smartsend.parked";

/// A message that a worker has parked.
pub(super) struct Park {
    body: Vec<u8>,
    replays: i64,
    reference: String,
    code: &'static str,
    merchant: &'static str,
}

impl Park {
    pub(super) fn new(reference: &str, code: &'static str) -> Self {
        let body = intent(reference).to_string().into_bytes();
        Self { body, replays: 0, reference: reference.to_owned(), code, merchant: "default" }
    }

    pub(super) fn of(self, merchant: &'static str) -> Self {
        Self { merchant, ..self }
    }

    pub(super) fn with_body(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }
    }

    /// It was replayed this many times before.
    pub(super) fn replayed(self, replays: i64) -> Self {
        Self { replays, ..self }
    }

    /// With a record in doubt, under the worker's login.
    fn properties(&self) -> BasicProperties {
        let number = u8::from(self.merchant != "default");
        let account = Account { payout_merchant_id: format!("111131{number}"), api: Api::V2 };
        let first_seen = "2026-11-24T08:00:00Z".parse().unwrap();
        let record = Record::first(account, first_seen).doubted(Seen::Refused);
        let text = |text: &str| Value::Text(text.to_owned());
        let mut headers = record.to_headers(None);
        headers.extend([
            ("reason".to_owned(), text(self.code)),
            ("merchant".to_owned(), text(self.merchant)),
            ("parked-at".to_owned(), text("2026-11-24T09:00:00.000Z")),
        ]);
        if self.replays > 0 {
            headers.insert("replays".to_owned(), Value::Number(self.replays));
        }
        let mut table = FieldTable::default();
        for (name, value) in headers {
            let value = match value {
                Value::Text(text) => AMQPValue::LongString(text.into()),
                Value::Number(number) => AMQPValue::LongLongInt(number),
            };
            table.insert(format!("x-smartsend-{name}").into(), value);
        }
        intents::properties(&self.reference).with_headers(table).with_user_id("guest".into())
    }

    /// The same as the command reads it.
    pub(super) fn message(&self) -> ParkedMessage {
        let read = self.properties();
        ParkedMessage {
            body: Bytes::from(self.body.clone()),
            properties: properties(&read),
            headers: own_headers(&read),
            routing_key: String::new(),
            own: true,
        }
    }
}

pub(super) async fn park(scenario: &Scenario, messages: impl IntoIterator<Item = Park>) {
    let messages = messages.into_iter().map(|park| ("", park.body.clone(), park.properties()));
    publish_to(&scenario.connection, PARKED, messages).await;
}

/// Takes one off the parked queue, as somebody else might.
pub(super) async fn take(scenario: &Scenario, reference: &str) {
    let channel = scenario.connection.create_channel().await.unwrap();
    let mut taken = false;
    for _ in 0..scenario.depth(PARKED).await {
        let got = channel.basic_get(PARKED.into(), BasicGetOptions::default()).await.unwrap();
        let delivery = got.unwrap().delivery;
        if reference_of(&delivery.data) == reference {
            taken = delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
            break;
        }
    }
    assert!(taken, "{reference} is not parked");
    let all = BasicNackOptions { multiple: true, requeue: true };
    channel.basic_nack(0, all).await.unwrap();
    channel.close(200, "OK".into()).await.unwrap();
}

/// The references on the parked queue, which is empty after that.
pub(super) async fn references(scenario: &Scenario) -> Vec<String> {
    let parked = copies(scenario, PARKED).await;
    parked.iter().map(|message| reference_of(&message.body)).collect()
}

/// What a queue holds; it is empty after that.
pub(super) async fn copies(scenario: &Scenario, queue: &str) -> Vec<Message> {
    Collector::start(&scenario.connection, queue).await.all().await
}

pub(super) fn reference_of(body: &[u8]) -> String {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    json.and_then(|json| json["merchantRefId"].as_str().map(str::to_owned))
        .unwrap_or_else(|| "?".to_owned())
}

pub(super) async fn run(scenario: &Scenario, arguments: &[&str], last: &str) -> Output {
    scenario.command(&[arguments, &[last]].concat()).await
}

pub(super) fn by(note: &str) -> String {
    Actor::of_process(Some(note)).to_string()
}

pub(super) fn json_of(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
