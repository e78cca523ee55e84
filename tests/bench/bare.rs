//! The bare loop: the same way through the same broker and HTTP client, and nothing else.
//!
//! It is as fast as such a loop gets. Its client has the worker's settings, its channels carry one
//! publish at a time for the same reason as the worker's (lapin attaches a returned message to
//! whichever confirm comes next), a task for each delivery and as many calls at once as the worker
//! may make. It posts the delivery's body as it came, and publishes the answer, made as long as an
//! event and with an event's properties. It has the worker's allocator, and whichever [`Shape`], so
//! many channels and threads, was the fastest in a trial before each line of the table.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use smartsend::config::{Log, LogFormat};
use smartsend::telemetry::log;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::ground::{ACCOUNT, INTENTS};

/// The bytes of an event, as the worker makes it of the benchmark's intents.
const EVENT_SIZE: usize = 590;

/// What it brings to the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Shape {
    /// Channels that publish.
    #[arg(long)]
    pub(crate) channels: usize,
    #[arg(long)]
    pub(crate) threads: usize,
}

impl Shape {
    /// Those that are tried. The worker has 16 channels and one thread.
    pub(crate) const TRIED: [Self; 6] = [
        Self { channels: 16, threads: 1 },
        Self { channels: 64, threads: 1 },
        Self { channels: 256, threads: 1 },
        Self { channels: 16, threads: 2 },
        Self { channels: 64, threads: 2 },
        Self { channels: 256, threads: 2 },
    ];
}

/// The arguments of the bare loop.
#[derive(Debug, clap::Args)]
pub(crate) struct Setup {
    #[arg(long)]
    amqp: String,
    #[arg(long)]
    sandbox: String,
    #[arg(long)]
    in_flight: usize,
    #[command(flatten)]
    shape: Shape,
}

struct Loop {
    http: reqwest::Client,
    url: reqwest::Url,
    bearer: HeaderValue,
    calls: Semaphore,
    publishes: Semaphore,
    channels: Mutex<Vec<Channel>>,
}

/// Runs until it is killed.
pub(crate) fn run(setup: Setup) {
    let mut runtime = match setup.shape.threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(setup.shape.threads).enable_all().build().unwrap();
    runtime.block_on(consume(setup));
}

async fn consume(setup: Setup) {
    log::init(&Log { format: LogFormat::Json, level: "info".to_owned() }).unwrap();
    let consuming = connect(&setup.amqp).await;
    let publishing = connect(&setup.amqp).await;
    let mut channels = Vec::new();
    for _ in 0..setup.shape.channels {
        let channel = publishing.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        channels.push(channel);
    }
    let http = client(setup.in_flight);
    let bearer = token(&http, &setup.sandbox).await;
    let looped = Arc::new(Loop {
        http,
        url: format!("{}/payout/smartPay", setup.sandbox).parse().unwrap(),
        bearer,
        calls: Semaphore::new(setup.in_flight),
        publishes: Semaphore::new(setup.shape.channels),
        channels: Mutex::new(channels),
    });
    let channel = consuming.create_channel().await.unwrap();
    let prefetch = u16::try_from(setup.in_flight * 2).unwrap();
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.unwrap();
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(INTENTS.into(), "bare".into(), options, arguments);
    let mut consumer = consumer.await.unwrap();
    while let Some(delivery) = consumer.next().await {
        let looped = Arc::clone(&looped);
        tokio::spawn(async move { looped.handle(delivery.unwrap()).await });
    }
}

async fn connect(amqp: &str) -> Connection {
    Connection::connect(amqp, ConnectionProperties::default()).await.unwrap()
}

fn client(in_flight: usize) -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .pool_idle_timeout(Duration::from_secs(4))
        .pool_max_idle_per_host(in_flight)
        .build()
        .unwrap()
}

async fn token(http: &reqwest::Client, sandbox: &str) -> HeaderValue {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "bare"),
        ("client_secret", "sandbox-secret"),
        ("scope", "create_payout_transactions"),
    ];
    let answer = http.post(format!("{sandbox}/oauth/token")).form(&form).send().await.unwrap();
    let body = answer.error_for_status().unwrap().bytes().await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let token = answer.get("access_token").and_then(|token| token.as_str()).unwrap();
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

impl Loop {
    async fn handle(&self, delivery: Delivery) {
        let call = self.calls.acquire().await.unwrap();
        let answer = self.post(delivery.data).await;
        drop(call);
        let mut event = answer;
        event.resize(EVENT_SIZE, b' ');
        let mut properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/cloudevents+json".into())
            .with_type("smartsend.link.created".into())
            .with_app_id("bare".into())
            .with_timestamp(1_800_000_000);
        if let Some(id) = delivery.properties.message_id() {
            properties = properties.with_message_id(id.clone()).with_correlation_id(id.clone());
        }
        self.publish(&event, properties).await;
        assert!(delivery.acker.ack(BasicAckOptions::default()).await.unwrap());
    }

    async fn post(&self, body: Vec<u8>) -> Vec<u8> {
        let request = self.http.post(self.url.clone());
        let request = request
            .header(AUTHORIZATION, self.bearer.clone())
            .header("payoutMerchantId", ACCOUNT)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        answer.bytes().await.unwrap().into()
    }

    async fn publish(&self, event: &[u8], properties: BasicProperties) {
        let _publish = self.publishes.acquire().await.unwrap();
        let channel = self.channels.lock().unwrap().pop().expect("a permit is a channel");
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = ("smartsend.results".into(), "link.created.default".into());
        let written = channel.basic_publish(exchange, key, options, event, properties);
        let confirm = written.await.unwrap().await.unwrap();
        assert_eq!(confirm, Confirmation::Ack(None), "there is a queue of results");
        self.channels.lock().unwrap().push(channel);
    }
}
