//! What happens to one merchant's queue, deliveries or results ends that merchant's connection and
//! no other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};
use smartsend::amqp::{AmqpDelivery, Inbox, MerchantQueue, Publisher, Topology};
use smartsend::domain::event::EventKind;
use smartsend::ports::{
    ChannelEndedError, Delivery, EventMessage, Inbox as _, Outbox, Outgoing, Properties,
    PublishError, Queue, QueueError,
};
use tokio::time::timeout;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::broker::{Node, publish};
use crate::support::waiting::{SOON, until};

const DELAYS: [Duration; 1] = [Duration::from_secs(1)];

/// Merchants `a` and `b` with the worker's way to each; `a` has the trouble.
struct Ground {
    node: &'static Node,
    vhost: String,
    connection: Connection,
    running: Running,
    publisher: Publisher,
    a: MerchantQueue,
    b: MerchantQueue,
}

impl Ground {
    async fn new() -> Self {
        let node = Node::shared();
        let vhost = node.vhost().await;
        let settings = settings(&[&node.amqp_url(&vhost)]);
        let topology = declared(&settings, &["a", "b"]).await;
        let running = start(&settings);
        let queue = |merchant: &str| {
            let own = Topology::new("smartsend", [merchant], &DELAYS).unwrap();
            MerchantQueue::new(running.broker.clone(), own, merchant.to_owned(), 10)
        };
        let (a, b) = (queue("a"), queue("b"));
        let publisher = Publisher::new(running.broker.clone(), &topology);
        let connection = node.connect(&vhost).await;
        Self { node, vhost, connection, running, publisher, a, b }
    }

    async fn send(&self, merchant: &str, body: &str) {
        let plain = BasicProperties::default();
        let (exchange, body) = ("smartsend.intents", body.as_bytes());
        assert!(publish(&self.connection, exchange, merchant, body, plain).await);
    }

    async fn channel(&self) -> Channel {
        self.connection.create_channel().await.unwrap()
    }

    /// A queue for a merchant's links.
    async fn results(&self, merchant: &str) {
        let channel = self.channel().await;
        let (queue, options) = (merchant.to_owned(), QueueDeclareOptions::durable());
        let declared = channel.queue_declare(queue.clone().into(), options, FieldTable::default());
        declared.await.unwrap();
        let key = format!("link.created.{merchant}");
        let (exchange, options) = ("smartsend.results".into(), QueueBindOptions::default());
        let bound =
            channel.queue_bind(queue.into(), exchange, key.into(), options, FieldTable::default());
        bound.await.unwrap();
    }

    /// Waits until connections that others have replaced are closed.
    async fn at_most_one(&self, purpose: &str) {
        let name = format!("smartsend/{purpose}/");
        until("the worn connections to be closed", SOON, async || {
            let list = self.node.ctl(&["list_connections", "vhost", "client_properties"]).await;
            let is_one = |line: &&str| line.starts_with(&self.vhost) && line.contains(&name);
            list.lines().filter(is_one).count() <= 1
        })
        .await;
    }

    /// Closes one of the worker's connections, as an operator would.
    async fn close(&self, purpose: &str) {
        let list = self.node.ctl(&["list_connections", "pid", "vhost", "client_properties"]).await;
        let name = format!("smartsend/{purpose}/");
        let is_it = |line: &&str| {
            line.split_whitespace().nth(1) == Some(&*self.vhost) && line.contains(&name)
        };
        let line = list.lines().find(is_it).unwrap_or_else(|| panic!("no {name} in {list}"));
        let pid = line.split_whitespace().next().unwrap();
        self.node.ctl(&["close_connection", pid, "by the test"]).await;
    }
}

async fn next(inbox: &mut Inbox) -> Option<AmqpDelivery> {
    timeout(SOON, inbox.next()).await.unwrap()
}

fn created(merchant: &str) -> Outgoing {
    Outgoing::Event(EventMessage {
        kind: EventKind::Created,
        merchant: merchant.to_owned(),
        body: Bytes::from_static(b"{}"),
        properties: Properties::default(),
    })
}

/// Lets `trouble` come over `a` while both have a delivery, and sees that `b` has it still, takes
/// the next one for the first time, and settles both.
async fn only_a_suffers(trouble: impl AsyncFnOnce(&Ground, &mut Inbox, AmqpDelivery)) -> Ground {
    let ground = Ground::new().await;
    let mut a = ground.a.open().await.unwrap();
    let mut b = ground.b.open().await.unwrap();
    ground.send("a", "first").await;
    ground.send("b", "first").await;
    let of_a = next(&mut a).await.unwrap();
    let of_b = next(&mut b).await.unwrap();
    let (session_of_b, publishing) = (b.session().clone(), ground.running.broker.session().await);
    trouble(&ground, &mut a, of_a).await;
    assert!(next(&mut a).await.is_none());
    assert!(!a.session().is_live());
    assert!(of_b.still_ours().await);
    ground.send("b", "second").await;
    let second = next(&mut b).await.unwrap();
    assert!(!second.delivered().redelivered);
    assert_eq!(of_b.acknowledge().await, Ok(()));
    assert_eq!(second.acknowledge().await, Ok(()));
    assert!(session_of_b.is_live() && publishing.is_live());
    ground
}

/// `a` goes on: what it had comes again.
async fn a_goes_on(ground: &Ground) {
    let mut a = ground.a.open().await.unwrap();
    let again = next(&mut a).await.unwrap();
    assert!(again.delivered().redelivered);
    assert_eq!(again.acknowledge().await, Ok(()));
}

#[tokio::test]
async fn a_deleted_queue_ends_the_connection_of_its_merchant_only() {
    let ground = only_a_suffers(async |ground, _, _of_a| {
        let deleted = ground.channel().await;
        let options = QueueDeleteOptions::default();
        deleted.queue_delete("smartsend.intents.a".into(), options).await.unwrap();
    })
    .await;
    let missing = ground.a.open().await.err();
    let names = vec!["queue smartsend.intents.a".to_owned()];
    assert_eq!(missing, Some(QueueError::Missing { names }));
}

#[tokio::test]
async fn a_dropped_delivery_ends_the_connection_of_its_merchant_only() {
    let ground = only_a_suffers(async |_, _, of_a| drop(of_a)).await;
    a_goes_on(&ground).await;
}

#[tokio::test]
async fn an_abandoned_delivery_ends_the_connection_of_its_merchant_only() {
    let ground = only_a_suffers(async |_, _, of_a| of_a.abandon("in doubt")).await;
    a_goes_on(&ground).await;
}

#[tokio::test]
async fn what_a_lost_connection_brought_is_not_acknowledged_on_the_next_one() {
    let ground = only_a_suffers(async |ground, a, of_a| {
        ground.close("consume/a").await;
        timeout(SOON, a.session().ended()).await.unwrap();
        let mut anew = ground.a.open().await.unwrap();
        let again = next(&mut anew).await.unwrap();
        assert!(again.delivered().redelivered);
        assert_eq!(of_a.acknowledge().await, Err(ChannelEndedError));
        again.abandon("nothing was published for it");
    })
    .await;
    a_goes_on(&ground).await;
}

/// A delivery is worth nothing without a way out for its result, but the way out comes back.
#[tokio::test]
async fn the_end_of_the_publishing_connection_leaves_deliveries_where_they_are() {
    let ground = Ground::new().await;
    ground.results("a").await;
    let mut a = ground.a.open().await.unwrap();
    ground.send("a", "kept").await;
    let kept = next(&mut a).await.unwrap();
    let before = ground.running.broker.session().await;
    ground.close("publish").await;
    timeout(SOON, before.ended()).await.unwrap();
    assert_eq!(timeout(SOON, ground.publisher.publish(&created("a"))).await.unwrap(), Ok(()));
    assert!(kept.still_ours().await);
    assert_eq!(kept.acknowledge().await, Ok(()));
    assert!(a.session().is_live());
}

/// RabbitMQ answers for neither yes nor no while a queue hangs. Then its merchant's channels
/// hang too, and nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_are_not_confirmed_take_no_channel_from_others_and_end_no_connection() {
    let ground = Ground::new().await;
    ground.results("a").await;
    ground.results("b").await;
    let publisher = Arc::new(ground.publisher.clone());
    assert_eq!(publisher.publish(&created("a")).await, Ok(()));
    let session = ground.running.broker.session().await;
    let mut b = ground.b.open().await.unwrap();
    let hangs = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{}\">>, queue, <<\"a\">>)), \
         sys:suspend(amqqueue:get_pid(Q)).",
        ground.vhost
    );
    ground.node.eval(&hangs).await;
    // More than there are channels.
    let hanging: Vec<_> = (0..100)
        .map(|_| {
            let publisher = Arc::clone(&publisher);
            tokio::spawn(async move { publisher.publish(&created("a")).await })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(publisher.publish(&created("b")).await, Ok(()));
    }
    assert!(hanging.iter().all(|publish| !publish.is_finished()), "they were to hang meanwhile");
    let mut hanging = hanging.into_iter();
    let first = timeout(SOON, hanging.next().unwrap()).await.unwrap().unwrap();
    assert_eq!(first, Err(PublishError::Unconfirmed));
    hanging.for_each(|publish| publish.abort());
    // The connection was asked, and answered.
    assert_eq!(publisher.publish(&created("b")).await, Ok(()));
    ground.send("b", "in peace").await;
    let delivery = next(&mut b).await.unwrap();
    assert!(!delivery.delivered().redelivered);
    assert_eq!(delivery.acknowledge().await, Ok(()));
    assert!(session.is_live() && b.session().is_live());
}

/// Each refusal by exception costs the connection a channel number for good, of which there are
/// 2047. It is renewed before they run out, and nothing that is on its way suffers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publishing_connection_is_renewed_before_its_channel_numbers_run_out() {
    const MERCHANTS: usize = 2500;
    let ground = Ground::new().await;
    let names: Vec<_> = (0..MERCHANTS).map(|number| format!("m{number}")).collect();
    let all = Topology::new("smartsend", names.iter().map(String::as_str), &[]).unwrap();
    let publisher = Publisher::new(ground.running.broker.clone(), &all);
    let session = ground.running.broker.session().await;
    let channel = ground.channel().await;
    let results = || "smartsend.results".into();
    channel.exchange_delete(results(), ExchangeDeleteOptions::default()).await.unwrap();
    let refused = stream::iter(names.iter().skip(1))
        .map(async |name| publisher.publish(&created(name)).await)
        .buffer_unordered(8)
        .filter(|result| std::future::ready(*result == Err(PublishError::Refused)))
        .count();
    assert_eq!(refused.await, MERCHANTS - 1);
    // One that is held by a test lives on.
    assert!(ground.running.broker.session().await != session);
    drop(session);
    ground.at_most_one("publish").await;
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let kind = ExchangeKind::Topic;
    channel.exchange_declare(results(), kind, options, FieldTable::default()).await.unwrap();
    ground.results("m0").await;
    assert_eq!(publisher.publish(&created("m0")).await, Ok(()));
}

/// A queue that is missing is asked for again and again.
#[tokio::test]
async fn a_missing_queue_is_an_error_for_its_merchant_as_often_as_it_is_asked_for() {
    let ground = Ground::new().await;
    let mut b = ground.b.open().await.unwrap();
    let options = QueueDeleteOptions::default();
    let channel = ground.channel().await;
    channel.queue_delete("smartsend.intents.a".into(), options).await.unwrap();
    // Each try costs the connection of `a` a channel number.
    for _ in 0..2500 {
        assert!(matches!(ground.a.open().await, Err(QueueError::Missing { .. })));
    }
    ground.send("b", "in peace").await;
    let delivery = next(&mut b).await.unwrap();
    assert!(!delivery.delivered().redelivered);
    delivery.acknowledge().await.unwrap();
    ground.at_most_one("consume/a").await;
}
