//! The topology, declared on a real broker.

mod commands;
mod differs;
mod policies;

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use smartsend::amqp::Topology;
use smartsend::amqp::topology::names::retry_name;
use smartsend::amqp::topology::{apply, verify};
use smartsend::domain::work::Work;

use crate::support::amqp::{declared, settings};
use crate::support::broker::{Node, publish, take_next};

fn topology(merchants: &[&str]) -> Topology {
    let delays = [1, 120].map(Duration::from_secs);
    Topology::new("smartsend", merchants.iter().copied(), &delays).unwrap()
}

#[test]
fn a_retry_queue_is_named_by_the_shortest_form_of_its_delay() {
    let named = |ms| retry_name("p", Work::Intents, Duration::from_millis(ms));
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

fn by_name(definitions: &Value, kind: &str) -> BTreeMap<String, Value> {
    let list = definitions[kind].as_array().unwrap().iter();
    list.map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone())).collect()
}

#[test]
fn what_rabbitmq_puts_aside_has_a_queue_that_loses_nothing() {
    let text = topology(&["default"]).export("/");
    let definitions: Value = serde_json::from_str(&text).unwrap();
    let queues = by_name(&definitions, "queues");
    let arguments = |queue: &str| queues[queue]["arguments"].clone();
    assert_eq!(
        arguments("smartsend.dead"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-single-active-consumer": true,
            "x-dead-letter-exchange": "smartsend.parked",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            "x-delivery-limit": 3,
        })
    );
    let exchanges = by_name(&definitions, "exchanges");
    assert_eq!(
        exchanges["smartsend.intents"]["arguments"],
        serde_json::json!({ "alternate-exchange": "smartsend.dead" })
    );
}

/// The contract's section 1, word for word.
#[test]
fn the_export_holds_the_contract() {
    let text = topology(&["default"]).export("/");
    let definitions: Value = serde_json::from_str(&text).unwrap();
    let queues = by_name(&definitions, "queues");
    let arguments = |queue: &str| queues[queue]["arguments"].clone();
    assert_eq!(
        arguments("smartsend.intents.default"),
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-single-active-consumer": true,
            "x-dead-letter-exchange": "smartsend.dead",
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
    assert_eq!(
        queues.len(),
        7,
        "one for each delay, two for each merchant, dead, parked, discarded"
    );
    assert!(queues.values().all(|queue| queue["durable"] == true));
    let exchanges = by_name(&definitions, "exchanges");
    let kinds: Vec<_> = exchanges
        .iter()
        .map(|(name, exchange)| (name.as_str(), exchange["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("smartsend.checkpoint", "direct"),
            ("smartsend.control", "fanout"),
            ("smartsend.dead", "fanout"),
            ("smartsend.discarded", "fanout"),
            ("smartsend.intents", "direct"),
            ("smartsend.parked", "fanout"),
            ("smartsend.results", "topic"),
            ("smartsend.retry.1s", "fanout"),
            ("smartsend.retry.2m", "fanout"),
        ]
    );
}

#[test]
fn what_a_person_discards_stays_for_30_days() {
    let definitions: Value = serde_json::from_str(&topology(&["default"]).export("/")).unwrap();
    let queue = &by_name(&definitions, "queues")["smartsend.discarded"];
    assert_eq!(
        queue["arguments"],
        serde_json::json!({
            "x-queue-type": "quorum",
            "x-delivery-limit": 1_000_000_000,
            "x-message-ttl": 2_592_000_000_u64,
            "x-overflow": "reject-publish",
        })
    );
}

#[tokio::test]
async fn applying_twice_changes_nothing_and_an_imported_export_is_the_same_topology() {
    let node = Node::shared();
    let (vhost, imported) = (node.vhost().await, node.vhost().await);
    let topology = topology(&["default", "other"]).with_commands(["other"]).unwrap();
    let topology = topology.with_results_queue("downstream").unwrap();
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
    for bound in
        ["smartsend.results\t#\tdownstream", "smartsend.commands\tother\tsmartsend.commands.other"]
    {
        assert!(declared.iter().any(|line| line == bound), "{bound}: {declared:?}");
    }
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
async fn an_intent_for_a_merchant_without_a_queue_is_put_aside_and_blocks_nobody() {
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
    let lost = take_next(&connection, "smartsend.dead").await;
    assert_eq!((lost.body.as_slice(), lost.routing_key.as_str()), (&b"lost"[..], "nobody"));
}
