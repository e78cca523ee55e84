//! Record headers: a table of headers that is not wholly a record of ours never counts as "never
//! sent".
//!
//! An input is the content of an AMQP table, as it goes over the wire (AMQP 0-9-1, 4.2.5.5).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::protocol::basic::gen_properties;
use lapin::types::FieldTable;
use lapin::types::parsing::parse_field_table;

use smartsend::amqp::headers;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::decide::{
    Decision, DeliveryInfo, InDoubtPolicy, Input, IntentCase, LastAnswers, Policy, Requests,
    Surroundings,
};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::readback::Readback;
use smartsend::domain::record::headers::Value;
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::ports::{Headers, Properties};

/// The least that two peers can agree on, RabbitMQ's least since 4.1, and what it proposes.
const FRAME_MAX: [u32; 3] = [4096, 8192, 131_072];
/// A header frame without properties.
const FRAME_LEN: usize = 20;
/// What RabbitMQ may add on the way of a copy.
const ADDED_MAX: usize = 1024;

/// Checks one table.
pub(crate) fn check(data: &[u8]) {
    let Some(table) = table(data) else { return };
    let read = BasicProperties::default().with_headers(table);
    let (properties, headers) = (headers::properties(&read), headers::own_headers(&read));
    check_reading(&headers);
    check_arrivals(&headers);
    check_garbling(&headers);
    check_copy(&properties, &headers);
}

/// The input as a table, which begins with its length.
fn table(data: &[u8]) -> Option<FieldTable> {
    let length = u32::try_from(data.len()).ok()?.to_be_bytes();
    let bytes = [length.as_slice(), data].concat();
    parse_field_table(bytes.as_slice()).ok().map(|(_, table)| table)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn account() -> Account {
    Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 }
}

fn policy() -> Policy {
    Policy {
        account: account(),
        rules: ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Only(Vec::new()) },
        max_amount: Amount::parse("200000.00").unwrap(),
        delays: RetryDelays::new(&[Duration::from_secs(1)]).unwrap(),
        lease: Duration::from_mins(1),
        max_age: Duration::from_hours(24),
        first_lookup: Duration::from_secs(5),
        lookups: 3,
        quarantine: Duration::from_mins(5),
        in_doubt: InDoubtPolicy::Resend,
    }
}

fn intent() -> Intent {
    let body = br#"{"merchantRefId":"order-1","amount":"1","description":"x",
        "custMobile":"9999999999"}"#;
    parse(body, Api::V1).unwrap()
}

/// A record holds what its headers say and nothing else, and is written as it was read.
fn check_reading(headers: &Headers) {
    let Ok(record) = Record::from_headers(headers) else { return };
    let written = record.to_headers(None);
    for (name, value) in &written {
        let is_time = matches!(name.as_str(), "first-seen" | "last-sent"); // written in one way
        assert!(is_time || headers.get(name) == Some(value), "{name} was not there");
    }
    let again = Record::from_headers(&written).expect("a record can be read that was written");
    assert_eq!(again.to_headers(None), written);
    assert_eq!((again.is_in_doubt(), again.attempts), (record.is_in_doubt(), record.attempts));
}

fn open<'a>(
    intent: &'a Intent,
    policy: &'a Policy,
    headers: &Headers,
    own: bool,
) -> IntentCase<'a> {
    let arrival = DeliveryInfo {
        headers,
        own,
        redelivered: false,
        delivery_count: 0,
        recent: false,
        verdict: None,
        now: now(),
    };
    IntentCase::open(intent, policy, arrival)
}

/// Only no header at all, or a whole record that the broker vouches for, can be new.
fn check_arrivals(headers: &Headers) {
    let (intent, policy) = (intent(), policy());
    for own in [true, false] {
        let is_known = own && Record::from_headers(headers).is_ok();
        if headers.is_empty() || is_known {
            continue;
        }
        assert_in_doubt(open(&intent, &policy, headers, own));
    }
}

/// A record in doubt, with any headers laid over its own, stays in doubt, unless they say in so
/// many letters that it is new.
fn check_garbling(over: &Headers) {
    let new = Value::Text("new".to_owned());
    if over.get("state") == Some(&new) {
        return;
    }
    let (intent, policy) = (intent(), policy());
    for seen in [Seen::Redelivered, Seen::Duplicate, Seen::Unknown] {
        let doubt = Doubt { seen, last_sent: Some(now()), code: Some(1103) };
        let record = Record { state: State::InDoubt(doubt), ..Record::first(account(), now()) };
        let headers: BTreeMap<_, _> =
            record.to_headers(None).into_iter().chain(over.clone()).collect();
        assert_in_doubt(open(&intent, &policy, &headers, true));
    }
}

fn assert_in_doubt(mut case: IntentCase<'_>) {
    assert!(case.record().is_in_doubt(), "{:?}", case.record());
    let around = Surroundings {
        now: now(),
        age: Duration::ZERO,
        requests: Requests::Flow,
        clocks_agree: true,
        readback: Readback::default(),
        last_answers: LastAnswers::default(),
        no_create_for: Duration::ZERO,
    };
    let decision = case.decide(Input::Start, &around);
    assert!(!matches!(decision, Decision::Attempt(_)), "a create, in doubt");
}

/// A copy that is published with these headers comes back with the same.
fn check_copy(properties: &Properties, headers: &Headers) {
    let read = headers::write(properties, headers, None, u32::MAX);
    let (again, its_headers) = (headers::properties(&read), headers::own_headers(&read));
    assert_eq!(&again.traceparent, &properties.traceparent);
    for (name, value) in headers {
        let Some(copied) = its_headers.get(name) else {
            assert!(name.len() > 200, "{name} is lost");
            continue;
        };
        let is_clipped = matches!(value, Value::Text(text) if text.len() > 32 * 1024);
        assert!(is_clipped || copied == value, "{name} has changed");
    }
    for frame_max in FRAME_MAX {
        let copy = headers::write(properties, headers, None, frame_max);
        let mut wire = vec![0; frame_max as usize - FRAME_LEN - ADDED_MAX];
        assert!(gen_properties(&copy)(wire.as_mut_slice().into()).is_ok(), "{frame_max}");
    }
}
