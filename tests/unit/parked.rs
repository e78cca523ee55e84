//! Parked messages, as a person deals with them: what is counted, what is replayed, and how.

mod decisions;
mod plans;
mod tallies;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use smartsend::actor::Actor;
use smartsend::amqp::ParkedMessage;
use smartsend::config::Config;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::record::headers::{Headers, Value, written};
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::parked::copy::{discarded, replayed};
use smartsend::parked::message::{Id, Parked};
use smartsend::ports::Properties;

use crate::support::canary;
use crate::support::configuration::CONFIGURATION;

fn config(more: &str) -> Config {
    Config::parse(&format!("{CONFIGURATION}{more}"), std::iter::empty(), &|_| Ok(String::new()))
        .unwrap()
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn account() -> Account {
    Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 }
}

fn intent(reference: &str, amount: &str) -> Json {
    json!({
        "merchantRefId": reference, "amount": amount, "description": canary::DESCRIPTION,
        "custMobile": "9999999999", "custEmail": "asha@example.com",
    })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What the worker parks: an intent in doubt, at nine o'clock.
fn parked(body: &Json, code: &str) -> ParkedMessage {
    let first_seen = "2026-11-24T08:00:00Z".parse().unwrap();
    let record = Record::first(account(), first_seen).doubted(Seen::Unknown);
    let mut headers = record.to_headers(None);
    headers.extend([
        ("reason".to_owned(), text(code)),
        ("merchant".to_owned(), text("default")),
        ("parked-at".to_owned(), text("2026-11-24T09:00:00.000Z")),
    ]);
    ParkedMessage {
        body: Bytes::from(body.to_string()),
        properties: Properties { message_id: Some("m-1".to_owned()), ..Properties::default() },
        headers,
        routing_key: "default".to_owned(),
        own: true,
    }
}

fn set(message: &mut ParkedMessage, name: &str, value: Value) {
    message.headers.insert(name.to_owned(), value);
}

#[test]
fn an_id_names_one_message_and_not_its_copy_that_is_parked_later() {
    let message = parked(&intent("order-1", "100.50"), "NOT_SENT");
    let id = Id::of(&message);
    assert_eq!(id, Id::of(&message.clone()));
    assert_eq!(Id::parse(id.as_str()).unwrap(), id);
    let mut later = message.clone();
    set(&mut later, "parked-at", text("2026-11-24T09:00:00.001Z"));
    let mut other = message.clone();
    set(&mut other, "reason", text("REFUSED"));
    let mut unnamed = message.clone();
    unnamed.properties.message_id = None;
    let paid_else = parked(&intent("order-1", "100.51"), "NOT_SENT");
    for other in [later, other, unnamed, paid_else] {
        assert_ne!(Id::of(&other), id);
    }
    // What a worker may add on its way does not change it.
    let mut seen = message.clone();
    set(&mut seen, "note", text("x"));
    assert_eq!(Id::of(&seen), id);
}

#[test]
fn a_copy_for_a_worker_is_in_doubt_with_its_waits_at_zero_and_says_who_and_why() {
    let mut message = parked(&intent("order-1", "100.50"), "NOT_SENT");
    let waited = Record {
        waited: std::time::Duration::from_hours(24),
        returns: 40,
        singled_out: 3,
        lookups: 2,
        quarantined: std::time::Duration::from_mins(5),
        ..Record::first(account(), now())
    };
    message.headers.extend(waited.to_headers(None));
    set(&mut message, "signature", text("v1=00"));
    set(&mut message, "replays", Value::Number(1));
    set(&mut message, "errors", text("[]"));
    let actor = Actor::new("asha".to_owned(), Some("PayU is back"));
    let config = config("");
    let of = |message: &ParkedMessage| {
        replayed(&Parked::read(message, &config), message, &account(), (&actor, now()))
    };
    let copy = of(&message);
    assert_eq!((&copy.body, &copy.properties), (&message.body, &message.properties));
    assert_eq!(copy.merchant, "default");
    let record = Record::from_headers(&copy.headers).unwrap();
    assert!(record.is_in_doubt());
    let zero = std::time::Duration::ZERO;
    assert_eq!((record.waited, record.quarantined, record.lookups), (zero, zero, 0));
    assert_eq!((record.returns, record.singled_out), (0, 0));
    assert_eq!(record.first_seen, now());
    for (name, value) in [
        ("replays", Value::Number(2)),
        ("actor", text("asha")),
        ("note", text("PayU is back")),
        ("acted-at", text(&written(now()))),
        ("signature", text("v1=00")),
    ] {
        assert_eq!(copy.headers.get(name), Some(&value), "{name}");
    }
    for gone in ["reason", "merchant", "parked-at", "errors"] {
        assert!(!copy.headers.contains_key(gone), "{gone}");
    }
    // Without a record that is believed it is in doubt all the same.
    let bare = ParkedMessage { headers: Headers::new(), ..message.clone() };
    assert!(Record::from_headers(&of(&bare).headers).unwrap().is_in_doubt());
    let foreign = ParkedMessage { own: false, ..message.clone() };
    assert_eq!(Record::from_headers(&of(&foreign).headers).unwrap().attempts, 1);
    // A discarded one stays as it was, with who and why.
    let thrown = discarded(&Parked::read(&message, &config), &message, (&actor, now()));
    assert_eq!(thrown.headers.get("reason"), Some(&text("NOT_SENT")));
    assert_eq!(thrown.headers.get("actor"), Some(&text("asha")));
    assert_eq!(thrown.headers.get("replays"), Some(&Value::Number(1)));
}

#[test]
fn a_replay_lets_a_refused_one_be_sent_again_and_never_one_that_has_a_link() {
    let doubted = |seen| {
        let doubt = Doubt { seen, last_sent: Some(now()), code: None };
        Record { state: State::InDoubt(doubt), attempts: 1, ..Record::first(account(), now()) }
    };
    let seen = |record: Record| match record.replayed().state {
        State::New => None,
        State::InDoubt(doubt) => Some((doubt.seen, doubt.last_sent)),
    };
    for refused in [Seen::Refused, Seen::Unknown, Seen::TurnedAway, Seen::Recent] {
        assert_eq!(seen(doubted(refused)), Some((Seen::Redelivered, Some(now()))), "{refused:?}");
    }
    assert_eq!(seen(doubted(Seen::Duplicate)), Some((Seen::Duplicate, Some(now()))));
    assert_eq!(seen(Record::first(account(), now())), Some((Seen::Redelivered, None)));
}
