//! Queues and bindings that are missing.

use serde_json::json;

use crate::support::intents::intent;
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

#[tokio::test]
async fn without_a_binding_for_results_nothing_is_acknowledged_and_nothing_more_is_sent() {
    let scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.apply(&[]).await;
    let worker = scenario.ready_worker().await;
    scenario.publish_many((0..50).map(|number| intent(&format!("u{number}")))).await;
    let reasons = worker.unready("no queue is bound to the results exchange").await;
    assert!(reasons.contains("merchant default"), "{reasons}");
    // A worker begins with one call at a time, so few links are made that nobody hears of.
    let creates = scenario.provider.requests("create").await;
    assert!(creates < 50, "{creates} creates");
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    let messages = results.take(50, SOON).await;
    worker.ready().await;
    scenario.finish(worker).await;
    assert!(messages.iter().all(|message| message.event()["type"] == "smartsend.link.created"));
    let summary = scenario.provider.summary().await;
    assert_eq!(summary["links"], 50);
    assert_eq!(summary["requests"]["create"], 50);
}

#[tokio::test]
async fn without_a_topology_a_worker_names_the_command_and_goes_on_after_it() {
    let scenario = Scenario::bare(&["default"], json!({})).await;
    let mut worker = scenario.worker();
    let reasons = worker.unready("merchant default: missing on RabbitMQ").await;
    assert!(reasons.contains("smartsend.intents.default"), "{reasons}");
    assert!(reasons.contains("smartsend topology apply"), "{reasons}");
    assert_eq!(worker.page("/livez").await.0, 200);
    assert!(worker.program.is_running());
    scenario.apply(&["--results-queue", RESULTS]).await;
    worker.ready().await;
    let results = scenario.results().await;
    scenario.publish(&intent("declared")).await;
    results.event_for("declared", SOON).await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_worker_that_may_declare_does() {
    let scenario = Scenario::bare(&["default"], json!({})).await;
    let worker = scenario.worker_with(&["run", "--declare"]);
    worker.ready().await;
    until("the queue", SOON, async || worker.log().contains("smartsend")).await;
    // Everything was declared, so this has nothing to do but the results.
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    scenario.publish(&intent("by-itself")).await;
    results.event_for("by-itself", SOON).await;
    scenario.finish(worker).await;
}
