//! What is posted for a token, and what each answer means.

use std::io::Write;
use std::time::Duration;

use smartsend::config::{Grant, Secret};
use smartsend::domain::call::{NotSent, RetryAfter};
use smartsend::payu::PayuAccount;
use smartsend::ports::{Provider, TokenError};

use crate::support::account::{merchant, metrics};
use crate::support::clock::ManualClock;
use crate::support::raw_server::{RawServer, Step, answer};

use super::{Endpoint, UNAVAILABLE, bearer, granted, granted_with_refresh, with_password};

#[tokio::test]
async fn client_credentials_are_posted_as_the_page_says() {
    let endpoint = Endpoint::answering(|number, _| granted(number, 7199));
    endpoint.new_token().await.unwrap();
    let head = endpoint.server.log().seen[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /oauth/token http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");
    let form = endpoint.form(0);
    let expected = [
        ("client_id", "client"),
        ("client_secret", "s3cr=t & more"),
        ("grant_type", "client_credentials"),
        ("scope", "create_payout_transactions"),
    ];
    assert!(form.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected), "{form:?}");
}

#[tokio::test]
async fn the_password_grant_is_refreshed_and_falls_back_to_the_password() {
    let server = RawServer::answering(|number, _| match number {
        2 => answer("400 Bad Request", "", r#"{"error":"invalid_grant"}"#),
        _ => granted_with_refresh(number),
    });
    let endpoint = Endpoint::new(server, with_password);
    for expected in ["token0", "token1", "token3", "token4"] {
        assert_eq!(bearer(&endpoint.new_token().await.unwrap()), expected);
        endpoint.clock.advance(Duration::from_secs(7150));
    }
    let grants: Vec<_> = (0..5).map(|number| endpoint.form(number)["grant_type"].clone()).collect();
    assert_eq!(grants, ["password", "refresh_token", "refresh_token", "password", "refresh_token"]);

    let password = endpoint.form(0);
    let expected = [
        ("client_id", "public"),
        ("grant_type", "password"),
        ("password", "p&ss=word"),
        ("scope", "create_payout_transactions"),
        ("username", "9999999999"),
    ];
    assert!(password.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected), "{password:?}");
    let refresh = endpoint.form(2);
    let expected =
        [("client_id", "public"), ("grant_type", "refresh_token"), ("refresh_token", "refresh1")];
    assert!(refresh.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected), "{refresh:?}");
}

#[tokio::test]
async fn a_refresh_that_is_not_answered_is_not_a_reason_to_send_the_password() {
    let server = RawServer::answering(|number, _| match number {
        0 => granted_with_refresh(0),
        1 => answer("502 Bad Gateway", "", "<html>"),
        2 => answer("429 Too Many Requests", "retry-after: 7\r\n", ""),
        _ => granted(number, 7199),
    });
    let endpoint = Endpoint::new(server, with_password);
    endpoint.new_token().await.unwrap();
    endpoint.clock.advance(Duration::from_hours(3));
    assert_eq!(endpoint.new_token().await.unwrap_err(), UNAVAILABLE);
    let seven = Some(RetryAfter::In(Duration::from_secs(7)));
    assert_eq!(endpoint.new_token().await.unwrap_err(), TokenError::Throttled(seven));
    assert_eq!(bearer(&endpoint.new_token().await.unwrap()), "token3");
    assert!((1..4).all(|number| endpoint.form(number)["refresh_token"] == "refresh0"));
}

#[tokio::test]
async fn a_refresh_token_that_was_refused_is_not_shown_again() {
    let server = RawServer::answering(|number, _| match number {
        1 => answer("401 Unauthorized", "", ""),
        2 => answer("503 Service Unavailable", "", ""),
        _ => granted_with_refresh(number),
    });
    let endpoint = Endpoint::new(server, with_password);
    endpoint.new_token().await.unwrap();
    endpoint.clock.advance(Duration::from_hours(3));
    assert_eq!(endpoint.new_token().await.unwrap_err(), UNAVAILABLE);
    endpoint.new_token().await.unwrap();
    let grants: Vec<_> = (0..4).map(|number| endpoint.form(number)["grant_type"].clone()).collect();
    assert_eq!(grants, ["password", "refresh_token", "password", "password"]);
}

#[tokio::test]
async fn a_refresh_token_stays_until_another_one_comes() {
    let server = RawServer::answering(|number, _| match number {
        0 => granted_with_refresh(0),
        _ => granted(number, 7199),
    });
    let endpoint = Endpoint::new(server, with_password);
    for _ in 0..3 {
        endpoint.new_token().await.unwrap();
        endpoint.clock.advance(Duration::from_hours(2));
    }
    assert_eq!(endpoint.form(2)["refresh_token"], "refresh0");
}

#[tokio::test]
async fn each_answer_of_the_endpoint_has_its_meaning() {
    let minute = Some(RetryAfter::In(Duration::from_mins(1)));
    let token = r#"{"access_token":"a","expires_in":100}"#;
    for (status, headers, body, expected) in [
        ("400 Bad Request", "", "", TokenError::Refused),
        ("401 Unauthorized", "", r#"{"error":"invalid_client"}"#, TokenError::Refused),
        ("403 Forbidden", "", "<html>", TokenError::Refused),
        ("200 OK", "", r#"{"error":"invalid_grant"}"#, TokenError::Refused),
        ("429 Too Many Requests", "retry-after: 60\r\n", "", TokenError::Throttled(minute)),
        ("429 Too Many Requests", "", token, TokenError::Throttled(None)),
        ("500 Internal Server Error", "", token, UNAVAILABLE),
        ("503 Service Unavailable", "retry-after: 60\r\n", "", UNAVAILABLE),
        ("404 Not Found", "", "", UNAVAILABLE),
        ("302 Found", "location: /elsewhere\r\n", "", UNAVAILABLE),
        ("200 OK", "", "", UNAVAILABLE),
        ("200 OK", "", "<html>", UNAVAILABLE),
        ("200 OK", "", r#"{"access_token":"a\nb"}"#, UNAVAILABLE),
    ] {
        let endpoint = Endpoint::answering(move |_, _| answer(status, headers, body));
        assert_eq!(endpoint.new_token().await.unwrap_err(), expected, "{status} {body}");
        assert_eq!(endpoint.requests(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_unavailable() {
    let endpoint = Endpoint::new(RawServer::doing(vec![Step::ReadRequest, Step::Reset]), |_| {});
    assert_eq!(endpoint.new_token().await.unwrap_err(), UNAVAILABLE);
    assert_eq!(endpoint.requests(), 1);

    let dead = RawServer::doing(vec![]).url("/oauth/token");
    let account =
        PayuAccount::new(&merchant("http://127.0.0.1:1", &dead), ManualClock::new(), metrics())
            .unwrap();
    assert_eq!(account.new_token(|| async {}).await.unwrap_err(), UNAVAILABLE);
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_again_for_each_token() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"first \r\n").unwrap();
    let path = file.path().to_owned();
    let endpoint =
        Endpoint::new(RawServer::answering(|number, _| granted(number, 100)), move |merchant| {
            merchant.grant = Grant::ClientCredentials {
                client_id: "client".to_owned(),
                client_secret: Secret::File(path),
            };
        });
    endpoint.new_token().await.unwrap();
    std::fs::write(file.path(), "second").unwrap();
    endpoint.clock.advance(Duration::from_secs(100));
    endpoint.new_token().await.unwrap();
    assert_eq!(endpoint.form(0)["client_secret"], "first ", "only the end of the line is cut");
    assert_eq!(endpoint.form(1)["client_secret"], "second");

    endpoint.clock.advance(Duration::from_secs(100));
    std::fs::write(file.path(), "\n").unwrap();
    let no_secret = TokenError::Unavailable(NotSent::NoSecret);
    assert_eq!(endpoint.new_token().await.unwrap_err(), no_secret, "it is empty");
    drop(file);
    assert_eq!(endpoint.new_token().await.unwrap_err(), no_secret, "it is gone");
    assert_eq!(endpoint.requests(), 2);
}
