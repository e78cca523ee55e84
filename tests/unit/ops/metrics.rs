//! What is counted, under which names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::call::NotSent;
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::lookup::{Lookup, LookupFailure};
use smartsend::domain::classify::{Denial, NoToken, UnknownReason};
use smartsend::domain::dead_letter::{Arrival, Death, Finding, Merchants};
use smartsend::domain::event::Event;
use smartsend::domain::record::headers::Headers;
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::domain::reference::Reference;
use smartsend::domain::trace::Trace;
use smartsend::domain::verdict::Unresolved;
use smartsend::telemetry::events;
use smartsend::telemetry::metrics::{CallKind, DeadLetterMetrics, Metrics};
use smartsend::telemetry::status::{ConnectionState, ConsumerState, Status};

use crate::support::clock::ManualClock;

/// Every series with its value.
fn series(metrics: &Metrics) -> BTreeMap<String, String> {
    let text = metrics.render();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(k, v)| (k.into(), v.into())).collect()
}

const REASONS: [&str; 16] = [
    "INVALID_INTENT",
    "WRONG_QUEUE",
    "NOT_ALLOWED",
    "NOT_SIGNED",
    "DUPLICATE_REFERENCE",
    "OUTCOME_UNKNOWN",
    "REFUSED",
    "NOT_SENT",
    "LINK_UNKNOWN",
    "LINK_CLOSED",
    "LINK_HOST",
    "REFERENCE_CONFLICT",
    "LINK_REPEATED",
    "OVER_LIMIT",
    "ACCOUNT_CHANGED",
    "DEAD_LETTERED",
];

/// Names and labels as the contract has them.
fn known_at_the_start() -> Vec<String> {
    let mut all = vec!["smartsend_parked_messages".to_owned()];
    let mut add = |name: &str, labels: &[(&str, &[&str])]| {
        let mut series = vec![String::new()];
        for (label, values) in labels {
            let with = |before: &String| {
                let comma = if before.is_empty() { "" } else { "," };
                let one = |value: &&str| format!("{before}{comma}{label}=\"{value}\"");
                values.iter().map(one).collect::<Vec<_>>()
            };
            series = series.iter().flat_map(with).collect();
        }
        all.extend(series.iter().map(|labels| format!("smartsend_{name}{{{labels}}}")));
    };
    let merchant: (&str, &[&str]) = ("merchant", &["default"]);
    let creates = [
        "created",
        "foreign_link",
        "rejected",
        "duplicate",
        "refused",
        "not_sent",
        "no_token",
        "stale_token",
        "throttled",
        "denied",
        "unknown",
    ];
    let lookups = ["found", "not_found", "failed", "no_token", "throttled", "denied"];
    let tokens = ["granted", "refused", "throttled", "failed"];
    let outcomes = ["created", "failed", "rejected", "unresolved"];
    add("intents_total", &[merchant, ("outcome", &outcomes)]);
    add("intent_age_seconds_count", &[merchant]);
    for (call, outcomes) in [("create", &creates[..]), ("lookup", &lookups), ("token", &tokens)] {
        add("calls_total", &[merchant, ("call", &[call]), ("outcome", outcomes)]);
        add("call_duration_seconds_count", &[merchant, ("call", &[call])]);
    }
    add("lookups_total", &[merchant, ("result", &lookups)]);
    add("admission_wait_seconds_count", &[merchant]);
    add("circuit_breaker_state", &[merchant, ("state", &["closed", "open", "half_open"])]);
    add("consumer_state", &[merchant, ("state", &["stopped", "standby", "active"])]);
    for name in
        ["throttled", "paused", "in_flight", "in_doubt", "held", "waiting", "handed_back_total"]
    {
        add(name, &[merchant]);
    }
    let results = ["confirmed", "unroutable", "refused", "unconfirmed"];
    add(
        "publishes_total",
        &[
            ("kind", &["event", "retry", "parked", "dead_letter", "checkpoint"]),
            ("result", &results),
        ],
    );
    add("parked_total", &[merchant, ("reason", &REASONS)]);
    add("lookup_lag_seconds_count", &[merchant]);
    add("broker_connected", &[("connection", &["publish", "consume/default"])]);
    all
}

#[test]
fn every_series_that_is_known_at_the_start_exists_from_the_start() {
    let metrics = Metrics::new();
    let status = Status::new(&metrics, ManualClock::new());
    status.merchant(&metrics.merchant("default"));
    let reason = "not connected yet".to_owned();
    status.set_connection("publish", ConnectionState::Disconnected { reason }, None);
    let mut found = series(&metrics);
    for name in known_at_the_start() {
        let value = found.remove(&name).unwrap_or_else(|| panic!("{name} is not there"));
        let is_on = name.contains("\"stopped\"") || name.contains("\"half_open\"");
        assert_eq!(value, if is_on { "1" } else { "0" }, "{name}");
    }
    found.retain(|name, _| !name.contains("_seconds_"));
    assert!(found.is_empty(), "not in the contract: {found:?}");
}

#[test]
fn what_a_merchant_s_commands_come_to_is_there_from_the_start_too() {
    let metrics = Metrics::new();
    Status::new(&metrics, ManualClock::new()).merchant(&metrics.commands_of("default"));
    let found = series(&metrics);
    let merchant = "merchant=\"default/commands\"";
    for outcome in ["cancelled", "extended", "cancel_failed", "extend_failed", "unresolved"] {
        assert_eq!(
            found[&format!("smartsend_commands_total{{{merchant},outcome=\"{outcome}\"}}")],
            "0"
        );
    }
    for (call, outcome) in [("cancel", "done"), ("extend", "refused"), ("lookup", "found")] {
        let labels = format!("{merchant},call=\"{call}\",outcome=\"{outcome}\"");
        assert_eq!(found[&format!("smartsend_calls_total{{{labels}}}")], "0");
    }
    assert_eq!(
        found[&format!("smartsend_parked_total{{{merchant},reason=\"INVALID_COMMAND\"}}")],
        "0"
    );
    assert_eq!(found["smartsend_broker_connected{connection=\"commands/default\"}"], "0");
    assert!(!metrics.render().contains("smartsend_intents_total{"));
}

/// A message with this body has expired in a merchant's queue, and is settled.
fn put_aside(metrics: &DeadLetterMetrics, merchant: &str, body: &[u8]) {
    let queue = format!("smartsend.intents.{merchant}");
    let arrival = Arrival {
        exchange: "smartsend.intents",
        routing_key: merchant,
        deaths: &[Death { queue, reason: "expired".to_owned(), time: None }],
        headers: &Headers::new(),
        own: false,
        body,
        now: Timestamp::UNIX_EPOCH,
    };
    let merchants = Merchants {
        intents_prefix: "smartsend.intents.".to_owned(),
        commands_prefix: "smartsend.commands.".to_owned(),
        commands_exchange: "smartsend.commands".to_owned(),
        accounts: BTreeMap::new(),
    };
    let Finding::Unannounced(letter) = Finding::of(arrival, &merchants) else { panic!() };
    let event = Event::of_dead_letter(&letter, body, None, Trace::default(), Timestamp::UNIX_EPOCH);
    events::dead_letter_settled(metrics, &event);
}

#[test]
fn what_was_put_aside_is_counted_under_the_merchants_that_are_known() {
    let metrics = Metrics::new();
    drop(metrics.merchant("default"));
    let dead_letters = metrics.dead_letters([metrics.merchant("default")]);
    let found = series(&metrics);
    for reason in ["UNKNOWN_MERCHANT", "DEAD_LETTERED", "INVALID_INTENT"] {
        let labels = format!("merchant=\"unrouted\",reason=\"{reason}\"");
        assert_eq!(found[&format!("smartsend_parked_total{{{labels}}}")], "0");
    }
    for merchant in ["default", "a", "b"] {
        put_aside(&dead_letters, merchant, b"{");
    }
    let found = series(&metrics);
    for (merchant, count) in [("default", "1"), ("unrouted", "2")] {
        let labels = format!("merchant=\"{merchant}\",reason=\"INVALID_INTENT\"");
        assert_eq!(found[&format!("smartsend_parked_total{{{labels}}}")], count);
        let labels = format!("merchant=\"{merchant}\",outcome=\"rejected\"");
        assert_eq!(found[&format!("smartsend_intents_total{{{labels}}}")], count);
    }
    assert!(!metrics.render().contains("merchant=\"a\""), "a publisher's words make no series");
}

// It was counted until the process ended.
#[test]
fn what_was_in_doubt_and_is_put_aside_is_no_longer_in_doubt() {
    let metrics = Metrics::new();
    let merchant = metrics.merchant("default");
    let dead_letters = metrics.dead_letters([Arc::clone(&merchant)]);
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 };
    let doubt = Doubt { seen: Seen::Unknown, last_sent: None, code: None };
    let record =
        Record { state: State::InDoubt(doubt), ..Record::first(account, Timestamp::UNIX_EPOCH) };
    let count = || series(&metrics)["smartsend_in_doubt{merchant=\"default\"}"].clone();
    events::intent_known(&merchant, &Reference::parse("order-1").unwrap(), &record);
    assert_eq!(count(), "1");
    put_aside(&dead_letters, "default", br#"{"merchantRefId":"order-1"}"#);
    assert_eq!(count(), "0");
}

#[test]
fn every_word_of_the_core_is_known_at_the_start() {
    let known = known_at_the_start().concat();
    let creates = [
        Outcome::ForeignLink,
        Outcome::Rejected(1),
        Outcome::Duplicate(None),
        Outcome::Refused(None),
        Outcome::NotSent(NotSent::Dns),
        Outcome::NoToken(NoToken::Refused),
        Outcome::StaleToken,
        Outcome::Throttled(None),
        Outcome::Denied(Denial::Forbidden),
        Outcome::Unknown(UnknownReason::NoLink),
    ];
    for outcome in creates {
        let labels = format!("call=\"create\",outcome=\"{}\"", outcome.word());
        assert!(known.contains(&labels), "{labels}");
    }
    let lookups = [
        Lookup::NotFound,
        Lookup::Failed(LookupFailure::Odd),
        Lookup::NoToken(NoToken::Refused),
        Lookup::Throttled(None),
        Lookup::Denied(Denial::Unauthorized),
    ];
    for lookup in lookups {
        assert!(known.contains(&format!("result=\"{}\"", lookup.word())), "{lookup:?}");
    }
    for why in Unresolved::ALL {
        assert!(known.contains(&format!("reason=\"{}\"", why.reason().code)), "{why:?}");
    }
}

#[test]
fn metrics_have_their_type_meaning_and_buckets() {
    let metrics = Metrics::new();
    let merchant = metrics.merchant("default");
    Status::new(&metrics, ManualClock::new()).merchant(&merchant);
    let (waited, took) = (Duration::from_millis(30), Duration::from_millis(2500));
    events::call_ended(&merchant, CallKind::Create, "created", waited, took);
    events::call_ended(&merchant, CallKind::Lookup, "found", waited, took);
    events::token_rejected(&merchant, CallKind::Lookup);
    let text = metrics.render();
    for line in [
        "# HELP smartsend_calls_total HTTP calls to the provider, by call and outcome.",
        "# TYPE smartsend_calls_total counter",
        "smartsend_calls_total{merchant=\"default\",call=\"create\",outcome=\"created\"} 1",
        "smartsend_calls_total{merchant=\"default\",call=\"lookup\",outcome=\"denied\"} 1",
        "smartsend_lookups_total{merchant=\"default\",result=\"found\"} 1",
        "smartsend_lookups_total{merchant=\"default\",result=\"denied\"} 0",
        "# TYPE smartsend_call_duration_seconds histogram",
        "smartsend_call_duration_seconds_bucket{merchant=\"default\",call=\"create\",le=\"2\"} 0",
        "smartsend_call_duration_seconds_bucket{merchant=\"default\",call=\"create\",le=\"3\"} 1",
        "smartsend_admission_wait_seconds_bucket{merchant=\"default\",le=\"0.025\"} 0",
        "smartsend_admission_wait_seconds_bucket{merchant=\"default\",le=\"0.1\"} 2",
        "# TYPE smartsend_circuit_breaker_state gauge",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn what_is_under_way_is_counted_until_it_is_over() {
    let metrics = Metrics::new();
    let merchant = metrics.merchant("default");
    let value =
        |name: &str| series(&metrics)[&format!("smartsend_{name}{{merchant=\"default\"}}")].clone();
    let names = ["in_flight", "waiting", "held", "in_doubt"];
    let first = [merchant.in_flight(), merchant.waiting(), merchant.held()];
    let second = merchant.in_flight();
    assert_eq!(names.map(value), ["2", "1", "1", "0"]);
    drop(first);
    assert_eq!(names.map(value), ["1", "0", "0", "0"]);
    drop(second);
    let exchange = async { names.map(value) };
    let during = events::trace_call(&merchant, CallKind::Token, exchange).await;
    assert_eq!(during, ["1", "0", "0", "0"]);
    assert_eq!(names.map(value), ["0", "0", "0", "0"]);
}

#[test]
fn of_the_states_one_is_1_and_two_handles_of_a_merchant_count_in_the_same_series() {
    let metrics = Metrics::new();
    let status = Status::new(&metrics, ManualClock::new()).merchant(&metrics.merchant("default"));
    status.set_consumer(ConsumerState::Active);
    let values = ["stopped", "standby", "active"].map(|state| {
        let name = format!("smartsend_consumer_state{{merchant=\"default\",state=\"{state}\"}}");
        series(&metrics)[&name].clone()
    });
    assert_eq!(values, ["0", "0", "1"]);
    for handle in [metrics.merchant("default"), metrics.merchant("default")] {
        // A word that is not known at the start is counted too.
        events::call_ended(&handle, CallKind::Token, "lent", Duration::ZERO, Duration::ZERO);
    }
    let name = "smartsend_calls_total{merchant=\"default\",call=\"token\",outcome=\"lent\"}";
    assert_eq!(series(&metrics)[name], "2");
}
