//! The filter before lapin, by examples; the fuzz target `envelope` has the rules.

use lapin::types::parsing::parse_field_table;

use smartsend::amqp::envelope::EnvelopeFilter;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_MAX: u32 = 131_072;
/// Before the flags of a content header: class, weight, size.
const CLASS_AND_SIZE: [u8; 12] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 0, 1][..], &size, payload, &[0xCE]].concat()
}

fn header(properties: &[u8]) -> Vec<u8> {
    frame(HEADER, &[&CLASS_AND_SIZE, properties].concat())
}

fn headers(table: &[u8]) -> Vec<u8> {
    let size = u32::try_from(table.len()).unwrap().to_be_bytes();
    header(&[&[0x20, 0], &size[..], table].concat())
}

fn filtered(bytes: &[u8]) -> Vec<u8> {
    let mut readable = Vec::new();
    EnvelopeFilter::new(FRAME_MAX).filter(bytes, &mut readable);
    readable
}

#[test]
fn bytes_that_are_not_utf_8_become_question_marks_and_the_rest_stays() {
    let sent = header(b"\x00\x80\x07caf\xe9-\xc3\xa9");
    assert_eq!(filtered(&sent), header(b"\x00\x80\x07caf?-\xc3\xa9"));
    let sent = headers(b"\x02n\xe9S\x00\x00\x00\x01\xe9");
    assert_eq!(filtered(&sent), headers(b"\x02n?S\x00\x00\x00\x01\xe9"), "long strings are bytes");
}

#[test]
fn what_lapin_can_read_stays_as_it_is() {
    let sent = [
        frame(METHOD, b"\x00\x3c\x00\x3c\x01c\0\0\0\0\0\0\0\x01\x00\x01e\x02\xc3\xa9"),
        header(b"\x80\x80\x10application/json\x02id"),
        frame(BODY, b"\xff\xfe"),
        frame(8, b""),
    ];
    assert_eq!(filtered(&sent.concat()), sent.concat());
}

#[test]
fn the_routing_key_of_a_delivery_is_mended_too() {
    let sent = frame(METHOD, b"\x00\x3c\x00\x3c\x01c\0\0\0\0\0\0\0\x01\x00\x01e\x01\xe9");
    let read = frame(METHOD, b"\x00\x3c\x00\x3c\x01c\0\0\0\0\0\0\0\x01\x00\x01e\x01?");
    assert_eq!(filtered(&sent), read);
}

#[test]
fn a_table_that_is_nested_too_deep_is_read_as_bytes() {
    let nest = |table: Vec<u8>, _| {
        [&b"\x01tF"[..], &u32::try_from(table.len()).unwrap().to_be_bytes(), &table].concat()
    };
    let read = filtered(&headers(&(0..10_000).fold(Vec::new(), nest)));
    let (_, table) = parse_field_table(&read[7 + 12 + 2..read.len() - 1]).unwrap();
    let mut value = &table.inner()["t"];
    let mut depth = 1;
    while let Some(table) = value.as_field_table() {
        value = &table.inner()["t"];
        depth += 1;
    }
    assert!(value.as_byte_array().is_some());
    assert_eq!(depth, 9);
}

/// RabbitMQ adds headers of its own to an envelope that filled a frame.
#[test]
fn the_largest_headers_are_left_out_if_not_all_fit() {
    let large = |size: usize| {
        let text = vec![b'x'; size];
        [&b"\x01xS"[..], &u32::try_from(size).unwrap().to_be_bytes(), &text].concat()
    };
    let count = b"\x10x-delivery-countl\x00\x00\x00\x00\x00\x00\x00\x01";
    let room = FRAME_MAX as usize - 8 - 12 - 2 - 4 - count.len() - 7;
    let fits = headers(&[&large(room)[..], count].concat());
    assert_eq!(fits.len(), FRAME_MAX as usize);
    assert!(filtered(&fits) == fits);
    let sent = headers(&[&large(room + 1)[..], count].concat());
    assert!(filtered(&sent) == headers(count));
}

#[test]
fn a_smaller_frame_that_the_broker_asks_for_is_the_limit() {
    let tune = |frame_max: u32| {
        let payload = [&[0, 10, 0, 30, 7, 255][..], &frame_max.to_be_bytes(), &[0, 60]].concat();
        frame(METHOD, &payload)
    };
    let text = [b"\x01xS\x00\x00\x14\x00".to_vec(), vec![b'x'; 0x1400]].concat();
    for (asked, fits) in [(0, true), (8192, true), (4096, false), (1, false)] {
        let sent = [tune(asked), headers(&text)].concat();
        let read = [tune(asked), if fits { headers(&text) } else { headers(b"") }].concat();
        assert!(filtered(&sent) == read, "{asked}");
    }
}

#[test]
fn what_is_not_amqp_passes_as_it_comes() {
    for sent in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"AMQP\0\0\x09\x01",
        b"\x02\0\x01\xff\xff\xff\xffx",
    ] {
        assert_eq!(filtered(sent), sent);
    }
    assert_eq!(filtered(b"\x02\0\x01\0\0"), b"", "nothing can be said of it yet");
}
