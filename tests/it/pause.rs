//! `smartsend pause` and `resume`: the real binary, two workers, RabbitMQ and the sandbox.

use serde_json::{Value, json};

use crate::support::intents::intent;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

async fn run(scenario: &Scenario, arguments: &[&str]) -> (i32, String, String) {
    let output = scenario.command(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

async fn links(scenario: &Scenario) -> usize {
    scenario.provider.ledger().await["links"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_pause_holds_every_worker_and_outlives_them() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let (first, second) = (scenario.ready_worker().await, scenario.ready_worker().await);
    scenario.publish(&intent("before")).await;
    results.event_for("before", SOON).await;

    let (code, out, err) =
        run(&scenario, &["pause", "default", "--reason", "two files at once"]).await;
    assert_eq!((code, &*out), (0, "default is paused: 2 workers have answered\n"), "{err}");
    scenario.publish_many((0..10).map(|n| intent(&format!("later-{n}")))).await;
    for worker in [&first, &second] {
        let reason = worker.unready("has paused it: two files at once").await;
        assert!(reason.contains("until `smartsend resume default`"), "{reason}");
    }
    first.program.kill().await;
    second.stop().await;

    let next = scenario.worker();
    next.unready("has paused it: two files at once").await;
    assert_eq!((links(&scenario).await, scenario.work_total().await), (1, 10));

    let (code, out, err) = run(&scenario, &["resume", "default", "--limit", "1"]).await;
    assert_eq!((code, &*out), (0, "default stays paused; 1 are let through\n"), "{err}");
    until("one is let through", SOON, async || links(&scenario).await == 2).await;
    next.unready("has paused it").await;
    assert_eq!(links(&scenario).await, 2);

    let (code, out, err) = run(&scenario, &["resume", "default", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let printed: Value = serde_json::from_str(&out).unwrap();
    let expected = json!({ "merchant": "default", "paused": false, "processes": 1, "active": 1 });
    assert_eq!(printed, expected);
    until("all have their links", SOON, async || links(&scenario).await == 11).await;
    next.ready().await;
    scenario.finish(next).await;
}

#[tokio::test]
async fn without_a_worker_the_next_one_is_paused() {
    let scenario = Scenario::new().await;
    scenario.publish(&intent("waits")).await;
    let (code, out, err) = run(&scenario, &["pause", "default", "--reason", "not yet"]).await;
    let expected = "default is paused: no worker answers; whoever starts next knows of it\n";
    assert_eq!((code, &*out), (0, expected), "{err}");
    let worker = scenario.worker();
    worker.unready("has paused it: not yet").await;
    assert_eq!(links(&scenario).await, 0);

    for (arguments, code, words) in [
        (&["pause", "default"][..], 2, "--reason"),
        (&["pause", "default", "--reason", " "], 2, "must say why"),
        (&["pause", "nobody", "--reason", "x"], 2, "there is no merchant nobody"),
        (&["resume", "default", "--limit", "0"], 2, "--limit"),
    ] {
        let (exit, _, err) = run(&scenario, arguments).await;
        assert_eq!(exit, code, "{err}");
        assert!(err.contains(words), "{err}");
    }
    assert_eq!(run(&scenario, &["resume", "default"]).await.0, 0);
    until("it has its link", SOON, async || links(&scenario).await == 1).await;
    let (exit, _, err) = run(&scenario, &["resume", "default", "--limit", "1"]).await;
    assert_eq!(exit, 1);
    assert!(err.contains("the merchant is not paused"), "{err}");
    scenario.finish(worker).await;
}
