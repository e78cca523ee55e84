//! What others may write around a message: whatever RabbitMQ takes is read, and costs nobody else
//! anything.

use std::iter;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::FieldTable;
use serde_json::json;
use smartsend::amqp::{Inbox, MerchantQueue};
use smartsend::ports::{Delivery, Inbox as _, Queue};
use tokio::time::timeout;

use crate::support::amqp::{declared, settings, start};
use crate::support::broker::Node;
use crate::support::intents::intent;
use crate::support::neighbour::Neighbour;
use crate::support::raw_amqp::{FRAME_MAX, RawPublisher, long, short};
use crate::support::results::{Message, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

/// The largest content of properties that fits into a frame, beside the rest of its header.
const PROPERTIES_MAX: usize = FRAME_MAX as usize - 8 - 12;
const NOT_UTF8: &[u8] = b"caf\xe9-1";

/// Flags with one bit set, from the highest down, and the property of that bit.
fn property(place: u32, content: &[u8]) -> Vec<u8> {
    [&(0x8000_u16 >> place).to_be_bytes()[..], content].concat()
}

fn headers(entries: &[u8]) -> Vec<u8> {
    property(2, &long(entries))
}

fn entry(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&short(name)[..], value].concat()
}

/// Values of a type inside one another.
fn nested(kind: u8, depth: usize) -> Vec<u8> {
    let mut inside = Vec::new();
    for _ in 0..depth {
        let value = [&[kind][..], &long(&inside)].concat();
        inside = if kind == b'F' { entry(b"", &value) } else { value };
    }
    if kind == b'F' { inside } else { entry(b"", &inside) }
}

/// Properties as they are on the wire, each with a name.
fn odd_properties() -> Vec<(String, Vec<u8>)> {
    let texts = [0, 1, 5, 6, 8, 10, 12, 13];
    let mut odd: Vec<_> = texts
        .iter()
        .map(|place| (format!("property {place}"), property(*place, &short(NOT_UTF8))))
        .collect();
    let name = entry(NOT_UTF8, b"V");
    let in_a_table = [b"F", &*long(&name)].concat();
    let in_an_array = [b"A", &*long(&in_a_table)].concat();
    let one_header = |size: usize| entry(b"k", &[b"S", &*long(&vec![b'x'; size - 7])].concat());
    let many: Vec<u8> =
        (0..18_000).flat_map(|n| entry(format!("{n:05}").as_bytes(), b"V")).collect();
    odd.extend([
        ("flags that nobody defined".to_owned(), [&[0, 0x83][..], &short(b"id")].concat()),
        ("a header's name".to_owned(), headers(&name)),
        ("a key in a table".to_owned(), headers(&entry(b"k", &in_a_table))),
        ("a key in an array".to_owned(), headers(&entry(b"k", &in_an_array))),
        ("tables in tables".to_owned(), headers(&nested(b'F', 4000))),
        ("arrays in arrays".to_owned(), headers(&nested(b'A', 4000))),
        ("the largest header".to_owned(), headers(&one_header(PROPERTIES_MAX - 6))),
        ("many headers".to_owned(), headers(&many)),
        (
            "one name twice".to_owned(),
            headers(&[entry(b"k", b"V"), entry(b"k", b"t\x07")].concat()),
        ),
    ]);
    let every_type = [
        "V",
        "b_",
        "B_",
        "t_",
        "s__",
        "u__",
        "I____",
        "i____",
        "f____",
        "D_____",
        "l________",
        "L________",
        "d________",
        "T________",
        "S\0\0\0\x01\u{7f}",
        "x\0\0\0\x01_",
    ];
    odd.extend(
        every_type
            .iter()
            .map(|value| (format!("a value {value:?}"), headers(&entry(b"k", value.as_bytes())))),
    );
    odd
}

/// Takes so many deliveries, and says what is in them.
async fn take(inbox: &mut Inbox, count: usize) -> Vec<(String, impl Delivery + use<>)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let delivery = timeout(SOON, inbox.next()).await;
        let delivery = delivery.unwrap_or_else(|_| panic!("{} of {count} came", taken.len()));
        let delivery = delivery.unwrap_or_else(|| panic!("{}", inbox.session().reason()));
        let name = String::from_utf8(delivery.delivered().body.to_vec()).unwrap();
        taken.push((name, delivery));
    }
    taken
}

/// An exchange whose routing keys are anybody's choice.
async fn bind_to_fanout(node: &Node, vhost: &str, queue: &str) {
    let connection = node.connect(vhost).await;
    let channel = connection.create_channel().await.unwrap();
    let (options, empty) = (ExchangeDeclareOptions::default(), FieldTable::default);
    channel.exchange_declare("odd".into(), ExchangeKind::Fanout, options, empty()).await.unwrap();
    let bound = QueueBindOptions::default();
    channel.queue_bind(queue.into(), "odd".into(), "".into(), bound, empty()).await.unwrap();
}

/// What RabbitMQ adds to a message that comes back makes the largest envelope too large for a frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_envelope_rabbitmq_takes_is_read_the_first_time_and_when_it_comes_back() {
    let node = Node::shared();
    let vhost = node.vhost().await;
    let settings = settings(&[&node.amqp_url(&vhost)]);
    let topology = declared(&settings, &["default", "other"]).await;
    let running = start(&settings);
    let queue_of = |merchant: &str| {
        MerchantQueue::new(running.broker.clone(), topology.clone(), merchant.to_owned(), 100)
    };
    let mut other = queue_of("other").open().await.unwrap();
    bind_to_fanout(node, &vhost, "smartsend.intents.default").await;
    let mut raw = RawPublisher::connect(node, &vhost).await;
    let mut sent = Vec::new();
    for (name, properties) in odd_properties() {
        let published = raw.publish("smartsend.intents", b"default", &properties, name.as_bytes());
        published.await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        sent.push(name);
    }
    raw.publish("odd", NOT_UTF8, &[0, 0], b"a routing key").await.unwrap();
    sent.push("a routing key".to_owned());

    let queue = queue_of("default");
    for came_back in [false, true] {
        let mut inbox = queue.open().await.unwrap();
        let taken = take(&mut inbox, sent.len()).await;
        let names: Vec<_> = taken.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, sent);
        assert!(taken.iter().all(|(_, one)| one.delivered().redelivered == came_back));
        assert!(inbox.session().is_live());
        inbox.session().fail("to have all of them come back");
        raw.publish("smartsend.intents", b"other", &[0, 0], b"in peace").await.unwrap();
        let (_, in_peace) = take(&mut other, 1).await.remove(0);
        assert!(!in_peace.delivered().redelivered && other.session().is_live());
        assert_eq!(in_peace.acknowledge().await, Ok(()));
    }
}

/// The same for the whole worker: the merchant that has them, and another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intents_in_odd_envelopes_have_their_links_and_end_no_connection() {
    let mut scenario = Scenario::bare(&["default", "other"], json!({})).await;
    scenario.be_patient();
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let mut raw = RawPublisher::connect(scenario.node, &scenario.vhost).await;
    let odd = odd_properties();
    for (number, (name, properties)) in odd.iter().enumerate() {
        scenario.publish_many(iter::once(intent(&format!("innocent-{number}")))).await;
        let body = intent(&format!("odd-{number}")).to_string();
        let published = raw.publish("smartsend.intents", b"default", properties, body.as_bytes());
        published.await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        scenario.publish_for("other", [intent(&format!("other-{number}"))]).await;
    }
    let events = results.take(3 * odd.len(), SOON).await;
    for event in &events {
        let event = event.event();
        assert_eq!(event["type"], "smartsend.link.created", "{event}");
        assert_eq!(event["data"]["recovered"], false, "{event}");
    }
    scenario.finish(worker).await;
    assert_eq!(results.all().await.len(), 3 * odd.len());
    assert_eq!(scenario.depth("smartsend.parked").await, 0);
    let log = std::fs::read_to_string(scenario.directory().join("worker-0.log")).unwrap();
    assert!(!log.contains("lost"), "a connection was lost");
}

/// The record of another account is passed on as it came. Here six thousand other headers have the
/// worker's prefix and take a byte each, where the worker writes eight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_carries_none_of_the_headers_that_strangers_have_named_like_ours() {
    let scenario = Scenario::with_neighbour().await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let text = |text: &str| [b"S", &*long(text.as_bytes())].concat();
    let own = [("record", "v2"), ("account", "42"), ("api", "v2"), ("note", "by hand")];
    let mut table: Vec<u8> =
        own.iter().flat_map(|(name, value)| entry(&prefixed(name), &text(value))).collect();
    table.extend((0..6000).flat_map(|number| entry(&prefixed(&number.to_string()), b"b\x01")));
    let mut raw = RawPublisher::connect(scenario.node, &scenario.vhost).await;
    let body = intent("another-account").to_string();
    raw.publish("smartsend.intents", b"default", &headers(&table), body.as_bytes()).await.unwrap();
    let body = b"not an intent";
    raw.publish("smartsend.intents", b"default", &headers(&table), body).await.unwrap();
    results.take(2, SOON).await;
    let kept: Vec<_> = parked.take(2, SOON).await.iter().map(names_of_ours).collect();
    neighbour.was_served().await;
    scenario.finish(worker).await;
    assert_eq!(kept[0], ["account", "api", "merchant", "note", "parked-at", "reason", "record"]);
    assert_eq!(kept[1], ["errors", "merchant", "note", "parked-at", "reason"]);
    let log = std::fs::read_to_string(scenario.directory().join("worker-0.log")).unwrap();
    assert!(!log.contains("not connected to RabbitMQ"), "the publishing connection was lost");
}

/// What a consumer may have to hold is its prefetch times RabbitMQ's largest message.
#[tokio::test]
async fn the_largest_message_of_a_node_is_what_the_deployment_and_the_readme_say() {
    let read = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(folder.join(name)).unwrap()
    };
    let line = "max_message_size = 1048576";
    assert!(read("deploy/rabbitmq.sh").contains(&format!("'{line}\\n'")));
    assert!(read("README.md").contains(&format!("`{line}`")));
    let node = Node::configured(&format!("{line}\n"));
    let vhost = node.vhost().await;
    declared(&settings(&[&node.amqp_url(&vhost)]), &["default"]).await;
    for (size, fits) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
        let mut raw = RawPublisher::connect(&node, &vhost).await;
        let body = vec![b'x'; size];
        let published = raw.publish("smartsend.intents", b"default", &[0, 0], &body).await;
        assert_eq!(published.is_ok(), fits, "{size}: {published:?}");
    }
}

fn prefixed(name: &str) -> Vec<u8> {
    format!("x-smartsend-{name}").into_bytes()
}

fn names_of_ours(message: &Message) -> Vec<String> {
    let table = message.properties.headers().as_ref().unwrap();
    let names = table.inner().keys().map(|name| name.as_str());
    names.filter_map(|name| name.strip_prefix("x-smartsend-").map(str::to_owned)).collect()
}
