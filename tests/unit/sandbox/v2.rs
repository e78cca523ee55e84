//! Smart Send V2: its path, header, dates and links.

use reqwest::StatusCode;
use serde_json::json;
use smartsend::sandbox::ApiVersion;

use super::{MERCHANT, Stage, is_payu_date, order, order_with, read};

#[tokio::test]
async fn a_create_answers_with_a_short_link_and_when_it_expires() {
    let stage = Stage::new().await;
    let wanted = order_with("order-1", "expiryDate", json!("2100-12-01T00:00:00.000Z"));
    let (status, body) = stage.create_v2(&wanted).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!(0)));
    let data = &body["data"];
    let name = data["link"].as_str().unwrap().strip_prefix("https://test.payumoney.com/url/");
    let name = name.unwrap_or_else(|| panic!("{data}"));
    assert_eq!(name.len(), 12);
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    assert_eq!(data["expiryDate"], "2100-12-01T00:00:00.000+0000");

    let shown = &stage.lookup("order-1").await.1["data"];
    assert_eq!((&shown["link"], &shown["expiryDate"]), (&data["link"], &data["expiryDate"]));
    assert_eq!(stage.sandbox.ledger().links[0].api, ApiVersion::V2);
}

#[tokio::test]
async fn without_a_date_a_link_lives_for_seven_days() {
    let stage = Stage::new().await;
    for (reference, date) in [("order-1", json!(null)), ("order-2", json!(""))] {
        let body = stage.create_v2(&order_with(reference, "expiryDate", date)).await.1;
        assert!(is_payu_date(&body["data"]["expiryDate"]), "{body}");
    }
    for link in stage.sandbox.ledger().links {
        assert_eq!((link.expires_at_us - link.made_at_us) / 1_000_000, 7 * 24 * 60 * 60);
    }
}

#[tokio::test]
async fn a_date_that_is_past_or_in_another_form_is_refused() {
    let stage = Stage::new().await;
    for date in [
        "2020-12-01T00:00:00.000Z",
        "2100-12-01T00:00:00Z",
        "2100-12-01T00:00:00.000+0000",
        "2100-12-01",
        "soon",
    ] {
        let body = stage.create_v2(&order_with("order-1", "expiryDate", json!(date))).await.1;
        assert_eq!(body["data"][0]["code"], 1121, "{date}");
    }
    assert!(stage.sandbox.ledger().links.is_empty());
    // V1 has no such field, and Spring ignores what it does not know.
    let v1 = stage.create(&order_with("order-1", "expiryDate", json!("soon"))).await.1;
    assert_eq!(v1["status"], 0);
}

#[tokio::test]
async fn a_create_without_pid_is_turned_away_by_spring() {
    let stage = Stage::new().await;
    let request = stage.http.post(stage.url("/payout/v2/smartSend/link"));
    let request = request.bearer_auth(&stage.token).header("payoutMerchantId", MERCHANT);
    let request = request.header("content-type", "application/json");
    let (status, body) =
        read(request.body(order("order-1").to_string()).send().await.unwrap()).await;
    assert_eq!((status, &body["status"]), (StatusCode::BAD_REQUEST, &json!(400)));
    assert!(body["message"].as_str().unwrap().contains("'pid'"), "{body}");
    assert_eq!(body["path"], "/payout/v2/smartSend/link");
}

#[tokio::test]
async fn with_all_keys_asked_for_an_empty_text_is_enough() {
    let stage = Stage::faulty(&json!({"v2_all_keys": true})).await;
    let mut wanted = order("order-1");
    for (key, code) in [("custEmail", 1106), ("custMobile", 1105), ("expiryDate", 1121)] {
        let mut lacking = wanted.clone();
        lacking["expiryDate"] = json!("");
        lacking.as_object_mut().unwrap().remove(key);
        assert_eq!(stage.create_v2(&lacking).await.1["data"][0]["code"], code, "{key}");
    }
    wanted["custEmail"] = json!("");
    wanted["expiryDate"] = json!("");
    assert_eq!(stage.create_v2(&wanted).await.1["status"], 0);
}

#[tokio::test]
async fn both_apis_share_a_merchants_references() {
    let stage = Stage::new().await;
    assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    assert_eq!(stage.create_v2(&order("order-1")).await.1["data"][0]["code"], 1103);
}
