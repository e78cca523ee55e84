//! What `reconcile` writes, given to the commands that it is for.

use serde_json::{Value, json};

use super::ground::{PARKED, Park, park, said};
use crate::support::canary::{DESCRIPTION, MOBILE, NAME};
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

/// A payout that is there, one that is parked, and one that nobody ever sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_replayed_by_plan_or_submitted_again() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    park(&scenario, [Park::new("parked", "NOT_SENT"), Park::new("another", "NOT_SENT")]).await;
    let folder = scenario.directory();
    let path = |name: &str| folder.join(name).display().to_string();
    let [pay, first, events, open, again, plan] =
        ["pay.csv", "first.csv", "events.jsonl", "open.csv", "again.csv", "plan.json"].map(path);
    let list = |names: &[&str]| {
        let rows = names.iter().map(|it| format!("{it},100.50,{DESCRIPTION},{NAME},{MOBILE}\n"));
        let rows: String = rows.collect();
        format!("merchantRefId,amount,description,custName,custMobile\n{rows}")
    };
    std::fs::write(&first, list(&["there"])).unwrap();
    std::fs::write(&pay, list(&["there", "parked", "forgotten"])).unwrap();
    let sent = scenario.command(&["submit", &first, "--yes"]).await;
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    results.event_for("there", SOON).await;
    let unresolved = json!({
        "specversion": "1.0", "id": "1", "source": "urn:smartsend:1111310:default",
        "type": "smartsend.link.unresolved", "time": "2026-11-24T09:00:00.000Z",
        "data": {
            "merchant": "default", "merchantRefId": "parked", "amount": "100.50",
            "reason": { "code": "NOT_SENT", "message": "m" },
        },
    });
    std::fs::write(&events, unresolved.to_string()).unwrap();

    let reconcile = [
        "reconcile",
        &pay,
        "--events",
        &events,
        "--sent",
        "2026-11-24T09:00:00Z",
        "--out",
        &open,
        "--resubmit",
        &again,
    ];
    let reconciled = scenario.command(&reconcile).await;
    assert_eq!(reconciled.status.code(), Some(1), "{}", said(&reconciled));

    let dry_run = ["parked", "replay", "--dry-run", "--refs", &open, "--out", &plan];
    let planned = scenario.command(&dry_run).await;
    assert_eq!(planned.status.code(), Some(0), "{}", said(&planned));
    let made: Value = serde_json::from_slice(&std::fs::read(&plan).unwrap()).unwrap();
    let names = made["entries"].as_array().unwrap().iter().map(|it| it["merchantRefId"].as_str());
    assert!(names.eq([Some("parked")]), "{made}");
    let apply =
        ["parked", "replay", "--plan", &plan, "--reason", "reconciled", "--total", "100.50"];
    let applied = scenario.command(&apply).await;
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert_eq!(scenario.depth(PARKED).await, 1, "the other one is not meant");

    let sent = scenario.command(&["submit", &again, "--yes"]).await;
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    let event = results.event_for("forgotten", SOON).await;
    assert_eq!(event.event()["type"], "smartsend.link.created");
    drop(worker);
}
