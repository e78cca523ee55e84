//! Stopping, gracefully and not.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::support::amqp_proxy::AmqpProxy;
use crate::support::brake::Mode;
use crate::support::broker::Node;
use crate::support::intents::intent;
use crate::support::results::{Collector, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

#[tokio::test]
async fn a_stop_under_load_leaves_nothing_in_doubt_that_was_not() {
    const COUNT: usize = 400;
    let mut scenario = Scenario::with_faults(json!({ "latency_ms": 100 })).await;
    scenario.set("merchants.default.rate_per_second", "100");
    scenario.be_patient();
    let results = scenario.results().await;
    scenario.publish_many((0..COUNT).map(|number| intent(&format!("s{number}")))).await;
    let worker = scenario.ready_worker().await;
    results.take(50, SOON).await;
    worker.stop().await;
    let done = results.all().await.len();
    let made = scenario.provider.summary().await["links"].as_u64().unwrap();
    assert_eq!(made, done as u64, "a link was made that no event announces");
    // What was handed back passes the retry queue; all the rest is there, and is new.
    until("the rest to come back", SOON, async || {
        scenario.depth("smartsend.intents.default").await as usize == COUNT - done
    })
    .await;
    let worker = scenario.ready_worker().await;
    let all = results.take(COUNT, Duration::from_mins(1)).await;
    scenario.finish(worker).await;
    let in_doubt = all.iter().filter(|message| {
        let data = &message.event()["data"];
        data["recovered"] != false || data["attempts"] != 1
    });
    assert_eq!(in_doubt.count(), 0, "an intent was in doubt");
    let subjects: BTreeSet<_> = all.iter().map(|m| m.event()["subject"].to_string()).collect();
    assert_eq!((subjects.len(), results.all().await.len()), (COUNT, COUNT));
    let requests = &scenario.provider.summary().await["requests"];
    assert_eq!(requests["create"], COUNT);
    // Each worker looks up a link or two to see details show one.
    assert!(requests["details"].as_u64().unwrap() <= 20, "{requests}");
}

#[tokio::test]
async fn every_signal_to_stop_is_a_gentle_one() {
    let scenario = Scenario::new().await;
    for signal in ["TERM", "INT", "HUP"] {
        let worker = scenario.ready_worker().await;
        worker.program.signal(signal).await;
        assert_eq!(worker.program.exit_code(SOON).await, 0, "{signal}");
    }
}

#[tokio::test]
async fn what_was_not_started_goes_back_with_its_record() {
    let faults = json!({ "throttle": { "share": 1.0, "retry_after": "60" } });
    let mut scenario = Scenario::with_faults(faults).await;
    // Longer than the test, so that only the stop hands back.
    scenario.set("retry.lease", "2m");
    scenario.set("in_doubt.quarantine", "3m");
    scenario.publish_many((0..10).map(|number| intent(&format!("r{number}")))).await;
    let worker = scenario.ready_worker().await;
    until("a 429", SOON, async || scenario.provider.summary().await["statuses"]["429"].is_u64())
        .await;
    worker.stop().await;
    until("all to be back", SOON, async || scenario.depth("smartsend.intents.default").await == 10)
        .await;
    let intents = Collector::start(&scenario.connection, "smartsend.intents.default").await;
    for message in intents.take(10, SOON).await {
        assert_eq!(message.routing_key, "default");
        assert_eq!(message.header("x-smartsend-record").unwrap(), "v2");
        assert_eq!(message.header("x-smartsend-state").unwrap(), "new");
        assert_eq!(message.header("x-smartsend-account").unwrap(), "1111310");
        assert_eq!(message.header("x-smartsend-returns").unwrap(), "0");
        assert_eq!(message.properties.user_id().as_ref().unwrap().as_str(), "guest");
        let id = message.properties.message_id().as_ref().unwrap().as_str().to_owned();
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(id, format!("intent-{}", body["merchantRefId"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut scenario = Scenario::with_faults(json!({ "stall_after": 1.0 })).await;
    // A call that lasts longer than the test may.
    scenario.set("merchants.default.timeout", "50s");
    scenario.set("in_doubt.quarantine", "60s");
    scenario.set("shutdown.drain", "60s");
    let results = scenario.results().await;
    scenario.publish(&intent("stalled")).await;
    let mut worker = scenario.ready_worker().await;
    until("the create", SOON, async || scenario.provider.requests("create").await == 1).await;
    worker.program.terminate().await;
    until("the stop to begin", SOON, async || {
        worker.status().await["merchants"]["default"]["consumer"]["state"] == "stopped"
    })
    .await;
    assert!(worker.program.is_running());
    worker.program.terminate().await;
    assert_eq!(worker.program.exit_code(Duration::from_secs(5)).await, 3);
    // It may have been sent, so the next worker looks.
    let worker = scenario.ready_worker().await;
    let message = results.event_for("stalled", SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["data"]["recovered"], true);
    assert_eq!(scenario.provider.links_of("stalled").await.len(), 1);
}

#[tokio::test]
async fn a_drain_that_runs_out_counts_and_names_what_is_left_and_loses_nothing() {
    let scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.apply(&[]).await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("unannounced")).await;
    worker.unready("no queue is bound").await;
    worker.program.terminate().await;
    let log = worker.program.log_path().to_owned();
    let code = worker.program.exit_code(SOON).await;
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(code, 3, "{log}");
    let mut lines =
        log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let logged = lines.rfind(|line| !line["left"].is_null());
    let logged = logged.unwrap_or_else(|| panic!("the log does not say what was left:\n{log}"));
    assert_eq!((&logged["left"], &logged["references"]), (&json!(1), &json!("unannounced")));
    let last = log.lines().last().unwrap();
    assert!(last.contains("stopped; deliveries left to RabbitMQ: 1"), "{log}");
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let message = results.event_for("unannounced", SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["data"]["recovered"], true);
    assert_eq!(scenario.provider.requests_for("create", "unannounced").await.len(), 1);
}

/// Its create was sent, and its event cannot be published: that is work left.
#[tokio::test]
async fn a_stop_without_a_broker_says_that_work_is_left() {
    let mut scenario = Scenario::with_faults(json!({ "latency_ms": 1500 })).await;
    let proxy = AmqpProxy::plain(scenario.node.address(), Mode::Up).await;
    scenario.set("broker.urls", &Node::url_at(proxy.port(), &scenario.vhost));
    let results = scenario.results().await;
    scenario.publish(&intent("cut")).await;
    let worker = scenario.ready_worker().await;
    until("the create", SOON, async || scenario.provider.requests("create").await == 1).await;
    worker.program.terminate().await;
    proxy.set(Mode::Down);
    let log = worker.program.log_path().to_owned();
    let code = worker.program.exit_code(SOON).await;
    let log = std::fs::read_to_string(log).unwrap();
    assert_eq!(code, 3, "{log}");
    for words in
        ["stopping: no new work is started", "this process is the active consumer", "\"cut\""]
    {
        assert!(log.contains(words), "{words}: {log}");
    }
    proxy.set(Mode::Up);
    let worker = scenario.ready_worker().await;
    let message = results.event_for("cut", SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["data"]["recovered"], true);
}
