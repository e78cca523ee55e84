//! The traces that lie beside one intent's way: a crash loop, an event's id, and what the broker
//! does with what is published to it.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Connection, ExchangeKind};
use smartsend::domain::account::Api;
use smartsend::domain::decide::{Case, DeliveryInfo, Opened, RETURNS_MAX};
use smartsend::domain::event::{Event, Origin};
use smartsend::domain::intent::wire::parse;
use smartsend::ports::Headers;
use stateright::{Checker, Model, Property};

use super::asked::{at, intent, policy};
use super::spaces::PLAIN;
use crate::support::amqp::{declared, settings};
use crate::support::broker::{Node, publish, take_next};

const PARKED_UNTRIED: &str = "the broker parks nothing that was never tried";
/// The intents queue's `x-delivery-limit`: what has come back more often is dead-lettered.
const DELIVERY_LIMIT: u64 = 100;

/// A delivery that is cut short each time before it gets to a call.
struct CrashLoop {
    renews: bool,
}

/// How often the copy at the broker came back, or `None` once the broker has parked it.
impl Model for CrashLoop {
    type State = Option<u64>;
    type Action = &'static str;

    fn init_states(&self) -> Vec<Option<u64>> {
        vec![Some(0)]
    }

    fn actions(&self, state: &Option<u64>, actions: &mut Vec<&'static str>) {
        if state.is_some() {
            actions.push("deliver and crash");
        }
    }

    fn next_state(&self, state: &Option<u64>, _: &'static str) -> Option<Option<u64>> {
        let count = (*state)?;
        let (intent, policy, headers) = (intent(&PLAIN), policy(&PLAIN), Headers::new());
        let arrival = DeliveryInfo {
            headers: &headers,
            own: false,
            redelivered: count > 0,
            delivery_count: if self.renews { count } else { count.min(RETURNS_MAX - 1) },
            recent: false,
            now: at(0),
        };
        Some(match Case::open(&intent, &policy, &arrival) {
            Opened::Renew(_) => Some(0), // published anew before anything else
            Opened::Case(_) | Opened::Settle(..) if count >= DELIVERY_LIMIT => None,
            Opened::Case(_) | Opened::Settle(..) => Some(count + 1),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(PARKED_UNTRIED, |_, state: &Option<u64>| state.is_some())]
    }
}

#[test]
fn trace_15_a_crash_loop_ends_with_the_broker_parking_what_was_never_tried() {
    let checker = CrashLoop { renews: true }.checker().spawn_bfs().join();
    checker.assert_properties();
    super::show("a crash loop", checker.unique_state_count(), 0);
    let checker = CrashLoop { renews: false }.checker().spawn_bfs().join();
    let actions = checker.assert_any_discovery(PARKED_UNTRIED).into_actions();
    super::tell_broken("without the cure of 15", PARKED_UNTRIED, &actions);
}

/// Downstream that takes each id once sees both failures only if the ids are made of the bodies.
#[test]
fn trace_18_two_unreadable_intents_share_an_id_and_downstream_drops_one() {
    let seen_by_downstream = |id_is_made_of: fn(&'static [u8]) -> &'static [u8]| {
        let bodies: [&[u8]; 2] = [b"{", b"["];
        let ids = bodies.map(|body| {
            let invalid = parse(body, Api::V1).unwrap_err();
            let origin = Origin { merchant: "default", message_id: None, now: at(0) };
            Event::of_invalid(&invalid, id_is_made_of(body), origin).id
        });
        BTreeSet::from(ids).len()
    };
    assert_eq!(seen_by_downstream(|body| body), 2);
    assert_eq!(seen_by_downstream(|_| b""), 1, "made of anything that both have: one is dropped");
}

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
