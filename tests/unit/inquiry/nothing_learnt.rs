//! Why a question brought nothing, and what to do.

use smartsend::domain::call::{Answer, CallResult, NoAnswer, NotSent};
use smartsend::inquiry::NothingLearnt;
use smartsend::payu::{Asked, wire};

/// Why an answer without what was asked for brought nothing.
fn nothing(result: CallResult) -> NothingLearnt {
    NothingLearnt::unless(Asked::<()> { result, data: None, date: None }).unwrap_err()
}

fn answered(status: u16, body: &str) -> CallResult {
    let envelope = wire::envelope(body.as_bytes());
    CallResult::Answered(Answer { status, retry_after: None, envelope })
}

#[test]
fn what_brings_nothing_says_why_and_what_to_do() {
    let refused = r#"{"status":1,"msg":"File not found","code":null,"data":null}"#;
    let unknown = r#"{"status":1,"msg":"x","code":1100,"data":null}"#;
    // The last two: asking again may bring an answer; it may have been done all the same.
    for (result, words, unanswered, done) in [
        (CallResult::NotSent(NotSent::Connect), "check the network", true, false),
        (CallResult::NotSent(NotSent::NoSecret), "secret files", false, false),
        (CallResult::NoAnswer(NoAnswer::Connection), "did not answer", true, true),
        (CallResult::TokenRefused, "check client_id", false, false),
        (CallResult::TokenThrottled(None), "fewer requests", false, false),
        (answered(429, ""), "fewer requests", false, false),
        (answered(401, ""), "turned the account away", false, false),
        (answered(403, "<html>"), "turned the account away", false, false),
        (answered(200, unknown), "check payout_merchant_id", false, false),
        (answered(200, refused), "PayU refused it: File not found", false, false),
        (answered(400, refused), "PayU refused it: File not found", false, false),
        (answered(200, r#"{"status":0,"data":null}"#), "makes no sense", false, true),
        (answered(200, "<html>"), "makes no sense", false, true),
        (answered(404, "<html>"), "explain http 404", false, true),
        (answered(502, refused), "explain http 502", false, true),
    ] {
        let nothing = nothing(result);
        assert!(nothing.why().contains(words), "{nothing:?}");
        assert_eq!((nothing.is_unanswered(), nothing.may_be_done()), (unanswered, done), "{words}");
    }
}

#[test]
fn what_came_with_an_error_is_not_believed() {
    let seen = |status| Asked {
        result: answered(status, r#"{"status":0,"data":{}}"#),
        data: Some(()),
        date: None,
    };
    assert_eq!(NothingLearnt::unless(seen(200)), Ok(()));
    assert_eq!(NothingLearnt::unless(seen(500)), Err(NothingLearnt::Status(500)));
}
