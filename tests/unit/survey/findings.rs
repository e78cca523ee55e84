//! Observations in, rows out, from answers as PayU's pages print them and as a gateway might.

use std::time::Duration;

use smartsend::config::CancelAs;
use smartsend::domain::call::{Answer, CallResult, NoAnswer};
use smartsend::domain::classify::link_status::Approval;
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::payu::trial::Tried;
use smartsend::payu::wire::{envelope, shape};
use smartsend::survey::{
    Called, CancelEnd, Cancelled, Extended, Fresh, Lateness, LinkHost, Observed, Present, Printed,
    Question as Q, RateEnd, RateSeen, Refresh, Refusal, Repeat, RepeatEnd, SecondToken, Shown,
    Sight, findings,
};

const PRESENT: Present = Present {
    first_lookup: Duration::from_secs(5),
    quarantine: Duration::from_mins(5),
    policy: InDoubtPolicy::Resend,
    cancel_as: CancelAs::Query,
    rate: 10,
    burst: 2,
};

fn called(status: u16, body: &str) -> Called {
    let envelope = envelope(body.as_bytes());
    let result = CallResult::Answered(Answer { status, retry_after: None, envelope });
    Called::of(&Tried { result, shape: shape(body.as_bytes()) })
}

const DONE: &str = r#"{"status":0,"msg":"Smart send link cancelled","code":null,"data":null}"#;
const NO_CONTACT: &str = r#"{"status":1,"msg":"Fail","code":null,"data":[{"code":1108,"message":"custMobile or custEmail is required"}]}"#;

/// What was seen, and what to set, of the only question that has an answer.
fn row(question: Q, observed: &Observed) -> (String, String) {
    row_of(question, observed, PRESENT)
}

fn row_of(question: Q, observed: &Observed, present: Present) -> (String, String) {
    let mut rows = findings(observed, &present);
    assert!(rows.iter().all(|row| !row.is_found || row.question == question), "{rows:?}");
    let row = rows.remove(rows.iter().position(|row| row.question == question).unwrap());
    (row.seen, row.setting)
}

fn seconds(from: u64, by: u64) -> Lateness {
    Lateness { not_before: Duration::from_secs(from), by: Duration::from_secs(by) }
}

#[test]
fn a_call_is_shown_by_its_status_and_its_codes_and_never_by_its_texts() {
    for (status, body, shown) in [
        (200, NO_CONTACT, "HTTP 200, code 1108 MOBILE_OR_EMAIL_REQUIRED"),
        (200, DONE, "HTTP 200"),
        (
            400,
            r#"{"status":1,"msg":"9999999999","code":"1105","data":null}"#,
            "HTTP 400, code 1105 INVALID_MOBILE",
        ),
        (
            200,
            r#"{"status":1,"msg":null,"code":null,"data":[{"error":"x","code":[1004,4711]}]}"#,
            "HTTP 200, code 1004 which PayU does not list, code 4711 which PayU does not list",
        ),
        (502, "<html>Bad gateway</html>", "HTTP 502"),
    ] {
        assert_eq!(called(status, body).to_string(), shown);
    }
    let lost = Tried { result: CallResult::NoAnswer(NoAnswer::Timeout), shape: None };
    assert_eq!(Called::of(&lost).to_string(), "no answer in time");
}

#[test]
fn a_shape_holds_payu_s_keys_and_no_value() {
    for (body, expected) in [
        (
            NO_CONTACT,
            "{status: number, msg: text, code: null, data: [{message: text, code: number}]}",
        ),
        (
            r#"{"timestamp":"2024","status":401,"error":"Unauthorized","message":"Access is denied","path":"/payout"}"#,
            "{timestamp: text, status: number, error: text, message: text, path: text}",
        ),
        // A key that PayU does not have may be data.
        (
            r#"{"status":1,"data":{"asha@okaxis":true,"code":[1]}}"#,
            "{status: number, data: {code: [number], …}}",
        ),
        (r#"{"data":{"data":{"data":{"data":{"data":1}}}}}"#, "{data: {data: {data: {data: …}}}}"),
        ("[]", "[]"),
    ] {
        assert_eq!(shape(body.as_bytes()).as_deref(), Some(expected));
    }
    assert_eq!(shape(b"<html>"), None);
}

#[test]
fn nothing_seen_is_a_row_that_says_so_for_each_question_but_the_rate() {
    let rows = findings(&Observed::default(), &PRESENT);
    assert_eq!(rows.len(), Q::ALL.len() - 1);
    assert!(rows.iter().all(|row| !row.is_found && row.seen == "not found out"));
}

#[test]
fn details_that_are_late_ask_for_a_longer_quarantine() {
    let fresh =
        |sight| Observed { fresh: Some(Fresh { sight, shown: None }), ..Observed::default() };
    for (late, seen, setting) in [
        (
            seconds(0, 1),
            "yes, by the first lookup, 1.0 s after",
            "none: the quarantine is long enough",
        ),
        (
            seconds(3, 4),
            "yes, between 3.0 s and 4.0 s after",
            "none: the quarantine is long enough",
        ),
        (
            seconds(39, 40),
            "yes, between 39.0 s and 40.0 s after",
            "in_doubt.quarantine = \"7m\" or longer, 10 times what was seen; in_doubt.first_lookup = \"40s\"",
        ),
    ] {
        let row = row(Q::Details, &fresh(Sight::Seen(late)));
        assert_eq!(row, (seen.to_owned(), setting.to_owned()));
    }
    let unseen = row(Q::Details, &fresh(Sight::Unseen(Duration::from_millis(61_234))));
    assert_eq!(unseen.0, "no, not within 61.2 s");
    assert!(unseen.1.starts_with("in_doubt.policy = \"park\", and no commands_per_second"));
    // An error says nothing of it.
    let error = called(500, "<html>");
    let rows = findings(&fresh(Sight::Unanswered(error)), &PRESENT);
    let details = rows.iter().find(|row| row.question == Q::Details).unwrap();
    assert_eq!((&*details.seen, details.is_found), ("the lookups got HTTP 500", false));
}

#[test]
fn what_details_shows_of_a_link_decides_what_a_recovered_event_has() {
    use Printed::{Absent, InFull, Masked, Otherwise, Unasked};
    let shown = |has_link, mobile, email, approval| {
        let shown = Some(Shown { has_link, mobile, email, approval });
        let sight = Sight::Seen(seconds(0, 1));
        Observed { fresh: Some(Fresh { sight, shown }), ..Observed::default() }
    };
    let of = |question, observed| {
        let rows = findings(&observed, &PRESENT);
        let row = rows.into_iter().find(|row| row.question == question).unwrap();
        (row.seen, row.setting, row.is_found)
    };
    for (mobile, email, seen, setting) in [
        (InFull, InFull, "mobile: in full, e-mail: in full", "none"),
        (InFull, Unasked, "mobile: in full", "none"),
        (
            Masked,
            InFull,
            "mobile: masked, e-mail: in full",
            "only the contact that is shown in full",
        ),
        (Masked, Unasked, "mobile: masked", "LINK_UNKNOWN"),
        (Absent, Otherwise, "mobile: not shown, e-mail: printed as another one", "LINK_UNKNOWN"),
    ] {
        let row = of(Q::Contacts, shown(true, mobile, email, Approval::NotNeeded));
        assert_eq!(row.0, seen);
        assert!(row.1.contains(setting), "{row:?}");
    }
    let hidden = of(Q::DetailsLink, shown(false, InFull, InFull, Approval::NotNeeded));
    assert_eq!(hidden.0, "no");
    assert!(hidden.1.contains("LINK_UNKNOWN"), "{hidden:?}");
    let odd = of(Q::Approval, shown(true, InFull, InFull, Approval::Unknown));
    assert!(!odd.2, "{odd:?}");
    let approved = of(Q::Approval, shown(true, InFull, InFull, Approval::Approved));
    assert_eq!((&*approved.0, &*approved.1), ("it was approved at once: APPROVED", "none"));
}

#[test]
fn tokens_ask_for_no_setting_unless_they_are_dear_or_end_each_other() {
    for (life, seen, setting) in [
        (7_199, "7199 s", "none: the worker renews it in time"),
        (299, "299 s", "the tokens count in rate_per_second"),
        (
            0,
            "no life is given",
            "a token for each call: rate_per_second has to bear twice the calls",
        ),
    ] {
        let token_life = Some(Duration::from_secs(life));
        let row = row(Q::TokenLife, &Observed { token_life, ..Observed::default() });
        assert_eq!(row, (seen.to_owned(), setting.to_owned()));
    }
    for (refresh, seen) in [
        (Refresh::Without, "no refresh token came"),
        (Refresh::Refused, "a refresh token came, and was refused"),
        (
            Refresh::Granted { is_same: true, rotates: false },
            "yes: the same token and the same refresh token",
        ),
        (
            Refresh::Granted { is_same: true, rotates: true },
            "yes: the same token, another refresh token",
        ),
        (
            Refresh::Granted { is_same: false, rotates: false },
            "yes: another token, the same refresh token",
        ),
    ] {
        let row = row(Q::Refresh, &Observed { refresh: Some(refresh), ..Observed::default() });
        assert_eq!(row.0, seen);
        assert!(row.1.starts_with("none"), "{row:?}");
    }
    let second = |second| {
        row(Q::SecondToken, &Observed { second_token: Some(second), ..Observed::default() })
    };
    assert_eq!(second(SecondToken::Both).1, "none: tools may ask beside the worker");
    assert!(second(SecondToken::EndsFirst).1.starts_with("no tool (lookup, survey)"));
}

#[test]
fn a_host_that_is_not_allowed_is_named() {
    let host = |host: Option<&str>, is_allowed| {
        let link_host = Some(LinkHost { host: host.map(str::to_owned), is_allowed });
        let rows = findings(&Observed { link_host, ..Observed::default() }, &PRESENT);
        let row = rows.into_iter().find(|row| row.question == Q::LinkHost).unwrap();
        (row.seen, row.setting, row.is_found)
    };
    let foreign = host(Some("pay.example.in"), false);
    assert_eq!(foreign.1, "link_hosts: add \"pay.example.in\", once PayU has confirmed it");
    assert_eq!(host(Some("test.payumoney.com"), true).1, "none: link_hosts allows it");
    assert!(!host(None, false).2);
}

#[test]
fn a_refusal_that_the_worker_cannot_read_is_said_to_be_one() {
    let refusal = |status, body, made_link, is_read| {
        let refusal = Some(Refusal { called: called(status, body), made_link, is_read });
        row(Q::Refusal, &Observed { refusal, ..Observed::default() })
    };
    assert_eq!(refusal(200, NO_CONTACT, false, true).1, "none: the worker reads it");
    let bare = r#"{"status":1,"msg":"Fail","code":null,"data":null}"#;
    let uncoded = refusal(200, bare, false, true);
    assert_eq!(uncoded.0, "HTTP 200; {status: number, msg: text, code: null, data: null}");
    assert!(uncoded.1.starts_with("it has no code"), "{uncoded:?}");
    let page = refusal(500, "<html>", false, false);
    assert_eq!(page.0, "HTTP 500; no JSON");
    assert!(page.1.starts_with("the worker cannot read it"), "{page:?}");
    let made = refusal(200, r#"{"status":0,"msg":"Success","code":null,"data":{}}"#, true, false);
    assert!(made.0.starts_with("none: a create without a contact made a link"), "{made:?}");
}

#[test]
fn a_reference_that_does_not_stop_a_second_link_asks_for_strict() {
    const DUPLICATE: &str = r#"{"status":1,"msg":"Fail","code":1103,"data":null}"#;
    const OTHER: &str = r#"{"status":1,"msg":"Fail","code":1126,"data":null}"#;
    let second = |body, end, present| {
        let second = Some(Repeat { called: called(200, body), end });
        row_of(Q::SecondCreate, &Observed { second, ..Observed::default() }, present)
    };
    let refused = second(DUPLICATE, RepeatEnd::Refused, PRESENT);
    assert_eq!(refused.0, "refused, HTTP 200, code 1103 DUPLICATE_MERCHNAT_REF_ID; no second link");
    assert_eq!(refused.1, "none: in_doubt.policy = \"resend\" is safe in this");
    let parked = Present { policy: InDoubtPolicy::Park, ..PRESENT };
    let refused = second(DUPLICATE, RepeatEnd::Refused, parked);
    assert_eq!(refused.1, "in_doubt.policy = \"resend\" would be safe in this");
    let other = second(OTHER, RepeatEnd::RefusedUnseen, PRESENT);
    assert!(other.1.contains("none of its three for a duplicate"), "{other:?}");
    let bare =
        second(r#"{"status":1,"msg":"Fail","code":null,"data":null}"#, RepeatEnd::Refused, PRESENT);
    assert_eq!(bare.0, "refused, HTTP 200 without a code; no second link");
    let made = second(DONE, RepeatEnd::OtherLink, PRESENT);
    assert!(made.1.starts_with("in_doubt.policy = \"strict\""), "{made:?}");

    let again = |end| {
        let again = Some(Repeat { called: called(200, DUPLICATE), end });
        let rows = findings(&Observed { again, ..Observed::default() }, &PRESENT);
        rows.into_iter().find(|row| row.question == Q::FreedReference).unwrap()
    };
    assert!(again(RepeatEnd::OtherLink).setting.starts_with("in_doubt.policy = \"strict\""));
    assert!(again(RepeatEnd::SameLink).seen.starts_with("no: the cancelled link again"));
    assert!(again(RepeatEnd::RefusedUnseen).seen.starts_with("no: refused"));
    assert!(!again(RepeatEnd::Unclear).is_found);
}

#[test]
fn a_cancel_is_set_as_it_was_accepted() {
    let spring =
        r#"{"timestamp":"2024","status":400,"error":"Bad Request","message":"x","path":"/"}"#;
    let refused = (CancelAs::Query, called(400, spring));
    let done = |way| (way, called(200, DONE));
    let cancel = |tries: Vec<(CancelAs, Called)>, end| {
        row(
            Q::Cancel,
            &Observed { cancelled: Some(Cancelled { tries, end }), ..Observed::default() },
        )
    };
    let by_query =
        cancel(vec![done(CancelAs::Query)], CancelEnd::Shown(CancelAs::Query, seconds(0, 1)));
    assert_eq!(by_query.0, "by query: HTTP 200; shown by the first lookup, 1.0 s after");
    assert_eq!(by_query.1, "none: cancel_as = \"query\" is right");
    let by_form = cancel(
        vec![refused.clone(), done(CancelAs::Form)],
        CancelEnd::Shown(CancelAs::Form, seconds(39, 40)),
    );
    assert_eq!(
        by_form.0,
        "by query: HTTP 400; by form: HTTP 200; shown between 39.0 s and 40.0 s after"
    );
    assert_eq!(
        by_form.1,
        "cancel_as = \"form\"; in_doubt.quarantine = \"7m\" or longer, 10 times what was seen"
    );
    let unseen = cancel(
        vec![done(CancelAs::Query)],
        CancelEnd::Accepted(CancelAs::Query, Duration::from_mins(1)),
    );
    assert!(unseen.0.ends_with("accepted, but not shown within 60.0 s"), "{unseen:?}");
    assert!(unseen.1.contains("no commands_per_second"), "{unseen:?}");
    let not = cancel(vec![refused], CancelEnd::Not);
    assert_eq!(not.0, "not at all: by query: HTTP 400");
}

#[test]
fn an_extend_that_cannot_be_confirmed_is_not_to_be_used() {
    let extend = |status, body, is_accepted, sight| {
        let extended = Some(Extended { called: called(status, body), is_accepted, sight });
        let rows = findings(&Observed { extended, ..Observed::default() }, &PRESENT);
        let row = rows.into_iter().find(|row| row.question == Q::Extend).unwrap();
        (row.seen, row.setting, row.is_found)
    };
    let minute = || Sight::Unseen(Duration::from_mins(1));
    assert_eq!(extend(200, DONE, true, Sight::Seen(seconds(0, 1))).1, "none: extend can be used");
    // Without an answer, too, it was done if details shows it.
    assert!(extend(502, "", false, Sight::Seen(seconds(0, 1))).0.starts_with("yes, HTTP 502"));
    let unseen = extend(200, DONE, true, minute());
    assert_eq!(unseen.0, "accepted with HTTP 200; shown: not within 60.0 s");
    assert!(unseen.1.contains("command.unresolved"), "{unseen:?}");
    let refused = r#"{"status":1,"msg":"x","code":1112,"data":null}"#;
    let refused = extend(200, refused, false, minute());
    assert_eq!(refused.0, "no, HTTP 200, code 1112 LINK_NOT_FOUND");
    assert!(!extend(502, "", false, minute()).2);
}

#[test]
fn a_rate_and_its_burst_stay_below_what_was_allowed() {
    let rate = |quiet, end| {
        let rate = Some(RateSeen { quiet, end });
        let rows = findings(&Observed { rate, ..Observed::default() }, &PRESENT);
        let row = rows.into_iter().find(|row| row.question == Q::Rate).unwrap();
        (row.seen, row.setting, row.is_found)
    };
    let throttled = |at| RateEnd::Throttled { at, retry_after: false };
    let eight = rate(8, throttled(10));
    assert_eq!(eight.0, "at 10 lookups per second, without Retry-After; not at 8");
    assert_eq!(eight.1, "rate_per_second = 6: with burst = 2 it stays below it");
    assert_eq!(rate(12, throttled(15)).1, "none: rate_per_second = 10 and burst = 2 stay below it");
    assert!(rate(2, throttled(3)).1.starts_with("rate_per_second = 1, burst = 1"));
    assert!(rate(0, throttled(1)).1.starts_with("rate_per_second = 1, burst = 1"));
    assert_eq!(rate(20, RateEnd::Ceiling).0, "not up to 20 lookups per second, the ceiling");
    let stopped = rate(8, RateEnd::Stopped { at: 10, called: called(503, "<html>") });
    assert_eq!(stopped.0, "stopped at 10 lookups per second by HTTP 503; no 429 up to 8");
    assert!(!stopped.2);
}
