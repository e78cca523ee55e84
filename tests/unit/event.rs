//! Events: their ids, their JSON, and that a repeat is the same event.

mod commands;
mod data;
mod read;

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Value, json};

use smartsend::domain::account::{Account, Api};
use smartsend::domain::classify::CreatedLink;
use smartsend::domain::classify::link_status::Approval;
use smartsend::domain::customer::{ConfirmedContact, Private};
use smartsend::domain::event::wire::errors_json;
use smartsend::domain::event::{Event, EventKind, Origin, Reason, name_id};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::object::FieldError;
use smartsend::domain::record::Record;
use smartsend::domain::trace::Trace;
use smartsend::domain::verdict::{Failure, LinkSource, Rejection, Unresolved, Verdict};

const EXAMPLE: &str = r#"{ "merchantRefId": "order-8841-r1", "amount": "100.50",
    "description": "Refund for order 8841", "custName": "Asha Rao", "custMobile": "9999999999",
    "custEmail": "asha@example.com", "deadline": "2026-11-25T18:30:00Z",
    "metadata": { "orderId": "8841" } }"#;

const UNRESOLVED: [(Unresolved, &str); 10] = [
    (Unresolved::OutcomeUnknown, "OUTCOME_UNKNOWN"),
    (Unresolved::Refused(None), "REFUSED"),
    (Unresolved::NotSent, "NOT_SENT"),
    (Unresolved::LinkUnknown, "LINK_UNKNOWN"),
    (Unresolved::LinkClosed, "LINK_CLOSED"),
    (Unresolved::LinkHost, "LINK_HOST"),
    (Unresolved::ReferenceConflict, "REFERENCE_CONFLICT"),
    (Unresolved::LinkRepeated, "LINK_REPEATED"),
    (Unresolved::OverLimit, "OVER_LIMIT"),
    (Unresolved::AccountChanged, "ACCOUNT_CHANGED"),
];

fn intent() -> &'static Intent {
    static INTENT: LazyLock<Intent> = LazyLock::new(|| parse(EXAMPLE.as_bytes(), Api::V1).unwrap());
    &INTENT
}

fn noon() -> Timestamp {
    "2026-11-24T09:30:00.123Z".parse().unwrap()
}

fn record() -> Record {
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 };
    Record::first(account, "2026-11-24T09:00:00Z".parse().unwrap())
}

fn made() -> CreatedLink {
    let text = Private::new("https://www.payumoney.com/smartPay?id=ab%2Bc%3D");
    let link = LinkHosts::Only(vec!["payumoney.com".to_owned()]).admit(&text).unwrap();
    CreatedLink { link_id: link.own_id(), expiry: None, approval: Approval::Unknown, link }
}

fn origin(message_id: Option<&str>) -> Origin<'_> {
    origin_of("default", message_id)
}

fn origin_of<'a>(merchant: &'a str, message_id: Option<&'a str>) -> Origin<'a> {
    Origin {
        payout_merchant_id: "1111312",
        merchant,
        message_id,
        trace: Trace::default(),
        now: noon(),
    }
}

fn event(verdict: Verdict) -> Event<'static> {
    Event::of_verdict(intent(), &record(), verdict, origin(None))
}

fn created() -> Verdict {
    Verdict::Created { made: made(), source: LinkSource::Create }
}

fn json_of(event: &Event<'_>) -> Value {
    serde_json::from_slice(&event.to_json()).unwrap()
}

#[test]
fn the_ids_are_those_of_the_contract() {
    assert_eq!(event(created()).id.to_string(), "aadb5ff6-b374-591e-9681-ae73e85114a3");
    let failed = event(Verdict::Failed(Failure::DeadlinePassed));
    assert_eq!(failed.id.to_string(), "bd7b4550-0237-5153-8239-20c19f57e461");
    let unresolved = event(Verdict::Unresolved(Unresolved::OutcomeUnknown));
    assert_eq!(unresolved.id.to_string(), "3016a06a-a9fd-5f09-9823-73903e7cb0df");
    assert_eq!(failed.intent_id, "a3d78b6f-af37-51c8-ad59-5d489ffd1635");
    assert_eq!(name_id(intent(), "default").to_string(), failed.intent_id);
}

#[test]
fn the_trace_is_an_attribute_of_every_event_if_it_has_its_form() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let invalid = parse(b"{", Api::V1).unwrap_err();
    let attributes = |traceparent, tracestate| {
        let trace = Trace { traceparent, tracestate };
        let origin = Origin { trace, ..origin(None) };
        let made = json_of(&Event::of_verdict(intent(), &record(), created(), origin));
        let rejected = json_of(&Event::of_invalid(&invalid, b"{", origin));
        let of = |event: &Value| {
            ["traceparent", "tracestate"].map(|name| event.get(name)?.as_str().map(str::to_owned))
        };
        assert_eq!(of(&made), of(&rejected));
        of(&made)
    };
    let [parent, state] = [PARENT, "vendor=1"].map(|text| Some(text.to_owned()));
    assert_eq!(attributes(Some(PARENT), Some("vendor=1")), [parent.clone(), state]);
    assert_eq!(attributes(Some(PARENT), None), [parent.clone(), None]);
    assert_eq!(attributes(None, Some("vendor=1")), [None, None], "it says nothing alone");
    for odd in ["", "a\nb", "caf\u{e9}=1"] {
        assert_eq!(attributes(Some(PARENT), Some(odd)), [parent.clone(), None], "{odd:?}");
    }
    for odd in ["", "00-1-2-01", &PARENT.replace('-', "\n"), &PARENT.replace("00-", "-00")] {
        assert_eq!(attributes(Some(odd), Some("vendor=1")), [None, None], "{odd:?}");
    }
}

#[test]
fn what_a_person_has_to_look_at_is_parked_and_nothing_else() {
    let invalid = parse(b"{", Api::V1).unwrap_err();
    assert!(Event::of_invalid(&invalid, b"{", origin(None)).is_parked());
    assert!(event(Verdict::Unresolved(Unresolved::OutcomeUnknown)).is_parked());
    assert!(event(Verdict::Rejected(Rejection::DuplicateReference)).is_parked());
    assert!(!event(Verdict::Failed(Failure::DeadlinePassed)).is_parked());
    assert!(!event(created()).is_parked());
}

#[test]
fn a_created_event_is_exactly_this() {
    let event = Event::of_verdict(intent(), &record(), created(), origin(Some("upstream-17")));
    assert_eq!(event.kind(), EventKind::Created);
    assert_eq!(
        json_of(&event),
        json!({
            "specversion": "1.0",
            "id": "aadb5ff6-b374-591e-9681-ae73e85114a3",
            "source": "urn:smartsend:1111312:default",
            "type": "smartsend.link.created",
            "subject": "order-8841-r1",
            "time": "2026-11-24T09:30:00.123Z",
            "datacontenttype": "application/json",
            "data": {
                "merchant": "default",
                "merchantRefId": "order-8841-r1",
                "intentId": "upstream-17",
                "amount": "100.50",
                "description": "Refund for order 8841",
                "custName": "Asha Rao",
                "custMobile": "9999999999",
                "custEmail": "asha@example.com",
                "metadata": { "orderId": "8841" },
                "link": "https://www.payumoney.com/smartPay?id=ab%2Bc%3D",
                "linkId": "ab+c=",
                "approval": "unknown",
                "recovered": false,
                "attempts": 1
            }
        })
    );
}

#[test]
fn an_event_says_whether_its_link_waits_for_the_approver() {
    for (approval, word) in [
        (Approval::Pending, "pending"),
        (Approval::Approved, "approved"),
        (Approval::NotNeeded, "not_needed"),
        (Approval::Unknown, "unknown"),
    ] {
        let source = LinkSource::Lookup(ConfirmedContact::Both);
        let verdict = Verdict::Created { made: CreatedLink { approval, ..made() }, source };
        assert_eq!(json_of(&event(verdict))["data"]["approval"], word);
    }
}

#[test]
fn a_failed_event_has_a_reason_in_place_of_the_link() {
    let event = event(Verdict::Failed(Failure::Rejected(1101)));
    let json = json_of(&event);
    assert_eq!(json["type"], "smartsend.link.failed");
    assert_eq!(
        json["data"],
        json!({
            "merchant": "default",
            "merchantRefId": "order-8841-r1",
            "intentId": "a3d78b6f-af37-51c8-ad59-5d489ffd1635",
            "amount": "100.50",
            "description": "Refund for order 8841",
            "custName": "Asha Rao",
            "custMobile": "9999999999",
            "custEmail": "asha@example.com",
            "metadata": { "orderId": "8841" },
            "reason": {
                "code": "INVALID_MERCHNAT_REF_ID",
                "providerCode": 1101,
                "message": "the provider does not accept this reference"
            }
        })
    );
}

#[test]
fn an_event_of_an_intent_that_cannot_be_read_reports_every_error_and_what_is_valid() {
    let body = br#"{"merchantRefId":"order-1","amount":"1e2","custMobile":"9999999999"}"#;
    let invalid = parse(body, Api::V1).unwrap_err();
    let event = Event::of_invalid(&invalid, body, origin(Some("m-1")));
    assert_eq!(event.kind(), EventKind::Rejected);
    let json = json_of(&event);
    assert_eq!(json["subject"], "order-1");
    assert_eq!(
        json["data"],
        json!({
            "merchant": "default",
            "merchantRefId": "order-1",
            "intentId": "m-1",
            "custMobile": "9999999999",
            "metadata": {},
            "reason": {
                "code": "INVALID_INTENT",
                "message":
                    "it is not a valid intent, and nothing was sent for it; correct the fields, \
                     and use the reference again only if it has no link yet"
            },
            "errors": [
                {
                    "field": "amount",
                    "message": "must be digits with at most two decimals, such as 100.50"
                },
                { "field": "description", "message": "is missing" }
            ]
        })
    );
}

#[test]
fn an_event_of_a_body_that_is_not_json_has_no_subject() {
    let invalid = parse(b"<xml/>", Api::V1).unwrap_err();
    let json = json_of(&Event::of_invalid(&invalid, b"<xml/>", origin(None)));
    assert!(json.get("subject").is_none());
    assert!(json["data"].get("merchantRefId").is_none());
    assert_eq!(json["data"]["errors"][0]["field"], "body");
}

#[test]
fn an_unresolved_event_has_its_reason_and_since_when() {
    let json = json_of(&event(Verdict::Unresolved(Unresolved::Refused(Some(1128)))));
    assert_eq!(json["type"], "smartsend.link.unresolved");
    assert_eq!(json["data"]["since"], "2026-11-24T09:00:00.000Z");
    assert_eq!(
        json["data"]["reason"],
        json!({
            "code": "REFUSED",
            "providerCode": 1128,
            "message": "the amount is above a limit of the account"
        })
    );
    assert!(json["data"].get("link").is_none());
    let rejected = json_of(&event(Verdict::Rejected(Rejection::Rejected(1101))));
    assert_eq!(rejected["data"]["reason"]["providerCode"], 1101);
}

#[test]
fn a_repeat_differs_only_in_time_recovered_and_attempts() {
    let first = event(created());
    let later = Origin { now: "2026-11-24T10:00:00Z".parse().unwrap(), ..origin(None) };
    let record = Record { attempts: 3, lookups: 2, returns: 5, ..record() };
    let verdict =
        Verdict::Created { made: made(), source: LinkSource::Lookup(ConfirmedContact::Both) };
    let mut repeat = json_of(&Event::of_verdict(intent(), &record, verdict, later));
    let mut first = json_of(&first);
    assert_ne!(first["time"], repeat["time"]);
    assert_eq!(repeat["data"]["attempts"], 3);
    for json in [&mut first, &mut repeat] {
        json["time"].take();
        json["data"]["recovered"].take();
        json["data"]["attempts"].take();
    }
    assert_eq!(first, repeat);
}

/// Which contact the link of a lookup went to is known only as far as the lookup says so.
#[test]
fn a_recovered_link_s_event_names_only_the_contacts_that_the_lookup_confirmed() {
    const MOBILE: &str = "9999999999";
    const EMAIL: &str = "asha@example.com";
    for (confirmed, mobile, email) in [
        (ConfirmedContact::Mobile, Some(MOBILE), None),
        (ConfirmedContact::Email, None, Some(EMAIL)),
        (ConfirmedContact::Both, Some(MOBILE), Some(EMAIL)),
    ] {
        let source = LinkSource::Lookup(confirmed);
        let data = &json_of(&event(Verdict::Created { made: made(), source }))["data"];
        let named = ["custMobile", "custEmail"].map(|name| data.get(name).and_then(Value::as_str));
        assert_eq!(named, [mobile, email], "{confirmed:?}");
    }
}

#[test]
fn a_link_keeps_its_id_when_create_and_details_name_it_differently() {
    // Create calls it by base64, details by a UUID; what the link itself holds is the same.
    let bare = Private::new("https://payumoney.com/smartPay?id=ab+c=");
    let link = LinkHosts::Only(vec!["payumoney.com".to_owned()]).admit(&bare).unwrap();
    assert_eq!(link.own_id(), Some(Private::new("ab+c=")));
    assert_eq!(made().link_id, Some(Private::new("ab+c=")));
}

#[test]
fn the_writing_of_amount_mobile_and_email_does_not_change_an_id() {
    let same = EXAMPLE
        .replace("\"100.50\"", "100.5")
        .replace("9999999999", "+919999999999")
        .replace("asha@example.com", "Asha@Example.COM");
    let same = parse(same.as_bytes(), Api::V1).unwrap();
    let event = Event::of_verdict(&same, &record(), created(), origin(None));
    assert_eq!(event.id.to_string(), "aadb5ff6-b374-591e-9681-ae73e85114a3");
}

#[test]
fn another_merchant_reference_amount_or_customer_is_another_event() {
    let ids = |text: String, merchant| {
        let intent = parse(text.as_bytes(), Api::V1).unwrap();
        Event::of_verdict(&intent, &record(), created(), origin_of(merchant, None)).id
    };
    let mut all = vec![
        ids(EXAMPLE.to_owned(), "default"),
        ids(EXAMPLE.to_owned(), "other"),
        ids(EXAMPLE.replace("order-8841-r1", "order-8841-r2"), "default"),
        ids(EXAMPLE.replace("100.50", "100.51"), "default"),
        ids(EXAMPLE.replace("9999999999", "9999999998"), "default"),
        ids(EXAMPLE.replace("asha@", "usha@"), "default"),
        ids(EXAMPLE.replace("\"9999999999\"", "\"\""), "default"),
    ];
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 7);
}

// Trace 18: two unreadable intents shared an id, and downstream dropped one.
#[test]
fn trace_18_two_unreadable_bodies_have_different_ids() {
    let id = |body: &[u8], merchant| {
        let invalid = parse(body, Api::V1).unwrap_err();
        let event = Event::of_invalid(&invalid, body, origin_of(merchant, None));
        (event.id.to_string(), event.intent_id)
    };
    assert_ne!(id(b"{", "default"), id(b"[", "default"));
    assert_ne!(id(b"{", "default"), id(b"{", "other"));
    assert_eq!(id(b"{", "default"), id(b"{", "default"));
    // By the contract: `raw`, merchant, type, body; for the intent the same without the type.
    let namespace = uuid::Uuid::from_u128(0x3631_d4dc_f449_5d75_9daf_e56f_d004_27d6);
    let by = |name: &str| uuid::Uuid::new_v5(&namespace, name.as_bytes()).to_string();
    let kind = "smartsend.intent.rejected/INVALID_INTENT";
    let expected = (by(&format!("raw\ndefault\n{kind}\n{{")), by("raw\ndefault\n{"));
    assert_eq!(id(b"{", "default"), expected);
    assert_eq!(expected.0, "9cc702e5-1b68-50f2-99a9-b4a4a14baa7b");
}

// Two parked copies of one intent say different things, and downstream must drop neither.
#[test]
fn unresolved_for_two_reasons_is_two_events() {
    let id = |why| event(Verdict::Unresolved(why)).id;
    assert_ne!(id(Unresolved::OutcomeUnknown), id(Unresolved::NotSent));
    assert_eq!(id(Unresolved::Refused(Some(1128))), id(Unresolved::Refused(None)));
}

#[test]
fn each_kind_has_its_type_routing_key_and_outcome() {
    for (kind, event_type, key, outcome) in [
        (EventKind::Created, "smartsend.link.created", "link.created.acme", "created"),
        (EventKind::Failed, "smartsend.link.failed", "link.failed.acme", "failed"),
        (EventKind::Unresolved, "smartsend.link.unresolved", "link.unresolved.acme", "unresolved"),
    ] {
        assert_eq!((kind.event_type(), kind.outcome()), (event_type, outcome));
        assert_eq!(kind.routing_key("acme"), key);
    }
}

#[test]
fn the_reasons_are_those_of_the_contract() {
    for (why, code) in UNRESOLVED {
        assert_eq!(why.reason().code, code);
        assert!(!why.reason().message.is_empty());
    }
    let parked: Vec<_> = Reason::parked_codes().collect();
    let unresolved = UNRESOLVED.map(|(_, code)| code);
    let others = [
        "INVALID_INTENT",
        "WRONG_QUEUE",
        "DEAD_LETTERED",
        "NOT_ALLOWED",
        "NOT_SIGNED",
        "DUPLICATE_REFERENCE",
    ];
    assert_eq!(parked, [&others[..], &unresolved].concat());
    assert_eq!(Failure::DeadlinePassed.reason().code, "DEADLINE_PASSED");
    assert_eq!(Failure::Rejected(4711).reason().code, "CODE_4711");
}

#[test]
fn a_debug_of_an_event_shows_no_person_and_no_link() {
    let shown = format!("{:?}", event(created()));
    for private in ["Asha", "9999999999", "asha@", "smartPay", "ab+c", "Refund"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}

#[test]
fn the_errors_of_a_parked_copy_are_json() {
    let error = FieldError { field: "amount".to_owned(), message: "is missing".to_owned() };
    assert_eq!(errors_json(&[error]), r#"[{"field":"amount","message":"is missing"}]"#);
}
