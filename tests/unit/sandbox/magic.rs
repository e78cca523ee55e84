//! Amounts that make something happen.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use smartsend::sandbox::MAGIC_AMOUNTS;

use super::{Stage, order, order_with};
use crate::support::canary;

async fn staged() -> Stage {
    Stage::faulty(&json!({"magic_amounts": true})).await
}

fn for_amount(amount: &str) -> Value {
    order_with("order-1", "amount", json!(amount))
}

#[tokio::test]
async fn some_amounts_lose_the_answer_or_the_link() {
    for (amount, status, links) in [
        ("1.01", Some(502), 0),
        ("1.02", None, 0),
        ("1.03", None, 1),
        ("1.04", Some(502), 1),
        ("1.06", Some(429), 0),
        ("1.08", Some(200), 0),
    ] {
        let stage = staged().await;
        let request = stage.create_request(&for_amount(amount).to_string());
        let answer = request.send().await.ok().map(|answer| answer.status().as_u16());
        assert_eq!((answer, stage.links("order-1")), (status, links), "{amount}");
        assert_ne!(stage.last()["fault"], json!(null));
        assert_eq!(stage.create(&order("order-2")).await.1["status"], 0);
    }
    let stage = staged().await;
    let stalled = stage.create_request(&for_amount("1.05").to_string()).send();
    assert!(tokio::time::timeout(Duration::from_millis(150), stalled).await.is_err());
    assert_eq!(stage.links("order-1"), 1);
}

#[tokio::test]
async fn some_amounts_decide_what_becomes_of_the_link() {
    for (amount, status, txn_status) in [
        ("1.09", "APPROVAL_PENDING", None),
        ("1.10", "INITIATED", Some("QUEUED")),
        ("1.11", "SUCCESS", Some("SUCCESS")),
        ("1.12", "FAILED", Some("FAILED")),
        ("1.13", "EXPIRED", None),
        ("1.14", "PENDING", None),
    ] {
        let stage = staged().await;
        assert_eq!(stage.create_v2(&for_amount(amount)).await.1["status"], 0, "{amount}");
        assert_eq!(stage.shown("order-1").await, [json!(status), json!(txn_status)], "{amount}");
    }
}

#[tokio::test]
async fn a_link_for_one_amount_is_shown_a_minute_late() {
    let stage = staged().await;
    assert_eq!(stage.create(&for_amount("1.07")).await.1["status"], 0);
    assert_eq!(stage.shown("order-1").await[0], json!(null));
    stage.set_faults(&json!({}));
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
}

#[tokio::test]
async fn a_link_for_one_amount_resists_its_cancel() {
    let stage = staged().await;
    stage.create(&for_amount("1.14")).await;
    for _ in 0..2 {
        let msg = stage.cancel("order-1").await.1["msg"].clone();
        assert_eq!(msg, "Payout transaction in progress. Try after sometime!");
    }
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
}

#[tokio::test]
async fn no_amount_is_magic_unless_a_setting_makes_it_so() {
    let stage = Stage::new().await;
    for magic in MAGIC_AMOUNTS {
        let order = order_with(&magic.amount.replace('.', "-"), "amount", json!(magic.amount));
        assert_eq!(stage.create(&order).await.1["status"], 0);
    }
    let statuses = json!(stage.sandbox.summary().link_statuses);
    assert_eq!(statuses, json!({"PENDING": MAGIC_AMOUNTS.len()}));
}

#[test]
fn the_help_lists_every_magic_amount_and_what_it_does() {
    let help = Command::new(env!("CARGO_BIN_EXE_smartsend")).args(["sandbox", "--help"]).output();
    let help = String::from_utf8(canary::checked(help.unwrap()).stdout).unwrap();
    for magic in MAGIC_AMOUNTS {
        assert!(help.contains(&format!("  {}  {}\n", magic.amount, magic.meaning)), "{help}");
    }
    assert!(help.contains("magic_amounts"), "{help}");
}
