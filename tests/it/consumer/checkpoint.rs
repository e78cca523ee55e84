//! A merchant's checkpoint, which every process may read and none takes away.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::options::QueueDeleteOptions;
use smartsend::amqp::{MerchantQueue, Publisher, Topology};
use smartsend::ports::{Checkpoint, Outbox, Outgoing, Queue};

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::{Node, publish};
use crate::support::raw_amqp::{RawPublisher, long, short};

const CHECKPOINT: &str = "smartsend.checkpoint.default";

struct Ground {
    vhost: String,
    topology: Topology,
    running: Running,
}

impl Ground {
    async fn new(node: &Node) -> Self {
        let vhost = node.vhost().await;
        let settings = settings(&[&node.amqp_url(&vhost)]);
        let topology = declared(&settings, &["default", "other"]).await;
        Self { vhost, topology, running: start(&settings) }
    }

    fn queue(&self) -> MerchantQueue {
        let (broker, topology) = (self.running.broker.clone(), self.topology.clone());
        MerchantQueue::new(broker, topology, "default".to_owned(), 10)
    }

    async fn publish(&self, body: &'static str) {
        let publisher = Publisher::new(self.running.broker.clone(), &self.topology);
        let checkpoint = Outgoing::Checkpoint {
            merchant: "default".to_owned(),
            body: Bytes::from_static(body.as_bytes()),
        };
        assert_eq!(publisher.publish(&checkpoint).await, Ok(()));
    }
}

fn own(body: &'static str) -> Checkpoint {
    Checkpoint { body: Bytes::from_static(body.as_bytes()), own: true }
}

#[tokio::test]
async fn the_last_checkpoint_is_there_for_every_process_that_asks() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    assert_eq!(ground.queue().checkpoint().await, Ok(None));
    for body in ["one", "two", "three"] {
        ground.publish(body).await;
    }
    // More often than RabbitMQ 4 would deliver it without a limit of its own.
    for _ in 0..25 {
        assert_eq!(ground.queue().checkpoint().await, Ok(Some(own("three"))));
    }
    assert_eq!(node.queue_depth(&ground.vhost, CHECKPOINT).await, 1);
    ground.publish("four").await;
    assert_eq!(ground.queue().checkpoint().await, Ok(Some(own("four"))));
}

#[tokio::test]
async fn a_checkpoint_that_another_login_wrote_is_not_vouched_for() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let connection = node.connect(&ground.vhost).await;
    let (exchange, plain) = ("smartsend.checkpoint", BasicProperties::default());
    assert!(publish(&connection, exchange, "default", b"forged", plain).await);
    let read = ground.queue().checkpoint().await.unwrap().unwrap();
    assert_eq!((read.body.as_ref(), read.own), (&b"forged"[..], false));
}

/// By itself lapin would end the connection at each of them, and that of the next process too.
#[tokio::test]
async fn an_odd_envelope_around_a_checkpoint_is_not_an_obstacle() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let mut raw = RawPublisher::connect(node, &ground.vhost).await;
    let not_utf8 = [&[0, 0x80][..], &short(b"caf\xe9")].concat();
    let entry = [&short(b"k")[..], b"S", &long(&vec![b'x'; 60_000])].concat();
    let larger_than_a_brief_connection_s_frame = [&[0x20, 0][..], &long(&entry)].concat();
    for odd in [not_utf8, larger_than_a_brief_connection_s_frame] {
        raw.publish("smartsend.checkpoint", b"default", &odd, b"odd").await.unwrap();
        for _ in 0..3 {
            let read = ground.queue().checkpoint().await.unwrap().unwrap();
            assert_eq!((read.body.as_ref(), read.own), (&b"odd"[..], false));
        }
    }
    ground.publish("readable").await;
    assert_eq!(ground.queue().checkpoint().await, Ok(Some(own("readable"))));
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_read_is_an_error_that_names_its_queue() {
    let node = Node::shared();
    let ground = Ground::new(node).await;
    let session = ground.running.broker.session().await;
    let connection = node.connect(&ground.vhost).await;
    let channel = connection.create_channel().await.unwrap();
    channel.queue_delete(CHECKPOINT.into(), QueueDeleteOptions::default()).await.unwrap();
    let error = ground.queue().checkpoint().await.unwrap_err();
    assert_eq!(error.queue, CHECKPOINT);
    assert!(session.is_live());
}
