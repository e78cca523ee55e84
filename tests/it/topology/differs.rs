//! What is declared otherwise than the contract says, and what a worker makes of it.

use std::time::Duration;

use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, ExchangeKind};
use serde_json::Value;
use smartsend::amqp::topology::apply;
use smartsend::amqp::{MerchantQueue, Topology};
use smartsend::ports::Queue;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::{Node, publish};

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

/// The arguments of a queue, each of them in turn left out or otherwise, and some too many.
fn wrong(right: &FieldTable) -> Vec<(String, FieldTable)> {
    let with = |name: &str, value: i64| {
        let mut table = right.clone();
        table.insert(name.into(), value.into());
        table
    };
    let mut all = Vec::new();
    for argument in right.inner().keys().map(ShortString::as_str) {
        let mut without = FieldTable::default();
        // A classic queue takes none of the others.
        let others = right
            .inner()
            .iter()
            .filter(|(name, _)| argument != "x-queue-type" && name.as_str() != argument);
        for (name, value) in others {
            without.insert(name.clone(), value.clone());
        }
        all.push((format!("without {argument}"), without));
        if let "x-delivery-limit" | "x-message-ttl" | "x-max-length" = argument {
            all.push((format!("with another {argument}"), with(argument, 7)));
        }
    }
    for further in ["x-expires", "x-max-length-bytes"] {
        all.push((format!("with {further}"), with(further, 1_000_000)));
    }
    all
}

#[tokio::test]
async fn whatever_differs_of_a_queue_that_a_merchant_needs_is_found_and_named() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    let topology = declared(&settings, &["default"]).await;
    let running = start(&settings);
    let queue = queue_of(&running, "default");
    let definitions: Value = serde_json::from_str(&topology.export(&vhost)).unwrap();
    let queues = definitions["queues"].as_array().unwrap();
    let mut seen = 0;
    for declared in queues {
        let name = declared["name"].as_str().unwrap();
        let right = arguments_of(&declared["arguments"]);
        for (how, arguments) in wrong(&right) {
            replace_queue(node, &vhost, name, arguments).await;
            let says = queue.open().await.err().map(|error| error.to_string());
            let says = says.unwrap_or_else(|| panic!("{name} is used {how}"));
            let expected = format!("queue {name} exists with another x-");
            assert!(says.contains(&expected), "{how}: {says}");
            assert!(says.contains("smartsend topology apply"), "{how}: {says}");
            seen += 1;
        }
        replace_queue(node, &vhost, name, right).await;
    }
    assert!(seen > 5 * queues.len(), "{seen}");
    assert!(queue.open().await.is_ok());
}

#[tokio::test]
async fn whatever_differs_of_an_exchange_that_a_merchant_needs_is_found_and_named() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    let topology = declared(&settings, &["default"]).await;
    let running = start(&settings);
    let queue = queue_of(&running, "default");
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let transient = ExchangeDeclareOptions::default();
    let deleted_when_unused = ExchangeDeclareOptions { auto_delete: true, ..durable };
    let direct = || ExchangeKind::Direct;
    let plain = FieldTable::default;
    let mut elsewhere = plain();
    elsewhere.insert("alternate-exchange".into(), AMQPValue::LongString("elsewhere".into()));
    for (name, kind, options, arguments) in [
        ("smartsend.intents", direct(), durable, plain()),
        ("smartsend.intents", direct(), durable, elsewhere.clone()),
        ("smartsend.dead", direct(), durable, plain()),
        ("smartsend.parked", direct(), durable, plain()),
        ("smartsend.discarded", direct(), durable, plain()),
        ("smartsend.retry.1s", direct(), durable, plain()),
        ("smartsend.checkpoint", ExchangeKind::Fanout, durable, plain()),
        ("smartsend.results", ExchangeKind::Fanout, durable, plain()),
        ("smartsend.results", ExchangeKind::Topic, transient, plain()),
        ("smartsend.results", ExchangeKind::Topic, deleted_when_unused, plain()),
        ("smartsend.results", ExchangeKind::Topic, durable, elsewhere),
    ] {
        let channel = node.connect(&vhost).await.create_channel().await.unwrap();
        let delete = async || {
            let deleted = channel.exchange_delete(name.into(), ExchangeDeleteOptions::default());
            deleted.await.unwrap();
        };
        delete().await;
        channel.exchange_declare(name.into(), kind, options, arguments).await.unwrap();
        let says = queue.open().await.err().map(|error| error.to_string());
        let says = says.unwrap_or_else(|| panic!("{name} is used all the same"));
        assert!(says.contains(&format!("exchange {name} exists with another ")), "{says}");
        delete().await;
        apply(&settings, &topology).await.unwrap();
    }
    assert!(queue.open().await.is_ok());
}

fn arguments_of(json: &Value) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in json.as_object().unwrap() {
        let value = match value {
            Value::String(text) => AMQPValue::LongString(text.as_str().into()),
            Value::Bool(flag) => AMQPValue::Boolean(*flag),
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap()),
            Value::Null | Value::Array(_) | Value::Object(_) => panic!("{name}: {value}"),
        };
        table.insert(name.as_str().into(), value);
    }
    table
}

/// Without its binding a merchant's intents are of an unknown merchant, and what RabbitMQ puts aside
/// is lost.
#[tokio::test]
async fn a_binding_that_is_missing_is_there_before_anything_is_consumed() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    declared(&settings, &["default"]).await;
    let connection = node.connect(&vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let bindings = [
        ("smartsend.intents.default", "smartsend.intents", "default"),
        ("smartsend.checkpoint.default", "smartsend.checkpoint", "default"),
        ("smartsend.retry.1s", "smartsend.retry.1s", ""),
        ("smartsend.dead", "smartsend.dead", ""),
        ("smartsend.parked", "smartsend.parked", ""),
        ("smartsend.discarded", "smartsend.discarded", ""),
    ];
    for (queue, exchange, key) in bindings {
        let (queue, exchange, key) = (queue.into(), exchange.into(), key.into());
        channel.queue_unbind(queue, exchange, key, FieldTable::default()).await.unwrap();
    }
    let running = start(&settings);
    assert!(queue_of(&running, "default").open().await.is_ok());
    for (queue, exchange, key) in bindings {
        let plain = BasicProperties::default();
        assert!(publish(&connection, exchange, key, b"", plain).await, "{queue} is not bound");
    }
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
