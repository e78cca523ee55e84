//! Every shape that PayU documents is read as it is, and nothing else is read as one of them.

use std::time::Duration;

use proptest::prelude::*;
use smartsend::payout::amount::Amount;
use smartsend::payout::customer::{Contact, Email, Mobile, Private};
use smartsend::payout::sighting::{Data, Envelope, RetryAfter};
use smartsend::payu::retry_after;
use smartsend::payu::wire::{Granted, TokenAnswer, create_body, envelope, token_answer};

use crate::support::account::intent;

fn read(body: &str) -> Envelope {
    envelope(body.as_bytes()).unwrap_or_else(|| panic!("no envelope: {body}"))
}

fn texts(envelope: &Envelope) -> Vec<&str> {
    envelope.texts.iter().map(Private::expose).collect()
}

#[test]
fn a_created_link_is_read() {
    let read = read(
        r#"{"status":0,"msg":"Success","code":null,
            "data":{"link":"https://test.payumoney.com/smartPay?id=a%2Bb","linkId":"a+b/c=="}}"#,
    );
    assert_eq!(
        (read.status, read.codes.as_slice(), texts(&read)),
        (0, &[][..], vec!["Success"])
    );
    let data = Data {
        link: Some(Private::new("https://test.payumoney.com/smartPay?id=a%2Bb")),
        link_id: Some(Private::new("a+b/c==")),
        ..Data::default()
    };
    assert_eq!(read.data, data);
}

#[test]
fn found_details_are_read_with_numbers_as_they_were_written() {
    let read = read(
        r#"{"status":0,"msg":null,"code":null,"data":{"merchantRefId":"order-1","payoutMerchantId":1111312,
            "smartSendStatus":"PENDING","addedOn":"2023-12-19T06:10:37.000+0000",
            "expiryDate":"2023-12-25T06:10:37.250+0000","description":"Refund","linkId":
            "0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001","amount":25.0,"transferType":null,"txnStatus":null,
            "custName":"Asha","custEmail":"a@example.com","custMobile":9999999999,"msg":"Success",
            "link":"https://test.payumoney.com/url/AbCdEf012345","txnSource":"SMART_SEND","extra":{"a":[1]}}}"#,
    );
    assert_eq!(read.status, 0);
    assert_eq!(
        read.data,
        Data {
            reference: Some("order-1".to_owned()),
            link: Some(Private::new("https://test.payumoney.com/url/AbCdEf012345")),
            link_id: Some(Private::new("0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001")),
            expiry: Some("2023-12-25T06:10:37.250Z".parse().unwrap()),
            link_status: Some("PENDING".to_owned()),
            amount: Some("25.0".to_owned()),
            mobile: Some(Private::new("9999999999")),
            email: Some(Private::new("a@example.com")),
        }
    );
}

#[test]
fn details_of_an_unknown_reference_are_nothing_but_the_reference() {
    let read = read(
        r#"{"status":1,"msg":"Smart Send Record not found with merchant reference id - X. Kindly fetch details after some time.",
            "code":null,"data":{"merchantRefId":"X","payoutMerchantId":1,"smartSendStatus":null,"amount":null,
            "link":null,"custEmail":"","expiryDate":null,"msg":null}}"#,
    );
    assert_eq!((read.status, read.codes.len()), (1, 0));
    assert_eq!(
        read.data,
        Data {
            reference: Some("X".to_owned()),
            ..Data::default()
        }
    );
}

#[test]
fn codes_and_texts_are_found_wherever_the_pages_put_them() {
    for (body, codes, words) in [
        (
            r#"{"status":1,"msg":"Fail","code":null,"data":[{"code":1108,"message":"custMobile or custEmail is required"},{"code":"1105","message":""}]}"#,
            vec![1108, 1105],
            vec!["Fail", "custMobile or custEmail is required"],
        ),
        (
            r#"{"status":1,"msg":"SmartPay Link not found","code":1112,"data":null}"#,
            vec![1112],
            vec!["SmartPay Link not found"],
        ),
        (
            r#"{"status":1,"msg":null,"code":null,"data":[{"batchId":"1","merchantRefId":"x","error":"bad","code":[1004, "1005", null]}]}"#,
            vec![1004, 1005],
            vec!["bad"],
        ),
        (
            r#"{"status":"1","msg":"no","code":"1103"}"#,
            vec![1103],
            vec!["no"],
        ),
        (r#"{"status":1,"code":[1115]}"#, vec![1115], vec![]),
        (
            r#"{"status":1,"code":"","error":"Duplicate"}"#,
            vec![],
            vec!["Duplicate"],
        ),
        (
            r#"{"status":1,"code":{"a":1},"msg":7,"data":"x"}"#,
            vec![],
            vec!["7"],
        ),
        (
            r#"{"status":1,"data":{"code":1125,"msg":"dup"}}"#,
            vec![1125],
            vec!["dup"],
        ),
        (
            r#"{"status":1,"data":[null, 5, "x", [1], {"code": 1101}]}"#,
            vec![1101],
            vec![],
        ),
    ] {
        let read = read(body);
        assert_eq!(
            (read.status, read.codes.clone(), texts(&read)),
            (1, codes, words),
            "{body}"
        );
        assert_eq!(read.data, Data::default(), "{body}");
    }
}

#[test]
fn what_is_not_one_whole_envelope_is_none() {
    for body in [
        "",
        " ",
        "null",
        "[]",
        r#""status""#,
        r#"[0,{"link":"https://x"}]"#, // serde would read a struct by position
        r#"{"msg":"Success","data":{"link":"https://x"}}"#,
        r#"{"status":null,"data":{}}"#,
        r#"{"status":true}"#,
        r#"{"status":2}"#,
        r#"{"status":0.0}"#,
        r#"{"status":-0}"#,
        r#"{"status":"00"}"#,
        r#"{"status":[0]}"#,
        r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":401,"error":"Unauthorized","message":"Access is denied","path":"/payout"}"#,
        r#"{"status":0,"msg":"Success",}"#, // as PayU's samples print it
        r#"{"status":0} trailing"#,
        r#"{"status":0}{"status":1}"#,
        r#"{"status":0,"status":1}"#,
        r#"{"status":0,"data":{"link":"https://a","link":"https://b"}}"#,
        r#"{"status":0,"data":{"link":"https:/"#,
        "<html><body>502 Bad Gateway</body></html>",
        "\u{feff}{\"status\":0}",
    ] {
        assert_eq!(envelope(body.as_bytes()), None, "{body}");
    }
    assert_eq!(envelope(b"{\"status\":0,\"msg\":\"\xff\"}"), None);
    assert_eq!(envelope("[".repeat(100_000).as_bytes()), None);
}

#[test]
fn a_field_of_another_type_is_absent() {
    let read = read(
        r#"{"status":0,"data":{"link":["https://x"],"linkId":true,"amount":{"v":1},"expiryDate":"soon",
            "custMobile":"\ud800","merchantRefId":12}}"#,
    );
    assert_eq!(
        read.data,
        Data {
            reference: Some("12".to_owned()),
            ..Data::default()
        }
    );
}

#[test]
fn an_amount_keeps_every_digit() {
    for text in ["123456789012345678.01", "1.0", "1e2", "-5"] {
        let bare = read(&format!(r#"{{"status":0,"data":{{"amount":{text}}}}}"#));
        let quoted = read(&format!(r#"{{"status":0,"data":{{"amount":"{text}"}}}}"#));
        assert_eq!(bare.data.amount.as_deref(), Some(text));
        assert_eq!(quoted.data.amount.as_deref(), Some(text));
    }
}

#[test]
fn dates_are_read_with_and_without_a_colon() {
    for date in [
        "2023-12-19T06:10:37.000+0000",
        "2023-12-19T11:40:37+0530",
        "2023-12-19T06:10:37Z",
    ] {
        let read = read(&format!(
            r#"{{"status":0,"data":{{"expiryDate":"{date}"}}}}"#
        ));
        assert_eq!(
            read.data.expiry,
            Some("2023-12-19T06:10:37Z".parse().unwrap()),
            "{date}"
        );
    }
}

#[test]
fn a_create_is_written_as_the_page_says() {
    let body = |intent| String::from_utf8(create_body(&intent).unwrap()).unwrap();
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
        assert_eq!(
            token_answer(body.as_bytes()),
            TokenAnswer::Granted(granted),
            "{body}"
        );
    }
    let with_refresh =
        br#"{"access_token":"a","expires_in":1,"refresh_token":"r","user_uuid":"11e8-5a8f"}"#;
    let TokenAnswer::Granted(granted) = token_answer(with_refresh) else {
        panic!("not granted");
    };
    assert_eq!(granted.refresh, Some(Private::new("r")));
}

#[test]
fn what_is_no_token_is_not_taken_for_one() {
    for error in [
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unsupported_grant_type",
    ] {
        let body = format!(r#"{{"error":"{error}","error_description":"x","access_token":"a"}}"#);
        assert_eq!(
            token_answer(body.as_bytes()),
            TokenAnswer::Refused,
            "{body}"
        );
    }
    for body in [
        "",
        "<html>",
        r#"["c0ffee","Bearer",100]"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":null,"expires_in":100}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nx: y"}"#,
        r#"{"error":"Internal Server Error","status":500}"#,
        r#"{"error":"temporarily_unavailable","access_token":"a"}"#,
    ] {
        assert_eq!(
            token_answer(body.as_bytes()),
            TokenAnswer::Unreadable,
            "{body}"
        );
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
        ("1.5", None),
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
        let body = String::from_utf8(create_body(&sent).unwrap()).unwrap();
        let as_number = format!("\"amount\":{text},");
        prop_assert!(body.contains(&as_number));
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(value["description"].as_str(), Some(description.as_str()));
    }
}
