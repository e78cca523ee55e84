//! The status calls, which give the state of a link as a code.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{MERCHANT, Stage, order, read};

const V1: &str = "/payout/smartPay/status";
const V2: &str = "/payout/v2/smartSend/status";

#[tokio::test]
async fn a_pending_link_s_status_is_payu_s_sample() {
    let stage = Stage::new().await;
    let id = stage.create(&order("order-1")).await.1["data"]["linkId"].clone();
    let sample = json!({"status": 0, "msg": "Account Detail Pending", "code": null, "data": {
        "link": null, "linkId": id, "merchantRefId": "order-1", "custEmail": null,
        "custName": null, "custMoblie": null, "merchantName": null, "amount": "1.0",
        "isOtpVerified": null, "linkExpiryDate": null, "detailFilled": false}});
    let named = [("merchantRefId", "order-1"), ("payoutMerchantId", MERCHANT)];
    assert_eq!(stage.get(V1, &named).await, (StatusCode::OK, sample.clone()));
    assert_eq!(stage.last()["kind"], "status");
    let uuid = stage.lookup("order-1").await.1["data"]["linkId"].clone();
    for id in [id, uuid] {
        let by_id = [("linkId", id.as_str().unwrap())];
        assert_eq!(stage.get(V1, &by_id).await.1, sample);
        assert_eq!(stage.get(V2, &by_id).await.1, sample);
    }
    let named = [("merchantRefId", "order-1"), ("pid", MERCHANT)];
    assert_eq!(stage.get(V2, &named).await.1, sample);
}

#[tokio::test]
async fn every_other_status_is_a_code() {
    let stage = Stage::faulty(&json!({"approval": {"flow": "required"}})).await;
    for (reference, actions, code) in [
        ("waiting", &[][..], 1127),
        ("expired", &["expire"], 1111),
        ("unknown", &[], 1112),
        ("claimed", &["approve", "claim"], 1118),
        ("paid", &["approve", "claim", "pay"], 1118),
        ("cancelled", &["cancel"], 1122),
        ("rejected", &["reject"], 1123),
        ("failed", &["approve", "claim", "fail"], 1124),
    ] {
        if reference != "unknown" {
            stage.create_v2(&order(reference)).await;
        }
        for action in actions {
            stage.desk(reference, action).await;
        }
        for (path, header) in [(V1, "payoutMerchantId"), (V2, "pid")] {
            let query = [("merchantRefId", reference), (header, MERCHANT)];
            let (status, body) = stage.get(path, &query).await;
            let seen = (status, &body["status"], &body["code"], &body["data"]);
            let expected = (StatusCode::OK, &json!(1), &json!(code), &Value::Null);
            assert_eq!(seen, expected, "{reference}");
        }
    }
    let sample = json!({"status": 1, "msg": "SmartPay Link cancelled", "code": 1122, "data": null});
    let query = [("merchantRefId", "cancelled"), ("pid", MERCHANT)];
    assert_eq!(stage.get(V2, &query).await.1, sample);
}

#[tokio::test]
async fn v2_s_status_call_wants_a_token_or_is_gone_only_if_a_setting_says_so() {
    let mut stage = Stage::new().await;
    stage.create_v2(&order("order-1")).await;
    stage.token = "0".repeat(64);
    let query = [("merchantRefId", "order-1"), ("pid", MERCHANT)];
    assert_eq!(stage.get(V2, &query).await.1["status"], 0);
    assert_eq!(stage.get(V1, &query).await.0, StatusCode::UNAUTHORIZED);
    stage.set_faults(&json!({"v2_status": {"wants_token": true}}));
    assert_eq!(stage.get(V2, &query).await.0, StatusCode::UNAUTHORIZED);
    stage.set_faults(&json!({"v2_status": {"is_gone": true}}));
    let (status, body) = stage.get(V2, &query).await;
    assert_eq!((status, &body["path"]), (StatusCode::NOT_FOUND, &json!(V2)));
}

#[tokio::test]
async fn a_status_call_that_names_no_link_says_which_parameter_is_missing() {
    let stage = Stage::new().await;
    for (path, query, name) in
        [(V1, &[][..], "'linkId'"), (V2, &[], "'pid'"), (V2, &[("pid", MERCHANT)], "'linkId'")]
    {
        let (status, body) = stage.get(path, query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body["message"].as_str().unwrap().contains(name), "{body}");
    }
    let other = stage.http.get(stage.url(V2)).query(&[("linkId", "AAAA")]);
    assert_eq!(read(other.send().await.unwrap()).await.1["code"], 1112);
}
