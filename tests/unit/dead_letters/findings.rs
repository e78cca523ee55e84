//! What is announced of a message, by where it comes from.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use smartsend::domain::account::{Account, Api};
use smartsend::domain::dead_letter::{Arrival, DeadLetter, Death, Finding, Merchants, PutAside};
use smartsend::domain::event::Event;
use smartsend::domain::object::BODY_BYTES_MAX;
use smartsend::domain::record::headers::{Headers, Value};
use smartsend::domain::record::{Record, Seen};
use smartsend::domain::trace::Trace;

use super::messages::{EXAMPLE, death, merchants};

static NONE: Headers = Headers::new();

fn now() -> Timestamp {
    "2026-11-24T09:30:00Z".parse().unwrap()
}

fn account(api: Api) -> Account {
    Account { payout_merchant_id: "2222222".to_owned(), api }
}

/// A message that no queue took, by itself.
fn unrouted<'a>(headers: &'a Headers, deaths: &'a [Death]) -> Arrival<'a> {
    Arrival {
        exchange: "smartsend.intents",
        routing_key: "deafult",
        deaths,
        headers,
        own: false,
        body: EXAMPLE.as_bytes(),
        now: now(),
    }
}

fn found(arrival: Arrival<'_>) -> DeadLetter {
    let Finding::Unannounced(letter) = Finding::of(arrival, &merchants()) else {
        panic!("it counts as announced");
    };
    *letter
}

fn event(letter: &DeadLetter, body: &[u8]) -> Json {
    let event = Event::of_dead_letter(letter, body, Some("upstream-17"), Trace::default(), now());
    serde_json::from_slice(&event.to_json()).unwrap()
}

fn text(headers: &Headers, name: &str) -> String {
    match headers.get(name) {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

fn parked(letter: &DeadLetter, body: &[u8]) -> Headers {
    letter
        .parked_headers(&Event::of_dead_letter(letter, body, None, Trace::default(), now()), now())
}

#[test]
fn what_a_merchant_s_queue_put_aside_is_unresolved_whatever_its_routing_key() {
    for reason in ["expired", "delivery_limit", "maxlen", "rejected"] {
        let deaths = [death("smartsend.intents.default", reason)];
        let letter = found(unrouted(&NONE, &deaths));
        let event = event(&letter, EXAMPLE.as_bytes());
        assert_eq!(event["type"], "smartsend.link.unresolved", "{reason}");
        assert_eq!(event["source"], "urn:smartsend:1111312:default");
        assert_eq!(event["subject"], "order-8841-r1");
        assert_eq!(event["data"]["reason"]["code"], "DEAD_LETTERED");
        assert_eq!(event["data"]["since"], "2026-11-24T09:29:00.000Z", "when it was put aside");
        let headers = parked(&letter, EXAMPLE.as_bytes());
        assert_eq!(text(&headers, "reason"), "DEAD_LETTERED");
        assert_eq!(text(&headers, "merchant"), "default");
        assert_eq!(text(&headers, "parked-at"), "2026-11-24T09:30:00.000Z");
    }
}

#[test]
fn a_stranger_s_message_that_no_queue_took_is_of_an_unknown_merchant() {
    let letter = found(unrouted(&NONE, &[]));
    let event = event(&letter, EXAMPLE.as_bytes());
    assert_eq!(event["type"], "smartsend.intent.rejected");
    assert_eq!(event["source"], "urn:smartsend:unknown:unrouted");
    assert_eq!(event["data"]["merchant"], "unrouted");
    assert_eq!(event["data"]["merchantRefId"], "order-8841-r1");
    assert_eq!(event["data"]["reason"]["code"], "UNKNOWN_MERCHANT");
    assert_eq!(text(&parked(&letter, EXAMPLE.as_bytes()), "merchant"), "unrouted");
    // It went through a retry queue first: whoever put it there, no worker has had it.
    let deaths = [death("smartsend.retry.1s", "expired")];
    assert_eq!(found(unrouted(&NONE, &deaths)).why, PutAside::UnknownMerchant);
    // The broker vouches for the login, and there is no sign of a worker.
    let arrival = Arrival { own: true, ..unrouted(&NONE, &[]) };
    assert_eq!(found(arrival).why, PutAside::UnknownMerchant);
}

#[test]
fn the_routing_key_of_such_an_event_is_the_contract_s() {
    let letter = found(unrouted(&NONE, &[]));
    let event = Event::of_dead_letter(&letter, EXAMPLE.as_bytes(), None, Trace::default(), now());
    assert_eq!(event.kind().routing_key(&event.merchant), "intent.rejected.unrouted");
}

#[test]
fn a_copy_of_ours_that_no_queue_took_may_have_been_sent() {
    let record = Record::first(account(Api::V2), "2026-11-24T08:00:00Z".parse().unwrap());
    let headers = record.to_headers(None);
    let ours = Arrival { own: true, routing_key: "gone", ..unrouted(&headers, &[]) };
    let letter = found(ours);
    let event = event(&letter, EXAMPLE.as_bytes());
    assert_eq!(event["type"], "smartsend.link.unresolved");
    assert_eq!(event["source"], "urn:smartsend:2222222:gone", "its record knows the account");
    assert_eq!(event["data"]["since"], "2026-11-24T08:00:00.000Z");
    // Whoever publishes the parked copy again must have it looked up first.
    let again = Record::from_headers(&parked(&letter, EXAMPLE.as_bytes())).unwrap();
    assert!(again.is_in_doubt());

    let strangers = Arrival { own: false, ..ours };
    let letter = found(strangers);
    assert_eq!((letter.why, &*letter.merchant), (PutAside::DeadLettered, "unrouted"));
    assert_eq!(letter.payout_merchant_id, "unknown", "a stranger's record names no account");
    // Nothing that a routing key says becomes part of another one, unless it is a merchant's name.
    let odd = Arrival { routing_key: "#", ..ours };
    assert_eq!(found(odd).merchant, "unrouted");
}

#[test]
fn a_record_that_goes_on_is_in_doubt_and_keeps_what_it_knows() {
    let now = now();
    let mut record = Record::first(account(Api::V1), now);
    (record.returns, record.waited) = (7, Duration::from_secs(90));
    for (record, seen) in [
        (record.clone(), Seen::Redelivered),
        (record.clone().doubted(Seen::Unknown), Seen::Redelivered),
        (record.doubted(Seen::Refused), Seen::Refused),
    ] {
        let headers = record.to_headers(None);
        let deaths = [death("smartsend.intents.default", "delivery_limit")];
        let letter = found(Arrival { own: true, ..unrouted(&headers, &deaths) });
        for headers in [parked(&letter, EXAMPLE.as_bytes()), letter.retry_headers(now)] {
            let after = Record::from_headers(&headers).unwrap();
            assert_eq!(after.to_headers(None)["seen"], Value::Text(seen.as_str().to_owned()));
            assert_eq!((after.returns, after.waited), (7, Duration::from_secs(90)));
            assert_eq!(text(&headers, "account"), "2222222", "and the account that it began for");
        }
    }
}

#[test]
fn what_cannot_be_read_is_rejected_with_every_error() {
    let deaths = [death("smartsend.intents.default", "expired")];
    let arrival = Arrival { body: b"{", ..unrouted(&NONE, &deaths) };
    let letter = found(arrival);
    let shown = event(&letter, b"{");
    assert_eq!(shown["id"], "9cc702e5-1b68-50f2-99a9-b4a4a14baa7b", "the merchant's worker's own");
    assert_eq!(shown["data"]["reason"]["code"], "INVALID_INTENT");
    assert_eq!(shown["data"]["errors"][0]["field"], "body");
    let headers = parked(&letter, b"{");
    assert_eq!(text(&headers, "reason"), "INVALID_INTENT");
    assert!(text(&headers, "errors").contains("JSON"));

    let arrival = Arrival { body: b"{", ..unrouted(&NONE, &[]) };
    let shown = event(&found(arrival), b"{");
    assert_eq!(shown["data"]["reason"]["code"], "UNKNOWN_MERCHANT");
}

/// What is an intent depends on the API, and not every worker knows every merchant.
#[test]
fn for_a_merchant_of_another_configuration_an_intent_of_either_api_is_one() {
    let v1 = json!({
        "merchantRefId": "a", "amount": "1.00", "description": "d", "custMobile": "9999999999",
    });
    let mut v2 = v1.clone();
    v2["custName"] = "Asha".into();
    v2["expiryDate"] = "2026-12-01T00:00:00Z".into();
    let deaths = [death("smartsend.intents.other", "expired")];
    for body in [v1, v2] {
        let body = body.to_string();
        let arrival = Arrival { body: body.as_bytes(), ..unrouted(&NONE, &deaths) };
        let letter = found(arrival);
        assert!(letter.content.reference().is_some(), "{body}");
        assert_eq!(event(&letter, body.as_bytes())["source"], "urn:smartsend:unknown:other");
    }
}

#[test]
fn a_body_that_its_merchant_s_worker_rejected_is_announced_already() {
    let large = vec![b'x'; 64 * 1024 + 1];
    let rejected = [death("smartsend.intents.default", "rejected")];
    let of =
        |deaths| Finding::of(Arrival { body: &large, ..unrouted(&NONE, deaths) }, &merchants());
    assert_eq!(of(&rejected), Finding::Announced);
    let others = [
        [death("smartsend.intents.default", "expired")],
        [death("smartsend.dead", "rejected")],
        [death("theirs", "rejected")],
    ];
    for deaths in &others {
        let Finding::Unannounced(letter) = of(deaths) else { panic!("{deaths:?}") };
        assert!(letter.is_large);
    }
    // As large as an intent may be: the worker did not reject it for that.
    let letter = found(Arrival { body: &large[1..], ..unrouted(&NONE, &rejected) });
    assert!(!letter.is_large);
}

#[test]
fn of_an_unreadable_record_goes_on_what_does_not_say_where_the_message_stood() {
    let text = |text: &str| Value::Text(text.to_owned());
    let received = ["attempts", "account", "reason", "merchant", "parked-at", "errors", "due"];
    let headers: Headers = received.map(|name| (name.to_owned(), text("odd"))).into();
    let copy = found(unrouted(&headers, &[])).retry_headers(now());
    let kept: Vec<_> = copy.iter().filter(|(_, value)| **value == text("odd")).collect();
    assert_eq!(kept.iter().map(|(name, _)| &***name).collect::<Vec<_>>(), ["account", "attempts"]);
}

#[test]
fn a_copy_that_waits_keeps_its_reason_its_merchant_and_since_when() {
    for (deaths, why, merchant) in [
        (vec![death("smartsend.intents.default", "expired")], PutAside::DeadLettered, "default"),
        (Vec::new(), PutAside::UnknownMerchant, "unrouted"),
    ] {
        let first = found(unrouted(&NONE, &deaths));
        assert_eq!(first.wait, Duration::ZERO);
        let headers = first.retry_headers(now());
        let again = Arrival { own: true, ..unrouted(&headers, &[]) };
        let second = found(again);
        assert_eq!((second.why, &*second.merchant), (why, merchant));
        assert_eq!(second.wait, Duration::from_secs(5));
        let body = EXAMPLE.as_bytes();
        assert_eq!(event(&first, body), event(&second, body));
        let later = Arrival { now: now() + Duration::from_mins(1), ..again };
        assert_eq!(found(later).wait, Duration::ZERO);
        // The wall clock was set back, and it does not wait for the day to come again.
        let earlier = Arrival { now: now() - Duration::from_hours(24), ..again };
        assert_eq!(found(earlier).wait, Duration::from_secs(5));
        let third = found(Arrival { own: true, ..unrouted(&second.retry_headers(now()), &[]) });
        assert_eq!(event(&first, body), event(&third, body));
    }
}

#[test]
fn a_stranger_cannot_say_whose_message_it_is() {
    let text = |text: &str| Value::Text(text.to_owned());
    let headers = BTreeMap::from([
        ("reason".to_owned(), text("DEAD_LETTERED")),
        ("merchant".to_owned(), text("default")),
        ("due".to_owned(), text("2026-11-24T09:30:04.000Z")),
    ]);
    let letter = found(unrouted(&headers, &[]));
    assert_eq!((&*letter.merchant, letter.wait), ("unrouted", Duration::ZERO));
    let Merchants { intents_prefix, .. } = merchants();
    let long = "a".repeat(33);
    for name in ["", "*.x", "Default", "a b", "0a", "_a", "a__b", &long] {
        let deaths = [death(&format!("{intents_prefix}{name}"), "expired")];
        assert_eq!(found(unrouted(&NONE, &deaths)).why, PutAside::UnknownMerchant);
    }
}

const CANCEL: &[u8] = br#"{"command":"cancel","merchantRefId":"order-8841-r1"}"#;

#[test]
fn a_command_that_was_put_aside_is_announced_as_one() {
    let deaths = [death("smartsend.commands.default", "expired")];
    let arrival = Arrival { body: CANCEL, ..unrouted(&NONE, &deaths) };
    let letter = found(arrival);
    let expired = event(&letter, CANCEL);
    assert_eq!(expired["type"], "smartsend.command.unresolved");
    assert_eq!(expired["subject"], "order-8841-r1");
    assert_eq!(expired["data"]["reason"]["code"], "DEAD_LETTERED");

    // A copy that waits for its event is known again.
    let headers = letter.retry_headers(now());
    let again = found(Arrival { own: true, body: CANCEL, ..unrouted(&headers, &[]) });
    assert_eq!(event(&again, CANCEL)["id"], expired["id"]);
    assert_eq!(again.merchant, "default");

    let broken = Arrival { body: b"{", ..unrouted(&NONE, &deaths) };
    assert_eq!(event(&found(broken), b"{")["data"]["reason"]["code"], "INVALID_COMMAND");
}

#[test]
fn a_command_that_no_queue_took_is_known_by_its_exchange() {
    let arrival = Arrival { exchange: "smartsend.commands", body: CANCEL, ..unrouted(&NONE, &[]) };
    let event = event(&found(arrival), CANCEL);
    assert_eq!(event["type"], "smartsend.command.unresolved");
    assert_eq!(event["data"]["merchant"], "unrouted");
    assert_eq!(event["data"]["reason"]["code"], "UNKNOWN_MERCHANT");
}

#[test]
fn a_command_that_its_worker_rejected_for_its_size_was_announced() {
    let body = vec![b' '; BODY_BYTES_MAX + 1];
    let deaths = [death("smartsend.commands.default", "rejected")];
    let arrival = Arrival { body: &body, ..unrouted(&NONE, &deaths) };
    assert_eq!(Finding::of(arrival, &merchants()), Finding::Announced);
}
