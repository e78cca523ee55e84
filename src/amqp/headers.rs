//! AMQP properties and header tables, to and from what the core knows.
//!
//! lapin's `ShortString` panics above 255 bytes when it is built with `into()`, and a header frame
//! that is larger than the negotiated frame ends the connection, so every text from outside is
//! measured here first.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use crate::domain::dead_letter::Death;
use crate::domain::record::headers::{HEADER_PREFIX, Value};
use crate::ports::{Headers, Properties};

/// Persistent (AMQP 0-9-1, `delivery-mode`). A dead-lettered copy keeps it, even where the queue
/// would not need it.
const PERSISTENT: u8 = 2;
/// The longest header of ours, in bytes. Only `errors` is longer than a few dozen.
const TEXT_LEN_MAX: usize = 32 * 1024;
/// Headers of ours that only people read, by the part after the prefix.
const FOR_PEOPLE: [&str; 4] = ["actor", "note", "acted-at", "errors"];
/// What RabbitMQ may add to a copy on its way (`x-death` and others), which has to fit too.
const ADDED_MAX: usize = 1024;
/// A header frame without properties: its head, class, weight, size, flags, and its end.
const FRAME_LEN: usize = 7 + 2 + 2 + 8 + 2 + 1;
/// The longest trace header that is passed on, in bytes. W3C Trace Context asks for 512.
const TRACE_LEN_MAX: usize = 2 * 1024;

/// What is passed on to everything that is published for a delivery.
pub fn properties(from: &BasicProperties) -> Properties {
    let text = |short: &Option<ShortString>| short.as_ref().map(ToString::to_string);
    Properties {
        content_type: text(from.content_type()),
        message_id: text(from.message_id()),
        correlation_id: text(from.correlation_id()),
        kind: text(from.kind()),
        app_id: text(from.app_id()),
        timestamp: *from.timestamp(),
        traceparent: trace_header(from, "traceparent"),
        tracestate: trace_header(from, "tracestate"),
    }
}

/// The headers that have our prefix, without it. Whatever they are, nothing fails here: what cannot
/// be a header of ours is kept as one that makes a record unreadable.
pub fn own_headers(from: &BasicProperties) -> Headers {
    let named = |(name, value): (&ShortString, &AMQPValue)| {
        let name = name.as_str().strip_prefix(HEADER_PREFIX)?.to_owned();
        // A type that we never write stays as an empty text: a record that holds it must be
        // unreadable, not one that lacks the header.
        let value = match (integer(value), text(value)) {
            (Some(number), _) => Value::Number(number),
            (None, text) => Value::Text(text.unwrap_or_default()),
        };
        Some((name, value))
    };
    from.headers().iter().flatten().filter_map(named).collect()
}

/// `x-delivery-count` of a quorum queue, absent on the first delivery (RabbitMQ "Quorum Queues",
/// Poison Message Handling).
pub(super) fn delivery_count(from: &BasicProperties) -> u64 {
    let count = header(from, "x-delivery-count").and_then(integer);
    count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// The entries of `x-death` (RabbitMQ "Dead Letter Exchanges", Dead-Lettered Effects on Messages).
pub fn deaths(from: &BasicProperties) -> Vec<Death> {
    let Some(AMQPValue::FieldArray(entries)) = header(from, "x-death") else {
        return Vec::new();
    };
    entries.as_slice().iter().filter_map(death).collect()
}

fn death(entry: &AMQPValue) -> Option<Death> {
    let AMQPValue::FieldTable(entry) = entry else { return None };
    let named = |name: &str| entry.inner().get(name);
    let time = match named("time") {
        Some(AMQPValue::Timestamp(seconds)) => i64::try_from(*seconds).ok(),
        Some(_) | None => None,
    };
    Some(Death {
        queue: text(named("queue")?)?,
        reason: text(named("reason")?)?,
        time: time.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

fn trace_header(from: &BasicProperties, name: &str) -> Option<String> {
    text(header(from, name)?).filter(|text| text.len() <= TRACE_LEN_MAX)
}

fn header<'a>(from: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    from.headers().as_ref()?.inner().get(name)
}

/// Writes properties and headers for a publish. `user_id` must be the connection's own login, and
/// `frame_max` its largest frame: headers that do not fit are left out, those that only people read
/// first.
pub fn write(
    properties: &Properties,
    headers: &Headers,
    user_id: Option<&ShortString>,
    frame_max: u32,
) -> BasicProperties {
    // What came in as a short string fits; anything else is left out rather than cut, because
    // half an identifier is another identifier.
    let short = |text: &Option<String>| ShortString::try_new(text.clone()?).ok();
    let texts = [
        short(&properties.content_type),
        short(&properties.message_id),
        short(&properties.correlation_id),
        short(&properties.kind),
        short(&properties.app_id),
        user_id.cloned(),
    ];
    let texts_len: usize = texts.iter().flatten().map(|text| 1 + text.as_str().len()).sum();
    let numbers_len = size_of::<u8>() + size_of::<u64>(); // delivery mode, timestamp
    let frame_max = usize::try_from(frame_max).unwrap_or(usize::MAX);
    let table = table(
        properties,
        headers,
        frame_max.saturating_sub(FRAME_LEN + texts_len + numbers_len + ADDED_MAX),
    );
    let mut to = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if !table.inner().is_empty() {
        to = to.with_headers(table);
    }
    let [content_type, message_id, correlation_id, kind, app_id, user_id] = texts;
    if let Some(text) = content_type {
        to = to.with_content_type(text);
    }
    if let Some(text) = message_id {
        to = to.with_message_id(text);
    }
    if let Some(text) = correlation_id {
        to = to.with_correlation_id(text);
    }
    if let Some(text) = kind {
        to = to.with_type(text);
    }
    if let Some(text) = app_id {
        to = to.with_app_id(text);
    }
    if let Some(timestamp) = properties.timestamp {
        to = to.with_timestamp(timestamp);
    }
    if let Some(login) = user_id {
        to = to.with_user_id(login);
    }
    to
}

/// The headers that fit into so many bytes, in the order of their weight.
fn table(properties: &Properties, headers: &Headers, size_max: usize) -> FieldTable {
    let is_for_people = |name: &str| FOR_PEOPLE.contains(&name);
    let own = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Text(text) => long(clipped(text)),
            Value::Number(number) => AMQPValue::LongLongInt(*number),
        };
        (format!("{HEADER_PREFIX}{name}"), value)
    };
    let trace = |(name, trace): (&str, &Option<String>)| {
        let trace = trace.as_deref().filter(|text| text.len() <= TRACE_LEN_MAX)?;
        Some((name.to_owned(), long(trace)))
    };
    let traces = [("traceparent", &properties.traceparent), ("tracestate", &properties.tracestate)];
    let first = headers.iter().filter(|(name, _)| !is_for_people(name)).map(own);
    let last = headers.iter().filter(|(name, _)| is_for_people(name)).map(own);
    let mut table = FieldTable::default();
    let mut room = size_max.saturating_sub(size_of::<u32>()); // the table's own size
    for (name, value) in first.chain(traces.into_iter().filter_map(trace)).chain(last) {
        let size = 1 + name.len() + value_len(&value);
        // A name that is too long is not one of the contract's.
        let Ok(name) = ShortString::try_new(name) else { continue };
        if let Some(left) = room.checked_sub(size) {
            room = left;
            table.insert(name, value);
        }
    }
    table
}

/// The size of a text or a number on the wire, with its type.
fn value_len(value: &AMQPValue) -> usize {
    let number = 1 + size_of::<i64>();
    value.as_long_string().map_or(number, |text| 1 + size_of::<u32>() + text.as_bytes().len())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every type other than an integer is treated alike"
)]
fn integer(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::ShortShortInt(n) => Some((*n).into()),
        AMQPValue::ShortShortUInt(n) => Some((*n).into()),
        AMQPValue::ShortInt(n) => Some((*n).into()),
        AMQPValue::ShortUInt(n) => Some((*n).into()),
        AMQPValue::LongInt(n) => Some((*n).into()),
        AMQPValue::LongUInt(n) => Some((*n).into()),
        AMQPValue::LongLongInt(n) => Some(*n),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every type other than text is treated alike")]
fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text.as_bytes()))
}

fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_LEN_MAX)).unwrap_or(text)
}
