//! Consuming: stamps, settlements, and ends that nobody asked for.

mod careful;
mod checkpoint;
mod commands;

use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use smartsend::amqp::{AmqpDelivery, Inbox, Session};
use smartsend::clock::SystemClock;
use smartsend::domain::record::headers::Value;
use smartsend::ports::{ChannelEndedError, Clock, Delivery, Inbox as _, Moment, QueueError};
use tokio::time::timeout;

use crate::support::amqp::{Running, declared, settings, start};
use crate::support::amqp_proxy::{AmqpProxy, Says, Seen, Way, When};
use crate::support::brake::Brake;
use crate::support::broker::{Node, publish, take_next};

const SOON: Duration = Duration::from_secs(30);
const QUEUE: &str = "smartsend.intents.default";

/// A virtual host with the topology of two merchants, and an inbox of the first.
struct Ground {
    vhost: String,
    running: Running,
    session: Session,
    inbox: Inbox,
}

impl Ground {
    async fn new(node: &Node) -> Self {
        let vhost = node.vhost().await;
        let settings = settings(&[&node.amqp_url(&vhost)]);
        declared(&settings, &["default", "other"]).await;
        let running = start(&settings);
        let session = running.consuming().await;
        let inbox = Inbox::open(&session, QUEUE, 10).await.unwrap();
        Self { vhost, running, session, inbox }
    }

    async fn send(&self, node: &Node, body: &str) {
        let connection = node.connect(&self.vhost).await;
        let plain = BasicProperties::default();
        let (exchange, body) = ("smartsend.intents", body.as_bytes());
        assert!(publish(&connection, exchange, "default", body, plain).await);
    }

    async fn next(&mut self) -> Option<AmqpDelivery> {
        timeout(SOON, self.inbox.next()).await.unwrap()
    }
}

fn body(delivery: &AmqpDelivery) -> String {
    String::from_utf8(delivery.delivered().body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_cancelled_inbox_hands_out_what_it_has_and_those_can_still_be_acknowledged() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    for number in ["0", "1", "2"] {
        ground.send(node, number).await;
    }
    let first = ground.next().await.unwrap();
    assert!(first.still_ours().await);
    // The broker has sent all three: it answered after them.
    ground.inbox.cancel().await;
    ground.send(node, "too late").await;
    let second = ground.next().await.unwrap();
    let third = ground.next().await.unwrap();
    assert!(ground.next().await.is_none());
    assert!(ground.session.is_live(), "this end was asked for");
    for (delivery, expected) in [(first, "0"), (second, "1"), (third, "2")] {
        assert_eq!(body(&delivery), expected);
        assert_eq!(delivery.acknowledge().await, Ok(()));
    }
    assert!(ground.session.is_live());
    drop(ground.inbox);
    let left = take_next(&node.connect(&ground.vhost).await, QUEUE).await;
    assert_eq!(left.body, b"too late");
    assert!(!left.redelivered, "nothing that was settled came back");
}

/// A broker that is slow has not yet sent what the last acknowledgements allow. If it heard of them
/// together with the cancel, it would take back what it is about to send, marked as delivered
/// before though nobody has had it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_waits_for_what_a_slow_broker_has_yet_to_send() {
    const SLOW: Duration = Duration::from_millis(600);
    const PREFETCH: u16 = 4;
    let node = Node::shared();
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    let said = Arc::<Mutex<Vec<&str>>>::default();
    let (words, slowed) = (Arc::clone(&said), Once::new());
    let watcher = move |seen: &Seen<'_>| {
        match (seen.way, seen.when, seen.frame.says()) {
            (Way::ToBroker, When::Before, Says::Ack) => slowed.call_once(|| block(SLOW)),
            (Way::ToBroker, When::Before, Says::Cancel) => words.lock().unwrap().push("cancel"),
            (Way::ToWorker, When::After, Says::Body) => words.lock().unwrap().push("delivery"),
            _ => {}
        }
        false // never stop
    };
    let proxy = AmqpProxy::start(node.address(), &Brake::default(), watcher).await;
    let running = start(&settings(&[&Node::url_at(proxy.port(), &vhost)]));
    let session = running.consuming().await;
    let connection = node.connect(&vhost).await;
    for _ in 0..3 * PREFETCH {
        let plain = BasicProperties::default();
        assert!(publish(&connection, "smartsend.intents", "default", b"x", plain).await);
    }
    let mut inbox = Inbox::open(&session, QUEUE, PREFETCH).await.unwrap();
    for _ in 0..PREFETCH {
        let delivery = timeout(SOON, inbox.next()).await.unwrap().unwrap();
        delivery.acknowledge().await.unwrap();
    }
    inbox.cancel().await;
    let mut then = 0;
    while let Some(delivery) = timeout(SOON, inbox.next()).await.unwrap() {
        delivery.acknowledge().await.unwrap();
        then += 1;
    }
    assert_eq!((session.is_live(), then), (true, PREFETCH));
    let said = said.lock().unwrap().clone();
    // The first cancel is that of the consumer which is sent one delivery at a time.
    assert_eq!(said[..2], ["delivery", "cancel"]);
    assert_eq!(said[2..], [&["delivery"; 2 * PREFETCH as usize - 1][..], &["cancel"]].concat());
}

/// lapin's stream then ends without an error, and its channel says that it is connected.
#[tokio::test]
async fn a_queue_that_is_deleted_ends_the_session() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    let connection = node.connect(&ground.vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeleteOptions::default();
    channel.queue_delete(QUEUE.into(), options).await.unwrap();
    assert!(ground.next().await.is_none());
    assert!(!ground.session.is_live());
    assert!(ground.session.reason().contains(QUEUE), "{}", ground.session.reason());

    // The queue is still missing in the next session, and that concerns nobody else.
    let session = ground.running.consuming().await;
    let missing = Inbox::open(&session, QUEUE, 10).await;
    assert_eq!(missing.err(), Some(QueueError::Missing { names: vec![format!("queue {QUEUE}")] }));
    let other = Inbox::open(&session, "smartsend.intents.other", 10).await;
    assert!(other.is_ok());
    assert!(session.is_live());
}

#[tokio::test]
async fn a_missing_queue_disturbs_no_other_merchant() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    for _ in 0..3 {
        let missing = Inbox::open(&ground.session, "smartsend.intents.nobody", 10).await;
        assert!(matches!(missing, Err(QueueError::Missing { .. })));
    }
    ground.send(node, "fine").await;
    let delivery = ground.next().await.unwrap();
    assert_eq!(delivery.acknowledge().await, Ok(()));
    assert!(ground.session.is_live());
}

/// lapin then answers `Ok(false)`, and nothing has been sent.
#[tokio::test]
async fn an_acknowledgement_that_could_not_be_sent_is_not_a_success() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    ground.send(node, "again").await;
    let delivery = ground.next().await.unwrap();
    node.close_connections(&ground.vhost).await;
    timeout(SOON, ground.session.ended()).await.unwrap();
    assert!(!delivery.still_ours().await);
    assert_eq!(delivery.acknowledge().await, Err(ChannelEndedError));

    let session = ground.running.consuming().await;
    let mut inbox = Inbox::open(&session, QUEUE, 10).await.unwrap();
    let again = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    assert_eq!(body(&again), "again");
    assert!(again.delivered().redelivered);
    assert_eq!(again.delivered().delivery_count, 1);
    assert_eq!(again.acknowledge().await, Ok(()));
}

#[tokio::test]
async fn what_is_dropped_comes_back_in_a_new_session() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    ground.send(node, "again").await;
    ground.next().await.unwrap().abandon("it could not be handed back");
    assert!(ground.next().await.is_none());
    assert_eq!(ground.session.reason(), "it could not be handed back");
    let session = ground.running.consuming().await;
    let mut inbox = Inbox::open(&session, QUEUE, 10).await.unwrap();
    let again = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    assert!(again.delivered().redelivered);
    assert_eq!(again.acknowledge().await, Ok(()));
}

/// An event that nobody takes must not keep its delivery until the broker loses its patience, nor
/// send back what is beside it.
#[tokio::test]
async fn what_is_requeued_comes_back_at_once_and_disturbs_nothing_else() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    ground.send(node, "untaken").await;
    ground.send(node, "beside").await;
    let untaken = ground.next().await.unwrap();
    let beside = ground.next().await.unwrap();
    assert_eq!(untaken.requeue().await, Ok(()));
    let again = ground.next().await.unwrap();
    assert_eq!(body(&again), "untaken");
    assert!(again.delivered().redelivered);
    assert_eq!(beside.acknowledge().await, Ok(()));
    assert_eq!(again.acknowledge().await, Ok(()));
    assert!(ground.session.is_live());
}

/// It would hold its place until the broker's `consumer_timeout`, half an hour.
#[tokio::test]
async fn what_is_dropped_unsettled_comes_back_too() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    ground.send(node, "again").await;
    drop(ground.next().await.unwrap());
    timeout(SOON, ground.session.ended()).await.unwrap();
    let session = ground.running.consuming().await;
    let mut inbox = Inbox::open(&session, QUEUE, 10).await.unwrap();
    let again = timeout(SOON, inbox.next()).await.unwrap().unwrap();
    assert!(again.delivered().redelivered);
    assert_eq!(again.acknowledge().await, Ok(()));
}

#[tokio::test]
async fn headers_of_every_integer_type_are_read_and_of_other_types_are_unreadable() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    let connection = node.connect(&ground.vhost).await;
    let mut table = FieldTable::default();
    for (name, value) in [
        ("x-smartsend-a", AMQPValue::ShortShortInt(-1)),
        ("x-smartsend-b", AMQPValue::ShortShortUInt(255)),
        ("x-smartsend-c", AMQPValue::ShortInt(-300)),
        ("x-smartsend-d", AMQPValue::LongInt(-70_000)),
        ("x-smartsend-e", AMQPValue::LongUInt(u32::MAX)),
        ("x-smartsend-f", AMQPValue::LongLongInt(i64::MIN)),
        ("x-smartsend-g", AMQPValue::LongString("text".into())),
        ("x-smartsend-h", AMQPValue::Boolean(true)),
        ("x-smartsend-i", AMQPValue::LongString(vec![0xff, 0xfe].into())),
        ("x-other", AMQPValue::LongLongInt(1)),
    ] {
        table.insert(name.into(), value);
    }
    let properties = BasicProperties::default().with_headers(table).with_user_id("guest".into());
    assert!(publish(&connection, "smartsend.intents", "default", b"", properties).await);
    let delivery = ground.next().await.unwrap();
    assert!(delivery.delivered().own, "the same login wrote it");
    let read: Vec<_> = delivery.delivered().headers.clone().into_iter().collect();
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        ("a", Value::Number(-1)),
        ("b", Value::Number(255)),
        ("c", Value::Number(-300)),
        ("d", Value::Number(-70_000)),
        ("e", Value::Number(u32::MAX.into())),
        ("f", Value::Number(i64::MIN)),
        ("g", text("text")),
        ("h", text("")),
        ("i", text("")),
    ];
    assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value)));
    delivery.acknowledge().await.unwrap();
}

#[tokio::test]
async fn a_delivery_to_an_idle_worker_is_stamped_close_to_its_arrival_and_never_after_it() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    let session = &ground.session;
    assert!(session.is_live());
    let before = wall();
    ground.send(node, "fresh").await;
    let delivery = ground.next().await.unwrap();
    let after = wall();
    let received = delivery.delivered().received.wall;
    assert!(received <= after.wall);
    let early = before.wall.duration_since(received);
    assert!(early.as_secs_f64() < 2.0, "dated back by {early:?}");
    delivery.acknowledge().await.unwrap();
}

/// While the process is frozen, the broker writes into its socket. What lies there when it wakes
/// up may belong to another worker by then, so it must look old. Here the one thread of the
/// runtime is blocked, which stops lapin's reading too.
#[tokio::test]
async fn what_arrived_while_the_process_was_frozen_looks_at_least_so_old() {
    let node = Node::shared();
    let mut ground = Ground::new(node).await;
    let url = node.amqp_url(&ground.vhost);
    // The first delivery shows that the stream is being looked at, and is empty afterwards.
    ground.send(node, "first").await;
    let delivery = ground.next().await.unwrap();
    delivery.acknowledge().await.unwrap();
    let sent_at = std::thread::spawn(move || {
        block(Duration::from_secs(2));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let properties = lapin::ConnectionProperties::default();
            let connection = lapin::Connection::connect(&url, properties).await.unwrap();
            let sent_at = wall();
            // So much that it is not read at once when the process wakes up.
            let body = vec![b'x'; 512 * 1024];
            for _ in 0..10 {
                let plain = BasicProperties::default();
                let (exchange, key) = ("smartsend.intents", "default");
                assert!(publish(&connection, exchange, key, &body, plain).await);
            }
            sent_at
        })
    });
    block(Duration::from_secs(7));
    let woke_at = wall();
    let sent_at = sent_at.join().unwrap();
    for _ in 0..10 {
        let delivery = ground.next().await.unwrap();
        let received = delivery.delivered().received.wall;
        assert!(received <= sent_at.wall, "{received} is after {}", sent_at.wall);
        assert!(woke_at.wall.duration_since(received).as_secs_f64() >= 3.0);
        assert!(delivery.still_ours().await);
        delivery.acknowledge().await.unwrap();
    }

    // And the one after it is fresh again.
    let before = wall();
    ground.send(node, "fresh").await;
    let delivery = ground.next().await.unwrap();
    let early = before.wall.duration_since(delivery.delivered().received.wall);
    assert!(early.as_secs_f64() < 2.0, "dated back by {early:?}");
    delivery.acknowledge().await.unwrap();
}

#[tokio::test]
async fn only_one_of_two_workers_gets_the_deliveries_and_the_other_takes_over() {
    let node = Node::shared();
    let mut first = Ground::new(node).await;
    let running = start(&settings(&[&node.amqp_url(&first.vhost)]));
    let session = running.consuming().await;
    let mut second = Inbox::open(&session, QUEUE, 10).await.unwrap();
    for number in ["0", "1"] {
        first.send(node, number).await;
    }
    let delivery = first.next().await.unwrap();
    assert_eq!(body(&delivery), "0");
    delivery.acknowledge().await.unwrap();
    let delivery = first.next().await.unwrap();
    first.running.broker.close().await;
    assert_eq!(delivery.acknowledge().await, Err(ChannelEndedError));
    let taken_over = timeout(SOON, second.next()).await.unwrap().unwrap();
    assert_eq!(body(&taken_over), "1");
    assert!(taken_over.delivered().redelivered);
    taken_over.acknowledge().await.unwrap();
    let connection = node.connect(&first.vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions::durable().passive();
    let found = channel.queue_declare(QUEUE.into(), options, FieldTable::default());
    assert_eq!(found.await.unwrap().message_count(), 0);
}

fn wall() -> Moment {
    SystemClock::start().now()
}

#[expect(clippy::disallowed_methods, reason = "blocking the runtime is the point")]
fn block(duration: Duration) {
    std::thread::sleep(duration);
}
