//! Tokens: both grants, the refresh, and short lives.

use reqwest::StatusCode;
use serde_json::{Value, json};
use smartsend::sandbox::{OAuthClient, SandboxSettings};

use super::{CLIENT, Stage, credentials, order};

const PASSWORD: [(&str, &str); 4] = [
    ("grant_type", "password"),
    ("client_id", "public"),
    ("username", "9999999999"),
    ("password", "sandbox-password"),
];

fn keys(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn client_credentials_give_a_token_without_a_refresh_token() {
    let stage = Stage::new().await;
    let (status, body) = stage.ask_token(&credentials("client-2")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(keys(&body), ["access_token", "created_at", "expires_in", "scope", "token_type"]);
    assert_eq!(body["access_token"].as_str().unwrap().len(), 64);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], "create_payout_transactions");
    assert_eq!(body["expires_in"], 7199);
    let created_at = body["created_at"].as_u64().unwrap();
    assert!((1_000_000_000..100_000_000_000).contains(&created_at), "seconds, not milliseconds");
}

#[tokio::test]
async fn the_password_grant_adds_a_refresh_token_and_the_user() {
    let stage = Stage::new().await;
    let (status, first) = stage.ask_token(&PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    assert!(first["user_uuid"].as_str().unwrap().starts_with("11e8-5a8f-"));
    let refresh = first["refresh_token"].as_str().unwrap();
    let form =
        [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", refresh)];
    let (status, second) = stage.ask_token(&form).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(keys(&second), keys(&first));
    assert_eq!(second["access_token"], first["access_token"], "the sample repeats it");
    assert_eq!(second["refresh_token"], first["refresh_token"]);
}

#[tokio::test]
async fn a_refresh_token_that_rotates_is_good_once() {
    let stage = Stage::faulty(&json!({"refresh_rotates": true})).await;
    let first = stage.ask_token(&PASSWORD).await.1;
    let refresh = first["refresh_token"].as_str().unwrap();
    let form =
        [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", refresh)];
    let (status, second) = stage.ask_token(&form).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (status, body) = stage.ask_token(&form).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn wrong_credentials_have_different_errors() {
    let stage = Stage::new().await;
    let replace = |form: [(&'static str, &'static str); 4], field: &str, value: &'static str| {
        form.map(|(key, old)| if key == field { (key, value) } else { (key, old) })
    };
    let good = credentials(CLIENT);
    let cases = [
        (replace(good, "client_secret", "guess"), 401, "invalid_client"),
        (replace(good, "client_secret", ""), 400, "invalid_request"),
        (replace(good, "scope", ""), 400, "invalid_request"),
        (replace(good, "scope", "everything"), 400, "invalid_scope"),
        (replace(good, "grant_type", "magic"), 400, "unsupported_grant_type"),
        (replace(PASSWORD, "password", "guess"), 400, "invalid_grant"),
        (replace(good, "grant_type", "refresh_token"), 400, "invalid_request"),
    ];
    for (form, status, error) in cases {
        let (answered, body) = stage.ask_token(&form).await;
        assert_eq!((answered.as_u16(), &body["error"]), (status, &json!(error)), "{form:?}");
        assert!(!body["error_description"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_token_request_that_is_not_a_form_is_an_invalid_request() {
    let stage = Stage::new().await;
    let request = stage.http.post(stage.url("/oauth/token"));
    let request = request.header("content-type", "application/json").body("{}");
    let (status, body) = super::read(request.send().await.unwrap()).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
}

#[tokio::test]
async fn a_live_token_is_issued_again_unless_reuse_is_off() {
    let stage = Stage::faulty(&json!({"token_life_s": 3600})).await;
    let first = stage.ask_token(&credentials("client-2")).await.1;
    let again = stage.ask_token(&credentials("client-2")).await.1;
    assert_eq!(again["access_token"], first["access_token"]);
    assert_eq!(again["created_at"], first["created_at"]);
    let left = again["expires_in"].as_u64().unwrap();
    assert!(left < 3600, "only what remains of its life: {left}");
    stage.set_faults(&json!({"token_reuse": false}));
    let other = stage.ask_token(&credentials("client-2")).await.1;
    assert_ne!(other["access_token"], first["access_token"]);
}

#[tokio::test]
async fn a_token_ends_with_its_life() {
    let mut stage = Stage::faulty(&json!({"token_life_s": 0, "token_reuse": false})).await;
    stage.renew().await;
    assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_clients_token_is_good_for_its_own_merchant_only() {
    let client = |id: &str, merchant: &str| OAuthClient {
        id: id.to_owned(),
        secret: "sandbox-secret".to_owned(),
        merchant: Some(merchant.to_owned()),
    };
    let clients = vec![client(CLIENT, super::MERCHANT), client("client-2", "2222222")];
    let mut stage = Stage::with(SandboxSettings { clients, ..SandboxSettings::default() }).await;
    assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::OK);
    assert_eq!(stage.last()["client"], CLIENT);
    let other = stage.ask_token(&credentials("client-2")).await.1;
    other["access_token"].as_str().unwrap().clone_into(&mut stage.token);
    assert_eq!(stage.create(&order("order-2")).await.0, StatusCode::UNAUTHORIZED);
    let stranger = stage.ask_token(&credentials("client-3")).await;
    assert_eq!(stranger.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn token_faults_are_separate() {
    let stage = Stage::faulty(&json!({"token_error": 1.0, "error_status": 503})).await;
    let request = stage.http.post(stage.url("/oauth/token")).form(&credentials(CLIENT));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::OK);
    stage.set_faults(&json!({"token_garbage": 1.0}));
    let request = stage.http.post(stage.url("/oauth/token")).form(&credentials(CLIENT));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_new_token_ends_the_others_only_if_a_setting_says_so() {
    for (ends_others, status) in [(false, StatusCode::OK), (true, StatusCode::UNAUTHORIZED)] {
        let faults = json!({"token_reuse": false, "token_ends_others": ends_others});
        let stage = Stage::faulty(&faults).await;
        stage.ask_token(&credentials("client-2")).await;
        assert_eq!(stage.create(&order("order-1")).await.0, StatusCode::OK, "another client's");
        stage.ask_token(&credentials(CLIENT)).await;
        assert_eq!(stage.create(&order("order-2")).await.0, status);
    }
}
