//! `smartsend cancel`, `extend` and `lookup`, as a person runs them: the real binary, a real worker
//! and the sandbox.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::intents::intent;
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

const FAR: &str = "2100-12-31T18:30:00Z";

/// One merchant that takes commands, and everything declared.
async fn ground() -> Scenario {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("merchants.default.commands_per_second", "50");
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario
}

fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

async fn run(scenario: &Scenario, arguments: &[&str]) -> (i32, String, String) {
    ended(&scenario.command(arguments).await)
}

#[tokio::test]
async fn a_link_is_extended_then_cancelled_and_each_says_what_payu_shows() {
    let scenario = ground().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("a")).await;
    results.event_for("a", SOON).await;

    let (code, out, err) = run(&scenario, &["extend", "a", FAR]).await;
    assert_eq!((code, &*out), (0, "a now expires at 2100-12-31T18:30:00Z\n"), "{err}");
    // A link may live longer, never shorter.
    let (code, out, err) = run(&scenario, &["extend", "a", "2099-01-01T00:00:00Z"]).await;
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("a was not extended: EXPIRY_INVALID: "), "{out}");

    let (code, out, err) = run(&scenario, &["cancel", "a", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let data: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&data["merchantRefId"], &data["amount"]), (&json!("a"), &json!("100.50")));
    assert_eq!(data["link"], Value::Null);
    // Cancelling again is not a failure.
    let (code, out, err) = run(&scenario, &["cancel", "a"]).await;
    assert_eq!((code, &*out), (0, "a is cancelled\n"), "{err}");
    let (code, out, err) = run(&scenario, &["extend", "a", FAR]).await;
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("a was not extended: CANCELLED: "), "{out}");
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_command_that_nobody_takes_says_so_and_one_for_no_link_is_not_decided() {
    let scenario = ground().await;
    let (code, out, err) = run(&scenario, &["cancel", "a", "--timeout", "1s"]).await;
    assert_eq!((code, &*out), (3, ""), "{err}");
    assert!(err.contains("nobody consumes the commands at the moment"), "{err}");
    assert!(err.contains("the time to wait was over"), "{err}");
    assert_eq!(scenario.depth("smartsend.commands.default").await, 1);

    // The worker finds no link, and waits for one.
    let worker = scenario.ready_worker().await;
    let (code, _, err) = run(&scenario, &["cancel", "a", "--timeout", "1s"]).await;
    assert_eq!(code, 3, "{err}");
    assert!(!err.contains("nobody consumes"), "{err}");

    // Both commands stand, and the link is cancelled as soon as it is there. A third hears of it.
    let arguments = ["cancel", "a"];
    let third = scenario.command(&arguments);
    let publish = async {
        scenario.publish(&intent("a")).await;
    };
    let (third, ()) = tokio::join!(third, publish);
    let (code, out, err) = ended(&third);
    assert_eq!((code, &*out), (0, "a is cancelled\n"), "{err}");
    assert_eq!(scenario.provider.links_of("a").await.len(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn a_missing_queue_is_reported_with_what_to_run() {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.apply(&[]).await;
    scenario.set("merchants.default.commands_per_second", "50");
    let (code, _, err) = run(&scenario, &["cancel", "a"]).await;
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("smartsend.commands.default"), "{err}");
    assert!(err.contains("smartsend topology apply"), "{err}");
}

#[tokio::test]
async fn a_lookup_shows_what_payu_has_and_hides_what_is_private() {
    let scenario = ground().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let (code, out, err) = run(&scenario, &["lookup", "a"]).await;
    assert_eq!((code, &*out), (1, ""), "{err}");
    assert!(err.contains("no proof that there is none"), "{err}");
    assert!(err.contains("outside of the worker's limiter"), "{err}");

    scenario.publish(&intent("a")).await;
    results.event_for("a", SOON).await;
    let (code, out, err) = run(&scenario, &["lookup", "a"]).await;
    assert_eq!(code, 0, "{err}");
    for line in [
        "reference  a",
        "status     PENDING",
        "v2 status  Account Detail Pending",
        "amount     100.50",
        "mobile     ******9999",
    ] {
        assert!(out.lines().any(|it| it == line), "{line}: {out}");
    }
    assert!(out.contains("--reveal shows it"), "{out}");
    let asked = scenario.provider.asked().await;
    let last = |kind: &str| asked.iter().rfind(|one| one.kind == kind).unwrap().at_us;
    assert!(last("details") - last("token") >= 1_000_000, "they are a second apart");
    assert!(last("status") - last("details") >= 1_000_000, "they are a second apart");

    let (code, out, err) = run(&scenario, &["lookup", "a", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&shown["found"], &shown["link"]), (&json!(true), &Value::Null));
    scenario.finish(worker).await;
}
