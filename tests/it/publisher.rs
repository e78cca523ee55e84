//! Publishing, where only the broker's confirm is success.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use smartsend::amqp::{BrokerState, Inbox, Publisher, Topology};
use smartsend::domain::event::EventKind;
use smartsend::domain::record::headers::Value;
use smartsend::domain::retry_delays::{RetryDelay, RetryDelays};
use smartsend::domain::work::Work;
use smartsend::ports::{
    Copied, Delivery, EventMessage, Headers, Inbox as _, Outbox, Outgoing, Properties, PublishError,
};
use tokio::time::timeout;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::amqp_proxy::{AmqpProxy, Says, Seen, When};
use crate::support::brake::Brake;
use crate::support::broker::{Node, publish, take_next};
use crate::support::waiting::until;

const SOON: Duration = Duration::from_secs(30);
/// Publishes of each task in the test of verdicts.
const EACH: u32 = 2000;

/// A virtual host with the topology of `default`, and the worker's way to it.
struct Ground {
    vhost: String,
    running: Running,
    publisher: Publisher,
}

impl Ground {
    async fn new(node: &Node) -> Self {
        Self::by(node.address().port(), node).await
    }

    /// The same by way of what stands before the node at this port.
    async fn by(port: u16, node: &Node) -> Self {
        let vhost = node.vhost().await;
        let settings = settings(&[&Node::url_at(port, &vhost)]);
        let topology = declared(&settings, &["default"]).await;
        let running = start(&settings);
        let publisher = Publisher::new(running.broker.clone(), &topology);
        Self { vhost, running, publisher }
    }

    /// A queue for results of one kind; with `limit`, it refuses what is too much.
    async fn results(&self, node: &Node, name: &str, key: &str, limit: Option<i64>) -> Channel {
        let connection = node.connect(&self.vhost).await;
        let channel = connection.create_channel().await.unwrap();
        let mut arguments = FieldTable::default();
        if let Some(limit) = limit {
            arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(limit));
            let reject = AMQPValue::LongString("reject-publish".into());
            arguments.insert("x-overflow".into(), reject);
        }
        channel
            .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
            .await
            .unwrap();
        bind(&channel, name, key).await;
        channel
    }
}

async fn bind(channel: &Channel, queue: &str, key: &str) {
    channel
        .queue_bind(
            queue.into(),
            "smartsend.results".into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
}

fn event(kind: EventKind, id: &str) -> Outgoing {
    event_of("default", kind, id)
}

fn event_of(merchant: &str, kind: EventKind, id: &str) -> Outgoing {
    Outgoing::Event(EventMessage {
        kind,
        merchant: merchant.to_owned(),
        body: Bytes::from(id.to_owned()),
        properties: Properties {
            content_type: Some("application/cloudevents+json".to_owned()),
            message_id: Some(id.to_owned()),
            kind: Some(kind.event_type().to_owned()),
            app_id: Some("smartsend".to_owned()),
            timestamp: Some(1_795_000_000),
            ..Properties::default()
        },
    })
}

fn copied(headers: Headers) -> Copied {
    Copied {
        merchant: "default".to_owned(),
        body: Bytes::from_static(b"{\"as\": \"it came\"}"),
        properties: Properties {
            content_type: Some("application/json".to_owned()),
            message_id: Some("m-1".to_owned()),
            correlation_id: Some("c-1".to_owned()),
            kind: Some("payout".to_owned()),
            app_id: Some("upstream".to_owned()),
            timestamp: Some(1_795_000_000),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            tracestate: Some("vendor=1".to_owned()),
        },
        headers,
    }
}

fn retry(delay: RetryDelay, copy: Copied) -> Outgoing {
    Outgoing::Retry { work: Work::Intents, delay, copy }
}

/// A publisher of so many merchants, each of whose targets refuses for itself.
fn of_many(ground: &Ground, merchants: u32) -> Publisher {
    let names: Vec<_> = (0..merchants).map(|number| format!("m{number}")).collect();
    let topology = Topology::new("smartsend", names.iter().map(String::as_str), &[]).unwrap();
    Publisher::new(ground.running.broker.clone(), &topology)
}

/// Concurrent publishes on one channel of lapin swap their verdicts: of 16000, half of them to a
/// queue that refuses, some refused ones are reported as taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_publish_gets_the_verdict_of_another() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let taken = ground.results(node, "taken", "link.created.*", None).await;
    let _full = ground.results(node, "full", "link.failed.*", Some(0)).await;
    let publisher = of_many(&ground, 4 * EACH);
    let tasks = (0..4).map(|task| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for number in task * EACH..(task + 1) * EACH {
                let (kind, expected) = if (task + number) % 2 == 0 {
                    (EventKind::Created, Ok(()))
                } else {
                    (EventKind::Failed, Err(PublishError::Refused))
                };
                let id = format!("m{number}");
                assert_eq!(publisher.publish(&event_of(&id, kind, &id)).await, expected, "{id}");
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let options = QueueDeclareOptions::durable().passive();
    let found = taken.queue_declare("taken".into(), options, FieldTable::default());
    assert_eq!(found.await.unwrap().message_count(), 4 * EACH / 2);
}

/// A channel of RabbitMQ 3.10 that publishes to a quorum queue for the first time while the node of
/// its last leader is away answers no, and says no to that queue as long as the node is away, whoever
/// leads it now (`rabbit_fifo_client:enqueue/3`). A new channel finds the leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_was_refused_is_not_used_again() {
    let node = Node::shared();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let watcher = move |seen: &Seen<'_>| {
        if (seen.when, seen.frame.says()) == (When::Before, Says::Open) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        false // never stop
    };
    let proxy = AmqpProxy::start(node.address(), &Brake::default(), watcher).await;
    let ground = Ground::by(proxy.port(), node).await;
    let _taken = ground.results(node, "taken", "link.created.*", None).await;
    let _full = ground.results(node, "full", "link.failed.*", Some(0)).await;
    let publish = async |kind| {
        let before = opened.load(Ordering::Relaxed);
        let published = ground.publisher.publish(&event(kind, "one")).await;
        (published, opened.load(Ordering::Relaxed) - before)
    };
    assert_eq!(publish(EventKind::Created).await.0, Ok(()));
    assert_eq!(publish(EventKind::Created).await, (Ok(()), 0));
    let refused = Err(PublishError::Refused);
    assert_eq!(publish(EventKind::Failed).await, (refused, 0));
    // It is tried again only after a while, on a channel of its own.
    assert_eq!(publish(EventKind::Failed).await, (refused, 0));
    until("the next try", SOON, async || publish(EventKind::Failed).await == (refused, 1)).await;
    // However many wait for it, one of them tries.
    let (before, result) = (opened.load(Ordering::Relaxed), event(EventKind::Failed, "one"));
    let all = join_all((0..200).map(|_| ground.publisher.publish(&result))).await;
    assert!(all.iter().all(|one| *one == refused));
    assert!(opened.load(Ordering::Relaxed) - before <= 1);
    assert_eq!(publish(EventKind::Created).await, (Ok(()), 1));
    assert_eq!(publish(EventKind::Created).await, (Ok(()), 0));
}

/// A message that the broker returns carries no number, and lapin attaches it to whichever
/// confirm comes next: an unroutable result is reported as taken, and a good one as unroutable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_returned_result_reaches_the_publish_that_it_belongs_to() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let _bound = ground.results(node, "bound", "link.created.*", None).await;
    let publisher = of_many(&ground, 32 * 50);
    let tasks = (0..32).map(|task| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for number in task * 50..(task + 1) * 50 {
                let (kind, expected) = if number % 7 == 0 {
                    (EventKind::Unresolved, Err(PublishError::Unroutable))
                } else {
                    (EventKind::Created, Ok(()))
                };
                let id = format!("m{number}");
                assert_eq!(publisher.publish(&event_of(&id, kind, &id)).await, expected, "{id}");
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

#[tokio::test]
async fn an_unroutable_result_succeeds_once_a_queue_is_bound() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let id = "bd7b4550-0237-5153-8239-20c19f57e461";
    let failed = event(EventKind::Failed, id);
    let publisher = &ground.publisher;
    assert_eq!(publisher.publish(&failed).await, Err(PublishError::Unroutable));
    let channel = ground.results(node, "late", "link.failed.default", None).await;
    until("a try", SOON, async || publisher.publish(&failed).await == Ok(())).await;
    drop(channel);
    let taken = take_next(&node.connect(&ground.vhost).await, "late").await;
    let properties = taken.properties;
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().unwrap().to_string();
    assert_eq!(taken.routing_key, "link.failed.default");
    assert_eq!(text(properties.message_id()), id);
    assert_eq!(text(properties.kind()), "smartsend.link.failed");
    assert_eq!(text(properties.content_type()), "application/cloudevents+json");
    assert_eq!(text(properties.app_id()), "smartsend");
    assert_eq!(*properties.timestamp(), Some(1_795_000_000));
    assert_eq!(*properties.delivery_mode(), Some(2));
}

#[tokio::test]
async fn a_merchant_or_delay_that_is_not_configured_is_unroutable_and_the_session_lives_on() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let session = ground.running.broker.session().await;
    let mut stranger = copied(Headers::new());
    stranger.merchant = "stranger".to_owned();
    // The topology has one delay.
    let delays = RetryDelays::new(&[1, 7].map(Duration::from_secs)).unwrap();
    let unknown_delay = retry(delays.longest(), copied(Headers::new()));
    for outgoing in [Outgoing::Parked(stranger), unknown_delay] {
        let result = ground.publisher.publish(&outgoing).await;
        assert_eq!(result, Err(PublishError::Unroutable));
    }
    assert!(session.is_live());
}

/// What an intent brings beside the contract's properties would hurt on the way back: `CC` copies
/// it into another merchant's queue, `expiration` loses it, a foreign `user_id` closes the
/// channel, `x-death` can end it as a cycle.
#[tokio::test]
async fn a_retried_intent_comes_back_with_its_record_and_login_and_nothing_foreign() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let session = ground.running.consuming().await;
    let mut inbox = Inbox::open(&session, "smartsend.intents.default", 5).await.unwrap();

    let body = b"{\"as\": \"it came\"}";
    let connection = node.connect(&ground.vhost).await;
    let sent = publish(&connection, "smartsend.intents", "default", body, foreign());
    assert!(sent.await);
    let first = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    let delivered = first.delivered().clone();
    assert!(!delivered.own, "no user_id, so nobody vouches for it");
    assert!(!delivered.redelivered);
    assert_eq!(delivered.delivery_count, 0);
    assert_eq!(delivered.headers.len(), 1, "{:?}", delivered.headers);

    let record = Headers::from([
        ("record".to_owned(), Value::Text("v2".to_owned())),
        ("attempts".to_owned(), Value::Number(i64::MAX)),
    ]);
    let copy = Copied {
        merchant: "default".to_owned(),
        body: delivered.body,
        properties: delivered.properties,
        headers: record.clone(),
    };
    let delay = RetryDelays::new(&[Duration::from_secs(1)]).unwrap().shortest();
    let retry = retry(delay, copy);
    assert_eq!(ground.publisher.publish(&retry).await, Ok(()));
    first.acknowledge().await.unwrap();

    let back = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    let delivered = back.delivered();
    assert!(delivered.own);
    assert!(!delivered.redelivered);
    assert_eq!(delivered.body, body.as_slice());
    assert_eq!(delivered.headers, record);
    assert_eq!(delivered.properties.message_id.as_deref(), Some("m-1"));
    assert_eq!(delivered.properties.traceparent.as_deref(), Some("00-trace"));
    back.acknowledge().await.unwrap();
    inbox.cancel().await;
    assert!(timeout(SOON, inbox.next()).await.unwrap().is_none());
}

/// What upstream may put on an intent, and what must not travel on.
fn foreign() -> BasicProperties {
    let mut table = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    table.insert("CC".into(), AMQPValue::FieldArray(vec![text("other")].into()));
    table.insert("x-death".into(), AMQPValue::FieldArray(vec![].into()));
    table.insert("x-first-death-queue".into(), text("smartsend.intents.default"));
    table.insert("x-upstream".into(), text("dropped"));
    table.insert("traceparent".into(), text("00-trace"));
    table.insert("x-smartsend-record".into(), text("v2"));
    BasicProperties::default()
        .with_headers(table)
        .with_expiration("600000".into())
        .with_priority(3)
        .with_reply_to("somewhere".into())
        .with_message_id("m-1".into())
}

async fn parked_count(ground: &Ground) -> Option<u32> {
    ground.running.broker.count("smartsend.parked").await.map(|count| count.ready)
}

#[tokio::test]
async fn a_parked_copy_carries_only_what_the_contract_names() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let headers = Headers::from([("reason".to_owned(), Value::Text("OVER_LIMIT".to_owned()))]);
    let parked = Outgoing::Parked(copied(headers));
    assert_eq!(ground.publisher.publish(&parked).await, Ok(()));
    assert_eq!(parked_count(&ground).await, Some(1));
    let taken = take_next(&node.connect(&ground.vhost).await, "smartsend.parked").await;
    let properties = taken.properties;
    let table = properties.headers().as_ref().unwrap();
    let names: Vec<_> = table.inner().keys().map(ToString::to_string).collect();
    assert_eq!(names, ["traceparent", "tracestate", "x-smartsend-reason"]);
    assert_eq!(properties.user_id().as_ref().unwrap().as_str(), "guest");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(properties.expiration(), &None);
    assert_eq!(parked_count(&ground).await, Some(0));
}

/// lapin panics on a short string of more than 255 bytes, and a header frame that is too large
/// closes the connection.
#[tokio::test]
async fn texts_that_do_not_fit_into_amqp_are_left_out_or_cut_and_end_nothing() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let long = "é".repeat(100_000);
    let errors = Headers::from([("errors".to_owned(), Value::Text(long.clone()))]);
    let mut copy = copied(errors);
    copy.properties.correlation_id = Some(long.clone());
    copy.properties.tracestate = Some(long);
    assert_eq!(ground.publisher.publish(&Outgoing::Parked(copy)).await, Ok(()));
    let taken = take_next(&node.connect(&ground.vhost).await, "smartsend.parked").await;
    assert_eq!(taken.properties.correlation_id(), &None);
    let table = taken.properties.headers().clone().unwrap();
    assert!(!table.contains_key("tracestate"));
    let errors = table.inner()["x-smartsend-errors"].as_long_string().unwrap();
    assert!(String::from_utf8(errors.as_bytes().to_vec()).is_ok(), "cut within a character");
}

/// RabbitMQ adds headers to a copy on its way, and so it has to fit with them.
#[tokio::test]
async fn a_copy_fits_into_a_small_frame_with_its_record_whole() {
    let node = Node::configured("frame_max = 8192\n");
    let ground = Ground::new(&node).await;
    let session = ground.running.broker.session().await;
    let mut headers = Headers::new();
    for number in 0..16 {
        headers.insert(format!("record-{number}"), Value::Text("2026-11-24T09:30:00.123Z".into()));
    }
    for name in ["actor", "note", "errors"] {
        headers.insert(name.to_owned(), Value::Text("x".repeat(3000)));
    }
    let mut copy = copied(headers);
    let longest = || Some("x".repeat(255));
    copy.properties.message_id = longest();
    copy.properties.correlation_id = longest();
    copy.properties.tracestate = Some("x".repeat(512));
    let delay = RetryDelays::new(&[Duration::from_secs(1)]).unwrap().shortest();
    let retry = retry(delay, copy);
    assert_eq!(ground.publisher.publish(&retry).await, Ok(()));
    let mut inbox = Inbox::open(&session, "smartsend.intents.default", 1).await.unwrap();
    let delivery = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    let came = delivery.delivered();
    assert_eq!(came.headers.keys().filter(|name| name.starts_with("record-")).count(), 16);
    assert_eq!(came.properties.message_id, longest());
    assert!(came.properties.tracestate.is_some());
    assert!(!came.headers.contains_key("note"), "it does not fit");
    assert!(session.is_live());
}

#[tokio::test]
async fn a_publish_without_a_session_waits_only_so_long() {
    let mut settings = settings(&["amqp://guest:guest@127.0.0.1:1/%2f"]);
    settings.confirm_timeout = Duration::from_millis(300);
    let delays = [Duration::from_secs(1)];
    let topology = Topology::new("smartsend", ["default"], &delays).unwrap();
    let running = start(&settings);
    let publisher = Publisher::new(running.broker.clone(), &topology);
    let result = timeout(SOON, publisher.publish(&event(EventKind::Created, "1"))).await;
    assert_eq!(result.unwrap(), Err(PublishError::Unconfirmed));
}

/// A memory alarm stops every write of lapin on the publishing connection, for as long as it
/// lasts; a confirm that is late for that reason is not missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_broker_makes_publishes_wait_and_loses_none() {
    let node = Node::private();
    let ground = Arc::new(Ground::new(&node).await);
    let session = ground.running.broker.session().await;
    let _consuming = ground.running.consuming().await;
    let warm = Outgoing::Parked(copied(Headers::new()));
    assert_eq!(ground.publisher.publish(&warm).await, Ok(()));
    node.memory_alarm(true).await;
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            let (publisher, outgoing) = (ground.publisher.clone(), warm.clone());
            tokio::spawn(async move { publisher.publish(&outgoing).await })
        })
        .collect();
    let blocked = |state: &BrokerState| *state == BrokerState::Blocked;
    ground.running.reaches(blocked).await;
    // Longer than the confirm timeout of 5 s: the clock of a blocked publish stands still.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(waiting.iter().all(|publish| !publish.is_finished()));
    assert_eq!(*ground.running.broker.state().borrow(), BrokerState::Blocked);
    // What is parked is counted all the same.
    assert!(parked_count(&ground).await.is_some());
    node.memory_alarm(false).await;
    for publish in waiting {
        assert_eq!(timeout(SOON, publish).await.unwrap().unwrap(), Ok(()));
    }
    let connected = |state: &BrokerState| *state == BrokerState::Connected;
    ground.running.reaches(connected).await;
    assert!(session.is_live(), "{}", session.reason());
    assert_eq!(node.queue_depth(&ground.vhost, "smartsend.parked").await, 41);
}
