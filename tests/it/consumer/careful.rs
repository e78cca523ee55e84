//! A delivery that ends every session, or the process, is alone when it does so the fourth time.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use smartsend::amqp::{Inbox, MerchantQueue, Topology};
use smartsend::ports::{Delivery, Inbox as _, Queue};
use tokio::time::timeout;

use super::{QUEUE, SOON};
use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::{Node, publish, take_next};
use crate::support::waiting::until;

const PREFETCH: u16 = 10;
const POISON: &[u8] = b"poison";
/// The queue's.
const DELIVERY_LIMIT: u32 = 20;

struct Ground {
    node: &'static Node,
    vhost: String,
    topology: Topology,
    running: Running,
    connection: lapin::Connection,
}

impl Ground {
    async fn new() -> Self {
        let node = Node::shared();
        let vhost = node.vhost().await;
        let settings = settings(&[&node.amqp_url(&vhost)]);
        let topology = declared(&settings, &["default", "other"]).await;
        let connection = node.connect(&vhost).await;
        Self { node, vhost, topology, running: start(&settings), connection }
    }

    async fn send(&self, body: &[u8]) {
        self.send_to("default", body).await;
    }

    async fn send_to(&self, merchant: &str, body: &[u8]) {
        let plain = BasicProperties::default();
        assert!(publish(&self.connection, "smartsend.intents", merchant, body, plain).await);
    }

    /// Another merchant's stream has not stopped: what is sent now is given once, and can be settled.
    async fn serves(&self, other: &mut Inbox) {
        self.send_to("other", b"in peace").await;
        let delivery = timeout(SOON, other.next()).await.unwrap().unwrap();
        assert!(!delivery.delivered().redelivered);
        assert_eq!(delivery.acknowledge().await, Ok(()));
    }

    /// What a process that has just started knows of the queue.
    fn queue(&self) -> MerchantQueue {
        self.queue_of("default")
    }

    fn queue_of(&self, merchant: &str) -> MerchantQueue {
        let (broker, topology) = (self.running.broker.clone(), self.topology.clone());
        MerchantQueue::new(broker, topology, merchant.to_owned(), PREFETCH)
    }
}

/// Each turn of the loop is a process, which the poison kills before anything else is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_that_kills_every_process_costs_others_three_counts_and_is_put_aside() {
    let ground = Ground::new().await;
    for number in 0..PREFETCH - 1 {
        ground.send(number.to_string().as_bytes()).await;
        if number == 0 {
            ground.send(POISON).await;
        }
    }
    let (mut counts, mut killed) = (BTreeMap::new(), 0);
    let mut other = ground.queue_of("other").open().await.unwrap();
    while killed <= DELIVERY_LIMIT {
        let mut inbox = ground.queue().open().await.unwrap();
        let mut held = Vec::new();
        loop {
            let delivery = timeout(SOON, inbox.next()).await.unwrap().unwrap();
            let delivered = delivery.delivered();
            if delivered.body == POISON {
                killed += 1;
                inbox.session().fail("killed");
                break;
            }
            if delivered.is_alone {
                counts.insert(delivered.body.clone(), delivered.delivery_count);
                delivery.acknowledge().await.unwrap();
            } else {
                held.push(delivery);
            }
        }
        drop(held);
        ground.serves(&mut other).await;
    }
    assert_eq!(counts.len(), usize::from(PREFETCH) - 1);
    assert!(counts.values().all(|count| *count == 3), "{counts:?}");
    assert_eq!(take_next(&ground.connection, "smartsend.dead").await.body, POISON);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_taken_at_once_unless_it_has_come_back() {
    let ground = Ground::new().await;
    for number in 0..PREFETCH {
        ground.send(number.to_string().as_bytes()).await;
    }
    let mut inbox = ground.queue().open().await.unwrap();
    let mut held = Vec::new();
    for _ in 0..PREFETCH {
        let delivery = timeout(SOON, inbox.next()).await.unwrap().unwrap();
        assert!(!delivery.delivered().redelivered && !delivery.delivered().is_alone);
        held.push(delivery);
    }
    inbox.cancel().await;
    for delivery in held {
        delivery.acknowledge().await.unwrap();
    }
    assert!(timeout(SOON, inbox.next()).await.unwrap().is_none());
    assert!(inbox.session().is_live());
}

/// A delivery that lapin cannot read never comes out here, and whoever waits for an empty queue, or
/// for another consumer to end, does not begin with one at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_three_sessions_in_which_nothing_was_settled_one_delivery_is_out_at_once() {
    let ground = Ground::new().await;
    let queue = ground.queue();
    let mut other = ground.queue_of("other").open().await.unwrap();
    for _ in 0..3 {
        let inbox = queue.open().await.unwrap();
        inbox.session().fail("nothing was settled");
        ground.serves(&mut other).await;
    }
    let ready = async || ground.node.queue_depth(&ground.vhost, QUEUE).await;
    let mut inbox = queue.open().await.unwrap();
    for body in ["a", "b", "c"] {
        ground.send(body.as_bytes()).await;
    }
    until("the first to be sent", SOON, async || ready().await == 2).await;
    // Once something was settled, the next session is one as any other.
    timeout(SOON, inbox.next()).await.unwrap().unwrap().acknowledge().await.unwrap();
    for _ in 0..2 {
        timeout(SOON, inbox.next()).await.unwrap().unwrap().acknowledge().await.unwrap();
    }
    inbox.session().fail("this time something was settled");
    let _inbox = queue.open().await.unwrap();
    for body in ["d", "e", "f"] {
        ground.send(body.as_bytes()).await;
    }
    until("all to be sent", SOON, async || ready().await == 0).await;
}
