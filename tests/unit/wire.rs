//! Every shape that PayU documents is read as it is, and nothing else is read as one of them.

mod envelope;

use std::time::Duration;

use proptest::prelude::*;
use smartsend::domain::account::Api;
use smartsend::domain::amount::Amount;
use smartsend::domain::call::RetryAfter;
use smartsend::domain::customer::{Contact, Email, Mobile, Private};
use smartsend::payu::retry_after;
use smartsend::payu::wire::{Granted, TokenAnswer, create_body, envelope, token_answer};

use crate::support::account::intent;

#[test]
fn a_create_is_written_as_the_page_says() {
    let body = |intent| String::from_utf8(create_body(&intent, Api::V1).unwrap()).unwrap();
    assert_eq!(
        body(intent("order-1")),
        r#"{"merchantRefId":"order-1","amount":100.50,"description":"Refund for order 8841","custName":"Asha Rao","custMobile":"9999999999","custEmail":"Asha@example.com"}"#
    );

    let mut bare = intent("order-2");
    bare.name = None;
    bare.contact = Contact::Mobile(Mobile::parse("9999999999").unwrap());
    bare.amount = Amount::parse("123456789012345678.01").unwrap();
    bare.description = Private::new("say \"hi\"\\");
    assert_eq!(
        body(bare.clone()),
        r#"{"merchantRefId":"order-2","amount":123456789012345678.01,"description":"say \"hi\"\\","custMobile":"9999999999"}"#
    );

    bare.contact = Contact::Email(Email::parse("a@example.com").unwrap());
    bare.amount = Amount::parse("1").unwrap();
    bare.description = Private::new("x");
    assert_eq!(
        body(bare),
        r#"{"merchantRefId":"order-2","amount":1.00,"description":"x","custEmail":"a@example.com"}"#
    );
}

#[test]
fn a_token_is_read_with_the_life_that_it_has_left() {
    for (life, seconds) in [
        (r#""expires_in":6351"#, 6351),
        (r#""expires_in":"7199""#, 7199),
        (r#""expires_in":12.9"#, 12),
        (r#""expire_in":30"#, 30),
        (r#""expires_in":0"#, 0),
        (r#""expires_in":-1"#, 0),
        (r#""expires_in":null"#, 0),
        (r#""expires_in":"soon""#, 0),
        (r#""scope":"x""#, 0),
        (r#""expires_in":18446744073709551615"#, u64::MAX),
    ] {
        let body = format!(
            r#"{{"access_token":"c0ffee","token_type":"Bearer",{life},"created_at":1585215909000}}"#
        );
        let granted = Granted {
            bearer: Private::new("c0ffee"),
            life: Duration::from_secs(seconds),
            refresh: None,
        };
        assert_eq!(token_answer(body.as_bytes()), TokenAnswer::Granted(granted), "{body}");
    }
    let with_refresh =
        br#"{"access_token":"a","expires_in":1,"refresh_token":"r","user_uuid":"11e8-5a8f"}"#;
    let TokenAnswer::Granted(granted) = token_answer(with_refresh) else {
        panic!("not granted");
    };
    assert_eq!(granted.refresh, Some(Private::new("r")));
}

#[test]
fn what_is_not_a_token_is_not_taken_for_one() {
    for error in ["invalid_client", "invalid_grant", "invalid_scope", "unsupported_grant_type"] {
        let body = format!(r#"{{"error":"{error}","error_description":"x","access_token":"a"}}"#);
        assert_eq!(token_answer(body.as_bytes()), TokenAnswer::Refused, "{body}");
    }
    for body in [
        "",
        "<html>",
        r#"["c0ffee","Bearer",100,null,null,null]"#, // serde would read a struct by position
        r#"{"access_token":""}"#,
        r#"{"access_token":null,"expires_in":100}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nx: y"}"#,
        r#"{"error":"Internal Server Error","status":500}"#,
        r#"{"error":"temporarily_unavailable","access_token":"a"}"#,
    ] {
        assert_eq!(token_answer(body.as_bytes()), TokenAnswer::Unreadable, "{body}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_and_nothing_else() {
    let year = RetryAfter::In(Duration::from_hours(366 * 24));
    let date = RetryAfter::At("1994-11-06T08:49:37Z".parse().unwrap());
    for (value, expected) in [
        ("0", Some(RetryAfter::In(Duration::ZERO))),
        ("1", Some(RetryAfter::In(Duration::from_secs(1)))),
        (" 120 ", Some(RetryAfter::In(Duration::from_mins(2)))),
        ("1000000000000", Some(year)),
        ("99999999999999999999999999", Some(year)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(date)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(date)),
        ("Sun Nov  6 08:49:37 1994", Some(date)),
        ("", None),
        ("abc", None),
        ("-1", None),
        ("+1", None),
        // Earlier than asked for is too early.
        ("1.5", Some(RetryAfter::In(Duration::from_secs(2)))),
        ("0.001", Some(RetryAfter::In(Duration::from_secs(1)))),
        ("3.", Some(RetryAfter::In(Duration::from_secs(3)))),
        ("2.0", Some(RetryAfter::In(Duration::from_secs(2)))),
        (".5", None),
        ("1.5s", None),
        ("1.2.3", None),
        ("1, 2", None),
        ("1994-11-06T08:49:37Z", None),
    ] {
        assert_eq!(retry_after::parse(value), expected, "{value}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (envelope(&body), token_answer(&body));
        let _ = retry_after::parse(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn every_description_and_amount_comes_back_as_it_was(
        description in "\\PC{1,50}", whole in 1u64.., decimals in 0u8..100,
    ) {
        let whole = whole % 1_000_000_000_000_000_000;
        let text = format!("{}.{decimals:02}", whole.max(1));
        let mut sent = intent("order-1");
        sent.amount = Amount::parse(&text).unwrap();
        sent.description = Private::new(description.clone());
        for (api, amount) in [(Api::V1, text.clone()), (Api::V2, format!("\"{text}\""))] {
            let body = String::from_utf8(create_body(&sent, api).unwrap()).unwrap();
            let written = format!("\"amount\":{amount},");
            prop_assert!(body.contains(&written));
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(value["description"].as_str(), Some(description.as_str()));
        }
    }
}
