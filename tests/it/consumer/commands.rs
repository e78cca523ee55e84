//! A merchant's commands are consumed as its intents are, and beside them.

use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use smartsend::amqp::topology::apply;
use smartsend::amqp::{DeadLetterQueue, MerchantQueue, Publisher, Topology};
use smartsend::domain::dead_letter::Death;
use smartsend::domain::record::headers::Value;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::work::Work;
use smartsend::ports::{
    self, Copied, Delivery, Headers, Inbox as _, Outbox, Outgoing, Properties, PublishError, Queue,
};
use tokio::time::timeout;

use super::SOON;
use crate::support::amqp::{Running, settings, start};
use crate::support::broker::{Node, publish};

const DELAYS: [Duration; 1] = [Duration::from_secs(1)];
const COMMAND: &[u8] = br#"{"command":"cancel","merchantRefId":"r1"}"#;

/// `default` takes commands, and `other` does not.
struct Ground {
    node: &'static Node,
    vhost: String,
    running: Running,
    publisher: Publisher,
    intents: MerchantQueue,
    commands: MerchantQueue,
}

impl Ground {
    async fn new() -> Self {
        let node = Node::shared();
        let vhost = node.vhost().await;
        let settings = settings(&[&node.amqp_url(&vhost)]);
        let topology = Topology::new("smartsend", ["default", "other"], &DELAYS).unwrap();
        let topology = topology.with_commands(["default"]).unwrap();
        apply(&settings, &topology).await.unwrap();
        let running = start(&settings);
        let publisher = Publisher::new(running.broker.clone(), &topology);
        let (broker, name) = (|| running.broker.clone(), || "default".to_owned());
        let own = Topology::new("smartsend", ["default"], &DELAYS).unwrap();
        let intents = MerchantQueue::new(broker(), own, name(), 10);
        let own = Topology::of_commands("smartsend", ["default"], &DELAYS).unwrap();
        let commands = MerchantQueue::of_commands(broker(), own, name(), 10);
        Self { node, vhost, running, publisher, intents, commands }
    }

    async fn send(&self, exchange: &str, body: &[u8]) {
        let connection = self.node.connect(&self.vhost).await;
        let plain = BasicProperties::default();
        assert!(publish(&connection, exchange, "default", body, plain).await);
    }

    /// A classic queue in place of the declared one.
    async fn spoil(&self, queue: &str) {
        let channel = self.node.connect(&self.vhost).await.create_channel().await.unwrap();
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        let (options, none) = (QueueDeclareOptions::durable(), FieldTable::default());
        channel.queue_declare(queue.into(), options, none).await.unwrap();
    }
}

fn retried(merchant: &str) -> Outgoing {
    Outgoing::Retry {
        work: Work::Commands,
        delay: RetryDelays::new(&DELAYS).unwrap().shortest(),
        copy: Copied {
            merchant: merchant.to_owned(),
            body: Bytes::from_static(COMMAND),
            properties: Properties { message_id: Some("c-1".to_owned()), ..Properties::default() },
            headers: Headers::from([("record".to_owned(), Value::Text("v2".to_owned()))]),
        },
    }
}

#[tokio::test]
async fn a_command_that_is_retried_comes_back_as_a_command_with_its_record() {
    let ground = Ground::new().await;
    let mut commands = ground.commands.open().await.unwrap();
    let mut intents = ground.intents.open().await.unwrap();
    ground.send("smartsend.commands", COMMAND).await;
    ground.send("smartsend.intents", b"an intent").await;
    let first = timeout(SOON, commands.next()).await.unwrap().unwrap();
    assert_eq!(first.delivered().body, COMMAND);
    assert!(!first.delivered().own);
    let intent = timeout(SOON, intents.next()).await.unwrap().unwrap();
    assert_eq!(intent.delivered().body, b"an intent".as_slice());
    intent.acknowledge().await.unwrap();

    assert_eq!(ground.publisher.publish(&retried("default")).await, Ok(()));
    first.acknowledge().await.unwrap();
    let back = timeout(SOON, commands.next()).await.unwrap().unwrap();
    let delivered = back.delivered();
    assert_eq!((&*delivered.body, &*delivered.routing_key), (COMMAND, "default"));
    assert!(delivered.own && !delivered.redelivered);
    assert_eq!(delivered.headers["record"], Value::Text("v2".to_owned()));
    assert_eq!(delivered.properties.message_id.as_deref(), Some("c-1"));
    back.acknowledge().await.unwrap();
}

/// The exchange of its retries may not even exist.
#[tokio::test]
async fn a_command_of_a_merchant_without_commands_is_unroutable_and_the_session_lives_on() {
    let ground = Ground::new().await;
    let session = ground.running.broker.session().await;
    for merchant in ["other", "stranger"] {
        let result = ground.publisher.publish(&retried(merchant)).await;
        assert_eq!(result, Err(PublishError::Unroutable), "{merchant}");
    }
    assert!(session.is_live());
}

#[tokio::test]
async fn each_of_a_merchants_two_queues_has_a_connection_of_its_own() {
    let ground = Ground::new().await;
    let mut commands = ground.commands.open().await.unwrap();
    let mut intents = ground.intents.open().await.unwrap();
    let connections = ground.running.broker.connections();
    let named: Vec<_> = connections.borrow().keys().cloned().collect();
    assert_eq!(named, ["commands/default", "consume/default", "publish"]);
    intents.session().fail("by the test");
    assert!(timeout(SOON, intents.next()).await.unwrap().is_none());
    assert!(commands.session().is_live());
    ground.send("smartsend.commands", COMMAND).await;
    let command = timeout(SOON, commands.next()).await.unwrap().unwrap();
    assert!(command.still_ours().await);
    command.acknowledge().await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_one_of_a_merchants_queues_stops_that_one_only() {
    let ground = Ground::new().await;
    ground.spoil("smartsend.commands.retry.1s").await;
    let says = ground.commands.open().await.err().unwrap().to_string();
    let expected = "queue smartsend.commands.retry.1s exists with another x-";
    assert!(says.contains(expected) && says.contains("smartsend topology apply"), "{says}");
    assert!(ground.intents.open().await.is_ok());

    let ground = Ground::new().await;
    for queue in ["smartsend.intents.default", "smartsend.retry.1s"] {
        ground.spoil(queue).await;
    }
    assert!(ground.intents.open().await.is_err());
    assert!(ground.commands.open().await.is_ok());
}

#[tokio::test]
async fn what_is_rejected_as_a_command_arrives_where_the_dead_are() {
    let ground = Ground::new().await;
    let mut commands = ground.commands.open().await.unwrap();
    ground.send("smartsend.commands", COMMAND).await;
    let command = timeout(SOON, commands.next()).await.unwrap().unwrap();
    command.reject().await.unwrap();
    let own = Topology::new("smartsend", [], &[]).unwrap();
    let dead = DeadLetterQueue::new(ground.running.broker.clone(), own);
    let mut dead = ports::DeadLetterQueue::open(&dead).await.unwrap();
    let dead = timeout(SOON, dead.next()).await.unwrap().unwrap();
    let delivered = dead.delivered();
    assert_eq!((&*delivered.body, &*delivered.routing_key), (COMMAND, "default"));
    let [Death { queue, reason, .. }] = &*delivered.deaths else {
        panic!("{:?}", delivered.deaths);
    };
    assert_eq!((queue.as_str(), reason.as_str()), ("smartsend.commands.default", "rejected"));
}
