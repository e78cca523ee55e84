//! Each fault: what the client sees, and what the ledger holds.

use std::io::ErrorKind;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::{Stage, drain, order};

/// Long enough to see that nothing comes.
const SILENCE: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_lost_create_is_closed_without_an_answer() {
    for (fault, links) in [("lost_before", 0), ("lost_after", 1)] {
        let stage = Stage::faulty(&json!({ fault: 1.0 })).await;
        let seen = drain(stage.send_raw("order-1").await).await.unwrap();
        assert_eq!(seen, "", "the connection ended in order, and empty");
        assert_eq!(
            (stage.links("order-1"), stage.messages("order-1")),
            (links, u32::from(links > 0))
        );
        let last = stage.last();
        assert_eq!((&last["fault"], &last["status"]), (&json!(fault), &json!(null)));
        assert!(stage.try_create("order-2").await.is_err());
    }
}

#[tokio::test]
async fn a_reset_create_ends_in_a_reset() {
    for (fault, links) in [("reset_before", 0), ("reset_after", 1)] {
        let stage = Stage::faulty(&json!({ fault: 1.0 })).await;
        let error = drain(stage.send_raw("order-1").await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(stage.links("order-1"), links);
        assert_eq!(stage.last()["fault"], fault);
    }
}

#[tokio::test]
async fn a_stalled_create_never_answers_and_ends_with_the_sandbox() {
    for (fault, links) in [("stall_before", 0), ("stall_after", 1)] {
        let stage = Stage::faulty(&json!({ fault: 1.0 })).await;
        let mut stream = stage.send_raw("order-1").await;
        stage.created(1).await;
        let read = tokio::time::timeout(SILENCE, stream.read_u8()).await;
        assert!(read.is_err(), "something came: {read:?}");
        assert_eq!(stage.links("order-1"), links);
        stage.sandbox.stop().await;
        assert_eq!(drain(stream).await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_server_error_comes_with_or_without_a_link() {
    for (fault, links) in [("error_before", 0), ("error_after", 1)] {
        for error_status in [500_u16, 502, 503, 504] {
            let stage = Stage::faulty(&json!({fault: 1.0, "error_status": error_status})).await;
            let answer = stage.try_create("order-1").await.unwrap();
            assert_eq!(answer.status().as_u16(), error_status);
            let is_json = answer.text().await.unwrap().starts_with('{');
            assert_eq!(is_json, error_status == 500, "a proxy answers in HTML");
            assert_eq!(stage.links("order-1"), links);
            assert_eq!(stage.last()["status"], error_status);
        }
    }
}

#[tokio::test]
async fn garbage_comes_after_the_link_is_made() {
    let stage = Stage::faulty(&json!({"garbage": 1.0})).await;
    let answer = stage.try_create("order-1").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    assert_eq!(stage.links("order-1"), 1);
    stage.set_faults(&json!({"garbage": 1.0, "garbage_body": "{\"status\":"}));
    let answer = stage.try_create("order-2").await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "{\"status\":");
    assert_eq!(stage.links("order-2"), 1);
}

#[tokio::test]
async fn an_answer_cut_short_ends_before_its_promised_length() {
    let stage = Stage::faulty(&json!({"cut_short": 1.0})).await;
    let seen = drain(stage.send_raw("order-1").await).await.unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(!body.is_empty() && body.len() < length.parse().unwrap());
    assert_eq!(stage.links("order-1"), 1);
}

#[tokio::test]
async fn a_slow_drip_is_whole_but_slow() {
    let stage = Stage::faulty(&json!({"slow_drip": 1.0, "slow_drip_ms": 1})).await;
    let body = stage.create(&order("order-1")).await.1;
    assert_eq!(body["msg"], "Success");
    stage.set_faults(&json!({"slow_drip": 1.0, "slow_drip_ms": 3_600_000}));
    let answer = stage.try_create("order-2").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "the head comes at once");
    assert!(tokio::time::timeout(SILENCE, answer.bytes()).await.is_err());
    assert_eq!(stage.links("order-2"), 1);
}

#[tokio::test]
async fn a_connection_may_close_right_after_a_good_answer() {
    let stage = Stage::faulty(&json!({"close_after": 1.0})).await;
    let seen = drain(stage.send_raw("order-1").await).await.unwrap().to_ascii_lowercase();
    assert!(seen.contains("success") && !seen.contains("connection: close"), "{seen}");
    assert_eq!(stage.links("order-1"), 1);
}

#[tokio::test]
async fn an_expired_token_is_401_until_a_new_one_is_asked_for() {
    let mut stage = Stage::faulty(&json!({"expired_token": 1.0})).await;
    let old = stage.token.clone();
    assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::UNAUTHORIZED);
    stage.set_faults(&json!({}));
    assert_eq!(stage.lookup("order-1").await.0, StatusCode::UNAUTHORIZED);
    stage.renew().await;
    assert_ne!(stage.token, old, "a dead token is not issued again");
    assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::OK);
    assert_eq!(stage.links("order-1"), 1);
}

#[tokio::test]
async fn a_foreign_link_points_to_another_host() {
    let stage = Stage::faulty(&json!({"foreign_link": 1.0})).await;
    let body = stage.create(&order("order-1")).await.1;
    let link = body["data"]["link"].as_str().unwrap();
    assert!(link.starts_with("https://smart-send.example.net/smartPay?id="), "{link}");
    assert_eq!(stage.lookup("order-1").await.1["data"]["link"], link);
    stage.set_faults(&json!({"link_host": "http://127.0.0.1:1"}));
    let body = stage.create(&order("order-2")).await.1;
    assert!(body["data"]["link"].as_str().unwrap().starts_with("http://127.0.0.1:1/smartPay?id="));
}

#[tokio::test]
async fn a_throttled_create_may_say_when_to_come_back() {
    for (throttle, retry_after, body) in [
        (json!({"share": 1.0}), None, "{\"status\":1,"),
        (json!({"share": 1.0, "retry_after": "2", "body": "empty"}), Some("2"), ""),
        (json!({"share": 1.0, "retry_after": "soon", "body": "html"}), Some("soon"), "<html>"),
    ] {
        let stage = Stage::faulty(&json!({ "throttle": throttle })).await;
        let answer = stage.try_create("order-1").await.unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        let header = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(header, retry_after);
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(body) && text.is_empty() == body.is_empty(), "{text}");
        assert_eq!(stage.links("order-1"), 0);
    }
}

#[tokio::test]
async fn refused_and_rejected_creates_fail_with_a_code_and_no_link() {
    let stage = Stage::faulty(&json!({"refuse": {"share": 1.0}})).await;
    let body = stage.create(&order("order-1")).await.1;
    assert_eq!(body["data"], json!([{"code": 1128, "message": "TXN_LIMIT_EXCEEDED"}]));
    assert_eq!(stage.last()["code"], 1128);
    stage.set_faults(&json!({"reject": {"share": 1.0, "code": 1106}}));
    let body = stage.create(&order("order-1")).await.1;
    assert_eq!(body["data"], json!([{"code": 1106, "message": "INVALID_EMAIL"}]));
    assert_eq!(stage.links("order-1"), 0);
}

#[tokio::test]
async fn a_late_effect_comes_after_the_connection_is_gone() {
    for fault in ["lost_after", "reset_after", "error_after"] {
        let stage = Stage::faulty(&json!({fault: 1.0, "late_effect_ms": 100})).await;
        let _gone = stage.try_create("order-1").await;
        stage.linked("order-1").await;
        let ledger = stage.sandbox.ledger();
        let arrived = ledger.requests.last().unwrap().at_us;
        assert!(ledger.links[0].made_at_us >= arrived + 100_000);
    }
}

#[tokio::test]
async fn latency_comes_before_the_effect_and_the_effect_comes_though_the_client_is_gone() {
    let stage = Stage::faulty(&json!({"latency_ms": 50, "latency_jitter_ms": 10})).await;
    drop(stage.send_raw("order-1").await);
    stage.linked("order-1").await;
    let ledger = stage.sandbox.ledger();
    let took = ledger.links[0].made_at_us - ledger.requests.last().unwrap().at_us;
    assert!(took >= 50_000, "{took} microseconds");
}

#[tokio::test]
async fn details_faults_leave_creates_alone() {
    let stage = Stage::faulty(&json!({"details_error": 1.0})).await;
    stage.create(&order("order-1")).await;
    let error = stage.lookup_request("order-1").send().await.unwrap();
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    stage.set_faults(&json!({"details_lost": 1.0}));
    assert!(stage.lookup_request("order-1").send().await.is_err());
    stage.set_faults(&json!({"details_throttle": 1.0, "throttle": {"retry_after": "1"}}));
    let throttled = stage.lookup_request("order-1").send().await.unwrap();
    assert_eq!(throttled.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(throttled.headers()["retry-after"], "1");
    stage.set_faults(&json!({"details_garbage": 1.0}));
    let garbage = stage.lookup_request("order-1").send().await.unwrap();
    assert!(garbage.text().await.unwrap().starts_with("<html>"));
    stage.set_faults(&json!({"details_stall": 1.0}));
    let stalled = stage.lookup_request("order-1").send();
    assert!(tokio::time::timeout(SILENCE, stalled).await.is_err());
    stage.set_faults(&json!({"details_expired_token": 1.0}));
    assert_eq!(stage.lookup("order-1").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_create_without_a_good_token_makes_no_link_whatever_the_fault() {
    for fault in ["lost_after", "error_after", "garbage", "foreign_link", "refuse"] {
        let share = if fault == "refuse" { json!({"share": 1.0}) } else { json!(1.0) };
        let mut stage = Stage::faulty(&json!({ fault: share })).await;
        stage.token = "0".repeat(64);
        let _seen = stage.try_create("order-1").await;
        assert_eq!(stage.last()["fault"], fault);
        assert_eq!(stage.links("order-1"), 0);
    }
}
