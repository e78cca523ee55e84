//! The oracle itself: each thing that it watches for, it sees.

mod commands;

use std::time::Duration;

use bytes::Bytes;
use smartsend::admission::AdmissionState;
use smartsend::admission::circuit_breaker::BreakerState;
use smartsend::admission::signal::TripReason;
use smartsend::domain::call::{CallResult, NoAnswer};
use smartsend::domain::event::EventKind;
use smartsend::domain::record::headers::Value;
use smartsend::domain::reference::Reference;
use smartsend::domain::retry_delays::{RetryDelay, RetryDelays};
use smartsend::domain::work::Work;
use smartsend::ports::{Copied, EventMessage, Headers, Outgoing, Properties};

use super::Oracle;
use crate::simulation::commands::PlannedCommand;
use crate::simulation::intents::{Planned, Sort};
use crate::simulation::kinds::KINDS;
use crate::support::model::{Called, Fault, Message, Scene, Settings, Step};

const URL: &str = "https://payumoney.com/s?id=r0-0";

/// An oracle that has seen `i0` come, be given to the first process, and be sent by it.
fn oracle() -> Oracle {
    oracle_of(&[])
}

/// One of a world with these commands.
fn oracle_of(commands: &[PlannedCommand]) -> Oracle {
    let planned = Planned {
        id: "i0".to_owned(),
        reference: "r0".to_owned(),
        body: r#"{"merchantRefId":"r0","amount":"100.50"}"#.to_owned(),
        sort: Sort::Plain,
        at: vec![Duration::ZERO],
    };
    let strict = &KINDS[5];
    let settings = (&Settings::strict(), Some(&Settings::strict()));
    let planned = (&[planned][..], commands);
    let mut oracle = Oracle::new(strict, &Scene::new(0), settings, Duration::ZERO, planned);
    let message = message(true);
    oracle.see(at(0), &Step::Queued { message: &message, returned: false });
    oracle.see(at(0), &Step::Delivered { process: 0, tag: 1, message: &message });
    sent(&mut oracle, 1);
    made(&mut oracle, 2, URL);
    assert_eq!(oracle.broken, None);
    oracle
}

/// The delay of some retry queue.
fn shortest() -> RetryDelay {
    RetryDelays::new(&[at(1)]).unwrap().shortest()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn reference() -> Reference {
    Reference::parse("r0").unwrap()
}

fn properties() -> Properties {
    Properties {
        message_id: Some("i0".to_owned()),
        correlation_id: Some("i0".to_owned()),
        ..Properties::default()
    }
}

fn message(redelivered: bool) -> Message {
    Message { redelivered, ..Message::from_upstream("{}", properties()) }
}

fn made(oracle: &mut Oracle, seconds: u64, url: &str) {
    let reference = &reference();
    oracle.see(at(seconds), &Step::CreatedLink { request: 1, reference, url, expires: None });
}

fn sent(oracle: &mut Oracle, request: usize) {
    let (process, work, called) = (0, Work::Intents, Called::Create);
    let step = Step::Sent { process, work, request, called, reference: Some(&reference()) };
    oracle.see(at(request as u64), &step);
}

fn event(kind: EventKind, data: &str) -> Outgoing {
    let properties = Properties { message_id: Some(data.len().to_string()), ..properties() };
    let body = Bytes::from(format!(r#"{{"data":{data}}}"#));
    Outgoing::Event(EventMessage { kind, merchant: "default".to_owned(), body, properties })
}

fn created(url: &str, more: &str) -> Outgoing {
    let data =
        format!(r#"{{"link":"{url}","merchantRefId":"r0","amount":"100.50","attempts":2{more}}}"#);
    event(EventKind::Created, &data)
}

fn copy(headers: &[(&str, Value)]) -> Copied {
    let headers: Headers =
        headers.iter().map(|(name, v)| ((*name).to_owned(), v.clone())).collect();
    let merchant = "default".to_owned();
    Copied { merchant, body: Bytes::new(), properties: properties(), headers }
}

fn retry(copy: Copied) -> Outgoing {
    Outgoing::Retry { work: Work::Intents, delay: shortest(), copy }
}

fn published(oracle: &mut Oracle, outgoing: &Outgoing) {
    oracle.see(at(3), &Step::Published { process: 0, outgoing, fault: None });
}

fn expect(oracle: &Oracle, part: &str) {
    let broken = oracle.broken.as_deref().unwrap_or_default();
    assert!(broken.contains(part), "{broken:?} says nothing of {part:?}");
}

#[test]
fn it_sees_nothing_where_nothing_is_wrong() {
    let mut oracle = oracle();
    let link = created(URL, "");
    published(&mut oracle, &link);
    oracle.see(at(3), &Step::Confirmed { process: 0, outgoing: &link });
    oracle.see(at(4), &Step::Acknowledged { process: 0, tag: 1 });
    oracle.judge();
    assert_eq!(oracle.broken, None);
}

#[test]
fn it_sees_a_second_link() {
    let mut oracle = oracle();
    made(&mut oracle, 3, "another");
    expect(&oracle, "two links");
}

#[test]
fn it_sees_an_acknowledgement_too_early() {
    let mut oracle = oracle();
    published(&mut oracle, &created(URL, ""));
    oracle.see(at(4), &Step::Acknowledged { process: 0, tag: 1 });
    expect(&oracle, "nothing replaces it");
}

#[test]
fn it_sees_what_has_no_end() {
    let mut oracle = oracle();
    oracle.judge();
    expect(&oracle, "no end");
}

#[test]
fn it_sees_a_failure_over_a_living_link() {
    let mut oracle = oracle();
    published(&mut oracle, &event(EventKind::Failed, r#"{"reason":{"code":"DEADLINE_PASSED"}}"#));
    expect(&oracle, "fails with DEADLINE_PASSED");
}

#[test]
fn it_sees_another_s_link_and_a_new_id() {
    let mut other = oracle();
    published(&mut other, &created("https://payumoney.com/s?id=r1-0", ""));
    expect(&other, "not its own");
    let mut oracle = oracle();
    published(&mut oracle, &created(URL, ""));
    published(&mut oracle, &created(URL, r#","recovered":true"#));
    expect(&oracle, "two ids");
}

#[test]
fn it_sees_haste_and_a_second_create_at_once() {
    let mut oracle = oracle();
    sent(&mut oracle, 2);
    expect(&oracle, "two calls for one reference");
    let mut oracle = self::oracle();
    for request in 2..5 {
        let (process, work, called, reference) = (0, Work::Intents, Called::Token, None);
        oracle.see(at(2), &Step::Sent { process, work, request, called, reference });
    }
    expect(&oracle, "faster than allowed");
}

#[test]
fn it_sees_a_create_through_an_open_breaker() {
    let mut oracle = oracle();
    let why = TripReason::Misdirected(404);
    let breaker = BreakerState::Open { why, probe_at: None };
    let state = AdmissionState { breaker, throttled_until: None };
    oracle.see(at(1), &Step::Admission { process: 0, work: Work::Intents, state });
    sent(&mut oracle, 2);
    expect(&oracle, "open breaker");
}

#[test]
fn it_sees_a_record_that_is_new_again_or_counts_too_much() {
    let text = |text: &str| Value::Text(text.to_owned());
    let retry = |headers: &[(&str, Value)]| retry(copy(headers));
    let mut oracle = oracle();
    published(&mut oracle, &retry(&[("state", text("new"))]));
    expect(&oracle, "new again");
    let mut oracle = self::oracle();
    let counted = [("state", text("in-doubt")), ("attempts", Value::Number(3))];
    published(&mut oracle, &retry(&counted));
    expect(&oracle, "3 attempts");
}

#[test]
fn it_bears_a_copy_that_stays_new_where_its_publish_began_before_another_copy_was_sent() {
    let headers = [("state", Value::Text("new".to_owned()))];
    let retry = retry(copy(&headers));
    let mut oracle = oracle();
    let message = message(false);
    oracle.see(at(2), &Step::Queued { message: &message, returned: false });
    oracle.see(at(2), &Step::Delivered { process: 0, tag: 2, message: &message });
    let fault = Some(Fault::Unroutable);
    oracle.see(at(2), &Step::Published { process: 0, outgoing: &retry, fault });
    let (called, result) = (Called::Create, &CallResult::NoAnswer(NoAnswer::Timeout));
    oracle.see(at(2), &Step::Answered { process: 0, called, reference: &reference(), result });
    sent(&mut oracle, 2);
    published(&mut oracle, &retry);
    assert_eq!(oracle.broken, None);
}

#[test]
fn it_sees_a_parked_copy_without_a_reason() {
    let mut oracle = oracle();
    published(&mut oracle, &Outgoing::Parked(copy(&[])));
    expect(&oracle, "does not say why");
}

#[test]
fn it_takes_the_event_of_a_row_for_its_end_and_that_of_a_message_not() {
    let unresolved = event(EventKind::Unresolved, r#"{"reason":{"code":"OUTCOME_UNKNOWN"}}"#);
    for has_rows in [false, true] {
        let mut oracle = oracle();
        if has_rows {
            oracle.watches_rows();
        }
        published(&mut oracle, &unresolved);
        oracle.see(at(3), &Step::Confirmed { process: 0, outgoing: &unresolved });
        oracle.see(at(4), &Step::Acknowledged { process: 0, tag: 1 });
        let expected = (!has_rows).then_some("i0 is acknowledged, and nothing replaces it");
        assert_eq!(oracle.broken.as_deref(), expected);
    }
}
