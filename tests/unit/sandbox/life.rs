//! How links age, wait for an approver, and expire.

use serde_json::json;
use smartsend::sandbox::LinkStatus;

use super::{Stage, order, order_with};

const APPROVAL: [&str; 2] = ["optional", "required"];

#[tokio::test]
async fn a_link_expires_when_the_job_runs_after_its_date() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.set_faults(&json!({"life": {"speed": 100_000_000_000_u64}}));
    let data = stage.lookup("order-1").await.1["data"].clone();
    assert_eq!((&data["smartSendStatus"], &data["txnStatus"]), (&json!("EXPIRED"), &json!(null)));
    let ledger = stage.sandbox.ledger();
    let (link, change) = (&ledger.links[0], &ledger.links[0].history[0]);
    assert_eq!((link.status, link.history.len()), (LinkStatus::Expired, 1));
    assert!((link.made_at_us..link.made_at_us + 60_000_000).contains(&change.at_us));
    assert_eq!(json!(change.by), "expiry");
    assert_eq!(stage.sandbox.summary().link_statuses[&LinkStatus::Expired], 1);
}

#[tokio::test]
async fn a_young_link_does_not_age_with_those_made_before_it() {
    let stage = Stage::faulty(&json!({"life": {"speed": 100_000_000_000_u64}})).await;
    stage.create(&order("order-1")).await;
    stage.lookup("order-1").await;
    stage.set_faults(&json!({}));
    stage.create(&order("order-2")).await;
    assert_eq!(stage.shown("order-1").await[0], "EXPIRED");
    assert_eq!(stage.shown("order-2").await[0], "PENDING");
}

#[tokio::test]
async fn between_its_date_and_the_job_a_link_can_still_be_claimed_unless_a_setting_forbids_it() {
    let life = |late_claims: bool| {
        json!({"life": {"speed": 100_000_000_000_u64, "expiry_late_ms": u64::MAX / 2_000,
            "late_claims": late_claims}})
    };
    let stage = Stage::faulty(&life(false)).await;
    stage.create(&order("order-1")).await;
    stage.lookup("order-1").await;
    let (status, refused) = stage.desk("order-1", "claim").await;
    assert_eq!(status, 409);
    assert!(refused["error"].as_str().unwrap().contains("expiryDate has passed"), "{refused}");
    assert_eq!(stage.shown("order-1").await[0], "PENDING", "the job has not run");
    stage.set_faults(&life(true));
    assert_eq!(stage.desk("order-1", "claim").await.1["status"], "INITIATED");
    stage.set_faults(&json!({"life": {"speed": 100_000_000_000_u64}}));
    assert_eq!(stage.shown("order-1").await[0], "INITIATED", "what is claimed does not expire");
}

#[tokio::test]
async fn a_link_that_waits_for_approval_is_shown_and_its_payee_is_notified_later() {
    for flow in APPROVAL {
        let stage = Stage::faulty(&json!({"approval": {"flow": flow}})).await;
        let link = stage.create(&order("order-1")).await.1["data"]["link"].clone();
        let waiting = stage.lookup("order-1").await.1["data"].clone();
        assert_eq!(waiting["smartSendStatus"], "APPROVAL_PENDING");
        assert_eq!((&waiting["link"], link.is_string()), (&link, true));
        assert_eq!(stage.messages("order-1"), 0);
        assert_eq!(stage.desk("order-1", "claim").await.0, 409);
        assert_eq!(stage.desk("order-1", "approve").await.1["status"], "APPROVED");
        assert_eq!(stage.shown("order-1").await[0], "APPROVED");
        let sent = stage.sandbox.ledger().messages[0].clone();
        assert_eq!((sent.messages, sent.sms, sent.emails), (1, 1, 1));
        assert_eq!(stage.desk("order-1", "claim").await.1["status"], "INITIATED");
    }
}

#[tokio::test]
async fn approval_has_its_other_readings() {
    let stage = Stage::faulty(&json!({"approval": {"flow": "required", "shows_link": false,
        "holds_message": false, "claims": true}}))
    .await;
    let created = stage.create_v2(&order("order-1")).await.1;
    assert_eq!((&created["status"], &created["data"]["link"]), (&json!(0), &json!(null)));
    assert_eq!(stage.lookup("order-1").await.1["data"]["link"], json!(null));
    assert_eq!(stage.messages("order-1"), 1);
    stage.create_v2(&order("order-2")).await;
    assert_eq!(stage.desk("order-1", "claim").await.1["status"], "INITIATED");
    assert_eq!(stage.desk("order-2", "approve").await.1["status"], "APPROVED");
    assert!(stage.lookup("order-2").await.1["data"]["link"].is_string());
    assert_eq!(stage.messages("order-2"), 1, "the payee was notified before");
}

#[tokio::test]
async fn a_create_can_skip_an_approval_that_is_optional() {
    let stage = Stage::faulty(&json!({"approval": {"flow": "optional"}})).await;
    let skipping = |reference| order_with(reference, "disableApprovalFlow", json!(true));
    stage.create_v2(&skipping("order-1")).await;
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
    assert_eq!(stage.messages("order-1"), 1);
    stage.create(&skipping("order-2")).await;
    assert_eq!(stage.shown("order-2").await[0], "APPROVAL_PENDING", "V1 has no such field");
    stage.set_faults(&json!({"approval": {"flow": "required"}}));
    let refused = stage.create_v2(&skipping("order-3")).await.1;
    assert_eq!(refused["data"], json!([{"code": 1126, "message": "APPROVAL_FLOW_ERROR"}]));
}
