//! The desk: what the payee, the approver and the bank do to a link.

use serde_json::json;
use smartsend::sandbox::DESK_ACTIONS;

use super::{MERCHANT, Stage, is_payu_date, order};

#[tokio::test]
async fn a_link_is_claimed_and_paid_and_the_money_comes_back() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    for (action, status, txn_status) in [
        ("claim", "INITIATED", "QUEUED"),
        ("progress", "INITIATED", "IN_PROGRESS"),
        ("pay", "SUCCESS", "SUCCESS"),
        ("reverse", "SUCCESS", "REVERSED"),
    ] {
        let (code, entry) = stage.desk("order-1", action).await;
        assert_eq!(code, 200, "{action}: {entry}");
        assert_eq!((&entry["status"], &entry["txn_status"]), (&json!(status), &json!(txn_status)));
        assert_eq!(stage.shown("order-1").await, [json!(status), json!(txn_status)]);
    }
    let ledger = serde_json::to_value(stage.sandbox.ledger()).unwrap();
    let history = ledger["links"][0]["history"].as_array().unwrap();
    assert!(history.iter().map(|change| change["at_us"].as_u64()).is_sorted(), "{history:?}");
    assert!(history.iter().all(|change| change["by"] == "desk"), "{history:?}");
    let statuses: Vec<_> = history.iter().map(|change| &change["txn_status"]).collect();
    assert_eq!(statuses, ["QUEUED", "IN_PROGRESS", "SUCCESS", "REVERSED"]);
}

#[tokio::test]
async fn details_of_a_claim_and_of_a_payout_have_what_payu_s_samples_have() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.desk("order-1", "claim").await;
    let claimed = stage.lookup("order-1").await.1["data"].clone();
    assert_eq!(claimed["transferType"], "UPI");
    assert!(claimed["payuTransactionRefNo"].is_string());
    for key in ["bankTransactionRefNo", "succeedOn", "msg"] {
        assert_eq!(claimed[key], json!(null), "{key}");
    }
    stage.desk("order-1", "pay").await;
    let paid = stage.lookup("order-1").await.1["data"].clone();
    assert_eq!(paid["payuTransactionRefNo"], claimed["payuTransactionRefNo"]);
    assert_eq!(paid["bankTransactionRefNo"], paid["payuTransactionRefNo"]);
    assert!(is_payu_date(&paid["succeedOn"]));
    assert_eq!(paid["lastStatusUpdateDate"], paid["succeedOn"]);
    assert_eq!(paid["msg"], "Success");
}

#[tokio::test]
async fn a_failed_payout_can_be_asked_for_again_and_gets_another_number() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.desk("order-1", "claim").await;
    stage.desk("order-1", "fail").await;
    assert_eq!(stage.shown("order-1").await, ["FAILED", "FAILED"]);
    let first = stage.lookup("order-1").await.1["data"]["payuTransactionRefNo"].clone();
    assert_eq!(stage.desk("order-1", "claim").await.1["status"], "INITIATED");
    let second = stage.lookup("order-1").await.1["data"]["payuTransactionRefNo"].clone();
    assert!(first.is_string() && second.is_string() && first != second, "{first} {second}");
}

#[tokio::test]
async fn a_link_ends_by_a_refusal_a_cancel_or_its_date() {
    let stage = Stage::faulty(&json!({"approval": {"flow": "required"}})).await;
    for (action, status) in [("reject", "REJECTED"), ("cancel", "CANCELLED"), ("expire", "EXPIRED")]
    {
        stage.create(&order(action)).await;
        assert_eq!(stage.desk(action, action).await.1["status"], status);
        assert_eq!(stage.shown(action).await, [json!(status), json!(null)]);
        for after in ["approve", "reject", "cancel", "claim", "pay", "fail", "reverse", "expire"] {
            let (code, refused) = stage.desk(action, after).await;
            let error = refused["error"].as_str().unwrap();
            assert!(code == 409 && error.ends_with(&format!("this one is {status}")), "{error}");
        }
    }
}

#[tokio::test]
async fn a_payout_s_status_can_be_written_in_another_way() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.desk("order-1", "claim").await;
    let order = json!({"merchant": MERCHANT, "reference": "order-1", "action": "pay",
        "txn_status": "PENDING FOR APPROVAL"});
    stage.order_at_desk(&order.to_string()).await;
    assert_eq!(stage.shown("order-1").await, ["SUCCESS", "PENDING FOR APPROVAL"]);
    assert_eq!(stage.desk("order-1", "reverse").await.0, 409, "the money has not arrived");
    assert_eq!(stage.desk("order-1", "pay").await.1["txn_status"], "SUCCESS");
    assert_eq!(stage.desk("order-1", "pay").await.0, 409, "it arrives once");
}

#[tokio::test]
async fn every_action_that_the_sandbox_lists_is_one() {
    let stage = Stage::new().await;
    for action in DESK_ACTIONS {
        assert_eq!(
            stage.desk("order-1", action).await.0,
            404,
            "{action}: only the link is missing"
        );
    }
}

#[tokio::test]
async fn the_desk_says_what_is_wrong_and_changes_nothing() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    let with = |reference: &str, action: &str| {
        json!({"merchant": MERCHANT, "reference": reference, "action": action}).to_string()
    };
    let early = json!({"merchant": MERCHANT, "reference": "order-1", "action": "cancel",
        "txn_status": "SUCCESS"});
    for (body, code, word) in [
        ("{".to_owned(), 400, "cannot read this"),
        (with("order-1", "steal"), 400, "steal"),
        (with("order-2", "claim"), 404, "no link with the reference order-2"),
        (with("order-1", "approve"), 409, "waits for approval, and this one is PENDING"),
        (with("order-1", "pay"), 409, "is claimed, and this one is PENDING"),
        (early.to_string(), 409, "no payout"),
    ] {
        let (status, answer) = stage.order_at_desk(&body).await;
        let error = answer["error"].as_str().unwrap();
        assert!(status == code && error.contains(word), "{status} {error}");
    }
    assert_eq!(stage.shown("order-1").await, [json!("PENDING"), json!(null)]);
    assert!(stage.sandbox.ledger().links[0].history.is_empty());
}
