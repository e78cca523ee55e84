//! What an operator sees of intents on their way: in the log at its usual level, and in gauges.

use std::time::Duration;

use serde_json::Value;
use smartsend::domain::call::{Answer, CallResult, NotSent};
use tokio::task::JoinHandle;

use crate::support::log_lines::{Lines, watch};
use crate::support::model::{Act, Door, Life, Process, Scene, Settings};

const IN_DOUBT: &str = "the intent is in doubt";
const LEFT: &str = "the delivery is left unacknowledged";

/// A process at work, and what it logs.
struct Watched {
    scene: Scene,
    process: Process,
    running: JoinHandle<usize>,
    lines: Lines,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Watched {
    async fn begin() -> Self {
        let (lines, guard) = watch("info");
        let scene = Scene::new(3);
        let process = scene.process(Life::long());
        let running = tokio::spawn(process.worker("default", &Settings::usual()).run());
        let watched = Self { scene, process, running, lines, _guard: guard };
        watched.publish(&["first"]).await; // closes the breaker
        seconds(10).await; // a lookup shows its link
        watched
    }

    /// Upstream publishes these, and there is time for one call each.
    async fn publish(&self, references: &[&str]) {
        for reference in references {
            self.scene.publish("default", reference);
        }
        seconds(2).await;
    }

    fn gauge(&self, name: &str) -> String {
        let text = self.process.metrics.render();
        let name = format!("smartsend_{name}{{merchant=\"default\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned()
    }

    async fn stop(self) -> Lines {
        self.process.stopping.cancel();
        self.running.await.unwrap();
        self.lines
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn unavailable() -> Act {
    Act::Show(CallResult::Answered(Answer { status: 503, retry_after: None, envelope: None }))
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_in_doubt_is_logged_once_and_counted_until_it_is_settled() {
    let watched = Watched::begin().await;
    watched.scene.smart_send.on_create([Act::LoseAnswer(Duration::ZERO)]);
    watched.publish(&["a", "b"]).await;
    seconds(19).await; // its timeout
    assert_eq!(watched.lines.references(IN_DOUBT), ["a"]);
    assert_eq!((&*watched.gauge("in_doubt"), &*watched.gauge("held")), ("1", "1"));
    let line = &watched.lines.with(IN_DOUBT)[0];
    assert_eq!((&line["level"], &line["seen"]), (&"INFO".into(), &"unknown".into()));

    seconds(10).await;
    assert_eq!((&*watched.gauge("in_doubt"), &*watched.gauge("held")), ("0", "0"));
    let lines = watched.stop().await;
    assert_eq!(lines.references("the intent is settled"), ["first", "b", "a"]);
    assert_eq!(lines.references(IN_DOUBT), ["a"]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_an_outage_has_put_in_doubt_is_counted_though_it_was_handed_back() {
    let watched = Watched::begin().await;
    watched.scene.smart_send.set(|state| state.latency = Duration::from_secs(1));
    let (outage, probes) = ([(); 5].map(|()| unavailable()), [(); 9].map(|()| unavailable()));
    watched.scene.smart_send.on_create(outage);
    watched.scene.smart_send.on_look(probes);
    watched.publish(&["a", "b", "c", "d", "e"]).await;
    seconds(4).await;
    let status = watched.process.status.snapshot();
    let merchant = &status["merchants"]["default"];
    assert_eq!(merchant["circuit_breaker"]["state"], "open");
    assert_eq!((&merchant["handed_back"], &merchant["held"]), (&5.into(), &0.into()));
    assert_eq!(merchant["in_doubt"], 5, "{status}");
    let mut logged = watched.lines.references(IN_DOUBT);
    logged.sort();
    assert_eq!(logged, ["a", "b", "c", "d", "e"]);
    seconds(3600).await;
    assert_eq!(watched.gauge("in_doubt"), "0");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_trip_through_a_retry_queue_is_logged() {
    let watched = Watched::begin().await;
    let unsent = || Act::Show(CallResult::NotSent(NotSent::Connect));
    watched.scene.smart_send.on_create([unsent(), unsent(), unsent()]);
    watched.publish(&["a"]).await;
    let lines = watched.stop().await;
    let logged = lines.with("the intent goes through a retry queue");
    let [line] = &logged[..] else { panic!("{logged:?}") };
    assert_eq!((&line["intent.reference"], &line["level"]), (&"a".into(), &"INFO".into()));
    assert_eq!((&line["in_doubt"], &line["delay_s"]), (&false.into(), &1.into()));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn whatever_is_left_to_the_broker_is_named() {
    let watched = Watched::begin().await;
    watched.scene.smart_send.set(|state| state.latency = Duration::from_secs(5));
    watched.publish(&["a", "b", "c"]).await;
    watched.process.cut(); // while they are called for
    seconds(1).await;
    watched.scene.broker.calm();
    seconds(30).await;
    let mut named = watched.lines.references(LEFT);
    named.sort();
    assert_eq!(named, ["a", "b", "c"]);
    assert!(watched.lines.with(LEFT).iter().all(|line| line["level"] == "INFO"));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn results_that_cannot_be_published_are_held_and_giving_up_resolves_nothing() {
    let watched = Watched::begin().await;
    watched.scene.broker.set_shut(Door::Results, true);
    watched.publish(&["a"]).await;
    assert_eq!(watched.gauge("held"), "1");
    watched.process.cut(); // nobody tries any more
    seconds(1).await;
    let lines = &watched.lines;
    let logged = lines.with("not ready: merchant default");
    let is_the_merchants = |line: &Value| line["intent.reference"] == Value::Null;
    assert!(!logged.is_empty() && logged.iter().all(is_the_merchants), "{logged:?}");
    assert_eq!(lines.with("resolved: merchant default").len(), 0);
}
