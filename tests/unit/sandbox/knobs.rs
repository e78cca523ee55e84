//! What the documentation leaves open, and how faults are chosen and changed.

use reqwest::StatusCode;
use serde_json::json;
use smartsend::sandbox::RequestKind;

use super::{Stage, order, order_with, read};

#[tokio::test]
async fn a_failure_has_its_code_where_the_setting_says() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    stage.set_faults(&json!({"failure_shape": "top_level", "duplicate_code": 1125,
        "failure_http_status": 409}));
    let (status, body) = stage.create(&order("order-1")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        body,
        json!({"status": 1, "msg": "DUPLICATE_SMARTSEND_LINK", "code": 1125, "data": null})
    );
    stage.set_faults(&json!({"failure_shape": "code_array", "duplicate_code": 1115}));
    let body = stage.create(&order("order-1")).await.1;
    let row = json!({"batchId": null, "merchantRefId": "order-1", "error": "DUPLICATE_REQUEST",
        "code": [1115]});
    assert_eq!(body, json!({"status": 1, "msg": null, "code": null, "data": [row]}));
    assert_eq!(stage.last()["code"], 1115);
    for (shape, status, code) in
        [("text_code", json!(1), json!("1103")), ("text_status", json!("1"), json!(1103))]
    {
        stage.set_faults(&json!({"failure_shape": shape}));
        let body = stage.create(&order("order-1")).await.1;
        let msg = "DUPLICATE_MERCHNAT_REF_ID";
        assert_eq!(body, json!({"status": status, "msg": msg, "code": code, "data": null}));
        assert_eq!(stage.last()["code"], 1103);
    }
}

#[tokio::test]
async fn a_naive_sandbox_makes_a_link_for_every_create() {
    let stage = Stage::faulty(&json!({"naive": true})).await;
    for _ in 0..3 {
        assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    }
    assert_eq!((stage.links("order-1"), stage.messages("order-1")), (3, 3));
    let doubled = serde_json::to_value(stage.sandbox.summary().doubled).unwrap();
    let first = json!({"merchant": "1111111", "reference": "order-1", "links": 3});
    assert_eq!(doubled, json!({"count": 1, "first": [first]}));
}

#[tokio::test]
async fn a_repeated_create_may_get_the_first_link_again() {
    let stage = Stage::faulty(&json!({"duplicate_returns_link": true})).await;
    let first = stage.create(&order("order-1")).await.1;
    let again = stage.create(&order_with("order-1", "amount", json!("2.00"))).await.1;
    assert_eq!(again, first);
    assert_eq!((stage.links("order-1"), stage.messages("order-1")), (1, 1));
}

#[tokio::test]
async fn an_address_that_is_not_allowed_gets_what_the_setting_says() {
    let stage = Stage::new().await;
    for (form, status, body) in [
        ("html", 403, "<html>"),
        ("spring", 403, "\"error\":\"Forbidden\""),
        ("unauthorized", 401, "\"error\":\"Unauthorized\""),
        ("envelope", 200, "\"status\":1"),
    ] {
        stage.set_faults(&json!({"account": {"blocked": form}, "lost_after": 1.0}));
        let token = stage.http.post(stage.url("/oauth/token"));
        for request in [token, stage.cancel_request("a"), stage.lookup_request("a")] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{form}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(body), "{text}");
        }
        assert_eq!(stage.try_create("order-1").await.unwrap().status(), status);
        assert_eq!(stage.last()["fault"], "blocked");
    }
    stage.set_faults(&json!({"account": {"blocked": "spring"}, "magic_amounts": true}));
    let magic = order_with("order-1", "amount", json!("1.03"));
    assert_eq!(stage.create(&magic).await.0, StatusCode::FORBIDDEN);
    stage.set_faults(&json!({"account": {"blocked": "reset"}}));
    assert!(stage.try_create("order-1").await.is_err());
    assert_eq!(stage.links("order-1"), 0);
}

#[tokio::test]
async fn details_see_a_link_only_after_the_lag_and_never_when_blind() {
    let stage = Stage::faulty(&json!({"details_lag_ms": 3_600_000})).await;
    stage.create(&order("order-1")).await;
    let young = stage.lookup("order-1").await.1;
    assert_eq!((&young["status"], &young["data"]["smartSendStatus"]), (&json!(1), &json!(null)));
    stage.set_faults(&json!({"details_blind": true, "details_not_found_status": 404}));
    assert_eq!(stage.lookup("order-1").await.0, StatusCode::NOT_FOUND);
    stage.set_faults(&json!({}));
    assert_eq!(stage.lookup("order-1").await.1["data"]["smartSendStatus"], "PENDING");
}

#[tokio::test]
async fn details_say_as_much_as_the_settings_allow() {
    let stage = Stage::new().await;
    let mut big = order("order-1");
    big["amount"] = json!("12345678.50");
    let id = stage.create(&big).await.1["data"]["linkId"].clone();
    stage.set_faults(&json!({"details_link": false, "details_link_id": "base64",
        "details_customer": "masked", "details_amount": "string",
        "details_status": "APPROVAL_PENDING"}));
    let data = stage.lookup("order-1").await.1["data"].clone();
    assert_eq!((&data["link"], &data["linkId"]), (&json!(null), &id));
    assert_eq!(data["amount"], "12345678.50");
    assert_eq!((&data["custMobile"], &data["custName"]), (&json!("XXXXXX9999"), &json!("t***")));
    assert_eq!(data["custEmail"], "t***@gmail.com");
    assert_eq!(data["smartSendStatus"], "APPROVAL_PENDING");
    stage.set_faults(&json!({"details_customer": "null", "details_amount": "double",
        "statuses": {"order-1": "SUCCESS"}}));
    let answer = stage.lookup_request("order-1").send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"amount\":1.23456785E7"), "{answer}");
    assert!(answer.contains("\"custMobile\":null"), "{answer}");
    assert!(answer.contains("\"txnStatus\":\"SUCCESS\""), "{answer}");
}

#[tokio::test]
async fn a_rate_limit_answers_429_to_what_is_too_much_in_a_second() {
    let stage = Stage::faulty(&json!({"rate_limit_per_second": 1})).await;
    let calls = (0..40).map(|number| {
        let stage = &stage;
        async move { stage.try_create(&format!("order-{number}")).await.unwrap().status() }
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert!(statuses.contains(&StatusCode::OK));
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
    let requests = stage.sandbox.ledger().requests;
    let passed: Vec<u64> = requests
        .iter()
        .filter(|r| r.merchant.is_some() && r.status == Some(200))
        .map(|r| r.at_us)
        .collect();
    assert!(passed.windows(2).all(|pair| pair[1] - pair[0] >= 1_000_000), "{passed:?}");
    assert_eq!(stage.sandbox.summary().links, passed.len());
}

#[tokio::test]
async fn one_reference_is_always_answered_with_an_error_of_its_own() {
    let stage = Stage::faulty(&json!({"error_statuses": {"order-1": 403}})).await;
    for _ in 0..3 {
        let answer = stage.try_create("order-1").await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(stage.last()["status"], 403);
        assert_eq!(stage.create(&order("order-2")).await.0, StatusCode::OK);
    }
    assert_eq!((stage.links("order-1"), stage.links("order-2")), (0, 1));
    assert_eq!(stage.lookup("order-1").await.1["data"]["smartSendStatus"], json!(null));
}

#[tokio::test]
async fn the_seed_and_the_number_of_a_request_decide_its_fault() {
    let mut runs = Vec::new();
    for (seed, lookups) in [(7, 0), (7, 3), (8, 0)] {
        let faults = json!({"seed": seed, "error_before": 0.25, "garbage": 0.25});
        let stage = Stage::faulty(&faults).await;
        for number in 0..60 {
            for _ in 0..lookups {
                stage.lookup("order-0").await; // other traffic does not shift the faults
            }
            stage.try_create(&format!("order-{number}")).await.unwrap();
        }
        let requests = stage.sandbox.ledger().requests;
        let creates = requests.into_iter().filter(|request| request.reference.is_some());
        let creates = creates.filter(|r| r.kind == RequestKind::Create);
        runs.push(creates.map(|request| request.fault).collect::<Vec<_>>());
    }
    assert_eq!(runs[0].len(), 60);
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    let quiet = runs[0].iter().filter(|fault| fault.is_none()).count();
    assert!((15..=45).contains(&quiet), "{quiet} of 60, where 30 are expected");
}

#[tokio::test]
async fn faults_are_read_and_replaced_over_http_and_an_invalid_document_changes_nothing() {
    let stage = Stage::new().await;
    let put = |body: &'static str| {
        let request = stage.http.put(stage.url("/sandbox/faults")).body(body);
        async { read(request.send().await.unwrap()).await }
    };
    let (status, body) = put(r#"{"lost_after":0.5,"throttle":{"retry_after":"9"}}"#).await;
    assert_eq!((status, &body["lost_after"]), (StatusCode::OK, &json!(0.5)));
    for (wrong, word) in [
        (r#"{"lost_behind":0.5}"#, "lost_behind"),
        (r#"{"lost_after":1.5}"#, "from 0 to 1"),
        (r#"{"lost_after":0.6,"garbage":0.6}"#, "add up"),
        (r#"{"error_status":200}"#, "error_status"),
        (r#"{"cancel_faults":{"lost_after":0.6,"garbage":0.6}}"#, "cancels must add up"),
        (r#"{"extend_faults":{"lost_after":1.5}}"#, "of extensions is 1.5"),
        (r#"{"cancel":{"lag":1}}"#, "lag"),
        (r#"{"life":{"speed":0}}"#, "life.speed"),
        (r#"{"account":{"balance":"much"}}"#, "account.balance"),
        (r#"{"error_statuses":{"order-1":200}}"#, "error_statuses"),
        (r#"{"failure_http_status":99}"#, "failure_http_status"),
        (r#"{"link_host":"payu"}"#, "link_host"),
        (r#"{"throttle":{"retry_after":"a\nb"}}"#, "retry_after"),
        ("lost", "line 1"),
    ] {
        let (status, body) = put(wrong).await;
        let error = body["error"].as_str().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(error.starts_with("cannot use these faults: ") && error.contains(word), "{error}");
    }
    let got = stage.http.get(stage.url("/sandbox/faults")).send().await.unwrap();
    assert_eq!(read(got).await.1["lost_after"], 0.5);
    let ten = put(r#"{"lost_before":0.1,"lost_after":0.1,"reset_before":0.1,"reset_after":0.1,
        "stall_before":0.1,"stall_after":0.1,"error_before":0.1,"error_after":0.1,
        "garbage":0.1,"cut_short":0.1}"#);
    assert_eq!(ten.await.0, StatusCode::OK);
}
