//! Intents that may have been sent, and may not.

use std::time::Duration;

use serde_json::json;

use crate::support::intents::{intent, intent_with};
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// The quarantine of the scenarios, in microseconds.
const QUARANTINE_US: u64 = 5_000_000;
/// How long a quarantine and what follows may take.
const LATER: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_link_whose_answer_was_lost_is_found_again() {
    let scenario = Scenario::with_faults(json!({ "lost_after": 1.0 })).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("lost-after")).await;
    let message = results.event_for("lost-after", SOON).await;
    scenario.finish(worker).await;
    let links = scenario.provider.links_of("lost-after").await;
    assert_eq!(links.len(), 1);
    assert_eq!(message.event()["type"], "smartsend.link.created");
    assert_eq!(message.event()["data"]["link"], *links[0]);
    assert_eq!(message.event()["data"]["recovered"], true);
    assert_eq!(scenario.provider.requests_for("create", "lost-after").await.len(), 1);
}

#[tokio::test]
async fn what_was_lost_before_the_link_was_made_is_sent_once_more_after_the_quarantine() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    // The first link proves that details shows links.
    scenario.publish(&intent("first")).await;
    results.event_for("first", SOON).await;
    scenario.provider.set_faults(json!({ "lost_before": 1.0 })).await;
    scenario.publish(&intent("lost-before")).await;
    let sent = async || scenario.provider.requests_for("create", "lost-before").await;
    until("the create", SOON, async || sent().await.len() == 1).await;
    scenario.provider.set_faults(json!({})).await;
    let message = results.event_for("lost-before", LATER).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["type"], "smartsend.link.created");
    assert_eq!(message.event()["data"]["attempts"], 2);
    assert_eq!(message.event()["data"]["recovered"], false);
    assert_eq!(scenario.provider.links_of("lost-before").await.len(), 1);
    let creates = sent().await;
    assert_eq!(creates.len(), 2);
    assert!(creates[1] - creates[0] >= QUARANTINE_US, "{creates:?}");
    let lookups = scenario.provider.requests_for("details", "lost-before").await;
    assert!(lookups.iter().filter(|at| **at < creates[1]).count() >= 3, "{lookups:?}");
}

#[tokio::test]
async fn a_refusal_that_may_depend_on_the_day_is_parked_after_lookups() {
    let faults = json!({ "refuse": { "share": 1.0, "code": 1128 } });
    let scenario = Scenario::with_faults(faults).await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    let intent = intent("refused");
    scenario.publish(&intent).await;
    let message = results.event_for("refused", LATER).await;
    let parked = parked.take(1, SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.routing_key, "link.unresolved.default");
    assert_eq!(message.event()["data"]["reason"]["code"], "REFUSED");
    assert_eq!(message.event()["data"]["reason"]["providerCode"], 1128);
    let since = message.event()["data"]["since"].as_str().unwrap().to_owned();
    assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
    assert_eq!(parked[0].header("x-smartsend-reason").unwrap(), "REFUSED");
    assert_eq!(parked[0].header("x-smartsend-state").unwrap(), "in-doubt");
    assert_eq!(parked[0].header("x-smartsend-code").unwrap(), "1128");
    assert_eq!(parked[0].body, intent.to_string().into_bytes());
    assert_eq!(scenario.provider.requests_for("create", "refused").await.len(), 1);
    assert!(scenario.provider.requests_for("details", "refused").await.len() >= 3);
}

#[tokio::test]
async fn an_intent_whose_deadline_has_passed_is_looked_up_and_failed_and_never_sent() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("first")).await;
    results.event_for("first", SOON).await;
    let passed = json!({ "deadline": "2026-01-01T00:00:00Z" });
    scenario.publish(&intent_with("late", &passed)).await;
    let message = results.event_for("late", LATER).await;
    scenario.finish(worker).await;
    assert_eq!(message.routing_key, "link.failed.default");
    assert_eq!(message.event()["data"]["reason"]["code"], "DEADLINE_PASSED");
    assert!(scenario.provider.requests_for("create", "late").await.is_empty());
    let lookups = scenario.provider.requests_for("details", "late").await;
    let (first, last) = (lookups.first().unwrap(), lookups.last().unwrap());
    // The quarantine, and the skew of the clocks.
    assert!(last - first >= QUARANTINE_US + 5_000_000, "{lookups:?}");
}

#[tokio::test]
async fn a_reference_that_has_another_customers_link_is_rejected() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("taken")).await;
    results.event_for("taken", SOON).await;
    worker.stop().await;
    // A new process remembers nothing; and until a lookup has shown a link as it was sent, nobody
    // knows whether a field that looks different is.
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("shown")).await;
    let lookups = async || scenario.provider.requests_for("details", "shown").await;
    until("the link is read back", SOON, async || !lookups().await.is_empty()).await;
    let other = json!({
        "amount": "7.00", "custMobile": "8888888888", "custEmail": "usha@example.com"
    });
    scenario.publish(&intent_with("taken", &other)).await;
    let messages = results.take(3, SOON).await;
    scenario.finish(worker).await;
    assert_eq!(messages[2].routing_key, "intent.rejected.default");
    assert_eq!(messages[2].event()["data"]["reason"]["code"], "DUPLICATE_REFERENCE");
    assert_eq!(scenario.provider.links_of("taken").await.len(), 1);
}

#[tokio::test]
async fn a_record_of_another_account_is_parked() {
    let mut scenario =
        Scenario::with_faults(json!({ "throttle": { "share": 1.0, "retry_after": "60" } })).await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("moved")).await;
    worker.handed_back("default").await;
    worker.stop().await;
    scenario.provider.set_faults(json!({})).await;
    scenario.set("merchants.default.payout_merchant_id", "2222222");
    let worker = scenario.ready_worker().await;
    let message = results.event_for("moved", SOON).await;
    let parked = parked.take(1, SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["type"], "smartsend.link.unresolved");
    assert_eq!(message.event()["data"]["reason"]["code"], "ACCOUNT_CHANGED");
    assert_eq!(parked[0].header("x-smartsend-reason").unwrap(), "ACCOUNT_CHANGED");
    assert_eq!(parked[0].header("x-smartsend-account").unwrap(), "1111310");
    assert!(scenario.provider.links_of("moved").await.is_empty());
}
