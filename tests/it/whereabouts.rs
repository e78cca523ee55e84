//! `smartsend where`, as a person runs it: the real binary, a real worker and the sandbox.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use crate::support::intents::{intent, publish_to};
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// What it says, and its exit code.
struct Said {
    code: i32,
    json: Value,
}

async fn ask(scenario: &Scenario, ops: &str, reference: &str) -> Said {
    let output = scenario.command(&["where", reference, "--ops", ops, "--json"]).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    Said { code: output.status.code().unwrap(), json }
}

impl Said {
    fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or_else(|| panic!("{pointer}: {}", self.json))
    }

    fn support(&self, words: &str) {
        let support = self.at("/support").as_str().unwrap();
        assert!(support.contains(words), "{words}: {}", self.json);
    }
}

/// Its lock file is the test's own.
async fn ground(settings: &[(&str, &str)]) -> Scenario {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    let folder = scenario.directory().display().to_string();
    scenario.set_variable("TMPDIR", &folder);
    for (key, value) in settings {
        scenario.set(key, value);
    }
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario
}

/// Parks a message as the worker would.
async fn park(scenario: &Scenario, references: impl IntoIterator<Item = String>) {
    let parked = references.into_iter().map(|reference| {
        let mut headers = FieldTable::default();
        for (name, text) in [
            ("reason", "OUTCOME_UNKNOWN"),
            ("parked-at", "2026-11-24T09:40:00.000Z"),
            ("merchant", "default"),
        ] {
            let name = format!("x-smartsend-{name}");
            headers.insert(name.into(), AMQPValue::LongString(text.into()));
        }
        let properties = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
        ("default", intent(&reference).to_string().into_bytes(), properties)
    });
    publish_to(&scenario.connection, "smartsend.parked", parked).await;
}

/// The worker has made a link, and so is the active consumer.
async fn active_worker(scenario: &Scenario) -> (Worker, String) {
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("made")).await;
    results.event_for("made", SOON).await;
    worker.active("default").await;
    let ops = format!("http://{}", worker.address().await);
    (worker, ops)
}

#[tokio::test]
async fn a_payout_is_found_at_payu_parked_or_nowhere() {
    let scenario = ground(&[]).await;
    let (worker, ops) = active_worker(&scenario).await;
    let said = ask(&scenario, &ops, "made").await;
    assert_eq!((said.code, said.at("/found")), (0, &json!(true)), "{}", said.json);
    assert_eq!(said.at("/missing"), &json!([]), "{}", said.json);
    assert_eq!(
        (said.at("/payu/status"), said.at("/payu/amount")),
        (&json!("PENDING"), &json!("100.50"))
    );
    let links = scenario.provider.links_of("made").await;
    assert!(links[0].ends_with(said.at("/payu/linkEnding").as_str().unwrap()));
    assert_eq!(said.at("/payu/link"), &Value::Null);
    said.support("There is a link for it");

    let said = ask(&scenario, &ops, "nowhere").await;
    assert_eq!((said.code, said.at("/found")), (1, &json!(false)), "{}", said.json);
    said.support("None of them knows it");

    // Among a thousand, and its link is there too.
    park(&scenario, (0..999).map(|number| format!("other-{number}")).chain(["made".to_owned()]))
        .await;
    let said = ask(&scenario, &ops, "made").await;
    assert_eq!(
        (said.at("/parked/lookedAt"), said.at("/parked/whole")),
        (&json!(1000), &json!(true))
    );
    assert_eq!(said.at("/parked/copies/0/reason"), "OUTCOME_UNKNOWN");
    assert_eq!(said.at("/payu/amountAgrees"), &json!(true), "{}", said.json);
    said.support("a person has to settle what is parked");

    // Nothing is taken away, however often it is looked at.
    let said = ask(&scenario, &ops, "other-7").await;
    assert_eq!(said.at("/parked/copies").as_array().unwrap().len(), 1);
    said.support("It is parked since 2026-11-24T09:40:00Z as OUTCOME_UNKNOWN");
    assert_eq!(said.code, 0);
    until("all to be given back", SOON, async || scenario.depth("smartsend.parked").await == 1000)
        .await;
    worker.stop().await;
}

#[tokio::test]
async fn a_payout_in_doubt_is_in_flight_and_says_when_its_next_lookup_is_due() {
    let scenario = ground(&[("in_doubt.quarantine", "60s")]).await;
    let (worker, ops) = active_worker(&scenario).await;
    scenario.provider.set_faults(json!({ "lost_before": 1.0 })).await;
    scenario.publish(&intent("doubtful")).await;
    until("it to be in doubt", SOON, async || {
        worker.status().await["merchants"]["default"]["in_doubt"] == 1
    })
    .await;
    let page = worker.page("/status/doubtful").await.1;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["queues"]["default"]["known"]["in_doubt"], true, "{page}");
    let said = ask(&scenario, &ops, "doubtful").await;
    assert_eq!((said.code, said.at("/payu/found")), (0, &json!(false)), "{}", said.json);
    let intent = said.at("/workers/0/intent");
    assert_eq!((&intent["in_doubt"], &intent["attempts"]), (&json!(true), &json!(1)));
    assert_eq!(intent["step"], "lookup_due", "half of the quarantine lies before it");
    said.support("It is being worked on, and may have been sent; it goes on at");
    worker.program.kill().await;
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_not_absent() {
    let scenario = ground(&[]).await;
    park(&scenario, ["parked".to_owned()]).await;
    let nobody = "http://127.0.0.1:1";
    let said = ask(&scenario, nobody, "unknown").await;
    assert_eq!((said.code, said.at("/found")), (3, &Value::Null), "{}", said.json);
    assert_eq!(said.at("/missing"), &json!(["worker"]));
    said.support("a part of the answer is missing (the worker that works for the merchant)");
    let said = ask(&scenario, nobody, "parked").await;
    assert_eq!((said.code, said.at("/missing")), (0, &json!(["worker"])), "{}", said.json);
    said.support("It is parked since");

    // It waits for a worker, and nobody reads it there.
    scenario.publish(&intent("waiting")).await;
    let said = ask(&scenario, nobody, "waiting").await;
    assert_eq!(said.at("/waiting/smartsend.intents.default"), &json!(1));
    assert_eq!(said.code, 3);

    // Somebody else has taken the parked message.
    let other = scenario.parked().await;
    until("it to be taken", SOON, async || other.count() == 1).await;
    let said = ask(&scenario, nobody, "parked").await;
    assert_eq!((said.code, said.at("/parked/whole")), (3, &json!(false)), "{}", said.json);
}
