//! A provider that asks for fewer requests.

use std::time::Duration;

use serde_json::json;

use crate::support::intents::intent;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

#[tokio::test]
async fn nothing_is_sent_before_retry_after_is_over() {
    let faults = json!({ "throttle": { "share": 1.0, "retry_after": "3" } });
    let scenario = Scenario::with_faults(faults).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish_many((0..20).map(|number| intent(&format!("t{number}")))).await;
    until("a 429", SOON, async || scenario.provider.summary().await["statuses"]["429"].is_u64())
        .await;
    scenario.provider.set_faults(json!({})).await;
    let messages = results.take(20, SOON).await;
    let (status, text) = worker.readiness().await;
    assert_eq!(status, 200, "{text}");
    scenario.finish(worker).await;
    // The one that was throttled may have been processed all the same, so that is an attempt.
    let attempts: u64 =
        messages.iter().map(|it| it.event()["data"]["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts, 21);
    for message in messages {
        assert_eq!(message.event()["data"]["recovered"], false);
    }
    let ledger = scenario.provider.ledger().await;
    let requests = ledger["requests"].as_array().unwrap();
    let at = |one: &serde_json::Value| one["at_us"].as_u64().unwrap();
    let throttled: Vec<_> = requests.iter().filter(|one| one["status"] == 429).map(at).collect();
    // A worker begins with one call at a time, so one call finds out.
    assert_eq!(throttled.len(), 1, "{throttled:?}");
    let next = requests.iter().map(at).find(|at| *at > throttled[0]).unwrap();
    assert!(next - throttled[0] >= 3_000_000, "after {} us", next - throttled[0]);
}

/// A token that is refused, a call that goes out again with a new one, a probe, a lookup that only
/// proves: each is a request, and operators who compare with the provider's bill see each.
#[tokio::test]
async fn every_request_is_counted_once_by_its_kind() {
    let faults = json!({ "expired_token": 0.3, "details_expired_token": 0.3, "error_after": 0.2 });
    let mut scenario = Scenario::with_faults(faults).await;
    scenario.set("in_doubt.first_lookup", "1s");
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish_many((0..30).map(|number| intent(&format!("c{number}")))).await;
    // Each call that is denied twice opens the breaker, and the waits for a probe double.
    results.take(30, Duration::from_mins(3)).await;
    worker.ready().await; // and no probe is on its way
    let counted = |page: &str, call: &str| -> u64 {
        let label = format!("call=\"{call}\"");
        let lines = page.lines().filter(|line| line.starts_with("smartsend_calls_total{"));
        let counts = lines.filter(|line| line.contains(&label));
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    // A link that was made last is still looked up, and a token is asked for again if need be. Once
    // nothing more is on its way the two agree.
    until("the worker and the provider count the same", SOON, async || {
        let (_, page) = worker.page("/metrics").await;
        let requests = scenario.provider.summary().await["requests"].clone();
        [("create", "create"), ("lookup", "details"), ("token", "token")]
            .iter()
            .all(|(call, kind)| counted(&page, call) == requests[kind])
    })
    .await;
    scenario.finish(worker).await;
}
