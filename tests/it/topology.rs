//! The topology, declared on a real broker.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind};
use serde_json::Value;
use smartsend::amqp::topology::names::retry_name;
use smartsend::amqp::topology::{apply, verify};
use smartsend::amqp::{MerchantQueue, Topology};
use smartsend::ports::Queue;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::{Node, publish, take_next};

fn topology(merchants: &[&str]) -> Topology {
    let delays = [1, 120].map(Duration::from_secs);
    Topology::new("smartsend", merchants.iter().copied(), &delays).unwrap()
}

#[test]
fn a_retry_queue_is_named_by_the_shortest_form_of_its_delay() {
    let named = |ms| retry_name("p", Duration::from_millis(ms));
    assert_eq!(named(120_000), "p.retry.2m");
    assert_eq!(named(90_000), "p.retry.90s");
    assert_eq!(named(3_600_000), "p.retry.1h");
    assert_eq!(named(1_500), "p.retry.1500ms");
    assert_eq!(named(1_000), "p.retry.1s");
}

#[test]
fn a_prefix_that_makes_a_name_too_long_is_refused() {
    let prefix = "p".repeat(240);
    let err = Topology::new(&prefix, ["a_merchant_with_a_name"], &[]).unwrap_err();
    assert!(err.to_string().contains("255 bytes"), "{err}");
}

/// The contract's section 1, word for word.
#[test]
fn the_export_holds_the_contract() {
    let text = topology(&["default"]).export("/");
    let definitions: Value = serde_json::from_str(&text).unwrap();
    let by_name = |kind: &str| -> BTreeMap<String, Value> {
        let list = definitions[kind].as_array().unwrap().iter();
        list.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone())).collect()
    };
    let queues = by_name("queues");
    let arguments = |queue: &str| queues[queue]["arguments"].clone();
    assert_eq!(
        arguments("smartsend.intents.default"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-single-active-consumer": true,
            "x-dead-letter-exchange": "smartsend.parked",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-delivery-limit": 20,
        })
    );
    assert_eq!(
        arguments("smartsend.retry.2m"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-message-ttl": 120_000,
            "x-dead-letter-exchange": "smartsend.intents",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        })
    );
    assert_eq!(
        arguments("smartsend.parked"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-delivery-limit": 1_000_000_000,
            "x-overflow": "reject-publish",
        })
    );
    assert_eq!(
        arguments("smartsend.checkpoint.default"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-delivery-limit": 1_000_000_000,
            "x-max-length": 1,
            "x-overflow": "drop-head",
        })
    );
    assert_eq!(queues.len(), 5, "one for each delay, two for each merchant, and the parked");
    assert!(queues.values().all(|queue| queue["durable"] == true));
    let exchanges = by_name("exchanges");
    let kinds: Vec<_> = exchanges
        .iter()
        .map(|(name, exchange)| (name.as_str(), exchange["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("smartsend.checkpoint", "direct"),
            ("smartsend.intents", "direct"),
            ("smartsend.parked", "fanout"),
            ("smartsend.results", "topic"),
            ("smartsend.retry.1s", "fanout"),
            ("smartsend.retry.2m", "fanout"),
        ]
    );
    assert_eq!(
        exchanges["smartsend.intents"]["arguments"]["alternate-exchange"],
        "smartsend.parked"
    );
}

#[tokio::test]
async fn applying_twice_changes_nothing_and_an_imported_export_is_the_same_topology() {
    let node = Node::shared();
    let (vhost, imported) = (node.vhost().await, node.vhost().await);
    let topology = topology(&["default", "other"]).with_results_queue("downstream").unwrap();
    let applied_to = settings(&[&node.amqp_url(&vhost)]);
    apply(&applied_to, &topology).await.unwrap();
    apply(&applied_to, &topology).await.unwrap();

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), topology.export(&imported)).unwrap();
    let path = file.path().display().to_string();
    node.ctl(&["import_definitions", &path]).await;
    // Declaring compares every argument.
    let imported_to = settings(&[&node.amqp_url(&imported)]);
    apply(&imported_to, &topology).await.unwrap();
    let missing = verify(&imported_to, &topology).await.unwrap();
    assert_eq!(missing, Vec::<String>::new());
    let bindings = ["list_bindings", "source_name", "routing_key", "destination_name", "-p"];
    let bound = |list: String| {
        let mut lines: Vec<_> = list.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let args = |vhost| [&bindings[..], &[vhost]].concat();
    let declared = bound(node.ctl(&args(vhost.as_str())).await);
    assert_eq!(declared, bound(node.ctl(&args(imported.as_str())).await));
    assert!(declared.iter().any(|line| line == "smartsend.results\t#\tdownstream"), "{declared:?}");
}

#[tokio::test]
async fn a_queue_with_another_argument_is_named_with_that_argument() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let connection = node.connect(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(7));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let name = "smartsend.parked".into();
    channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await.unwrap();
    let err = apply(&settings(&[&node.amqp_url(&vhost)]), &topology(&["default"]))
        .await
        .unwrap_err()
        .to_string();
    assert!(err.contains("queue smartsend.parked"), "{err}");
    assert!(err.contains("x-delivery-limit"), "{err}");
}

/// A queue with its name and other arguments, in place of one that is declared.
async fn replace_queue(node: &Node, vhost: &str, name: &str, arguments: FieldTable) {
    let channel = node.connect(vhost).await.create_channel().await.unwrap();
    channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(name.into(), options, arguments).await.unwrap();
}

fn queue_of(running: &Running, merchant: &str) -> MerchantQueue {
    let delays = [Duration::from_secs(1)];
    let own = Topology::new("smartsend", [merchant], &delays).unwrap();
    MerchantQueue::new(running.broker.clone(), own, merchant.to_owned(), 10)
}

/// By its name alone a queue that drops what it should park looks like the right one, and so does a
/// classic one, which both replicas would consume at once.
#[tokio::test]
async fn what_exists_with_another_argument_is_found_when_a_worker_starts_to_consume() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    declared(&settings, &["default", "other"]).await;
    let running = start(&settings);
    let queue = queue_of(&running, "default");
    assert!(queue.open().await.is_ok());
    let refusal = async || queue.open().await.err().unwrap().to_string();

    replace_queue(node, &vhost, "smartsend.intents.default", FieldTable::default()).await;
    let says = refusal().await;
    assert!(says.contains("queue smartsend.intents.default exists with another"), "{says}");
    assert!(says.contains("smartsend topology apply"), "{says}");
    assert!(queue_of(&running, "other").open().await.is_ok(), "it is the other merchant's");

    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(7));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    replace_queue(node, &vhost, "smartsend.parked", arguments).await;
    let says = refusal().await;
    assert!(says.contains("queue smartsend.parked exists with another x-delivery-limit"), "{says}");

    let channel = node.connect(&vhost).await.create_channel().await.unwrap();
    let retry = || "smartsend.retry.1s".into();
    channel.exchange_delete(retry(), ExchangeDeleteOptions::default()).await.unwrap();
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let direct = ExchangeKind::Direct;
    channel.exchange_declare(retry(), direct, options, FieldTable::default()).await.unwrap();
    let says = refusal().await;
    assert!(says.contains("exchange smartsend.retry.1s exists with another type"), "{says}");
}

/// To compare the arguments is to declare, which a login of least privilege may not.
#[tokio::test]
async fn a_login_that_may_not_declare_consumes_all_the_same() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let url = node.amqp_url(&vhost);
    declared(&settings(&[&url]), &["default"]).await;
    let user = format!("least-{vhost}");
    node.ctl(&["add_user", &user, "secret"]).await;
    node.ctl(&["set_permissions", "-p", &vhost, &user, "^$", ".*", ".*"]).await;
    let running = start(&settings(&[&url.replace("guest:guest", &format!("{user}:secret"))]));
    let queue = queue_of(&running, "default");
    for _ in 0..3 {
        assert!(queue.open().await.is_ok());
    }
}

#[tokio::test]
async fn everything_that_is_missing_is_reported_at_once() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    declared(&settings, &["here"]).await;
    let missing = verify(&settings, &topology(&["here", "gone", "lost"])).await.unwrap();
    let expected = [
        "exchange smartsend.retry.2m",
        "queue smartsend.retry.2m",
        "queue smartsend.intents.gone",
        "queue smartsend.checkpoint.gone",
        "queue smartsend.intents.lost",
        "queue smartsend.checkpoint.lost",
    ];
    assert_eq!(missing, expected);
}

#[tokio::test]
async fn an_intent_for_a_merchant_without_a_queue_is_parked_and_blocks_nobody() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    let connection = node.connect(&vhost).await;
    let plain = BasicProperties::default;
    let retry = "smartsend.retry.1s";
    assert!(publish(&connection, retry, "nobody", b"lost", plain()).await);
    assert!(publish(&connection, retry, "default", b"kept", plain()).await);
    let kept = take_next(&connection, "smartsend.intents.default").await;
    assert_eq!((kept.body.as_slice(), kept.routing_key.as_str()), (&b"kept"[..], "default"));
    let parked = take_next(&connection, "smartsend.parked").await;
    assert_eq!(parked.body, b"lost");
}
