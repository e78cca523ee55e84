//! The guards on who may publish and on how much is paid: the real binary, RabbitMQ and the sandbox.

use std::fs;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use crate::support::intents::{intent, properties};
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

const KEY: &str = "a key of sixteen or more";

async fn ground(settings: &[(&str, &str)]) -> Scenario {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    for (key, value) in settings {
        scenario.set(&format!("merchants.default.{key}"), value);
    }
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario
}

fn file(scenario: &Scenario, rows: u32) -> String {
    let path = scenario.directory().join("pay.csv");
    let row = |row: u32| format!("row-{row},10,Refund,Asha Rao,9999999999");
    let rows: Vec<String> = (0..rows).map(row).collect();
    let rows = rows.join("\n");
    fs::write(&path, format!("merchantRefId,amount,description,custName,custMobile\n{rows}"))
        .unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn only_named_logins_with_a_signature_are_paid_for() {
    let settings = [("publishers", "guest"), ("signing_keys", KEY), ("commands_per_second", "50")];
    let scenario = ground(&settings).await;
    let results = scenario.results().await;
    let parked = scenario.parked().await;
    let worker = scenario.ready_worker().await;

    // The tools sign, and say whose login they use.
    let path = file(&scenario, 3);
    let submitted =
        scenario.command(&["submit", &path, "--yes", "--allow-repeats", "--wait"]).await;
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let cancelled = scenario.command(&["cancel", "row-1"]).await;
    assert!(cancelled.status.success(), "{}", String::from_utf8_lossy(&cancelled.stderr));

    let body = intent("stranger").to_string().into_bytes();
    scenario.publish_raw(&body, properties("stranger")).await;
    let event = results.event_for("stranger", SOON).await.event();
    assert_eq!(event["data"]["reason"]["code"], "NOT_ALLOWED");

    let body = intent("unsigned").to_string().into_bytes();
    let named = properties("unsigned").with_user_id("guest".into());
    scenario.publish_raw(&body, named).await;
    let event = results.event_for("unsigned", SOON).await.event();
    assert_eq!(event["type"], "smartsend.intent.rejected");
    assert_eq!(event["data"]["reason"]["code"], "NOT_SIGNED");

    // Signed for another message.
    let mut headers = FieldTable::default();
    let signature = AMQPValue::LongString(format!("v1={}", "0".repeat(64)).into());
    headers.insert("x-smartsend-signature".into(), signature);
    let forged = BasicProperties::default()
        .with_message_id("forged-1".into())
        .with_user_id("guest".into())
        .with_headers(headers);
    scenario.publish_raw(&intent("forged").to_string().into_bytes(), forged).await;
    let event = results.event_for("forged", SOON).await.event();
    assert_eq!(event["data"]["reason"]["code"], "NOT_SIGNED");

    until("three are parked", SOON, async || parked.count() == 3).await;
    let ledger = scenario.provider.ledger().await;
    assert_eq!(ledger["links"].as_array().unwrap().len(), 3, "only those of the file");
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_tool_whose_login_may_not_publish_says_so_and_sends_nothing() {
    let scenario = ground(&[("publishers", "refunds")]).await;
    let path = file(&scenario, 1);
    let submitted = scenario.command(&["submit", &path, "--yes", "--allow-repeats"]).await;
    let stderr = String::from_utf8_lossy(&submitted.stderr).into_owned();
    assert_eq!(submitted.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the login guest is not in the merchant's publishers"), "{stderr}");
    assert_eq!(scenario.work_left().await, 0);
}

/// Killed at the limit: the next process knows what was spent.
#[tokio::test]
async fn a_limit_on_money_holds_over_a_kill() {
    let settings = [("max_amount", "10"), ("max_per_hour", "100")];
    let scenario = ground(&settings).await;
    let worker = scenario.ready_worker().await;
    let path = file(&scenario, 30);
    let submitted = scenario.command(&["submit", &path, "--yes", "--allow-repeats"]).await;
    assert!(submitted.status.success(), "{}", String::from_utf8_lossy(&submitted.stderr));
    let reached = "max_per_hour is reached: 100.00 of 100.00 rupees are spent";
    worker.unready(reached).await;
    // The sums are in the checkpoint before the consumer is cancelled.
    until("the consumer is cancelled", SOON, async || {
        worker.status().await["merchants"]["default"]["consumer"]["state"] == "stopped"
    })
    .await;
    worker.program.kill().await;

    let worker = scenario.worker();
    worker.unready(reached).await;
    let ledger = scenario.provider.ledger().await;
    assert_eq!(ledger["links"].as_array().unwrap().len(), 10);
    worker.stop().await;
    // The kill may fall between a copy and the acknowledgement of what it is a copy of.
    let left = scenario.work_left().await;
    assert!(left >= 20, "they wait, and nothing failed: {left}");
}
