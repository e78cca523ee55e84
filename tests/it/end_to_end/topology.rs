//! Queues and bindings that are missing.

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use serde_json::json;

use crate::support::broker::publish;
use crate::support::intents::{intent, properties};
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

/// A classic queue without arguments knows no single active consumer: both processes would consume
/// it, at twice the pace, and what comes back for ever is never put aside.
#[tokio::test]
async fn of_a_queue_that_is_not_what_its_name_says_nobody_consumes() {
    let scenario = Scenario::bare(&["default"], json!({})).await;
    let channel = scenario.connection.create_channel().await.unwrap();
    let queue = "smartsend.intents.default";
    let (options, none) = (QueueDeclareOptions::durable(), FieldTable::default());
    channel.queue_declare(queue.into(), options, none).await.unwrap();
    let output = scenario.command(&["topology", "apply"]).await;
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{says}");
    assert!(says.contains("queue smartsend.intents.default exists with another x-"), "{says}");
    let workers = [
        scenario.worker(),
        scenario.worker_with(&["run", "--declare"]),
        scenario.worker_with(&["run", "--declare"]),
    ];
    for worker in &workers {
        let says = worker.unready("queue smartsend.intents.default exists with another x-").await;
        assert!(says.contains("smartsend topology apply"), "{says}");
    }
    let bodies = (0..20).map(|number| intent(&format!("c{number}")).to_string());
    for body in bodies {
        // Published on the default exchange: nothing may be bound yet.
        let sent = publish(&scenario.connection, "", queue, body.as_bytes(), properties("c"));
        assert!(sent.await);
    }
    for worker in &workers {
        worker.unready("exists with another").await;
        let consumer = &worker.status().await["merchants"]["default"]["consumer"]["state"];
        assert_eq!(consumer, "stopped");
    }
    assert_eq!(scenario.depth(queue).await, 20, "somebody consumes it");
    assert_eq!(scenario.provider.requests("create").await, 0);

    // As the sentence says: it is deleted, and then declared.
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    scenario.apply(&["--results-queue", RESULTS]).await;
    for worker in workers {
        worker.ready().await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_worker_that_may_declare_declares_what_commands_need_too() {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("merchants.default.commands_per_second", "1");
    let worker = scenario.worker_with(&["run", "--declare"]);
    worker.ready().await;
    for queue in ["smartsend.commands.default", "smartsend.commands.retry.1s"] {
        assert_eq!(scenario.depth(queue).await, 0);
    }
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
