//! Cancels: PayU's six samples, and the readings between them.

use reqwest::StatusCode;
use serde_json::{Value, json};
use smartsend::sandbox::SandboxSettings;

use super::{MERCHANT, Stage, order, read};

const IN_PROGRESS: &str = "Payout transaction in progress. Try after sometime!";

fn done() -> Value {
    json!({"status": 0, "msg": "Smart send link cancelled", "code": null, "data": null})
}

fn refused(code: Option<u16>, msg: &str) -> Value {
    json!({"status": 1, "msg": msg, "code": code, "data": null})
}

#[tokio::test]
async fn a_cancel_ends_a_link_of_either_api() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.create_v2(&order("order-2")).await;
    for reference in ["order-1", "order-2"] {
        assert_eq!(stage.cancel(reference).await, (StatusCode::OK, done()));
        assert_eq!(stage.shown(reference).await, [json!("CANCELLED"), json!(null)]);
        assert_eq!(stage.desk(reference, "claim").await.0, 409);
    }
    let ledger = serde_json::to_value(stage.sandbox.ledger()).unwrap();
    assert_eq!(ledger["links"][0]["history"][0]["by"], "cancel");
    let cancels = ledger["requests"].as_array().unwrap().iter();
    let cancels = cancels.filter(|request| request["kind"] == "cancel");
    let named: Vec<_> = cancels.map(|request| &request["reference"]).collect();
    assert_eq!(named, ["order-1", "order-2"]);
}

#[tokio::test]
async fn a_cancel_that_comes_too_late_is_refused_as_in_payu_s_samples() {
    let both = "Payout cannot be cancelled as it is already processed or cancelled";
    let processed = "Payout cannot be cancelled as it is already processed";
    let stage = Stage::new().await;
    let unknown = refused(Some(1112), "SmartPay Link not found");
    assert_eq!(stage.cancel("order-9").await, (StatusCode::OK, unknown));
    assert_eq!(stage.last()["code"], 1112);
    for (reference, actions, uncoded) in [
        ("claimed", &["claim"][..], IN_PROGRESS),
        ("paid", &["claim", "pay"], processed),
        ("failed", &["claim", "fail"], processed),
        ("expired", &["expire"], processed),
        ("cancelled", &["cancel"], "Payout transaction already cancelled"),
    ] {
        stage.set_faults(&json!({}));
        stage.create(&order(reference)).await;
        for action in actions {
            stage.desk(reference, action).await;
        }
        let before = stage.shown(reference).await;
        let coded = match reference {
            "claimed" => refused(None, IN_PROGRESS),
            _ => refused(Some(1110), both),
        };
        assert_eq!(stage.cancel(reference).await.1, coded, "{reference}");
        stage.set_faults(&json!({"cancel": {"coded": false}}));
        assert_eq!(stage.cancel(reference).await.1, refused(None, uncoded), "{reference}");
        assert_eq!(stage.shown(reference).await, before, "{reference}");
    }
}

#[tokio::test]
async fn a_cancel_is_shown_late_if_a_setting_says_so() {
    let stage = Stage::faulty(&json!({"cancel": {"lag_ms": 3_600_000}})).await;
    stage.create(&order("order-1")).await;
    assert_eq!(stage.cancel("order-1").await.1, done());
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
    assert_eq!(stage.desk("order-1", "claim").await.0, 409, "it is cancelled all the same");
    stage.set_faults(&json!({}));
    assert_eq!(stage.shown("order-1").await[0], "CANCELLED");
}

#[tokio::test]
async fn the_first_cancel_may_be_answered_in_progress() {
    for (first, then) in [("in_progress", "PENDING"), ("in_progress_and_done", "CANCELLED")] {
        let stage = Stage::faulty(&json!({"cancel": {"first": first}})).await;
        stage.create(&order("order-1")).await;
        assert_eq!(stage.cancel("order-1").await.1, refused(None, IN_PROGRESS));
        assert_eq!(stage.shown("order-1").await[0], then);
        let second = stage.cancel("order-1").await.1;
        assert_eq!(second == done(), then == "PENDING", "{second}");
        assert_eq!(stage.shown("order-1").await[0], "CANCELLED");
    }
}

#[tokio::test]
async fn the_reference_is_looked_for_where_the_setting_says() {
    let stage = Stage::faulty(&json!({"cancel": {"reference_in": "form"}})).await;
    stage.create(&order("order-1")).await;
    let (status, body) = stage.cancel("order-1").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["message"].as_str().unwrap().contains("'merchantRefId'"), "{body}");
    let form = stage.http.post(stage.url("/payout/smartPay/cancel")).bearer_auth(&stage.token);
    let form = form.header("payoutMerchantId", MERCHANT).form(&[("merchantRefId", "order-1")]);
    assert_eq!(read(form.send().await.unwrap()).await.1, done());
}

#[tokio::test]
async fn a_v1_cancel_may_not_know_v2_links() {
    let stage = Stage::faulty(&json!({"cancel": {"takes_v2": false}})).await;
    stage.create(&order("order-1")).await;
    stage.create_v2(&order("order-2")).await;
    assert_eq!(stage.cancel("order-1").await.1, done());
    assert_eq!(stage.cancel("order-2").await.1["code"], 1112);
    assert_eq!(stage.shown("order-2").await[0], "PENDING");
}

#[tokio::test]
async fn a_v2_link_is_cancelled_by_the_id_that_only_the_ledger_shows() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.create_v2(&order("order-2")).await;
    let cancel = async |id: &str, merchant: &str| {
        let url = stage.url(&format!("/payout/v2/smartSend/cancel/{id}"));
        let request = stage.http.put(url).bearer_auth(&stage.token).header("pid", merchant);
        read(request.send().await.unwrap()).await.1
    };
    let ids: Vec<_> =
        stage.sandbox.ledger().links.iter().map(|link| link.smart_send_id.to_string()).collect();
    assert_eq!(cancel(&ids[0], MERCHANT).await["code"], 1112, "a V1 link");
    assert_eq!(cancel(&ids[1], "2222222").await["code"], 1112, "another merchant's link");
    assert_eq!(cancel("soon", MERCHANT).await["code"], 1112);
    assert_eq!(cancel(&ids[1], MERCHANT).await, done());
    assert_eq!(stage.last()["reference"], "order-2");
    assert_eq!(stage.shown("order-2").await[0], "CANCELLED");
}

#[tokio::test]
async fn a_cancelled_reference_is_free_again_only_if_a_setting_says_so() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.cancel("order-1").await;
    assert_eq!(stage.create(&order("order-1")).await.1["data"][0]["code"], 1103);
    stage.set_faults(&json!({"cancel": {"frees_reference": true}}));
    assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    assert_eq!(stage.create(&order("order-1")).await.1["data"][0]["code"], 1103);
    assert_eq!(stage.shown("order-1").await[0], "PENDING", "the newer link is shown");
    assert_eq!((stage.links("order-1"), stage.sandbox.summary().doubled.count), (2, 0));
}

#[tokio::test]
async fn a_cancel_meets_faults_of_its_own() {
    for (fault, status) in [
        ("lost_before", "PENDING"),
        ("lost_after", "CANCELLED"),
        ("reset_before", "PENDING"),
        ("reset_after", "CANCELLED"),
        ("cut_short", "CANCELLED"),
    ] {
        let stage = Stage::faulty(&json!({"cancel_faults": {fault: 1.0}})).await;
        assert_eq!(stage.create(&order("order-1")).await.1["status"], 0, "creates are left alone");
        let answer = stage.cancel_request("order-1").send().await;
        assert!(answer.is_err() || answer.unwrap().bytes().await.is_err(), "{fault}");
        assert_eq!(stage.shown("order-1").await[0], status, "{fault}");
    }
    for (fault, code, status) in [
        ("error_before", 502, "PENDING"),
        ("error_after", 502, "CANCELLED"),
        ("garbage", 200, "CANCELLED"),
        ("throttle", 429, "PENDING"),
        ("expired_token", 401, "PENDING"),
    ] {
        let mut stage = Stage::faulty(&json!({"cancel_faults": {fault: 1.0}})).await;
        stage.create(&order("order-1")).await;
        let answer = stage.cancel_request("order-1").send().await.unwrap();
        assert_eq!(answer.status(), code, "{fault}");
        assert_eq!(stage.last()["fault"], fault);
        stage.renew().await;
        assert_eq!(stage.shown("order-1").await[0], status, "{fault}");
    }
    let stage = Stage::faulty(&json!({"cancel_faults": {"refuse": 1.0}})).await;
    stage.create(&order("order-1")).await;
    let failed = refused(Some(1119), "FAILED_TO_CANCEL_SMARTPAY");
    assert_eq!(stage.cancel("order-1").await.1, failed);
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
}

#[tokio::test]
async fn a_cancel_without_a_token_or_a_merchant_has_no_effect() {
    let mut stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    let nobody = stage.http.post(stage.url("/payout/smartPay/cancel?merchantRefId=order-1"));
    let nobody = read(nobody.bearer_auth(&stage.token).send().await.unwrap()).await;
    assert_eq!((nobody.0, &nobody.1["status"]), (StatusCode::BAD_REQUEST, &json!(400)));
    let token = std::mem::replace(&mut stage.token, "0".repeat(64));
    let (status, body) = stage.cancel("order-1").await;
    assert_eq!(
        (status, &body["path"]),
        (StatusCode::UNAUTHORIZED, &json!("/payout/smartPay/cancel"))
    );
    stage.token = token;
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
}

#[tokio::test]
async fn what_payu_does_not_know_the_merchant_of_is_neither_cancelled_nor_extended() {
    let merchants = vec!["2222222".to_owned()];
    let stage = Stage::with(SandboxSettings { merchants, ..SandboxSettings::default() }).await;
    let unknown = refused(Some(1100), "INVALID_MERCHANT");
    assert_eq!(stage.cancel("order-1").await.1, unknown);
    assert_eq!(stage.extend("order-1", "2100-12-01T00:00:00.000Z").await.1, unknown);
}
