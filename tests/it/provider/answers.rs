//! What an answer shows.

use std::time::Duration;

use smartsend::payout::sighting::{RetryAfter, Sighting, Silence};

use crate::support::raw_server::{RawServer, Step, answer};

use super::{CREATED, account_at, answered, create, has_link, look};

#[tokio::test]
async fn every_status_comes_back_as_it_is_after_one_request() {
    for status in [
        200, 201, 202, 204, 300, 304, 400, 401, 402, 403, 404, 405, 408, 409, 415, 421, 422, 425,
        429, 500, 501, 502, 503, 504, 505,
    ] {
        let server = RawServer::answering(move |_, _| match status {
            204 | 304 => format!("HTTP/1.1 {status} X\r\n\r\n").into_bytes(),
            _ => answer(&format!("{status} X"), "", "<html>"),
        });
        for sighting in [create(&account_at(&server)).await, look(&account_at(&server)).await] {
            let answer = answered(sighting);
            assert_eq!((answer.status, answer.envelope), (status, None));
        }
        assert_eq!(server.log().seen.len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_envelope_says_nothing() {
    for body in ["", "{", "garbage", "<html>", r#"{"status":401,"error":"Unauthorized"}"#] {
        let server = RawServer::answering(move |_, _| answer("200 OK", "", body));
        let answer = answered(create(&account_at(&server)).await);
        assert_eq!((answer.status, answer.envelope), (200, None), "{body}");
    }
}

#[tokio::test]
async fn an_answer_for_another_reference_is_shown_as_such() {
    let body = r#"{"status":0,"data":{"merchantRefId":"order-2","amount":7,"link":"https://x"}}"#;
    let server = RawServer::answering(move |_, _| answer("200 OK", "", body));
    let data = answered(look(&account_at(&server)).await).envelope.unwrap().data;
    assert_eq!((data.reference.as_deref(), data.amount.as_deref()), (Some("order-2"), Some("7")));
}

#[tokio::test]
async fn retry_after_is_read_where_there_is_exactly_one() {
    let seconds = |s| Some(RetryAfter::In(Duration::from_secs(s)));
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (headers, expected) in [
        (String::new(), None),
        ("retry-after: 0\r\n".to_owned(), seconds(0)),
        ("Retry-After: 120\r\n".to_owned(), seconds(120)),
        ("retry-after: 1000000000000\r\n".to_owned(), seconds(366 * 24 * 3600)),
        ("retry-after: abc\r\n".to_owned(), None),
        ("retry-after: 1\r\nretry-after: 1\r\n".to_owned(), None),
        ("retry-after: \u{e9}\r\n".to_owned(), None),
        (
            format!("retry-after: {past}\r\n"),
            Some(RetryAfter::At("1994-11-06T08:49:37Z".parse().unwrap())),
        ),
    ] {
        let shown = headers.clone();
        let server =
            RawServer::answering(move |_, _| answer("429 Too Many Requests", &headers, ""));
        let answer = answered(create(&account_at(&server)).await);
        assert_eq!((answer.status, answer.retry_after), (429, expected), "{shown}");
        assert_eq!(server.log().seen.len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = RawServer::answering(|_, _| answer("200 OK", "", CREATED));
        let location = format!("location: {}\r\n", elsewhere.url("/payout/smartPay"));
        let server =
            RawServer::answering(move |_, _| answer(&format!("{status} X"), &location, ""));
        let account = account_at(&server);
        for sighting in [create(&account).await, look(&account).await] {
            let answer = answered(sighting);
            assert_eq!((answer.status, answer.envelope), (status, None));
        }
        assert_eq!((server.log().seen.len(), elsewhere.log().opened), (2, 0), "{status}");
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"]
    {
        let server = RawServer::answering(move |_, _| {
            [interim.as_bytes(), interim.as_bytes(), &answer("200 OK", "", CREATED)].concat()
        });
        assert!(has_link(create(&account_at(&server)).await));
        assert_eq!(server.log().seen.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_interim_answers_ends_with_the_timeout() {
    // Paced, because hyper gives way only after 128 full reads: without optimization those take
    // it many seconds, and no timeout is heard.
    let interim = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(100);
    let flood = Step::Flood(interim, Duration::from_millis(1));
    let server = RawServer::doing(vec![Step::ReadRequest, flood]);
    let sighting = create(&account_at(&server)).await;
    assert_eq!(sighting, Sighting::NoAnswer(Silence::Timeout));
    assert_eq!((server.log().seen.len(), server.log().opened), (1, 1));
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n".to_vec();
    let unannounced = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
    for (head, more) in [
        (announced.clone(), Step::Stall), // not even begun
        (announced, Step::Flood(vec![b' '; 4096], Duration::ZERO)),
        (unannounced, Step::Flood(vec![b' '; 4096], Duration::ZERO)),
        (chunked, Step::Flood(chunk, Duration::ZERO)),
    ] {
        let server = RawServer::doing(vec![Step::ReadRequest, Step::Write(head), more]);
        let sighting = create(&account_at(&server)).await;
        assert_eq!(sighting, Sighting::NoAnswer(Silence::TooLarge));
        server.wait_for("the end of the connection", |log| log.closed == 1).await;
        assert_eq!(server.log().seen.len(), 1);
    }
}

#[tokio::test]
async fn the_largest_body_that_is_read_has_64_kib() {
    for (size, is_read) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let pad = " ".repeat(size - CREATED.len());
        let body = format!("{CREATED}{pad}");
        let server = RawServer::answering(move |_, _| answer("200 OK", "", &body));
        let sighting = create(&account_at(&server)).await;
        assert_eq!(sighting != Sighting::NoAnswer(Silence::TooLarge), is_read, "{sighting:?}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let server = RawServer::answering(|_, _| {
        let bomb = "\u{1f}\u{8}\u{0}compressed"; // what is in it does not matter: it is no JSON
        answer("200 OK", "content-encoding: gzip\r\n", bomb)
    });
    let answer = answered(create(&account_at(&server)).await);
    assert_eq!((answer.status, answer.envelope), (200, None));
}

#[tokio::test]
async fn ten_thousand_headers_are_no_answer() {
    let headers = "x: y\r\n".repeat(10_000);
    let server = RawServer::answering(move |_, _| answer("200 OK", &headers, CREATED));
    let sighting = create(&account_at(&server)).await;
    assert_eq!(sighting, Sighting::NoAnswer(Silence::Connection));
    assert_eq!(server.log().seen.len(), 1);
}
