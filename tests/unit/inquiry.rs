//! What is asked beside the worker: what is shown of a link, an account or a file, and what is hidden.

mod account;
mod bulk;
mod commands;
mod nothing_learnt;

use serde_json::{Value, json};

use smartsend::domain::account::Api;
use smartsend::domain::call::{Answer, CallResult, Data, Envelope, NoAnswer, NotSent};
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::classify::lookup::Lookup;
use smartsend::domain::customer::Private;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::reference::Reference;
use smartsend::inquiry::{Shown, StatusCall, masked_email, masked_number, masked_text};
use smartsend::payu::wire;

use crate::support::canary::{EMAIL, LINK, MOBILE};

fn shown(result: CallResult) -> Shown {
    let reference = Reference::parse("order-1").unwrap();
    let link_hosts = LinkHosts::Only(vec!["payumoney.com".to_owned()]);
    let rules = ClassifyRules { rejects: Vec::new(), link_hosts };
    let lookup = Lookup::classify(result, &reference, &rules);
    let status = Some("PENDING\u{1b}".to_owned());
    let status_call = StatusCall { api: Api::V2, result: None };
    Shown { reference, status, payment: None, lookup, status_call }
}

fn answered(status: u16, envelope: Option<Envelope>) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope })
}

fn found(link: &str) -> Shown {
    let data = Data {
        reference: Some("order-1".to_owned()),
        link: Some(Private::new(link)),
        link_id: Some(Private::new("0b6c1f7e")),
        expiry: Some("2026-12-08T00:00:00Z".parse().unwrap()),
        link_status: Some("PENDING".to_owned()),
        payment_status: None,
        amount: Some("100.5".to_owned()),
        mobile: Some(Private::new(MOBILE)),
        email: Some(Private::new(EMAIL)),
    };
    let envelope = Envelope { status: 0, codes: Vec::new(), texts: Vec::new(), data };
    shown(answered(200, Some(envelope)))
}

#[test]
fn a_table_hides_the_link_and_the_contacts_until_it_is_asked_for_them() {
    let hidden = found(LINK);
    assert_eq!(
        hidden.table(false).unwrap(),
        "reference  order-1\n\
         status     PENDING?\n\
         payment    -\n\
         v2 status  not asked\n\
         amount     100.50\n\
         link id    0b6c1f7e\n\
         expires    2026-12-08T00:00:00.000Z\n\
         mobile     ******9999\n\
         e-mail     a***@example.com\n\
         link       hidden; --reveal shows it\n"
    );
    assert_eq!(hidden.why_not(), None);
    let revealed = hidden.table(true).unwrap();
    for private in [MOBILE, EMAIL, LINK] {
        assert!(revealed.contains(private));
    }
    let foreign = found("https://evil.example/smartPay?id=1");
    for reveal in [false, true] {
        let table = foreign.table(reveal).unwrap();
        assert!(table.contains("on a host that is not in link_hosts"), "{table}");
        assert!(!table.contains("evil"), "{table}");
    }
}

#[test]
fn json_hides_the_same() {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let hidden = read(found(LINK).json(false).unwrap());
    let expected = json!({
        "merchantRefId": "order-1",
        "found": true,
        "status": "PENDING\u{1b}",
        "payment": null,
        "statusCall": "not asked",
        "amount": "100.50",
        "linkId": "0b6c1f7e",
        "expiryDate": "2026-12-08T00:00:00.000Z",
        "custMobile": "******9999",
        "custEmail": "a***@example.com",
        "link": null,
    });
    assert_eq!(hidden, expected);
    let revealed = read(found(LINK).json(true).unwrap());
    assert_eq!((&revealed["link"], &revealed["custMobile"]), (&json!(LINK), &json!(MOBILE)));

    let missing = Shown { lookup: Lookup::NotFound, ..found(LINK) };
    let missing = read(missing.json(true).unwrap());
    let expected = json!({ "merchantRefId": "order-1", "found": false, "statusCall": "not asked" });
    assert_eq!(missing, expected);
}

#[test]
fn what_shows_no_link_says_why_and_what_to_do() {
    for (result, words, unanswered) in [
        (CallResult::NotSent(NotSent::Dns), "check the network", true),
        (CallResult::NotSent(NotSent::NoToken), "no token came", true),
        (CallResult::NotSent(NotSent::NoSecret), "secret files", false),
        (CallResult::NoAnswer(NoAnswer::Timeout), "try again later", true),
        (answered(500, None), "smartsend explain http 500", false),
        (answered(200, None), "makes no sense", false),
        (answered(429, None), "fewer requests", false),
        (answered(401, None), "turned the account away", false),
        (CallResult::TokenRefused, "check client_id", false),
        (CallResult::TokenThrottled(None), "fewer requests", false),
    ] {
        let shown = shown(result);
        let why = shown.why_not().unwrap();
        assert!(why.contains(words), "{why}");
        assert_eq!(shown.is_unanswered(), unanswered, "{why}");
        assert_eq!((shown.table(true), shown.json(true)), (None, None));
    }
    let missing = Shown { lookup: Lookup::NotFound, ..found(LINK) };
    assert!(missing.why_not().unwrap().contains("no proof that there is none"));
    assert!(!missing.is_unanswered());
}

#[test]
fn a_mask_leaves_the_little_by_which_a_person_knows_their_own() {
    assert_eq!(masked_number("9999999999"), "******9999");
    assert_eq!(masked_number("99"), "99");
    assert_eq!(masked_email("asha@example.com"), "a***@example.com");
    assert_eq!(masked_email("a"), "***");
    assert_eq!(masked_email("@example.com"), "***");
    assert_eq!(masked_email(""), "***");
}

#[test]
fn a_sentence_of_payu_s_keeps_its_words_but_not_those_that_name_a_customer() {
    let sentence = format!("sent to {MOBILE}, {EMAIL} by {LINK} for order-8841.");
    let masked = masked_text(&sentence);
    assert_eq!(masked, "sent to *******999, a***@example.com by *** for order-8841.");
}

/// What the line of a status call shows of an answer.
fn line(status: u16, body: &str) -> String {
    let envelope = wire::envelope(body.as_bytes());
    let status_call = StatusCall { api: Api::V1, result: Some(answered(status, envelope)) };
    let table = Shown { status_call, ..found(LINK) }.table(false).unwrap();
    let line = table.lines().find_map(|line| line.strip_prefix("v1 status  ")).unwrap();
    line.to_owned()
}

#[test]
fn a_status_call_is_shown_in_payu_s_words_and_decides_nothing() {
    let pending = r#"{"status":0,"msg":"Account Detail Pending","code":null,"data":{"link":null,"linkId":"x/+=","merchantRefId":"order-1","custEmail":null,"custName":null,"custMoblie":null,"merchantName":null,"amount":"1.0","isOtpVerified":null,"linkExpiryDate":null,"detailFilled":false}}"#;
    let cancelled = r#"{"status":1,"msg":"SmartPay Link cancelled","code":1122,"data":null}"#;
    let unlisted = r#"{"status":0,"msg":"Gone fishing\u001b","code":"77","data":[]}"#;
    let spring = r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":404,"error":"Not Found","message":"No message available","path":"/payout/smartPay/status"}"#;
    for (status, body, expected) in [
        (200, pending, "Account Detail Pending"),
        (200, cancelled, "SmartPay Link cancelled (1122)"),
        (400, cancelled, "SmartPay Link cancelled (1122), HTTP 400"),
        (200, unlisted, "Gone fishing? (77)"),
        (200, r#"{"status":1}"#, "status 1"),
        (404, spring, "HTTP 404, and nothing that can be read"),
        (200, "<html>", "HTTP 200, and nothing that can be read"),
    ] {
        assert_eq!(line(status, body), expected);
    }

    // Nothing that it says changes what details has shown.
    for (result, words) in [
        (CallResult::NoAnswer(NoAnswer::Timeout), "no answer"),
        (CallResult::NotSent(NotSent::Connect), "not asked"),
        (answered(200, wire::envelope(cancelled.as_bytes())), "SmartPay Link cancelled (1122)"),
    ] {
        let status_call = StatusCall { api: Api::V1, result: Some(result) };
        let there = Shown { status_call: status_call.clone(), ..found(LINK) };
        assert_eq!((there.why_not(), there.is_unanswered()), (None, false));
        let missing = Shown { lookup: Lookup::NotFound, status_call, ..found(LINK) };
        assert!(!missing.is_unanswered());
        let why = missing.why_not().unwrap();
        assert!(why.contains("no proof that there is none"), "{why}");
        assert!(why.ends_with(&format!("v1 status says: {words}")), "{why}");
    }
}
