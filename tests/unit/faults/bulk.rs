//! F18 and F19: more than an answer ought to be.

use std::hint::black_box;
use std::time::Duration;

use smartsend::domain::call::NoAnswer;
use smartsend::domain::classify::UnknownReason;
use smartsend::domain::classify::create::Outcome;

use super::{LOST, Line, TIMED_OUT, account_at, create, created_by};
use crate::support::canary::LINK;
use crate::support::child;
use crate::support::payu::{Act, Kind, Payu};
use crate::support::proc::status;
use crate::support::raw_server::{Step, answer};

const TOO_LARGE: Outcome = Outcome::Unknown(UnknownReason::NoAnswer(NoAnswer::TooLarge));
const MIB: u64 = 1 << 20;

fn created() -> String {
    format!(r#"{{"status":0,"data":{{"link":"{LINK}"}}}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_interim_answers_are_passed_over_until_the_timeout() {
    let mut line = Line::new("F18 1xx");
    let interim: [&[u8]; 3] = [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
    ];
    for interim in interim {
        let reply = [interim, interim, &answer("200 OK", "", &created())].concat();
        let outcome = created_by(&mut line, &[Step::Write(reply)]).await;
        assert!(matches!(outcome, Outcome::Created(_)), "{outcome:?}");
    }
    // Paced, because hyper gives way only after 128 full reads: without optimization those take
    // it many seconds, and no timeout is heard.
    let flood = Step::Flood(interim[2].repeat(100), Duration::from_millis(1));
    assert_eq!(created_by(&mut line, &[flood]).await, TIMED_OUT);
    line.show();
}

/// Answers that would fill the memory of a client that reads or unpacks them.
fn bulky() -> Vec<(Vec<Step>, Outcome)> {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n".to_vec();
    let unannounced = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let blanks = vec![b' '; 0x10000];
    let chunk = [b"10000\r\n".as_slice(), &blanks, b"\r\n"].concat();
    let flood = |bytes: Vec<u8>| Step::Flood(bytes, Duration::ZERO);
    let headers = answer("200 OK", &"x: y\r\n".repeat(10_000), &created());
    vec![
        (vec![Step::Write(announced.clone()), Step::Stall], TOO_LARGE), // not even begun
        (vec![Step::Write(announced), flood(blanks.clone())], TOO_LARGE),
        (vec![Step::Write(unannounced), flood(blanks)], TOO_LARGE),
        (vec![Step::Write(chunked), flood(chunk)], TOO_LARGE),
        (vec![Step::Write(gzip_bomb())], Outcome::Unknown(UnknownReason::NoEnvelope)),
        (vec![Step::Write(headers)], LOST),
    ]
}

/// Gzip (RFC 1952, RFC 1951 3.2.6) of some 10 MB of zeros in less than the 64 KiB that are read.
fn gzip_bomb() -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut put = |code: u32, length: u32| {
        bits.extend((0..length).rev().map(|place| code >> place & 1 == 1));
    };
    put(0b1, 1); // the last block
    put(0b10, 2); // fixed codes, lowest bit first
    put(0b0011_0000, 8); // one zero byte
    for _ in 0..38_000 {
        put(0b1100_0101, 8); // the 258 bytes
        put(0, 5); // from one byte before
    }
    put(0, 7); // the end
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for byte in bits.chunks(8) {
        let bits = byte.iter().enumerate();
        body.push(bits.fold(0, |byte, (place, bit)| byte | u8::from(*bit) << place));
    }
    body.extend([0; 8]); // a wrong sum, after the damage is done
    let size = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {size}\r\n\r\n");
    [head.into_bytes(), body].concat()
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    status("self", "VmHWM") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f19_a_bulky_answer_is_not_taken_in() {
    const TEST: &str = "faults::bulk::f19_a_bulky_answer_is_not_taken_in";
    if !child::is_child() {
        return child::run(TEST, &[]).await; // alone, so that the memory is ours
    }
    let mut line = Line::new("F19 bulky answers");
    // The first call pays for what every call needs.
    assert!(matches!(create(&account_at(Payu::good().server())).await, Outcome::Created(_)));
    let before = peak();
    for (steps, expected) in bulky() {
        assert_eq!(created_by(&mut line, &steps).await, expected);
    }
    let growth = peak() - before;
    assert!(growth < 8 * MIB, "{} MiB", growth / MIB);
    // That this would have been seen:
    let held = black_box(vec![1_u8; 64 << 20]);
    assert!(peak() - before > 32 * MIB, "{}", held.len());
    line.show();
}

#[tokio::test]
async fn f19_the_largest_body_that_is_read_has_64_kib() {
    let mut line = Line::new("F19 64 KiB");
    for (size, is_read) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let body = format!("{}{}", created(), " ".repeat(size - created().len()));
        let reply = answer("200 OK", "", &body);
        let payu = Payu::scripted(move |_| Act::MakeThen(vec![Step::Write(reply.clone())]));
        let outcome = create(&account_at(payu.server())).await;
        assert_eq!(matches!(outcome, Outcome::Created(_)), is_read, "{outcome:?}");
        assert_eq!(outcome == TOO_LARGE, !is_read);
        assert_eq!((payu.count(Kind::Create), payu.links("order-1").len()), (1, 1));
        line.at(&payu, 1, 1);
    }
    line.show();
}
