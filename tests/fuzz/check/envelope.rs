//! The filter before lapin: whatever comes from the broker, lapin can read it, and what it could
//! read anyway is not changed.
//!
//! An input is the properties of a message, flags first (AMQP 0-9-1, 4.2.6.1).

use lapin::protocol::basic::{AMQPMethod, Deliver, parse_properties};
use lapin::protocol::{AMQPClass, parse_class};

use smartsend::amqp::envelope::EnvelopeFilter;

/// The least that two peers can agree on, and what RabbitMQ proposes.
const FRAME_MAX: [u32; 2] = [4096, 131_072];
/// Fewer tables and arrays than this cannot be nested too deep.
const FEW: usize = 8;

/// Checks one input.
pub(crate) fn check(data: &[u8]) {
    for frame_max in FRAME_MAX {
        check_header(data, frame_max);
    }
    check_delivery(data);
}

fn check_header(data: &[u8], frame_max: u32) {
    let sent = frame(2, &[&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], data].concat());
    let read = filtered(&[&sent], frame_max);
    if data.len() < 2 {
        return; // no flags: RabbitMQ has never sent this
    }
    let (left, _) = parse_properties(&payload(&read)[12..]).expect("lapin reads it");
    let unread = left.len();
    assert_eq!(unread, 0, "{unread} bytes are unread");
    assert!(read.len() <= frame_max as usize, "{} bytes in a frame", read.len());
    assert_eq!(filtered(&[&read], frame_max), read, "it is mended in one go");
    for at in [1, 7, 8, sent.len() / 2, sent.len() - 1] {
        let (first, second) = sent.split_at(at);
        assert_eq!(filtered(&[first, second], frame_max), read, "cut at {at}");
    }
    let containers = data.iter().filter(|byte| matches!(byte, b'F' | b'A')).count();
    if containers < FEW
        && sent.len() <= frame_max as usize
        && data[1].trailing_zeros() >= 2 // of no property that is defined
        && matches!(parse_properties(data), Ok((&[], _)))
    {
        assert_eq!(read, sent, "it could be read as it was");
    }
}

/// The same bytes as the names that come with a delivery.
fn check_delivery(data: &[u8]) {
    let name = &data[..data.len().min(255)];
    let name = [&[u8::try_from(name.len()).unwrap()], name].concat();
    let method = [&[0, 60, 0, 60][..], b"\x01c", &[0, 0, 0, 0, 0, 0, 0, 7, 1], &name, &name];
    let read = filtered(&[&frame(1, &method.concat())], FRAME_MAX[0]);
    let Ok((&[], AMQPClass::Basic(AMQPMethod::Deliver(deliver)))) = parse_class(payload(&read))
    else {
        panic!("lapin cannot read {read:?}");
    };
    let Deliver { delivery_tag, redelivered, exchange, routing_key, .. } = deliver;
    assert_eq!((delivery_tag, redelivered, &exchange), (7, true, &routing_key));
    assert_eq!(exchange.as_str().len(), name.len() - 1);
}

/// What lapin gets of these bytes, as they come one after the other.
fn filtered(parts: &[&[u8]], frame_max: u32) -> Vec<u8> {
    let mut filter = EnvelopeFilter::new(frame_max);
    let mut readable = Vec::new();
    for part in parts {
        filter.filter(part, &mut readable);
    }
    readable
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, 1][..], &size, payload, &[0xCE]].concat()
}

fn payload(frame: &[u8]) -> &[u8] {
    let size = u32::from_be_bytes(frame[3..7].try_into().unwrap());
    assert_eq!((frame.len(), frame.last()), (size as usize + 8, Some(&0xCE)));
    &frame[7..frame.len() - 1]
}
