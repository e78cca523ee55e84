//! A broker that is away, or goes away.

use std::time::Duration;

use serde_json::json;

use crate::support::amqp_proxy::AmqpProxy;
use crate::support::brake::Mode;
use crate::support::broker::Node;
use crate::support::intents::intent;
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

#[tokio::test]
async fn a_worker_without_a_broker_stays_says_so_and_goes_on_once_there_is_one() {
    let mut scenario = Scenario::new().await;
    let results = scenario.results().await;
    scenario.publish(&intent("patient")).await;
    let proxy = AmqpProxy::plain(scenario.node.address(), Mode::Down).await;
    let url = Node::url_at(proxy.port(), &scenario.vhost);
    scenario.set("broker.urls", &url);
    let mut worker = scenario.worker();
    let reasons = worker.unready("not connected to RabbitMQ").await;
    assert!(!reasons.contains("guest:guest"), "{reasons}");
    assert_eq!(worker.page("/livez").await.0, 200);
    let connects = proxy.accepted();
    until("more tries", SOON, async || proxy.accepted() > connects + 1).await;
    assert!(worker.program.is_running());
    proxy.set(Mode::Up);
    results.event_for("patient", SOON).await;
    worker.ready().await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn connections_that_the_broker_closes_under_load_cost_neither_intents_nor_links() {
    const COUNT: usize = 600;
    let mut scenario = Scenario::with_faults(json!({ "latency_ms": 50 })).await;
    scenario.set("merchants.default.rate_per_second", "150");
    scenario.publish_many((0..COUNT).map(|number| intent(&format!("c{number}")))).await;
    let worker = scenario.ready_worker().await;
    for round in 1..=3 {
        let enough = 100 * round;
        until("some creates", SOON, async || scenario.provider.requests("create").await >= enough)
            .await;
        scenario.node.close_connections(&scenario.vhost).await;
    }
    worker.ready().await;
    let log = worker.log();
    assert!(log.matches("by the test").count() >= 3, "the worker did not notice:\n{log}");
    // The test's own connection was closed too.
    scenario.connection = scenario.node.connect(&scenario.vhost).await;
    let results = scenario.results().await;
    let of = |results: &[crate::support::results::Message]| {
        let subjects = results.iter().map(|message| message.event()["subject"].to_string());
        subjects.collect::<std::collections::BTreeSet<_>>().len()
    };
    until("every intent's result", Duration::from_mins(1), async || of(&results.from(0)) == COUNT)
        .await;
    until("the queues to be empty", SOON, async || scenario.work_left().await == 0).await;
    scenario.finish(worker).await;
    let summary = scenario.provider.summary().await;
    assert_eq!(summary["links"], COUNT);
    assert_eq!(summary["doubled"]["count"], 0);
    let all = results.all().await;
    assert!(all.iter().all(|message| message.event()["type"] == "smartsend.link.created"));
    let ids: std::collections::BTreeSet<_> =
        all.iter().map(|message| message.event()["id"].to_string()).collect();
    assert_eq!(ids.len(), COUNT);
}

/// RabbitMQ refuses each publish by closing its channel. A link that cannot be sent to anyone must
/// not be made.
#[tokio::test]
async fn a_login_that_may_no_longer_write_results_makes_no_more_links_until_it_may_again() {
    const COUNT: usize = 60;
    let mut scenario = Scenario::bare(&["default", "other"], json!({})).await;
    scenario.be_patient();
    scenario.set("merchants.default.rate_per_second", "20");
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("before")).await;
    results.event_for("before", SOON).await;
    let vhost = &*scenario.vhost;
    let permit = async |write: &str| {
        scenario.node.ctl(&["set_permissions", "-p", vhost, "guest", ".*", write, ".*"]).await;
    };
    permit("^(?!smartsend\\.results$)").await;
    scenario.publish_many((0..COUNT).map(|number| intent(&format!("w{number}")))).await;
    let reasons = worker.unready("RabbitMQ refuses it").await;
    assert!(reasons.contains("nothing new is started"), "{reasons}");
    let made = scenario.provider.summary().await["links"].as_u64().unwrap();
    assert!(made < 40, "{made} links");
    // Longer than a channel remembers what it may; at this rate all would be done.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(scenario.provider.summary().await["links"], made);
    permit(".*").await;
    worker.ready().await;
    results.take(COUNT + 1, Duration::from_mins(1)).await;
    scenario.finish(worker).await;
    let summary = scenario.provider.summary().await;
    assert_eq!((&summary["links"], &summary["doubled"]["count"]), (&json!(61), &json!(0)));
    assert_eq!(results.all().await.len(), COUNT + 1);
}
