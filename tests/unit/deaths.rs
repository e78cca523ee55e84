//! What a broker says of the queues that a message has been in.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use smartsend::amqp::headers::deaths;

/// RabbitMQ takes these headers from a publisher too, so they can be anything.
#[test]
fn what_is_said_of_queues_is_read_as_far_as_it_can_be() {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let entry = |parts: &[(&str, AMQPValue)]| {
        let mut table = FieldTable::default();
        for (name, value) in parts {
            table.insert((*name).into(), value.clone());
        }
        AMQPValue::FieldTable(table)
    };
    let read = |value: AMQPValue| {
        let mut headers = FieldTable::default();
        headers.insert("x-death".into(), value);
        deaths(&BasicProperties::default().with_headers(headers))
    };
    let named = |time: AMQPValue| {
        entry(&[("queue", text("q")), ("reason", text("expired")), ("time", time)])
    };
    let not_utf8 = AMQPValue::LongString(b"caf\xe9".as_slice().into());
    let list = vec![
        named(AMQPValue::Timestamp(1)),
        named(AMQPValue::Timestamp(u64::MAX)),
        named(text("yesterday")),
        entry(&[("queue", text("q"))]),
        entry(&[("queue", not_utf8), ("reason", text("expired"))]),
        entry(&[("queue", AMQPValue::Void), ("reason", AMQPValue::Boolean(true))]),
        text("no table"),
    ];
    let found = read(AMQPValue::FieldArray(list.into()));
    let times: Vec<_> = found.iter().map(|death| death.time).collect();
    assert_eq!(times, [Timestamp::from_second(1).ok(), None, None]);
    assert!(found.iter().all(|death| (&*death.queue, &*death.reason) == ("q", "expired")));
    assert_eq!(read(text("no list")), []);
    assert_eq!(deaths(&BasicProperties::default()), []);
}
