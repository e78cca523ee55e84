//! What a process knows of lookups when it begins, and what it does as long as it knows nothing.

use serde_json::json;

use crate::support::intents::intent;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// A small merchant's batch, all of it prefetched by the process that is killed.
const COUNT: u64 = 30;

async fn depth_of_checkpoints(scenario: &Scenario) -> u32 {
    scenario.depth("smartsend.checkpoint.default").await
}

/// One intent was sent, and 29 were only in flight in the process that was killed. Lookups find
/// none of them, and that proves nothing until lookups have shown a link.
#[tokio::test]
async fn a_batch_whose_worker_is_killed_is_sent_and_not_parked_though_no_link_was_ever_shown() {
    let mut scenario = Scenario::with_faults(json!({ "latency_ms": 200 })).await;
    scenario.set("merchants.default.rate_per_second", "10");
    scenario.set("merchants.default.burst", "1");
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    scenario.publish_many((0..COUNT).map(|number| intent(&format!("killed-{number}")))).await;
    let killed = scenario.worker();
    until("the first create", SOON, async || {
        scenario.provider.summary().await["requests"]["create"].as_u64() > Some(0)
    })
    .await;
    killed.program.kill().await;
    let worker = scenario.worker();
    let messages = results.take(usize::try_from(COUNT).unwrap(), SOON).await;
    scenario.finish(worker).await;
    assert!(messages.iter().all(|message| message.event()["type"] == "smartsend.link.created"));
    assert_eq!(parked.all().await.len(), 0);
    assert_eq!(scenario.provider.links().await.len() as u64, COUNT);
}

/// The next process looks up what the checkpoint names, and takes that for proof.
#[tokio::test]
async fn a_worker_that_begins_asks_for_the_link_that_the_one_before_it_has_seen() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("seen")).await;
    results.event_for("seen", SOON).await;
    let lookups = async || scenario.provider.requests_for("details", "seen").await.len();
    until("the first lookup", SOON, async || lookups().await == 1).await;
    scenario.finish(worker).await;
    assert_eq!(depth_of_checkpoints(&scenario).await, 1);
    let next = scenario.worker();
    scenario.publish(&intent("next")).await;
    results.event_for("next", SOON).await;
    until("the lookup of what the checkpoint names", SOON, async || lookups().await == 2).await;
    scenario.finish(next).await;
    assert_eq!(depth_of_checkpoints(&scenario).await, 1, "it stays for the one after");
}
