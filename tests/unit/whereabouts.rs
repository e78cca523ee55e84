//! Where a payout is: what each has said, as one answer.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use smartsend::amqp::ParkedMessage;
use smartsend::amqp::inventory::LookedThrough;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::customer::Private;
use smartsend::domain::record::Record;
use smartsend::domain::record::headers::{Headers, Value};
use smartsend::domain::reference::Reference;
use smartsend::domain::work::Work;
use smartsend::ports::Properties;
use smartsend::telemetry::status::{
    ConsumerState, Known, QueueStatus, ReferenceStatus, Step, Time,
};
use smartsend::whereabouts::{
    Facts, Found, ParkedCopy, Part, SeenLink, Standing, WorkerFacts, found, json as to_json,
    listener, sentence, text,
};
use strum::VariantArray as _;

const LINK: &str = "https://test.payumoney.com/url/Dl7jbRuKq0Zt";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Time {
    Time(at("2026-11-24T10:00:00Z"))
}

fn reference() -> Reference {
    Reference::parse("order-1").unwrap()
}

/// Everyone was asked, and nobody knows it.
fn nowhere() -> Facts {
    Facts {
        reference: reference(),
        merchant: "default".to_owned(),
        workers: vec![worker(ConsumerState::Active, None)],
        waiting: BTreeMap::from([("smartsend.intents.default".to_owned(), Some(0))]),
        parked: Ok(LookedThrough { kept: Vec::new(), looked_at: 7, ready: 7, is_whole: true }),
        provider: Ok(None),
    }
}

fn worker(consumer: ConsumerState, known: Option<Known>) -> WorkerFacts {
    let queues = BTreeMap::from([("default".to_owned(), QueueStatus { consumer, known })]);
    let said = ReferenceStatus { merchant_ref_id: "order-1".to_owned(), now: now(), queues };
    WorkerFacts { url: "http://127.0.0.1:8080".to_owned(), said: Ok(said) }
}

fn absent_worker() -> WorkerFacts {
    let said = Err("Connection refused (os error 111)".to_owned());
    WorkerFacts { url: "http://127.0.0.1:8080".to_owned(), said }
}

fn known(step: Step) -> Known {
    Known {
        step,
        since: Time(at("2026-11-24T09:59:00Z")),
        until: Some(Time(at("2026-11-24T10:02:30Z"))),
        in_doubt: true,
        first_seen: Time(at("2026-11-24T09:30:00Z")),
        attempts: 1,
        lookups: 2,
    }
}

fn in_flight(step: Step) -> Facts {
    Facts { workers: vec![worker(ConsumerState::Active, Some(known(step)))], ..nowhere() }
}

fn copy() -> ParkedCopy {
    ParkedCopy {
        work: Work::Intents,
        merchant: "default".to_owned(),
        reason: Some("OUTCOME_UNKNOWN".to_owned()),
        parked_at: Some(at("2026-11-24T09:40:00Z")),
        amount: Some(Amount::parse("100.50").unwrap()),
        in_doubt: Some(true),
    }
}

fn parked() -> Facts {
    let kept = vec![copy()];
    Facts {
        parked: Ok(LookedThrough { kept, looked_at: 7, ready: 7, is_whole: true }),
        ..nowhere()
    }
}

fn link(standing: Standing) -> SeenLink {
    SeenLink {
        standing,
        status: Some("PENDING".to_owned()),
        payment: None,
        amount: Some(Amount::parse("100.5").unwrap()),
        expiry: Some(at("2026-12-01T00:00:00Z")),
        link: Some(Private::new(LINK)),
    }
}

fn at_payu(standing: Standing) -> Facts {
    Facts { provider: Ok(Some(link(standing))), ..nowhere() }
}

#[test]
fn the_answer_says_whether_anyone_has_it() {
    let waits = |count| BTreeMap::from([("smartsend.retry.2m".to_owned(), count)]);
    for (facts, expected, missing) in [
        (nowhere(), Found::No, &[][..]),
        (in_flight(Step::Call), Found::Yes, &[]),
        (parked(), Found::Yes, &[]),
        (at_payu(Standing::Claimable), Found::Yes, &[]),
        // It may be among what was not read.
        (Facts { waiting: waits(Some(3)), ..nowhere() }, Found::Undecided, &[]),
        (Facts { waiting: waits(None), ..nowhere() }, Found::Undecided, &[Part::Queues]),
        (Facts { workers: vec![absent_worker()], ..nowhere() }, Found::Undecided, &[Part::Worker]),
        (Facts { workers: Vec::new(), ..nowhere() }, Found::Undecided, &[Part::Worker]),
        // Another process may be the active one.
        (
            Facts { workers: vec![worker(ConsumerState::Standby, None)], ..nowhere() },
            Found::Undecided,
            &[Part::Worker],
        ),
        (
            Facts {
                workers: vec![absent_worker(), worker(ConsumerState::Active, None)],
                ..nowhere()
            },
            Found::No,
            &[],
        ),
        (
            Facts { provider: Err("away".to_owned()), ..nowhere() },
            Found::Undecided,
            &[Part::Provider],
        ),
        (Facts { parked: Err("away".to_owned()), ..nowhere() }, Found::Undecided, &[Part::Parked]),
        (
            Facts {
                parked: Ok(LookedThrough { kept: vec![], looked_at: 3, ready: 7, is_whole: false }),
                ..nowhere()
            },
            Found::Undecided,
            &[Part::Parked],
        ),
        // What is known stays known.
        (Facts { workers: vec![absent_worker()], ..parked() }, Found::Yes, &[Part::Worker]),
    ] {
        assert_eq!((found(&facts), &*facts.missing()), (expected, missing), "{facts:?}");
    }
}

#[test]
fn the_last_line_is_one_sentence_for_the_support_desk() {
    let far = Facts {
        parked: Ok(LookedThrough { kept: vec![copy()], looked_at: 7, ready: 7, is_whole: true }),
        ..at_payu(Standing::Claimable)
    };
    let mut other_amount = link(Standing::Claimable);
    other_amount.amount = Some(Amount::parse("10050").unwrap());
    for (facts, words) in [
        (
            nowhere(),
            "None of them knows it: it never came here for this merchant, it ended without a link and \
             downstream has its `link.failed`, a person discarded it, or a file of `smartsend batch` \
             has it",
        ),
        (
            in_flight(Step::Call),
            "It is being worked on, and may have been sent: wait for its event",
        ),
        (
            in_flight(Step::LookupDue),
            "may have been sent; it goes on at 2026-11-24T10:02:30Z: wait",
        ),
        (
            parked(),
            "It is parked since 2026-11-24T09:40:00Z as OUTCOME_UNKNOWN (`smartsend explain",
        ),
        (
            at_payu(Standing::Claimable),
            "There is a link for it, which ends in q0Zt, and the customer",
        ),
        (far, "pay nothing again; a person has to settle what is parked."),
        (
            Facts { provider: Ok(Some(other_amount)), ..parked() },
            "PayU has a link for this reference with another amount than what is parked",
        ),
        (at_payu(Standing::Paid), "It is paid, as PayU shows it: pay nothing again."),
        (at_payu(Standing::Expired), "Its link has expired and cannot be claimed: if the money"),
        (
            Facts { provider: Ok(Some(link(Standing::Claimed))), ..in_flight(Step::Lookup) },
            "wait, and pay nothing again; a worker is still at work on it.",
        ),
        (
            Facts { workers: vec![absent_worker()], provider: Err("away".to_owned()), ..nowhere() },
            "a part of the answer is missing (the worker that works for the merchant, PayU)",
        ),
        (
            Facts { waiting: BTreeMap::from([("q".to_owned(), Some(1))]), ..nowhere() },
            "It may be among the messages that wait and were not read",
        ),
    ] {
        let sentence = sentence(&facts);
        assert!(sentence.contains(words), "{sentence}");
        assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
        let page = text(&facts, false);
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.ends_with(&format!("support {sentence}")), "{page}");
        let said: Json = serde_json::from_str(&to_json(&facts, false)).unwrap();
        assert_eq!(said["support"], sentence);
    }
}

/// A customer whose payout is unclear must never get a second one from the support desk.
#[test]
fn only_a_reference_that_nobody_has_is_not_warned_of() {
    let links = Standing::VARIANTS.iter().map(|standing| at_payu(*standing));
    let waits = Facts { waiting: BTreeMap::from([("q".to_owned(), Some(1))]), ..nowhere() };
    let absent = Facts { workers: vec![absent_worker()], ..nowhere() };
    for facts in links.chain([waits, absent, parked(), in_flight(Step::Settle)]) {
        let sentence = sentence(&facts);
        let warns = ["pay nothing", "takes a new reference", "before it is paid"];
        assert!(warns.iter().any(|words| sentence.contains(words)), "{sentence}");
    }
}

#[test]
fn the_page_says_what_each_has_said_and_what_was_not_read() {
    let facts = Facts { provider: Ok(Some(link(Standing::Claimable))), ..parked() };
    let page = text(&facts, false);
    for line in [
        "reference  order-1 of default",
        "worker     http://127.0.0.1:8080 does not have it in flight",
        "waiting    nothing; counted and not read, since reading takes a message out of its wait",
        "parked     1 of the 7 that were looked at",
        "           intent of default since 2026-11-24T09:40:00Z: OUTCOME_UNKNOWN, 100.50 rupees, may have",
        "PayU       link PENDING, payment -, 100.50 rupees, as what is parked, expires 2026-12-01T00:00:00Z;",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    assert!(!page.contains(LINK) && page.contains("the link ends in q0Zt"), "{page}");
    assert!(text(&facts, true).contains(LINK));

    let page = text(&in_flight(Step::LookupDue), false);
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "is working on it: its intent waits for its next lookup, which is due at 2026-11-24T10:02:30Z",
        "since 2026-11-24T09:59:00Z; first seen 2026-11-24T09:30:00Z; it is in doubt",
        "(attempts: 1; lookups since, without a link: 2)",
    ] {
        assert!(flat.contains(words), "{words}\n{flat}");
    }
    let absent = Facts {
        workers: vec![absent_worker()],
        waiting: BTreeMap::from([("q".to_owned(), None), ("r".to_owned(), Some(4))]),
        parked: Err("no connection".to_owned()),
        provider: Err("PayU did not answer".to_owned()),
        ..nowhere()
    };
    let page = text(&absent, false);
    assert_eq!(page.matches("this part is missing").count(), 3, "{page}");
    assert!(page.contains("unknown in q, 4 in r"), "{page}");
}

#[test]
fn json_has_one_shape_and_null_where_nothing_is_known() {
    let facts = Facts { provider: Ok(Some(link(Standing::Claimable))), ..parked() };
    let said: Json = serde_json::from_str(&to_json(&facts, false)).unwrap();
    let payu = json!({
        "error": null, "found": true, "status": "PENDING", "payment": null, "amount": "100.50",
        "amountAgrees": true, "expiryDate": "2026-12-01T00:00:00.000Z", "linkEnding": "q0Zt",
        "link": null,
    });
    assert_eq!(said["payu"], payu);
    let parked = json!([{
        "kind": "intent", "merchant": "default", "reason": "OUTCOME_UNKNOWN",
        "parkedAt": "2026-11-24T09:40:00.000Z", "amount": "100.50", "inDoubt": true,
    }]);
    assert_eq!(said["parked"]["copies"], parked);
    assert_eq!((&said["found"], &said["missing"]), (&json!(true), &json!([])));
    let revealed: Json = serde_json::from_str(&to_json(&facts, true)).unwrap();
    assert_eq!(revealed["payu"]["link"], LINK);

    let absent = Facts {
        workers: vec![absent_worker()],
        waiting: BTreeMap::from([("q".to_owned(), None)]),
        parked: Err("no connection".to_owned()),
        provider: Err("PayU did not answer".to_owned()),
        ..nowhere()
    };
    let absent: Json = serde_json::from_str(&to_json(&absent, false)).unwrap();
    assert_eq!(absent["missing"], json!(["worker", "queues", "parked", "provider"]));
    for part in ["/found", "/waiting/q", "/parked/lookedAt", "/payu/found", "/workers/0/consumer"] {
        assert_eq!(absent.pointer(part), Some(&Json::Null), "{part}: {absent}");
    }
    let keys = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&said), keys(&absent));
    assert_eq!(keys(&said["payu"]), keys(&absent["payu"]));
}

#[test]
fn a_parked_message_is_known_by_its_body_whatever_is_wrong_with_it() {
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 };
    let mut headers: Headers = Record::first(account, now().0).to_headers(None);
    let mut put = |name: &str, text: &str| {
        headers.insert(name.to_owned(), Value::Text(text.to_owned()));
    };
    put("reason", "OVER_LIMIT");
    put("merchant", "default");
    put("parked-at", "2026-11-24T09:40:00.000Z");
    let of = |body: &str, headers: &Headers| {
        let parked = ParkedMessage {
            body: Bytes::copy_from_slice(body.as_bytes()),
            properties: Properties::default(),
            headers: headers.clone(),
            routing_key: "defualt".to_owned(),
            own: true,
        };
        ParkedCopy::of(&parked, &reference(), Api::V2)
    };
    let intent = r#"{"merchantRefId":"order-1","amount":"100.50","description":"d","custName":"A","custMobile":"9999999999"}"#;
    let whole =
        ParkedCopy { reason: Some("OVER_LIMIT".to_owned()), in_doubt: Some(false), ..copy() };
    assert_eq!(of(intent, &headers), Some(whole.clone()));
    // What RabbitMQ itself has parked has no headers of ours.
    let bare = ParkedCopy {
        merchant: "defualt".to_owned(),
        reason: None,
        parked_at: None,
        in_doubt: None,
        ..whole.clone()
    };
    assert_eq!(of(intent, &Headers::new()), Some(bare));
    let broken = of(r#"{"merchantRefId":"order-1","amount":"much"}"#, &headers).unwrap();
    assert_eq!((broken.amount, broken.work), (None, Work::Intents));
    let command = of(r#"{"command":"cancel","merchantRefId":"order-1"}"#, &headers).unwrap();
    assert_eq!(command.work, Work::Commands);
    for other in [&*intent.replace("order-1", "order-11"), "{", ""] {
        assert_eq!(of(other, &headers), None, "{other}");
    }
}

#[test]
fn the_configured_listener_is_asked_from_this_machine() {
    for (listen, url) in [
        ("127.0.0.1:8080", Some("http://127.0.0.1:8080/")),
        ("0.0.0.0:9000", Some("http://127.0.0.1:9000/")),
        ("[::]:9000", Some("http://[::1]:9000/")),
        ("10.0.0.5:8080", Some("http://10.0.0.5:8080/")),
        ("127.0.0.1:0", None),
    ] {
        let asked = listener(listen.parse().unwrap()).map(|url| url.to_string());
        assert_eq!(asked.as_deref(), url);
    }
}
