//! The ledger as scripts read it.

use reqwest::StatusCode;
use serde_json::{Value, json};
use smartsend::sandbox::RequestKind;

use super::{MERCHANT, Stage, order, order_with, read};

async fn get(stage: &Stage, path: &str) -> Value {
    read(stage.http.get(stage.url(path)).send().await.unwrap()).await.1
}

#[tokio::test]
async fn the_ledger_holds_requests_links_and_messages() {
    let stage = Stage::new().await;
    let created = stage.create(&order_with("order-1", "custEmail", json!(""))).await.1;
    stage.lookup("order-1").await;
    let mut ledger = get(&stage, "/sandbox/ledger").await;
    let times: Vec<u64> = ledger["requests"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .map(|entry| entry.as_object_mut().unwrap().remove("at_us").unwrap().as_u64().unwrap())
        .collect();
    assert!(times.is_sorted());
    let made = ledger["links"][0].as_object_mut().unwrap().remove("made_at_us").unwrap();
    assert!((times[1]..=times[2]).contains(&made.as_u64().unwrap()));
    let expires = ledger["links"][0].as_object_mut().unwrap().remove("expires_at_us").unwrap();
    assert!(expires.as_u64() > made.as_u64());
    let entry = |kind: &str| {
        json!({"kind": kind, "merchant": MERCHANT, "reference": "order-1", "client": "client-1",
            "fault": null, "status": 200, "code": null})
    };
    let token = json!({"kind": "token", "merchant": null, "reference": null,
        "client": "client-1", "fault": null, "status": 200, "code": null});
    assert_eq!(
        ledger,
        json!({
            "requests": [token, entry("create"), entry("details")],
            "links": [{"merchant": MERCHANT, "reference": "order-1", "api": "v1",
                "amount": "1.00", "link": created["data"]["link"], "link_id": created["data"]["linkId"],
                "smart_send_id": 10_001, "status": "PENDING", "txn_status": null, "history": []}],
            "messages": [{"merchant": MERCHANT, "reference": "order-1", "messages": 1,
                "sms": 1, "emails": 0}]
        })
    );
}

#[tokio::test]
async fn the_summary_holds_the_numbers() {
    let stage = Stage::faulty(&json!({"naive": true, "error_after": 1.0})).await;
    for reference in ["order-1", "order-1", "order-2"] {
        stage.try_create(reference).await.unwrap();
    }
    stage.lookup("order-1").await;
    let mut summary = get(&stage, "/sandbox/ledger?summary=true").await;
    let summary = summary.as_object_mut().unwrap();
    let fullest = summary.remove("fullest_second").unwrap();
    assert!(fullest[MERCHANT]["all"].as_u64().unwrap() >= 1);
    let (first, last) = (summary.remove("first_at_us"), summary.remove("last_at_us"));
    assert!(first.unwrap().as_u64() < last.unwrap().as_u64());
    assert_eq!(
        json!(summary),
        json!({
            "requests": {"token": 1, "create": 3, "details": 1, "cancel": 0, "extend": 0, "status": 0, "account": 0, "vpas": 0, "bulk_upload": 0, "bulk_process": 0,
        "bulk_status": 0,
                "other": 0},
            "faults": {"error_after": 3},
            "statuses": {"200": 2, "502": 3},
            "links": 3, "link_statuses": {"PENDING": 3}, "messages": 3, "references": 2,
            "doubled": {"count": 1,
                "first": [{"merchant": MERCHANT, "reference": "order-1", "links": 2}]}
        })
    );
}

#[tokio::test]
async fn the_fullest_second_slides() {
    let stage = Stage::new().await;
    let calls = (0..30).map(|number| {
        let (stage, reference) = (&stage, format!("order-{number}"));
        async move {
            stage.try_create(&reference).await.unwrap();
            stage.cancel(&reference).await;
            stage.extend(&reference, "2100-12-01T00:00:00.000Z").await;
        }
    });
    futures_util::future::join_all(calls).await;
    let requests = stage.sandbox.ledger().requests;
    let fullest_of = |is_meant: &dyn Fn(RequestKind) -> bool| {
        let times = requests.iter().filter(|r| is_meant(r.kind)).map(|r| r.at_us);
        let times: Vec<u64> = times.collect();
        let within = |start: &u64| {
            times.iter().filter(|at| (*start..start + 1_000_000).contains(at)).count()
        };
        times.iter().map(within).max().unwrap()
    };
    let summary = stage.sandbox.summary();
    let fullest = summary.fullest_second.get(MERCHANT).unwrap();
    assert_eq!(fullest.all, fullest_of(&|kind| kind != RequestKind::Token));
    assert_eq!(fullest.create, fullest_of(&|kind| kind == RequestKind::Create));
    assert_eq!(fullest.cancel, fullest_of(&|kind| kind == RequestKind::Cancel));
    assert_eq!(fullest.extend, fullest_of(&|kind| kind == RequestKind::Extend));
    assert_eq!(fullest.details, 0);
}

#[tokio::test]
async fn a_cleared_ledger_is_empty_and_its_references_are_free() {
    let stage = Stage::new().await;
    stage.create(&order("order-1")).await;
    let cleared = stage.http.delete(stage.url("/sandbox/ledger")).send().await.unwrap();
    assert_eq!(cleared.status(), StatusCode::NO_CONTENT);
    let empty = json!({"requests": [], "links": [], "messages": []});
    assert_eq!(get(&stage, "/sandbox/ledger").await, empty);
    assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    assert_eq!(stage.links("order-1"), 1);
}

#[tokio::test]
async fn an_answer_to_a_request_that_was_cleared_from_the_ledger_is_not_entered() {
    let stage = Stage::faulty(&json!({"latency_ms": 100})).await;
    let wrong = order_with("order-1", "amount", json!("none"));
    let call = stage.create(&wrong);
    let clear = async {
        stage.created(1).await;
        stage.sandbox.clear();
        stage.lookup("order-2").await; // takes the place of the entry that is gone
    };
    let ((_, body), ()) = tokio::join!(call, clear);
    assert_eq!(body["data"][0]["code"], 1104);
    let requests = stage.sandbox.ledger().requests;
    assert!(requests.iter().all(|request| request.code.is_none()), "{requests:?}");
}
