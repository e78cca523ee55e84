//! Several merchants in one process: none may hold up another.

mod apart;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::intents::{intent, intent_with};
use crate::support::results::{Message, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// How long the larger backlogs may take.
const LONG: Duration = Duration::from_mins(2);

fn intents(name: &'static str, count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(move |number| intent_with(&format!("{name}-{number}"), &json!({})))
}

/// How many intents of a merchant have a link, by the events.
fn created(messages: &[Message], merchant: &str) -> usize {
    let key = format!("link.created.{merchant}");
    let own = messages.iter().filter(|message| message.routing_key == key);
    own.map(|message| message.event()["subject"].to_string()).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn a_merchant_with_a_wrong_secret_waits_and_the_other_one_does_not() {
    let count = std::env::var_os("SMARTSEND_MERCHANTS_INTENTS")
        .map_or(1000, |count| count.into_string().unwrap().parse().unwrap());
    let mut scenario = Scenario::bare(&["good", "locked"], json!({})).await;
    scenario.apply(&["--results-queue", RESULTS]).await;
    let secret = scenario.directory().join("secret");
    std::fs::write(&secret, "wrong\n").unwrap();
    scenario.set("merchants.locked.client_secret.file", secret.to_str().unwrap());
    for merchant in ["good", "locked"] {
        scenario.set(&format!("merchants.{merchant}.rate_per_second"), "5000");
        scenario.publish_for(merchant, intents("both", count)).await;
    }
    let results = scenario.results().await;
    let worker = scenario.worker();
    let messages = results.take(count, LONG).await;
    assert_eq!(created(&messages, "good"), count);
    let reasons = worker.unready("locked").await;
    let is_reason = |line: &&str| !line.contains("in the queue");
    assert!(!reasons.lines().filter(is_reason).any(|it| it.contains("good")), "{reasons}");
    assert_eq!(scenario.depth("smartsend.intents.locked").await as usize, count, "untouched");
    std::fs::write(&secret, "sandbox-secret\n").unwrap();
    let messages = results.take(2 * count, LONG).await;
    assert_eq!(created(&messages, "locked"), count);
    worker.ready().await;
    scenario.finish(worker).await;
    let summary = scenario.provider.summary().await;
    assert_eq!(summary["links"], 2 * count);
    assert_eq!(summary["doubled"]["count"], 0);
    assert_eq!(results.all().await.len(), 2 * count);
    assert_eq!(scenario.depth("smartsend.parked").await, 0);
}

#[tokio::test]
async fn a_merchant_that_is_throttled_does_not_hold_up_the_other_one() {
    let faults = json!({ "rate_limit_per_second": 25, "throttle": { "retry_after": "8" } });
    let mut scenario = Scenario::bare(&["fast", "slow"], faults).await;
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario.set("merchants.slow.rate_per_second", "15");
    scenario.set("merchants.slow.burst", "2");
    scenario.publish_for("fast", intents("fast", 200)).await;
    scenario.publish_for("slow", intents("slow", 60)).await;
    let results = scenario.results().await;
    let worker = scenario.worker();
    until("all of the slow one", SOON, async || created(&results.from(0), "slow") == 60).await;
    let fast = created(&results.from(0), "fast");
    assert!(fast < 200, "it was never held up");
    let throttle = worker.status().await["merchants"]["fast"]["throttle"].clone();
    assert!(throttle["until"].is_string(), "{throttle}");
    let (status, text) = worker.readiness().await;
    assert_eq!(status, 200, "a pause is not a reason to be unready: {text}");
    scenario.provider.set_faults(json!({})).await;
    until("all of the fast one", LONG, async || created(&results.from(0), "fast") == 200).await;
    scenario.finish(worker).await;
    let summary = scenario.provider.summary().await;
    assert_eq!((&summary["links"], &summary["doubled"]["count"]), (&json!(260), &json!(0)));
}

#[tokio::test]
async fn a_merchant_without_a_queue_does_not_disturb_the_other_one() {
    let mut scenario = Scenario::bare(&["here", "missing"], json!({})).await;
    // A busy machine must not cost a connection here.
    scenario.set("broker.heartbeat", "10s");
    scenario.set("in_doubt.quarantine", "30s");
    scenario.apply(&["--results-queue", RESULTS, "--merchant", "here"]).await;
    scenario.publish_for("here", intents("here", 200)).await;
    let results = scenario.results().await;
    let worker = scenario.worker();
    results.take(200, SOON).await;
    let reasons = worker.unready("smartsend.intents.missing").await;
    assert!(reasons.contains("smartsend topology apply"), "{reasons}");
    assert!(!reasons.contains("intents.here"), "{reasons}");
    // It takes part as soon as its queue is there.
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario.publish_for("missing", [intent("late-comer")]).await;
    results.event_for("late-comer", SOON).await;
    worker.ready().await;
    scenario.finish(worker).await;
    let sessions = worker_sessions(&scenario);
    assert_eq!(sessions, 1, "the connection was set up anew for a missing queue");
}

/// How many times the worker connected to the broker, by its log.
fn worker_sessions(scenario: &Scenario) -> usize {
    let log = std::fs::read_to_string(scenario.directory().join("worker-0.log")).unwrap();
    log.matches("\"message\":\"connected to RabbitMQ\"").count()
}
