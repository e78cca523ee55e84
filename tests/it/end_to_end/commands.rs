//! Commands, beside intents: cancel and extend.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::support::broker::publish;
use crate::support::intents::intent;
use crate::support::results::{Collector, Message};
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// A merchant that takes commands.
async fn scenario(faults: Value) -> Scenario {
    let mut scenario = Scenario::with_faults(faults).await;
    scenario.set("merchants.default.commands_per_second", "100");
    scenario.apply(&[]).await;
    scenario
}

async fn command(scenario: &Scenario, command: &str, reference: &str, expiry: Option<&str>) {
    let mut body = json!({ "command": command, "merchantRefId": reference });
    if let Some(expiry) = expiry {
        body["expiryDate"] = expiry.into();
    }
    let properties = BasicProperties::default().with_message_id(format!("c-{reference}").into());
    let body = body.to_string().into_bytes();
    let exchange = "smartsend.commands";
    assert!(publish(&scenario.connection, exchange, "default", &body, properties).await);
}

/// The first event of this kind about a reference.
async fn event_of(results: &Collector, kind: &str, reference: &str) -> Message {
    let find = || {
        results.from(0).into_iter().find(|message| {
            message.routing_key == format!("{kind}.default")
                && message.event()["subject"] == reference
        })
    };
    until(&format!("{kind} for {reference}"), SOON, async || find().is_some()).await;
    find().unwrap()
}

/// The links' states in the provider's ledger, by their references.
async fn states(scenario: &Scenario) -> BTreeMap<String, String> {
    let ledger = scenario.provider.ledger().await;
    let text = |link: &Value, name: &str| link[name].as_str().unwrap().to_owned();
    let links = ledger["links"].as_array().unwrap().iter();
    links.map(|link| (text(link, "reference"), text(link, "status"))).collect()
}

#[tokio::test]
async fn a_link_is_extended_and_cancelled_and_its_events_say_what_details_shows() {
    let scenario = scenario(json!({})).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("order-1")).await;
    event_of(&results, "link.created", "order-1").await;

    command(&scenario, "extend", "order-1", Some("2100-12-01T05:30:00+05:30")).await;
    let extended = event_of(&results, "link.extended", "order-1").await.event();
    assert_eq!(extended["data"]["expiryDate"], "2100-12-01T00:00:00.000Z");
    command(&scenario, "cancel", "order-1", None).await;
    let cancelled = event_of(&results, "link.cancelled", "order-1").await;
    let correlation = cancelled.properties.correlation_id().as_ref().unwrap().to_string();
    assert_eq!(correlation, "c-order-1");
    let data = cancelled.event()["data"].clone();
    assert_eq!((&data["merchant"], &data["amount"]), (&"default".into(), &"100.50".into()));
    let observed: Timestamp = data["observedAt"].as_str().unwrap().parse().unwrap();
    let made = cancelled.event()["time"].as_str().unwrap().parse().unwrap();
    assert_eq!(observed, made);
    assert!(data.get("custMobile").is_none() && data.get("link").is_none());
    assert_eq!(states(&scenario).await["order-1"], "CANCELLED");

    command(&scenario, "extend", "order-1", Some("2101-01-01T00:00:00Z")).await;
    let failed = event_of(&results, "link.extend_failed", "order-1").await.event();
    assert_eq!(failed["data"]["reason"]["code"], "CANCELLED");
    scenario.finish(worker).await;
}

#[tokio::test]
async fn lost_answers_and_a_killed_worker_leave_every_cancel_done_once() {
    const LINKS: usize = 40;
    let faults = json!({ "cancel_faults": { "lost_before": 0.1, "lost_after": 0.2 } });
    let scenario = scenario(faults).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let references: Vec<String> = (0..LINKS).map(|number| format!("order-{number}")).collect();
    scenario.publish_many(references.iter().map(|reference| intent(reference))).await;
    for reference in &references {
        event_of(&results, "link.created", reference).await;
    }
    for reference in &references {
        command(&scenario, "cancel", reference, None).await;
    }
    let provider = &scenario.provider;
    until("some cancels", SOON, async || provider.requests("cancel").await > 5).await;
    worker.program.kill().await;
    let worker = scenario.ready_worker().await;
    for reference in &references {
        event_of(&results, "link.cancelled", reference).await;
    }
    let states = states(&scenario).await;
    assert!(states.values().all(|state| state == "CANCELLED"), "{states:?}");
    let all = results.all().await;
    let of_kind = |kind: &str| all.iter().filter(|it| it.routing_key.starts_with(kind)).count();
    assert_eq!(of_kind("link.cancel_failed") + of_kind("command."), 0);
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_cancel_loses_to_a_claim_and_outwaits_an_intent_that_comes_later() {
    let scenario = scenario(json!({})).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("order-1")).await;
    event_of(&results, "link.created", "order-1").await;
    scenario.provider.act("1111310", "order-1", "claim").await;
    command(&scenario, "cancel", "order-1", None).await;
    let failed = event_of(&results, "link.cancel_failed", "order-1").await.event();
    assert_eq!(failed["data"]["reason"]["code"], "CLAIMED");

    command(&scenario, "cancel", "order-2", None).await;
    until("a trip through a retry queue", SOON, async || {
        scenario.provider.requests_for("details", "order-2").await.len() > 1
    })
    .await;
    scenario.publish(&intent("order-2")).await;
    event_of(&results, "link.cancelled", "order-2").await;
    assert_eq!(states(&scenario).await["order-2"], "CANCELLED");
    scenario.finish(worker).await;
}
