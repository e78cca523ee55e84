//! The traces of the protocol that are about what the broker does with what is published to it. The
//! others are in the test target `unit`.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Connection, ExchangeKind};

use crate::support::amqp::{declared, settings};
use crate::support::broker::{Node, publish, take_next};

async fn ground(merchants: &[&str]) -> Connection {
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), merchants).await;
    node.connect(&vhost).await
}

/// The intents exchange once more, without its alternate exchange.
async fn take_out_the_alternate_exchange(connection: &Connection) {
    let channel = connection.create_channel().await.unwrap();
    let exchange = || "smartsend.intents".into();
    channel.exchange_delete(exchange(), ExchangeDeleteOptions::default()).await.unwrap();
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let none = FieldTable::default;
    channel.exchange_declare(exchange(), ExchangeKind::Direct, options, none()).await.unwrap();
    let queue = "smartsend.intents.default".into();
    let bound = QueueBindOptions::default();
    channel.queue_bind(queue, exchange(), "default".into(), bound, none()).await.unwrap();
}

/// 200 retries of a merchant whose queue is gone, and then one of another merchant.
async fn publish_retries(connection: &Connection) {
    let retry = "smartsend.retry.1s";
    for _ in 0..200 {
        assert!(publish(connection, retry, "gone", b"gone", BasicProperties::default()).await);
    }
    assert!(publish(connection, retry, "default", b"kept", BasicProperties::default()).await);
}

#[tokio::test]
async fn trace_14_retries_for_a_merchant_whose_queue_is_gone_stop_those_of_all_merchants() {
    let cured = ground(&["default"]).await;
    publish_retries(&cured).await;
    assert_eq!(take_next(&cured, "smartsend.intents.default").await.body, b"kept");

    let connection = ground(&["default"]).await;
    take_out_the_alternate_exchange(&connection).await;
    publish_retries(&connection).await;
    // With the cure it takes a second.
    let kept = take_next(&connection, "smartsend.intents.default");
    let stopped = tokio::time::timeout(Duration::from_secs(10), kept).await.is_err();
    assert!(stopped, "the retry queue hands on what no queue takes");
}

/// What is published with upstream's `CC`, instead of the properties that the contract names, is
/// in two queues when it comes back.
#[tokio::test]
async fn trace_20_a_copy_that_keeps_upstream_s_cc_comes_back_to_another_merchant_too() {
    let connection = ground(&["default", "other"]).await;
    let copies = FieldArray::from(vec![AMQPValue::LongString("other".into())]);
    let mut headers = FieldTable::default();
    headers.insert("CC".into(), AMQPValue::FieldArray(copies));
    let as_it_was = BasicProperties::default().with_headers(headers);
    assert!(publish(&connection, "smartsend.retry.1s", "default", b"cc", as_it_was).await);
    for queue in ["smartsend.intents.default", "smartsend.intents.other"] {
        assert_eq!(take_next(&connection, queue).await.body, b"cc", "{queue}");
    }
}
