//! F12, F13, F15 to F17, F20 and F21: whole answers that say too little, or something else.

use std::time::Duration;

use smartsend::domain::call::RetryAfter;
use smartsend::domain::classify::UnknownReason;
use smartsend::domain::classify::comparison::{Comparison, Match};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};

use smartsend::domain::customer::ConfirmedContact;
use smartsend::domain::readback::Fields;

use super::{Line, account_at, create, created_by, lookup};
use crate::support::account::intent;
use crate::support::canary::{LINK, OTHER_MOBILE};
use crate::support::payu::{Act, DUPLICATE, Kind, NOT_FOUND, Payu};
use crate::support::raw_server::{RawServer, Step, answer};

fn ok(body: &str) -> [Step; 1] {
    [Step::Write(answer("200 OK", "", body))]
}

#[tokio::test]
async fn f12_garbage_is_not_an_answer() {
    let mut line = Line::new("F12 garbage");
    for body in [
        "",
        "{",
        "garbage",
        "<html>",
        "null",
        "[]",
        r#"{"status":401,"error":"Unauthorized"}"#,
        r#"{"status":0,"status":1}"#,
    ] {
        let outcome = created_by(&mut line, &ok(body)).await;
        assert_eq!(outcome, Outcome::Unknown(UnknownReason::NoEnvelope), "{body}");
    }
    let no_link = r#"{"status":0,"msg":"Success","data":{"link":" "}}"#;
    let outcome = created_by(&mut line, &ok(no_link)).await;
    assert_eq!(outcome, Outcome::Unknown(UnknownReason::NoLink));
    line.show();
}

#[tokio::test]
async fn f13_an_answer_about_another_reference_or_amount_is_not_ours() {
    let mut line = Line::new("F13 another's answer");
    for status in [0, 1] {
        let body = format!(
            r#"{{"status":{status},"code":1101,"data":{{"merchantRefId":"order-2","link":"{LINK}"}}}}"#
        );
        let outcome = created_by(&mut line, &ok(&body)).await;
        assert_eq!(outcome, Outcome::Unknown(UnknownReason::OtherReference));
    }
    // No documented answer to a create holds an amount or a customer; details does.
    let details = |reference: &str, amount: &str, mobile: &str| {
        format!(
            r#"{{"status":0,"data":{{"merchantRefId":"{reference}","amount":"{amount}","link":"{LINK}","custMobile":"{mobile}","smartSendStatus":"ACTIVE"}}}}"#
        )
    };
    let mobile = crate::support::canary::MOBILE;
    for (body, likeness) in [
        (details("order-1", "100.5", mobile), Some(Match::Same(ConfirmedContact::Mobile))),
        (details("order-1", "100.51", mobile), Some(Match::Conflict)),
        (details("order-1", "100.50", OTHER_MOBILE), Some(Match::Conflict)),
        (details("order-2", "100.50", mobile), None),
    ] {
        let payu = Payu::scripted(move |_| Act::Only(ok(&body).to_vec()));
        let looked = lookup(&account_at(payu.server())).await;
        if let Lookup::Found(details) = &looked {
            let intent = intent("order-1");
            let compared = Comparison::new(details, intent.amount, &intent.contact);
            assert_eq!(Some(compared.judge(Fields::ALL)), likeness);
        } else {
            assert_eq!((looked, likeness), (Lookup::Failed(LookupFailure::Odd), None));
        }
        line.at(&payu, 1, 0);
    }
    line.show();
}

#[tokio::test]
async fn f15_an_error_of_the_server_says_nothing() {
    let mut line = Line::new("F15 5xx");
    for status in [500, 502, 503, 504] {
        for body in ["", "<html>Bad Gateway</html>", r#"{"status":1,"code":1101}"#, DUPLICATE] {
            let reply = answer(&format!("{status} X"), "", body);
            let outcome = created_by(&mut line, &[Step::Write(reply)]).await;
            assert_eq!(outcome, Outcome::Unknown(UnknownReason::Status(status)), "{body}");
        }
    }
    line.show();
}

#[tokio::test]
async fn f16_a_throttle_is_obeyed_as_far_as_it_can_be_read() {
    let mut line = Line::new("F16 429");
    let seconds = |s| Some(RetryAfter::In(Duration::from_secs(s)));
    let at = |time: &str| Some(RetryAfter::At(time.parse().unwrap()));
    for (headers, expected) in [
        ("", None),
        ("retry-after: 0\r\n", seconds(0)),
        ("retry-after: 1\r\n", seconds(1)),
        ("Retry-After: 120\r\n", seconds(120)),
        ("retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", at("1994-11-06T08:49:37Z")),
        ("retry-after: Tue, 24 Nov 2026 09:31:00 GMT\r\n", at("2026-11-24T09:31:00Z")),
        ("retry-after: 1000000000000\r\n", seconds(366 * 24 * 3600)),
        ("retry-after: -1\r\n", None),
        ("retry-after: abc\r\n", None),
        ("retry-after: \u{e9}\r\n", None),
        ("retry-after: 1\r\nretry-after: 1\r\n", None),
    ] {
        let reply = Step::Write(answer("429 Too Many Requests", headers, ""));
        let payu = Payu::scripted(move |_| Act::Only(vec![reply.clone()]));
        let account = account_at(payu.server());
        assert_eq!(create(&account).await, Outcome::Throttled(expected), "{headers}");
        assert_eq!(lookup(&account).await, Lookup::Throttled(expected), "{headers}");
        assert_eq!((payu.count(Kind::Create), payu.count(Kind::Lookup)), (1, 1));
        line.at(&payu, 1, 1);
    }
    line.show();
}

#[tokio::test]
async fn f17_a_redirect_is_not_followed() {
    let mut line = Line::new("F17 redirects");
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Payu::good().naive();
        let to = elsewhere.server().url("/payout/smartPay");
        let reply = answer(&format!("{status} X"), &format!("location: {to}\r\n"), "");
        let outcome = created_by(&mut line, &[Step::Write(reply.clone())]).await;
        assert_eq!(outcome, Outcome::Unknown(UnknownReason::Status(status)));
        let server = RawServer::answering(move |_, _| reply.clone());
        let looked = lookup(&account_at(&server)).await;
        assert_eq!(looked, Lookup::Failed(LookupFailure::Status(status)));
        assert_eq!(elsewhere.server().log().opened, 0, "{status}");
        line.at(&elsewhere, 0, 0);
    }
    line.show();
}

#[tokio::test]
async fn f20_a_conflict_mentions_a_link_only_in_payu_s_words() {
    let mut line = Line::new("F20 409");
    let conflict = |body| [Step::Write(answer("409 Conflict", "", body))];
    for (body, expected) in [
        ("", Outcome::Unknown(UnknownReason::Status(409))),
        ("<html>", Outcome::Unknown(UnknownReason::Status(409))),
        (DUPLICATE, Outcome::Duplicate(Some(1103))),
        (r#"{"status":1,"msg":"link already exists"}"#, Outcome::Duplicate(None)),
    ] {
        assert_eq!(created_by(&mut line, &conflict(body)).await, expected, "{body}");
    }
    line.show();
}

#[tokio::test]
async fn f21_a_lookup_that_makes_no_sense_says_nothing() {
    let mut line = Line::new("F21 odd lookups");
    let failed = |why| Some(Lookup::Failed(why));
    let status = |status| failed(LookupFailure::Status(status));
    for (reply, expected) in [
        (("404 Not Found", "<html>"), status(404)),
        (("404 Not Found", NOT_FOUND), Some(Lookup::NotFound)),
        (("200 OK", NOT_FOUND), Some(Lookup::NotFound)),
        (("403 Forbidden", ""), status(403)),
        (("403 Forbidden", NOT_FOUND), status(403)),
        (("500 X", NOT_FOUND), status(500)),
        (("502 X", "<html>"), status(502)),
        (("503 X", ""), status(503)),
        (("200 OK", "{"), failed(LookupFailure::Odd)),
        (("200 OK", r#"{"status":1,"msg":"try later"}"#), failed(LookupFailure::Odd)),
        (("200 OK", r#"{"status":0,"data":null}"#), failed(LookupFailure::Odd)),
    ] {
        let odd = [Step::Write(answer(reply.0, "", reply.1))];
        let payu = Payu::scripted(move |asked| match (asked.kind, asked.nth) {
            (Kind::Lookup, 0) => Act::Only(odd.to_vec()),
            (Kind::Lookup | Kind::Create | Kind::Token | Kind::Change | Kind::Account, _) => {
                Act::Serve
            }
        });
        payu.has_link("order-1", "100.50");
        let account = account_at(payu.server());
        assert_eq!(Some(lookup(&account).await), expected, "{reply:?}");
        assert_eq!(payu.count(Kind::Lookup), 1);
        assert!(matches!(lookup(&account).await, Lookup::Found(_)), "and then it is there");
        line.at(&payu, 1, 1);
    }
    line.show();
}
