//! Sandboxes with different readings, each found out correctly; and what is left of a survey
//! that does not come to its end.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use smartsend::admission::DividedLimits;
use smartsend::config::CancelAs;
use smartsend::domain::call::NoAnswer;
use smartsend::ports::TokenError;
use smartsend::survey::{Came, Halt, Question as Q};

use super::{
    Api, Duration, Faults, Ground, LinkStatus, Report, Stops, Value, assert_rows, checked, json,
    row, survey,
};
use crate::support::account::merchant;
use crate::support::canary::{LINK, TOKEN};
use crate::support::raw_server::{RawServer, Seen, answer};
/// Every link that it made is cancelled.
fn assert_clean(ground: &Ground, report: &Report) {
    let links = ground.links();
    assert!(links.iter().all(|status| *status == LinkStatus::Cancelled), "{links:?}");
    assert_eq!(report.links, links.len());
    assert_eq!(report.remaining, []);
    assert_eq!(report.halt, None);
}

#[tokio::test]
async fn the_samples_read_literally() {
    let ground = Ground::new("2222201", Api::V2, json!({})).await;
    let report = ground.survey().await;
    assert_rows(
        &report,
        &[
            (Q::TokenLife, "7199 s", "none"),
            (Q::Refresh, "no refresh token came", "none"),
            (Q::SecondToken, "no: the live one is given again, with 719", "none"),
            (Q::LinkHost, "test.payumoney.com", "none"),
            (Q::Details, "yes, by the first lookup", "none"),
            (Q::DetailsLink, "yes", "none"),
            (Q::Contacts, "mobile: in full, e-mail: in full", "none"),
            (Q::Approval, "no: PENDING", "none"),
            (Q::Refusal, "HTTP 200, code 1108 MOBILE_OR_EMAIL_REQUIRED", "none"),
            (
                Q::Refusal,
                "{status: number, msg: text, code: null, data: [{message: text, code: number}]}",
                "none",
            ),
            (
                Q::SecondCreate,
                "refused, HTTP 200, code 1103 DUPLICATE_MERCHNAT_REF_ID; no second link",
                "\"resend\" is safe",
            ),
            (Q::Extend, "yes, HTTP 200; shown by the first lookup", "none"),
            (Q::Cancel, "by query: HTTP 200; shown by the first lookup", "\"query\" is right"),
            (Q::FreedReference, "no: refused, HTTP 200, code 1103", "\"resend\" is safe"),
        ],
    );
    assert!(report.is_complete(), "{report:?}");
    assert!(report.findings.iter().all(|row| row.question != Q::Rate));
    assert_clean(&ground, &report);
    assert_eq!(report.links, 1);
}

#[tokio::test]
async fn one_that_is_late_masks_and_takes_a_cancel_as_a_form() {
    let faults = json!({
        "token_reuse": false, "token_ends_others": true, "token_life_s": 120,
        "details_lag_ms": 700, "details_customer": "masked",
        "failure_http_status": 400, "failure_shape": "top_level", "duplicate_code": 1125,
        "extend": { "lag_ms": 400 }, "cancel": { "reference_in": "form", "lag_ms": 500 },
        "link_host": "https://links.example.in",
    });
    let mut ground = Ground::new("2222202", Api::V2, faults).await;
    ground.merchant.in_doubt.quarantine = Duration::from_secs(4);
    ground.merchant.in_doubt.first_lookup = Duration::from_millis(500);
    let report = ground.survey().await;
    assert_rows(
        &report,
        &[
            (Q::TokenLife, "120 s", "count in rate_per_second"),
            (Q::SecondToken, "yes: the first one gets HTTP 401", "no tool (lookup, survey)"),
            (Q::LinkHost, "links.example.in", "none"),
            (Q::Details, "yes, between 0.", "in_doubt.quarantine = \""),
            (Q::Details, "yes, between 0.", "in_doubt.first_lookup = \"1s\""),
            (Q::Contacts, "mobile: masked, e-mail: masked", "LINK_UNKNOWN"),
            (Q::Refusal, "HTTP 400, code 1108", "none"),
            (Q::Refusal, "{status: number, msg: text, code: number, data: null}", "none"),
            (Q::SecondCreate, "refused, HTTP 400, code 1125", "none"),
            (Q::Extend, "yes, HTTP 200; shown between 0.", "in_doubt.quarantine = \""),
            (
                Q::Cancel,
                "by query: HTTP 400; by query: HTTP 400; by form: HTTP 200; shown between 0.",
                "cancel_as = \"form\"; in_doubt.quarantine = \"",
            ),
            (Q::FreedReference, "no: refused, HTTP 400, code 1125", "none"),
        ],
    );
    assert!(report.is_complete(), "{report:?}");
    assert_clean(&ground, &report);
}

#[tokio::test]
async fn one_that_makes_a_second_link_and_leaves_the_first_alive() {
    let faults = json!({ "naive": true, "details_customer": "null" });
    let mut ground = Ground::new("2222203", Api::V1, faults).await;
    ground.merchant.cancel_as = CancelAs::Query;
    let report = ground.survey().await;
    assert_rows(
        &report,
        &[
            (Q::Contacts, "mobile: not shown, e-mail: not shown", "LINK_UNKNOWN"),
            (Q::SecondCreate, "a second link, HTTP 200", "in_doubt.policy = \"strict\""),
            (Q::Cancel, "by query: HTTP 200; shown", "none"),
            (Q::FreedReference, "not found out", "-"),
        ],
    );
    // By its reference a cancel reaches one of the two.
    assert_eq!(ground.links(), [LinkStatus::Pending, LinkStatus::Cancelled]);
    let [left] = &report.remaining[..] else { panic!("{report:?}") };
    assert!(left.as_str().starts_with("survey-") && left.as_str().ends_with("-a"), "{left}");
    assert_eq!((report.links, report.is_complete()), (2, false));
}

#[tokio::test]
async fn one_whose_details_never_show_a_link() {
    let faults = json!({ "details_blind": true, "details_not_found_status": 404,
        "extend": { "takes_v1": false }, "cancel": { "first": "in_progress_and_done" } });
    let mut ground = Ground::new("2222204", Api::V1, faults).await;
    ground.wait = Duration::from_millis(400);
    let report = ground.survey().await;
    assert_rows(
        &report,
        &[
            (Q::Details, "no, not within 0.", "in_doubt.policy = \"park\""),
            (Q::DetailsLink, "not found out", "-"),
            (Q::Contacts, "not found out", "-"),
            (Q::SecondCreate, "details does not show whether it made a link", "none"),
            (Q::Extend, "no, HTTP 200, code 1112 LINK_NOT_FOUND", "no extend"),
            (
                Q::Cancel,
                "by query: HTTP 200; by query: HTTP 200, code 1110 INVALID_LINK; accepted, but not",
                "cannot be confirmed",
            ),
            (Q::FreedReference, "no: refused", "none"),
        ],
    );
    // PayU's word has to do where details is blind.
    assert_clean(&ground, &report);
}

#[tokio::test]
async fn one_that_gives_the_first_link_again_and_frees_a_cancelled_reference() {
    let faults = json!({
        "token_reuse": false, "refresh_rotates": true,
        "duplicate_returns_link": true, "cancel": { "frees_reference": true, "first": "in_progress" },
        "approval": { "flow": "optional", "shows_link": true }, "details_customer": "full",
    });
    let ground = Ground::new("2222205", Api::V2, faults).await.by_password();
    let report = ground.survey().await;
    assert_rows(
        &report,
        &[
            (Q::Refresh, "yes: another token and another refresh token", "none"),
            (Q::SecondToken, "no: another one, and both are accepted", "none"),
            (Q::Approval, "yes: APPROVAL_PENDING", "disableApprovalFlow"),
            (Q::SecondCreate, "the first link again, HTTP 200; no second link", "none"),
            (Q::Cancel, "by query: HTTP 200; by query: HTTP 200; shown", "none"),
            (Q::FreedReference, "yes: a new link, HTTP 200", "in_doubt.policy = \"strict\""),
        ],
    );
    assert_clean(&ground, &report);
    assert_eq!(report.links, 2);
}

#[tokio::test]
async fn one_that_hides_links_until_they_are_approved_and_refuses_every_cancel() {
    let faults = json!({
        "failure_shape": "code_array", "cancel": { "takes_v2": false },
        "approval": { "flow": "optional" }, "details_link": false,
    });
    let ground = Ground::new("2222206", Api::V2, faults).await;
    let report = ground.survey().await;
    let not_found = "by query: HTTP 200, code 1112 LINK_NOT_FOUND";
    assert_rows(
        &report,
        &[
            (Q::DetailsLink, "no, while the link waits for its approver", "LINK_UNKNOWN"),
            (Q::Approval, "yes: APPROVAL_PENDING", "turn the flow off"),
            (
                Q::Refusal,
                "data: [{batchId: null, merchantRefId: text, error: text, code: [number]}]",
                "none",
            ),
            // Without the link their ids are compared.
            (Q::SecondCreate, "no second link", "none"),
            (Q::Cancel, &format!("not at all: {not_found}"), "cancel on the dashboard"),
            (Q::FreedReference, "not found out", "-"),
        ],
    );
    assert_eq!(ground.links(), [LinkStatus::ApprovalPending]);
    assert_eq!(report.remaining.len(), 1);
}

/// PayU with one link, which it never cancels.
fn stubborn(creates: &AtomicUsize, seen: &Seen) -> String {
    let refusal = |code: u16| json!({ "status": 1, "msg": "x", "code": code, "data": null });
    let line = seen.head.lines().next().unwrap();
    let body = if line.contains("/oauth/token") {
        json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 7199 })
    } else if line.contains("/cancel") {
        refusal(1110)
    } else if line.contains("/extendExpiry") {
        refusal(1121)
    } else if line.contains("/details") {
        json!({ "status": 0, "msg": null, "code": null, "data": {
            "smartSendStatus": "PENDING",
            "link": LINK,
            "expiryDate": "2030-12-01T00:00:00.000+0000",
        }})
    } else if !seen.body.contains("custMobile") {
        refusal(1108)
    } else if creates.fetch_add(1, Ordering::Relaxed) == 0 {
        json!({ "status": 0, "msg": "Success", "code": null, "data": { "link": LINK } })
    } else {
        refusal(1103)
    };
    body.to_string()
}

#[tokio::test]
async fn a_refusal_that_speaks_of_a_cancelled_link_does_not_make_it_one() {
    let creates = AtomicUsize::new(0);
    let server =
        RawServer::answering(move |_, seen| answer("200 OK", "", &stubborn(&creates, seen)));
    let mut merchant = merchant(&server.url("/payout"), &server.url("/oauth/token"));
    merchant.account.payout_merchant_id = "2222213".to_owned();
    let report = survey(&merchant, &Stops::default(), |_: &str| {}).run().await.unwrap();
    let report = checked(report);
    assert_rows(
        &report,
        &[
            (Q::Contacts, "mobile: not shown, e-mail: not shown", "LINK_UNKNOWN"),
            (Q::SecondCreate, "code 1103 DUPLICATE_MERCHNAT_REF_ID; no second link", "none"),
            (Q::Extend, "no, HTTP 200, code 1121 EXPIRY_DATE_INVALID", "no extend"),
            (Q::Cancel, "not at all: by query: HTTP 200, code 1110 INVALID_LINK", "no cancel"),
            (Q::FreedReference, "not found out", "-"),
        ],
    );
    assert_eq!((report.links, report.remaining.len()), (1, 1));
}

#[tokio::test]
async fn one_that_allows_five_requests_a_second() {
    let faults = json!({ "rate_limit_per_second": 5, "throttle": { "retry_after": "3" } });
    let mut ground = Ground::new("2222207", Api::V2, faults).await;
    // The other questions keep below the limit.
    ground.apart = Duration::from_millis(300);
    // Its two queues share the rate and the burst.
    ground.merchant.limits =
        DividedLimits::divided(ground.merchant.limits.intents, NonZeroU32::new(1).unwrap())
            .unwrap();
    ground.ceiling = Some(12);
    let report = ground.survey().await;
    let rate = row(&report, Q::Rate);
    // A machine that stalls for a moment sends the next ones in a bunch.
    let began: u32 = rate.seen.split(' ').nth(1).unwrap().parse().unwrap();
    assert!((4..=8).contains(&began), "{rate:?}");
    assert!(rate.seen.contains("with Retry-After"), "{rate:?}");
    let quiet = rate.seen.rsplit(' ').next().unwrap();
    let fitting = quiet.parse::<u32>().unwrap() - 2;
    assert!(rate.setting.starts_with(&format!("rate_per_second = {fitting}")), "{rate:?}");
    assert!(report.is_complete(), "{report:?}");
    assert_clean(&ground, &report);
}

#[tokio::test]
async fn a_survey_that_is_stopped_cancels_what_it_made() {
    for (step, links) in [("asking for tokens", 0), ("waiting until details", 1), ("a later", 1)] {
        let ground = Ground::new("2222208", Api::V2, json!({})).await;
        let report = ground
            .survey_until(|note, stops| {
                if note.starts_with(step) {
                    stops.stop.cancel();
                }
            })
            .await;
        assert_eq!(report.halt, Some(Halt::Interrupted), "{step}");
        assert_eq!(ground.links(), vec![LinkStatus::Cancelled; links], "{step}");
        assert_eq!(report.remaining, [], "{step}");
        assert!(!report.is_complete());
    }
}

#[tokio::test]
async fn one_that_is_stopped_twice_names_what_is_left() {
    let ground = Ground::new("2222209", Api::V2, json!({})).await;
    let report = ground
        .survey_until(|note, stops| {
            if note.starts_with("waiting until details") {
                stops.stop.cancel();
            }
            if note.starts_with("cancelling") {
                stops.abort.cancel();
            }
        })
        .await;
    assert_eq!(ground.links(), [LinkStatus::Pending]);
    assert_eq!(report.remaining.len(), 1);
}

#[tokio::test]
async fn a_create_without_an_answer_is_cancelled_or_named() {
    let ground = Ground::new("2222210", Api::V2, json!({ "lost_after": 1.0 })).await;
    let report = ground.survey().await;
    let Some(Halt::NoLink(called)) = &report.halt else { panic!("{report:?}") };
    assert_eq!(called.came, Came::NoAnswer(NoAnswer::Connection));
    assert_eq!(ground.links(), [LinkStatus::Cancelled]);
    // Nobody can say that the create without a contact made nothing.
    let [left] = &report.remaining[..] else { panic!("{report:?}") };
    assert!(left.as_str().ends_with("-b"), "{left}");
    assert!(!row(&report, Q::Refusal).is_found);
}

/// The faults hold for the second create alone.
async fn with_second_create(ground: &Ground, faults: Value) -> Report {
    let set = |faults: Value| {
        let faults = Faults::parse(faults.to_string().as_bytes()).unwrap();
        ground.sandbox.set_faults(faults).unwrap();
    };
    ground
        .survey_until(|note, _| match note {
            "a second create with the same reference" => set(faults.clone()),
            "a later expiry" => set(json!({})),
            _ => {}
        })
        .await
}

#[tokio::test]
async fn a_second_create_that_settles_nothing_is_checked_in_details() {
    let throttled = json!({ "throttle": { "share": 1.0, "retry_after": "0" } });
    for (faults, seen, links) in [
        (json!({ "error_before": 1.0 }), "HTTP 502, which settles nothing", 1),
        (json!({ "lost_after": 1.0 }), "before the answer did, which settles nothing", 1),
        (throttled, "HTTP 429, which settles nothing", 1),
        (json!({ "naive": true, "error_after": 1.0 }), "a second link, HTTP 502", 2),
    ] {
        let ground = Ground::new("2222214", Api::V2, json!({})).await;
        let report = with_second_create(&ground, faults.clone()).await;
        assert_rows(&report, &[(Q::SecondCreate, seen, "")]);
        assert_eq!(ground.links().len(), links, "{faults}");
        assert_eq!((report.links, report.remaining.len()), (links, links - 1), "{faults}");
    }
    // Where details shows nothing, a link that may be left is named.
    let blind = json!({ "details_blind": true });
    let mut ground = Ground::new("2222214", Api::V2, blind).await;
    ground.wait = Duration::ZERO;
    let lost = json!({ "details_blind": true, "lost_after": 1.0 });
    let report = with_second_create(&ground, lost).await;
    assert_eq!(report.remaining.len(), 1);
}

#[tokio::test]
async fn a_first_create_that_is_refused_ends_it_with_nothing_left() {
    let faults = json!({ "refuse": { "share": 1.0, "code": 1128 } });
    let ground = Ground::new("2222211", Api::V2, faults).await;
    let report = ground.survey().await;
    let Some(Halt::NoLink(called)) = &report.halt else { panic!("{report:?}") };
    assert_eq!(called.to_string(), "HTTP 200, code 1128 TXN_LIMIT_EXCEEDED");
    assert_eq!((report.links, &report.remaining[..]), (0, &[][..]));
    assert_rows(&report, &[(Q::TokenLife, "7199 s", "none"), (Q::Cancel, "not found out", "-")]);
}

#[tokio::test]
async fn refused_credentials_end_it_before_anything_is_made() {
    let mut ground = Ground::new("2222212", Api::V2, json!({})).await.by_password();
    if let smartsend::config::Grant::Password { password, .. } = &mut ground.merchant.grant {
        *password = crate::support::account::secret("wrong");
    }
    let report = ground.survey().await;
    assert_eq!(report.halt, Some(Halt::NoToken(TokenError::Refused)));
    assert_eq!(ground.links(), []);
    let asked = ground.sandbox.ledger().requests.len();
    assert_eq!(asked, 1, "it is not asked again");
}
