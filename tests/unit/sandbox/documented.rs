//! Shapes and rules that PayU documents.

use reqwest::StatusCode;
use serde_json::{Value, json};
use smartsend::sandbox::SandboxSettings;

use super::{MERCHANT, Stage, is_payu_date, order, order_with, read};

#[tokio::test]
async fn a_create_answers_in_the_documented_shape_and_notifies_the_payee() {
    let stage = Stage::new().await;
    let (status, body) = stage.create(&order("order-1")).await;
    let id = body["data"]["linkId"].as_str().unwrap().to_owned();
    let escaped = id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let link = format!("https://test.payumoney.com/smartPay?id={escaped}");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"status": 0, "msg": "Success", "code": null, "data": {"link": link, "linkId": id}})
    );
    assert_eq!(id.len(), 64);
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    assert!(id.chars().all(is_base64), "{id}");
    assert_eq!((stage.links("order-1"), stage.messages("order-1")), (1, 1));
    let message = &stage.sandbox.ledger().messages[0];
    assert_eq!((message.sms, message.emails), (1, 1), "both ways were given, so both are used");
}

#[tokio::test]
async fn an_amount_is_a_number_or_a_string_and_is_read_as_text() {
    let stage = Stage::new().await;
    let cases = [
        ("1", "1.00"),
        ("1.0", "1.00"),
        ("\"100.50\"", "100.50"),
        ("1e2", "100.00"),
        ("0.01", "0.01"),
        ("999999999999999999.99", "999999999999999999.99"),
    ];
    for (number, (json, amount)) in cases.into_iter().enumerate() {
        let reference = format!("order-{number}");
        let body = order(&reference).to_string().replace("1.0,", &format!("{json},"));
        let body = read(stage.create_request(&body).send().await.unwrap()).await.1;
        assert_eq!(body["status"], 0, "{json}: {body}");
        let links = stage.sandbox.ledger().links;
        assert_eq!(links.iter().find(|link| *link.reference == *reference).unwrap().amount, amount);
    }
}

#[tokio::test]
async fn an_invalid_create_fails_with_payus_code_and_makes_no_link() {
    let stage = Stage::new().await;
    let long = "a".repeat(41);
    let cases = [
        ("merchantRefId", json!(null), 1101),
        ("merchantRefId", json!("with blank"), 1101),
        ("merchantRefId", json!(long), 1102),
        ("amount", json!(null), 1104),
        ("amount", json!(0), 1104),
        ("amount", json!(-1), 1104),
        ("amount", json!("1.001"), 1104),
        ("amount", json!("ten"), 1104),
        ("amount", json!("1000000000000000000"), 1104),
        ("custMobile", json!("99999"), 1105),
        ("custMobile", json!("+919999999999"), 1105),
        ("custEmail", json!("nobody"), 1106),
        ("custEmail", json!("a@b@example.com"), 1106),
        ("description", json!(null), 1114),
        ("description", json!(" "), 1114),
    ];
    for (field, value, code) in cases {
        let (status, body) = stage.create(&order_with("order-1", field, value)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["status"], 1);
        assert_eq!((&body["msg"], &body["code"]), (&json!("Fail"), &json!(null)));
        assert_eq!(body["data"][0]["code"], code, "{field}");
        assert_eq!(stage.last()["code"], code);
    }
    assert!(stage.sandbox.ledger().links.is_empty());
    assert!(stage.sandbox.ledger().messages.is_empty());
}

#[tokio::test]
async fn a_create_without_mobile_and_email_fails_exactly_as_in_the_sample() {
    let stage = Stage::new().await;
    let mut body = order_with("order-1", "custMobile", json!(null));
    body["custEmail"] = json!("");
    let (status, answer) = stage.create(&body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        answer,
        json!({"status": 1, "msg": "Fail", "code": null,
            "data": [{"code": 1108, "message": "custMobile or custEmail is required"}]})
    );
}

#[tokio::test]
async fn a_create_gets_all_its_codes_at_once() {
    let stage = Stage::new().await;
    let answer = stage.create(&json!({"custMobile": "1"})).await.1;
    let codes: Vec<&Value> =
        answer["data"].as_array().unwrap().iter().map(|row| &row["code"]).collect();
    assert_eq!(codes, [1101, 1104, 1105, 1114]);
}

#[tokio::test]
async fn a_reference_is_taken_once_per_merchant() {
    let stage = Stage::new().await;
    assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    let (status, again) = stage.create(&order_with("order-1", "amount", json!("2.00"))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        again,
        json!({"status": 1, "msg": "Fail", "code": null,
            "data": [{"code": 1103, "message": "DUPLICATE_MERCHNAT_REF_ID"}]})
    );
    let other = stage.create_request(&order("order-1").to_string());
    let other = other.header("payoutMerchantId", "2222222").build().unwrap();
    let (mut parts, merchant) = (other, "2222222".parse().unwrap());
    parts.headers_mut().insert("payoutMerchantId", merchant);
    let (_, body) = read(stage.http.execute(parts).await.unwrap()).await;
    assert_eq!(body["status"], 0);
    assert_eq!(stage.sandbox.summary().links, 2);
    assert_eq!(stage.sandbox.summary().doubled.count, 0);
}

#[tokio::test]
async fn details_answer_in_the_documented_shape() {
    let stage = Stage::new().await;
    let link = stage.create(&order_with("order-1", "amount", json!("25"))).await.1["data"].clone();
    let (status, mut body) = stage.lookup("order-1").await;
    assert_eq!(status, StatusCode::OK);
    let data = body["data"].as_object_mut().unwrap();
    for name in ["addedOn", "expiryDate", "lastStatusUpdateDate"] {
        assert!(is_payu_date(&data.remove(name).unwrap()), "{name}");
    }
    let id = data.remove("linkId").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 36, "a UUID here, base64 in the answer of the create");
    assert_eq!(data["amount"].to_string(), "25.0");
    assert_eq!(
        body,
        json!({"status": 0, "msg": null, "code": null, "data": {
            "merchantRefId": "order-1", "payoutMerchantId": 1_111_111,
            "smartSendStatus": "PENDING", "succeedOn": null, "description": "smart pay test1",
            "amount": 25.0, "transferType": null, "bankTransactionRefNo": null,
            "payuTransactionRefNo": null, "txnStatus": null, "txnSubStatus": null,
            "custName": "test", "custEmail": "test@gmail.com", "custMobile": "9999999999",
            "msg": null, "link": link["link"], "txnSource": "SMART_SEND"}})
    );
}

#[tokio::test]
async fn details_that_are_not_found_have_every_key_with_null() {
    let stage = Stage::new().await;
    let (status, body) = stage.lookup("order-9").await;
    assert_eq!(status, StatusCode::OK);
    let msg = format!(
        "Smart Send Record not found with merchant reference id - order-9. for Payout Merchant \
         Id - {MERCHANT}. Kindly fetch details after some time."
    );
    assert_eq!(
        body,
        json!({"status": 1, "msg": msg, "code": null, "data": {
            "merchantRefId": "order-9", "payoutMerchantId": 1_111_111, "smartSendStatus": null,
            "addedOn": null, "expiryDate": null, "description": null, "linkId": null,
            "amount": null, "transferType": null, "bankTransactionRefNo": null,
            "payuTransactionRefNo": null, "txnStatus": null, "txnSubStatus": null,
            "lastStatusUpdateDate": null, "succeedOn": null, "custName": null,
            "custEmail": null, "custMobile": null, "msg": null, "link": null,
            "txnSource": null}})
    );
}

#[tokio::test]
async fn a_call_without_a_good_token_gets_springs_401_and_has_no_effect() {
    let mut stage = Stage::new().await;
    stage.token = "0".repeat(64);
    let path = "/payout/smartPay";
    for (path, (status, mut body)) in [
        (path, stage.create(&order("order-1")).await),
        ("/payout/merchant/smartSend/details", stage.lookup("order-1").await),
    ] {
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let timestamp = body.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(is_payu_date(&timestamp), "{timestamp}");
        let spring = json!({"status": 401, "error": "Unauthorized",
            "message": "Access is denied", "path": path});
        assert_eq!(body, spring);
    }
    assert!(stage.sandbox.ledger().links.is_empty());
}

#[tokio::test]
async fn what_spring_rejects_never_reaches_payus_rules() {
    let stage = Stage::new().await;
    let broken = read(stage.create_request("{").send().await.unwrap()).await;
    assert_eq!((broken.0, &broken.1["status"]), (StatusCode::BAD_REQUEST, &json!(400)));
    let url = stage.url("/payout/smartPay");
    let form = stage.http.post(&url).bearer_auth(&stage.token).form(&[("amount", "1")]);
    let form = read(form.send().await.unwrap()).await.0;
    assert_eq!(form, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let nobody = stage.http.post(&url).bearer_auth(&stage.token);
    let nobody = nobody.header("content-type", "application/json");
    let nobody = read(nobody.body(order("a").to_string()).send().await.unwrap()).await;
    assert_eq!(nobody.0, StatusCode::BAD_REQUEST, "there is no payoutMerchantId");
    let get = stage.http.get(&url).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
    let lost = stage.http.post(stage.url("/payout/v2/smartPay")).send().await.unwrap();
    assert_eq!(lost.status(), StatusCode::NOT_FOUND);
    let summary = serde_json::to_value(stage.sandbox.summary()).unwrap();
    assert_eq!(
        summary["requests"],
        json!({"token": 1, "create": 3, "details": 0,
        "cancel": 0, "extend": 0, "status": 0, "account": 0, "vpas": 0, "bulk_upload": 0, "bulk_process": 0,
        "bulk_status": 0, "other": 2})
    );
}

#[tokio::test]
async fn a_merchant_that_payu_does_not_know_gets_1100() {
    let settings =
        SandboxSettings { merchants: vec!["2222222".to_owned()], ..SandboxSettings::default() };
    let stage = Stage::with(settings).await;
    let body = stage.create(&order("order-1")).await.1;
    assert_eq!(body["data"], json!([{"code": 1100, "message": "INVALID_MERCHANT"}]));
}
