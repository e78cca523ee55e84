//! What a consumer reads of an event, whoever wrote it.

use smartsend::domain::codes::CODES;
use smartsend::domain::event::{
    EventIds, Fact, INVALID_INTENT, NotAnEvent, Reason, Received, ReceivedResult, StoredEvent,
};

use super::*;

fn read(event: &Event<'_>) -> Received {
    Received::from_json(&event.to_json()).unwrap()
}

fn read_text(json: &Value) -> Option<Received> {
    Received::from_json(json.to_string().as_bytes())
}

#[test]
fn a_link_is_read_as_it_was_written() {
    let received = read(&Event::of_verdict(intent(), &record(), created(), origin(Some("m-1"))));
    let link = Private::new("https://www.payumoney.com/smartPay?id=ab%2Bc%3D");
    assert_eq!(
        received,
        Received {
            id: Some("aadb5ff6-b374-591e-9681-ae73e85114a3".parse().unwrap()),
            kind: EventKind::Created,
            intent_id: "m-1".to_owned(),
            reference: Some(intent().reference.clone()),
            amount: Some(intent().amount),
            result: ReceivedResult::Created(link),
        }
    );
}

#[test]
fn an_event_is_distinguished_from_one_for_another_customer_or_amount() {
    let ids = EventIds::of(intent(), b"{", "default");
    let codes = Unresolved::ALL.into_iter().map(Verdict::Unresolved);
    let codes = codes.chain(Rejection::ALL.into_iter().map(Verdict::Rejected));
    let failed = [Failure::DeadlinePassed, Failure::Rejected(4711)].map(Verdict::Failed);
    for verdict in codes.chain(failed).chain([created()]) {
        let event = event(verdict);
        assert!(ids.include(&read(&event)), "{event:?}");
    }
    assert_eq!(format!("{ids:?}"), "EventIds(hidden)", "it holds the customer's contacts");
    let unread = parse(b"{", Api::V1).unwrap_err();
    assert!(ids.include(&read(&Event::of_invalid(&unread, b"{", origin(None)))));

    for (ours, others) in [("9999999999", "8888888888"), ("100.50", "7")] {
        let other = parse(EXAMPLE.replace(ours, others).as_bytes(), Api::V1).unwrap();
        let event = Event::of_verdict(&other, &record(), created(), origin(None));
        assert!(!ids.include(&read(&event)), "{event:?}");
    }
    let unread = parse(b"[", Api::V1).unwrap_err();
    assert!(!ids.include(&read(&Event::of_invalid(&unread, b"[", origin(None)))));
}

// A worker of a later version may know reasons that are not known here.
#[test]
fn a_failure_for_an_unknown_reason_is_distinguished_from_another_one_s_too() {
    let ids = EventIds::of(intent(), b"{", "default");
    let mut event: Value =
        serde_json::from_slice(&event(Verdict::Failed(Failure::DeadlinePassed)).to_json()).unwrap();
    event["data"]["reason"]["code"] = "NEW".into();
    let received = read_text(&event).unwrap();
    assert!(matches!(received.result, ReceivedResult::Unresolved(_)));
    assert!(ids.include(&received));
    event["id"] = "no id".into();
    assert!(!ids.include(&read_text(&event).unwrap()));
}

#[test]
fn every_failure_that_is_written_is_read_as_one() {
    let listed = CODES.iter().map(|code| Failure::Rejected(code.number));
    let own = [Failure::DeadlinePassed, Failure::Rejected(4711)];
    for failure in listed.chain(own) {
        let received = read(&event(Verdict::Failed(failure)));
        assert_eq!(received.result, ReceivedResult::Failed(failure.reason()));
    }
    for rejection in Rejection::ALL {
        let received = read(&event(Verdict::Rejected(rejection)));
        assert_eq!(received.result, ReceivedResult::Rejected(rejection.reason()));
    }
}

#[test]
fn every_unresolved_reason_that_is_written_is_read() {
    let refused = (Unresolved::Refused(Some(1128)), "REFUSED");
    for (why, _) in UNRESOLVED.into_iter().chain([refused]) {
        let received = read(&event(Verdict::Unresolved(why)));
        assert_eq!(received.result, ReceivedResult::Unresolved(why.reason()));
    }
}

#[test]
fn what_is_not_an_intent_is_read_with_its_errors_and_what_was_valid() {
    let body = br#"{"merchantRefId":"order-1","amount":"1e2"}"#;
    let invalid = parse(body, Api::V1).unwrap_err();
    let received = read(&Event::of_invalid(&invalid, body, origin(None)));
    assert_eq!(received.reference.unwrap().as_str(), "order-1");
    assert_eq!(received.amount, None);
    let ReceivedResult::Rejected(Reason { code, errors, .. }) = received.result else {
        panic!("it is rejected")
    };
    assert_eq!((code.as_ref(), errors), (INVALID_INTENT, invalid.errors));
}

#[test]
fn a_stored_event_says_of_its_reference_only_what_its_kind_does() {
    let stored = |event: &Event<'_>| StoredEvent::from_json(&event.to_json()).unwrap();
    for (verdict, fact) in [
        (created(), Fact::Link),
        (Verdict::Failed(Failure::DeadlinePassed), Fact::NoLink),
        (Verdict::Failed(Failure::Rejected(1101)), Fact::NoLink),
        (Verdict::Rejected(Rejection::ALL[0]), Fact::Nothing),
        (Verdict::Unresolved(Unresolved::LinkClosed), Fact::Parked),
    ] {
        let event = event(verdict);
        assert_eq!(
            stored(&event),
            StoredEvent {
                id: event.id.to_string(),
                source: "urn:smartsend:1111312:default".to_owned(),
                merchant: "default".to_owned(),
                time: Some(noon()),
                reference: Some(intent().reference.clone()),
                amount: Some(intent().amount),
                fact,
            }
        );
    }
    let mut later = json_of(&event(Verdict::Failed(Failure::DeadlinePassed)));
    later["data"]["reason"]["code"] = json!("SENT_BY_POST");
    let later = StoredEvent::from_json(later.to_string().as_bytes()).unwrap();
    assert_eq!(later.fact, Fact::Parked, "what a later version means is not known");
    for (text, why) in [
        ("[]", NotAnEvent::NotJson),
        ("{", NotAnEvent::NotJson),
        ("\"text\"", NotAnEvent::NotJson),
        ("{}", NotAnEvent::OtherType),
        (r#"{"type":"order.paid","data":"any"}"#, NotAnEvent::OtherType),
        (r#"{"type":"smartsend.link.created"}"#, NotAnEvent::Broken),
        (r#"{"type":"smartsend.link.created","data":[]}"#, NotAnEvent::Broken),
        (r#"{"type":"smartsend.link.failed","data":{}}"#, NotAnEvent::Broken),
    ] {
        assert_eq!(StoredEvent::from_json(text.as_bytes()), Err(why), "{text}");
    }
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    let mut json = json_of(&event(created()));
    let before = read_text(&json);
    json["dataref"] = json!({ "any": ["thing"] });
    json["data"]["approval"] = json!("pending");
    json["data"]["expiryDate"] = json!("2026-12-01T00:00:00.000Z");
    assert!(before.is_some());
    assert_eq!(read_text(&json), before);
}

#[test]
fn a_type_that_is_not_known_is_not_read() {
    let mut json = json_of(&event(created()));
    json["type"] = json!("smartsend.link.claimed");
    assert_eq!(read_text(&json), None);
}

#[test]
fn a_failure_for_a_reason_that_is_not_known_is_unresolved() {
    let unknown = [
        json!({ "code": "SENT_BY_POST", "message": "a later version's" }),
        json!({ "code": "A_NEW_CODE", "providerCode": 1999, "message": "a later list's" }),
        json!({ "code": "INVALID_MERCHNAT_REF_ID", "providerCode": 1105 }),
    ];
    for reason in unknown {
        let mut json = json_of(&event(Verdict::Failed(Failure::DeadlinePassed)));
        json["data"]["reason"] = reason.clone();
        let result = read_text(&json).unwrap().result;
        let ReceivedResult::Unresolved(read) = result else { panic!("{reason} is not known") };
        assert_eq!(read.code, reason["code"].as_str().unwrap());
    }
}

#[test]
fn what_lacks_a_field_or_holds_nonsense_is_not_read() {
    let edits: [(&str, Value); 6] = [
        ("link", json!(null)),
        ("link", json!("javascript:alert(1)")),
        ("link", json!("=HYPERLINK(1)")),
        ("merchantRefId", json!("Asha Rao")),
        ("amount", json!("1e2")),
        ("amount", json!(100.5)),
    ];
    for (field, value) in edits {
        let mut json = json_of(&event(created()));
        json["data"][field] = value.clone();
        assert_eq!(read_text(&json), None, "{field} is {value}");
    }
    let mut json = json_of(&event(Verdict::Failed(Failure::DeadlinePassed)));
    json["data"]["reason"] = json!(null);
    assert_eq!(read_text(&json), None);
    assert_eq!(Received::from_json(b"{"), None);
}

#[test]
fn a_debug_of_what_was_read_shows_no_person_and_no_link() {
    let shown = format!("{:?}", read(&event(created())));
    for private in ["Asha", "9999999999", "asha@", "smartPay", "ab+c", "Refund"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}
