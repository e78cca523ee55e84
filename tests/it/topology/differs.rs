//! What is declared otherwise than the contract says, and what a worker makes of it.

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use smartsend::amqp::{MerchantQueue, Topology};
use smartsend::ports::Queue;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::Node;

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
