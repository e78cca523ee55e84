//! What a policy can do to queues whose arguments are all right, as the README says.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection};

use crate::support::amqp::{declared, settings};
use crate::support::broker::{Node, publish, take_next};
use crate::support::waiting::{SOON, until};

async fn policy(node: &Node, vhost: &str, name: &str, definition: &str, kind: &str) {
    let pattern = format!("^{}$", name.replace('.', "\\."));
    let args = ["set_policy", "-p", vhost, "--apply-to", kind, name, &pattern, definition];
    node.ctl(&args).await;
}

async fn taken(connection: &Connection, exchange: &str, key: &str) -> bool {
    publish(connection, exchange, key, b"one", BasicProperties::default()).await
}

/// A publisher learns of a refusal, and not of a drop: a full parked queue drops nothing that it
/// has.
#[tokio::test]
async fn a_maximum_length_drops_nothing_that_is_parked() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    policy(node, &vhost, "smartsend.parked", r#"{"max-length":1}"#, "queues").await;
    let connection = node.connect(&vhost).await;
    // A quorum queue lets a few more in than its maximum.
    until("it to be full", SOON, async || !taken(&connection, "smartsend.parked", "").await).await;
    let kept = node.queue_depth(&vhost, "smartsend.parked").await;
    for _ in 0..5 {
        assert!(!taken(&connection, "smartsend.parked", "").await);
    }
    assert_eq!(node.queue_depth(&vhost, "smartsend.parked").await, kept);
}

#[tokio::test]
async fn the_lower_delivery_limit_counts() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    policy(node, &vhost, "smartsend.parked", r#"{"delivery-limit":1}"#, "queues").await;
    let connection = node.connect(&vhost).await;
    assert!(taken(&connection, "smartsend.parked", "").await);
    let channel = connection.create_channel().await.unwrap();
    let (options, plain) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume("smartsend.parked".into(), "t".into(), options, plain);
    let mut consumer = consuming.await.unwrap();
    let mut deliveries = 0;
    while let Ok(next) = tokio::time::timeout(Duration::from_secs(1), consumer.next()).await {
        let delivery = next.unwrap().unwrap();
        delivery.acker.reject(BasicRejectOptions { requeue: true }).await.unwrap();
        deliveries += 1;
    }
    assert_eq!(deliveries, 2, "it was looked at twice, and is gone");
}

#[tokio::test]
async fn a_routing_key_for_dead_letters_sends_retries_to_another_merchant() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default", "other"]).await;
    let definition = r#"{"dead-letter-routing-key":"other"}"#;
    policy(node, &vhost, "smartsend.retry.1s", definition, "queues").await;
    let connection = node.connect(&vhost).await;
    assert!(taken(&connection, "smartsend.retry.1s", "default").await);
    assert_eq!(take_next(&connection, "smartsend.intents.other").await.body, b"one");
}

#[tokio::test]
async fn an_alternate_exchange_hides_that_an_event_finds_no_queue() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    let connection = node.connect(&vhost).await;
    assert!(!taken(&connection, "smartsend.results", "link.created.default").await);
    let definition = r#"{"alternate-exchange":"smartsend.parked"}"#;
    policy(node, &vhost, "smartsend.results", definition, "exchanges").await;
    assert!(taken(&connection, "smartsend.results", "link.created.default").await);
}
