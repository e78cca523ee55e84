//! Extensions of a link's life.

use reqwest::StatusCode;
use serde_json::json;

use super::{MERCHANT, Stage, order, order_with, read};

const FIRST: &str = "2100-06-01T00:00:00.000Z";
const LATER: &str = "2100-12-01T00:00:00.000Z";

/// A sandbox with a V2 link that ends at [`FIRST`].
async fn staged(settings: &serde_json::Value) -> Stage {
    let stage = Stage::faulty(settings).await;
    stage.create_v2(&order_with("order-1", "expiryDate", json!(FIRST))).await;
    stage
}

async fn expiry(stage: &Stage) -> String {
    let date = stage.lookup("order-1").await.1["data"]["expiryDate"].clone();
    date.as_str().unwrap().replace("+0000", "Z")
}

#[tokio::test]
async fn an_extension_moves_the_date_that_details_show() {
    let stage = staged(&json!({})).await;
    let done = json!({"status": 0, "msg": "Success", "code": null, "data": null});
    for _ in 0..2 {
        assert_eq!(stage.extend("order-1", LATER).await, (StatusCode::OK, done.clone()));
        assert_eq!(expiry(&stage).await, LATER);
    }
    let entry = serde_json::to_value(&stage.sandbox.ledger().links[0]).unwrap();
    assert_eq!(
        (&entry["history"][0]["by"], &entry["status"]),
        (&json!("extend"), &json!("PENDING"))
    );
    assert_eq!(entry["history"][0]["expires_at_us"], entry["expires_at_us"]);
    assert_eq!(stage.last()["kind"], "details");
}

#[tokio::test]
async fn a_link_lives_until_its_new_date() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.create(&order("order-2")).await;
    assert_eq!(stage.extend("order-1", LATER).await.1["status"], 0);
    // A month or more has passed for both, and less than what the first one has left.
    stage.set_faults(&json!({"life": {"speed": 3_000_000_u32}}));
    let wait = async {
        while stage.shown("order-2").await[0] != "EXPIRED" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, wait).await.unwrap();
    assert_eq!(stage.shown("order-1").await[0], "PENDING");
}

#[tokio::test]
async fn a_date_that_is_past_unreadable_or_earlier_is_1121() {
    let stage = staged(&json!({})).await;
    let earlier = "2100-01-01T00:00:00.000Z";
    for date in ["2020-12-01T00:00:00.000Z", "2100-12-01", "soon", "", earlier] {
        let (status, body) = stage.extend("order-1", date).await;
        assert_eq!(status, StatusCode::OK);
        let wrong = json!({"status": 1, "msg": "EXPIRY_DATE_INVALID", "code": 1121, "data": null});
        assert_eq!(body, wrong, "{date}");
        assert_eq!(expiry(&stage).await, FIRST);
    }
    stage.set_faults(&json!({"extend": {"shortens": true}}));
    assert_eq!(stage.extend("order-1", "2020-12-01T00:00:00.000Z").await.1["code"], 1121);
    assert_eq!(stage.extend("order-1", earlier).await.1["status"], 0);
    assert_eq!(expiry(&stage).await, earlier);
}

#[tokio::test]
async fn a_date_is_past_in_the_link_s_own_time() {
    let stage = Stage::faulty(&json!({"life": {"speed": 100_000_000_000_u64,
        "expiry_late_ms": u64::MAX / 2_000}}))
    .await;
    stage.create_v2(&order("order-1")).await;
    let date = expiry(&stage).await;
    assert_eq!(stage.shown("order-1").await[0], "PENDING", "the job has not run");
    assert_eq!(stage.extend("order-1", &date).await.1["code"], 1121);
    stage.set_faults(&json!({}));
    stage.create_v2(&order("order-2")).await;
    let second = stage.lookup("order-2").await.1["data"]["expiryDate"].clone();
    let same = second.as_str().unwrap().replace("+0000", "Z");
    assert_eq!(stage.extend("order-2", &same).await.1["status"], 0, "its present date");
}

#[tokio::test]
async fn a_link_that_has_ended_or_is_claimed_cannot_be_extended() {
    let stage = Stage::faulty(&json!({"approval": {"flow": "required"}})).await;
    assert_eq!(stage.extend("order-9", LATER).await.1["code"], 1112);
    for (reference, actions, code) in [
        ("expired", &["expire"][..], 1111),
        ("claimed", &["approve", "claim"], 1118),
        ("paid", &["approve", "claim", "pay"], 1118),
        ("cancelled", &["cancel"], 1122),
        ("rejected", &["reject"], 1123),
        ("failed", &["approve", "claim", "fail"], 1124),
    ] {
        stage.create_v2(&order(reference)).await;
        for action in actions {
            stage.desk(reference, action).await;
        }
        let body = stage.extend(reference, LATER).await.1;
        assert_eq!((&body["status"], &body["code"]), (&json!(1), &json!(code)), "{reference}");
        assert_eq!(stage.last()["code"], code);
        let date = stage.lookup(reference).await.1["data"]["expiryDate"].clone();
        assert!(!date.as_str().unwrap().starts_with("2100"), "{date}");
    }
    stage.set_faults(&json!({"extend": {"rule": "or"}}));
    for (reference, status) in [("claimed", 0), ("paid", 1), ("expired", 1)] {
        assert_eq!(stage.extend(reference, LATER).await.1["status"], status, "{reference}");
    }
}

#[tokio::test]
async fn an_extension_has_its_other_readings() {
    let stage = staged(&json!({"extend": {"lag_ms": 3_600_000, "echoes": true}})).await;
    let created = stage.lookup("order-1").await.1["data"]["link"].clone();
    let data = stage.extend("order-1", LATER).await.1["data"].clone();
    assert_eq!(
        (&data["link"], &data["expiryDate"]),
        (&created, &json!("2100-12-01T00:00:00.000+0000"))
    );
    assert_eq!(expiry(&stage).await, FIRST, "details show it late");
    stage.set_faults(&json!({"extend": {"failure_shape": "data_array", "takes_v1": false}}));
    assert_eq!(expiry(&stage).await, LATER);
    stage.create(&order("order-2")).await;
    let unknown = json!([{"code": 1112, "message": "SmartPay Link not found"}]);
    assert_eq!(stage.extend("order-2", LATER).await.1["data"], unknown, "a V1 link");
}

#[tokio::test]
async fn the_older_path_takes_an_id_and_a_form() {
    let stage = staged(&json!({})).await;
    let id = stage.sandbox.ledger().links[0].smart_send_id;
    let put = async |id: u64, form: &[(&str, &str)]| {
        let request = stage.http.put(stage.url(&format!("/payout/v2/smartSend/expiry/{id}")));
        let request = request.bearer_auth(&stage.token).header("pid", MERCHANT).form(form);
        read(request.send().await.unwrap()).await
    };
    let (status, body) = put(id, &[]).await;
    assert_eq!(
        (status, &body["path"]),
        (StatusCode::BAD_REQUEST, &json!(format!("/payout/v2/smartSend/expiry/{id}")))
    );
    assert_eq!(put(id + 1, &[("expiryDate", LATER)]).await.1["code"], 1112);
    assert_eq!(put(id, &[("expiryDate", LATER)]).await.1["status"], 0);
    assert_eq!(expiry(&stage).await, LATER);
}

#[tokio::test]
async fn an_extension_meets_faults_of_its_own() {
    for (fault, date) in [("lost_before", FIRST), ("lost_after", LATER)] {
        let stage = staged(&json!({"extend_faults": {fault: 1.0}})).await;
        assert!(stage.extend_request("order-1", LATER).send().await.is_err());
        assert_eq!(expiry(&stage).await, date);
    }
    for (fault, code, date) in [
        ("error_before", 502, FIRST),
        ("error_after", 502, LATER),
        ("throttle", 429, FIRST),
        ("expired_token", 401, FIRST),
    ] {
        let mut stage = staged(&json!({"extend_faults": {fault: 1.0}})).await;
        let answer = stage.extend_request("order-1", LATER).send().await.unwrap();
        assert_eq!(answer.status(), code, "{fault}");
        stage.renew().await;
        assert_eq!(expiry(&stage).await, date, "{fault}");
    }
    let stage = staged(&json!({"extend_faults": {"refuse": 1.0, "refuse_code": 1126}})).await;
    assert_eq!(stage.extend("order-1", LATER).await.1["code"], 1126);
    assert_eq!(expiry(&stage).await, FIRST);
    let late = json!({"extend_faults": {"lost_after": 1.0}, "late_effect_ms": 50});
    stage.set_faults(&late);
    assert!(stage.extend_request("order-1", LATER).send().await.is_err());
    let wait = async {
        while expiry(&stage).await == FIRST {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, wait).await.unwrap();
}
