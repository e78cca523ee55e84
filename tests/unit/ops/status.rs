//! What the worker says of its state.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use smartsend::ports::{Clock as _, Moment};
use smartsend::telemetry::metrics::{CallFailure, CallKind, Metrics};
use smartsend::telemetry::status::{
    CircuitBreakerState, Component, ConnectionState, ConsumerState, MerchantStatus, QueueCount,
    Status, Time,
};

use super::log::logged;
use crate::support::clock::ManualClock;

/// What the clock says at the start, and a minute later.
const START: &str = "2026-11-24T09:30:00.000Z";
const LATER: &str = "2026-11-24T09:31:00.000Z";

struct Worker {
    clock: ManualClock,
    metrics: Metrics,
    status: Status,
    merchant: MerchantStatus,
}

impl Worker {
    fn new() -> Self {
        let (clock, metrics) = (ManualClock::new(), Metrics::new());
        let status = Status::new(&metrics, clock.clone());
        status.started();
        let merchant = status.merchant(&metrics.merchant("default"));
        Self { clock, metrics, status, merchant }
    }

    fn shown(&self) -> Value {
        self.status.snapshot()
    }

    fn merchant(&self) -> Value {
        self.shown()["merchants"]["default"].clone()
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn a_minute_later(&self) {
        self.clock.advance(Duration::from_mins(1));
    }

    fn throttled(&self) -> bool {
        self.metrics.render().contains("smartsend_throttled{merchant=\"default\"} 1")
    }
}

fn open(reason: &str, until: Option<Time>) -> CircuitBreakerState {
    CircuitBreakerState::Open { reason: reason.to_owned(), cause: None, until }
}

#[test]
fn a_merchant_is_shown_by_states_and_since_when_they_hold() {
    let worker = Worker::new();
    let levels = json!({ "in_flight": 0, "waiting": 0, "held": 0, "in_doubt": 0, "handed_back": 0,
            "last_failure": null, "lookup_lag": null });
    let with_levels = |mut states: Value| {
        states.as_object_mut().unwrap().extend(levels.as_object().unwrap().clone());
        states
    };
    let first = with_levels(json!({
        "consumer": { "state": "stopped", "since": START },
        "circuit_breaker": { "state": "half_open", "after": null, "since": START },
        "throttle": null,
        "spend_limit": null,
        "paused": null,
        "takeover": null,
        "queue": null,
    }));
    assert_eq!(worker.merchant(), first);

    worker.a_minute_later();
    let until = worker.now().wall_at(worker.now().steady + Duration::from_secs(30));
    worker.merchant.set_consumer(ConsumerState::Active);
    worker.merchant.set_circuit_breaker(&open("it is down", Some(Time(until))));
    let open = json!({
        "state": "open", "reason": "it is down", "cause": null, "until": "2026-11-24T09:31:30.000Z", "since": LATER
    });
    let consumer = json!({ "state": "active", "since": LATER });
    assert_eq!(worker.merchant()["consumer"], consumer);
    assert_eq!(worker.merchant()["circuit_breaker"], open);

    worker.a_minute_later();
    worker.merchant.set_consumer(ConsumerState::Active);
    assert_eq!(worker.merchant()["consumer"], consumer, "what is said again holds since before");
    let page = worker.shown();
    assert_eq!(
        (&page["now"], &page["uptime_seconds"]),
        (&json!("2026-11-24T09:32:00.000Z"), &json!(120))
    );
}

#[test]
fn a_pause_is_over_when_its_time_is_whoever_says_so() {
    let worker = Worker::new();
    let steady = worker.now().steady;
    worker.merchant.set_throttle(Some(steady + Duration::from_secs(90)));
    let paused = json!({ "since": START, "until": "2026-11-24T09:31:30.000Z" });
    assert_eq!(worker.merchant()["throttle"], paused);
    assert!(worker.throttled() && worker.status.reasons().is_empty());

    worker.a_minute_later();
    worker.merchant.set_throttle(Some(steady + Duration::from_secs(100)));
    let longer = json!({ "since": START, "until": "2026-11-24T09:31:40.000Z" });
    assert_eq!(worker.merchant()["throttle"], longer);

    worker.a_minute_later();
    worker.status.end_pauses(); // as `/metrics` does
    assert!(!worker.throttled());
    assert_eq!(worker.merchant()["throttle"], Value::Null);
}

#[test]
fn an_open_circuit_breaker_is_a_reason_with_the_time_of_the_next_probe_and_is_logged_once() {
    let worker = Worker::new();
    let text = logged("info", || {
        for seconds in [1, 3, 7] {
            let until = worker.now().wall_at(worker.now().steady + Duration::from_secs(seconds));
            worker.merchant.set_circuit_breaker(&open("the provider is down", Some(Time(until))));
        }
        assert_eq!(
            worker.status.reasons(),
            [
                "merchant default: the circuit breaker is open: the provider is down; the next probe \
              goes out at 2026-11-24T09:30:07Z, in 7 s"
            ]
        );
        let reason = &worker.shown()["not_ready"][0];
        assert_eq!(reason["component"], "circuit_breaker");
        assert_eq!((&reason["name"], &reason["since"]), (&json!("default"), &json!(START)));
        worker.a_minute_later();
        worker.merchant.set_circuit_breaker(&CircuitBreakerState::Open {
            reason: "the provider is down".to_owned(),
            cause: Some(CallFailure {
                call: CallKind::Token,
                cause: "HTTP 503".to_owned(),
                at: worker.now().wall,
            }),
            until: None,
        });
        let why = "the provider is down; last failure: token, HTTP 503";
        let shown = format!("merchant default: the circuit breaker is open: {why}");
        assert_eq!(worker.status.reasons(), [shown]);
        let since = &worker.shown()["not_ready"][0]["since"];
        assert_eq!(since, START, "it has been open since then, for whatever reason");
        worker.merchant.set_circuit_breaker(&open("a foreign link", None));
        assert_eq!(
            worker.status.reasons(),
            ["merchant default: the circuit breaker is open: a foreign link"]
        );
        worker.merchant.set_circuit_breaker(&CircuitBreakerState::Closed);
        assert!(worker.status.reasons().is_empty());
    });
    assert_eq!(text.matches("the circuit breaker is open").count(), 3, "{text}");
    assert_eq!(text.matches("last failure: token, HTTP 503").count(), 1, "{text}");
    assert_eq!(text.matches("the circuit breaker is closed").count(), 1, "{text}");
}

#[test]
fn a_countdown_counts() {
    let worker = Worker::new();
    let steady = worker.now().steady;
    let at = |seconds| Some(Time(worker.now().wall_at(steady + Duration::from_secs(seconds))));
    worker.merchant.set_circuit_breaker(&open("it is down", at(90)));
    worker.merchant.set_throttle(Some(steady + Duration::from_secs(70)));
    let shown = || (worker.status.reasons()[0].clone(), worker.status.notes()[0].clone());
    let (reason, note) = shown();
    assert!(
        reason.ends_with("; the next probe goes out at 2026-11-24T09:31:30Z, in 90 s"),
        "{reason}"
    );
    let asked = "merchant default: the provider asked for fewer requests; none is sent until";
    assert_eq!(note, format!("{asked} 2026-11-24T09:31:10Z, in 70 s"));
    worker.a_minute_later();
    let (reason, note) = shown();
    assert!(reason.ends_with(", in 30 s") && note.ends_with(", in 10 s"), "{reason} {note}");
    worker.a_minute_later();
    assert!(worker.status.reasons()[0].ends_with("; a probe is under way"));
    assert!(worker.status.readiness().1.iter().all(|line| !line.contains("fewer requests")));
}

#[test]
fn readyz_says_since_when_and_how_much_waits() {
    let worker = Worker::new();
    let calm = (true, vec!["The worker is ready.".to_owned()]);
    assert_eq!(worker.status.readiness(), calm);
    let metrics = worker.metrics.merchant("default");
    let _calls = [metrics.waiting(), metrics.waiting()];
    let _held = metrics.held();
    assert_eq!(worker.status.readiness(), calm, "a usual wait concerns nobody");

    worker.merchant.set_circuit_breaker(&open("it is down", None));
    worker.a_minute_later();
    let reason = "merchant default: the circuit breaker is open: it is down; since \
                  2026-11-24T09:30:00Z, for 60 s";
    let waiting = |queue| {
        format!(
            "merchant default: {queue}, 2 here for a call, 1 here for their next step; \
             in doubt: 0"
        )
    };
    let expected = (false, vec![reason.to_owned(), waiting("an unknown number in the queue")]);
    assert_eq!(worker.status.readiness(), expected);

    let queue = QueueCount { ready: 17, consumers: 1 };
    let retries = QueueCount { ready: 3, consumers: 0 };
    let queues = [("q.default", queue), ("r.1s", retries), ("r.5s", retries)];
    let queues = BTreeMap::from(queues.map(|(name, count)| (name.to_owned(), count)));
    worker.status.set_queues(queues, |name| format!("q.{name}"), |name| name.starts_with("r."));
    worker.a_minute_later();
    let lines = worker.status.readiness().1;
    assert_eq!(
        lines[1..],
        [waiting("17 in the queue 60 s ago"), "all merchants: 6 on the retry queues".to_owned()]
    );
    let retries = json!({ "ready": 3, "consumers": 0 });
    let counted = json!({
        "counted_at": LATER, "q.default": { "ready": 17, "consumers": 1 },
        "r.1s": retries, "r.5s": retries,
    });
    assert_eq!(worker.shown()["queues"], counted);
    assert_eq!(worker.merchant()["queue"], counted["q.default"]);
}

#[test]
fn a_note_is_shown_and_logged_and_keeps_nothing_from_being_ready() {
    let text = logged("info", || {
        let worker = Worker::new();
        let note = || Some("a stray consumer".to_owned());
        worker.status.note_consumers(None, note());
        worker.status.note_consumers(None, note());
        let (is_ready, lines) = worker.status.readiness();
        assert!(is_ready);
        let line = "note: a stray consumer; since 2026-11-24T09:30:00Z, for 0 s";
        assert_eq!(lines, ["The worker is ready.", line]);
        assert_eq!(worker.shown()["notes"][0]["component"], "consumers");
        assert_eq!(
            (&worker.shown()["ready"], &worker.shown()["not_ready"]),
            (&true.into(), &json!([]))
        );
        worker.status.note_consumers(None, None);
        assert_eq!(worker.status.readiness().1, ["The worker is ready."]);
    });
    assert_eq!(text.matches("note: a stray consumer").count(), 1, "{text}");
    assert_eq!(text.matches("resolved: a stray consumer").count(), 1, "{text}");
}

#[test]
fn a_merchant_that_starts_or_a_worker_that_stops_is_not_ready() {
    let text = logged("info", || {
        let worker = Worker::new();
        worker.merchant.starting();
        let starting = "merchant default: it is starting, and consumes nothing yet";
        assert_eq!(worker.status.reasons(), [starting]);
        worker.merchant.raise(Component::Token, "it has no token yet");
        let no_token = "merchant default: it has no token yet";
        assert_eq!(worker.status.reasons(), [no_token], "whoever says why is no longer starting");
        worker.merchant.set_circuit_breaker(&open("it is down", None));
        let is_open = "merchant default: the circuit breaker is open: it is down";
        assert_eq!(worker.status.reasons(), [is_open], "which is why there is no token");
        worker.merchant.set_circuit_breaker(&CircuitBreakerState::Closed);
        worker.merchant.withdraw(Component::Token);
        worker.merchant.set_consumer(ConsumerState::Standby);
        assert!(worker.status.reasons().is_empty());
        worker.status.stopping();
        assert_eq!(worker.status.reasons(), ["the worker is stopping"]);
    });
    assert_eq!(text.matches("starting").count() + text.matches("resolved").count(), 0, "{text}");
}

#[test]
fn a_reason_is_logged_when_it_comes_changes_and_is_resolved() {
    let text = logged("info", || {
        let worker = Worker::new();
        worker.merchant.clear(Component::Queue);
        worker.merchant.raise(Component::Queue, "there is no queue");
        worker.merchant.raise(Component::Queue, "there is no queue");
        worker.a_minute_later();
        worker.merchant.raise(Component::Queue, "the queue is locked");
        assert_eq!(worker.status.reasons(), ["merchant default: the queue is locked"]);
        assert_eq!(worker.shown()["not_ready"][0]["since"], START);
        assert_eq!(worker.shown()["ready"], false);
        worker.merchant.clear(Component::Queue);
        worker.merchant.clear(Component::Queue);
        assert_eq!(worker.shown()["ready"], true);
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let logged_lines: Vec<_> =
        lines.iter().map(|line| (&line["level"], &line["message"])).collect();
    let warn = |text: &str| (json!("WARN"), json!(text));
    let (missing, locked) = (
        warn("not ready: merchant default: there is no queue"),
        warn("not ready: merchant default: the queue is locked"),
    );
    let resolved = (json!("INFO"), json!("resolved: merchant default: the queue is locked"));
    let expected = [missing, locked, resolved];
    assert_eq!(logged_lines, expected.each_ref().map(|(level, text)| (level, text)));
    assert!(lines.iter().all(|line| line["component"] == "queue" && line["merchant"] == "default"));
}

#[test]
fn a_connection_that_is_down_is_one_reason_and_keeps_its_host_and_its_count() {
    let worker = Worker::new();
    let host = || Some("mq:5672".to_owned());
    let down = || ConnectionState::Disconnected { reason: "connection refused".to_owned() };
    for name in ["consume", "publish"] {
        worker.status.set_connection(name, down(), None);
    }
    assert_eq!(worker.status.reasons(), ["not connected to RabbitMQ: connection refused"]);
    for name in ["consume", "publish"] {
        worker.status.set_connection(name, ConnectionState::Connected, host());
    }
    assert!(worker.status.reasons().is_empty());
    worker.a_minute_later();
    worker.status.set_connection("publish", ConnectionState::Blocked, host());
    assert!(worker.status.reasons()[0].contains("short of memory or disk"));
    let blocked = json!({ "state": "blocked", "since": LATER, "host": "mq:5672", "connects": 1 });
    assert_eq!(worker.shown()["connections"]["publish"], blocked);
    worker.status.set_connection("publish", down(), None);
    let connected = "smartsend_broker_connected{connection=\"publish\"}";
    assert!(worker.metrics.render().contains(&format!("{connected} 0")));
    worker.status.set_connection("publish", ConnectionState::Connected, None);
    assert!(worker.metrics.render().contains(&format!("{connected} 1")));
    let again = json!({ "state": "connected", "since": LATER, "host": "mq:5672", "connects": 2 });
    assert_eq!(worker.shown()["connections"]["publish"], again);
}
