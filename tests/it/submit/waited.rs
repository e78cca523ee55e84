//! `--wait`: the outcome of every row, with a real worker and the sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use lapin::BasicProperties;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::ground::{
    Ended, Ground, QUEUE, SOON, SUBMIT, Sandbox, end_of, event, event_named, results, start_worker,
};
use crate::support::broker::{publish, take_next};

#[tokio::test(flavor = "multi_thread")]
async fn every_row_gets_its_line_from_a_real_worker() {
    let ground = Ground::with(&["default"]).await;
    let sandbox = Sandbox::start(&ground).await;
    ground.configure(&["default"], &sandbox.url);
    let worker = start_worker(&ground);
    ground.write(
        "pay.csv",
        "merchantRefId,amount,description,custMobile\n\
         -first,1,Refund,9999999999\nb d,2,Refund,9999999999\nthird,3,Refund,9999999999\n\
         late,4,Refund,\n",
    );
    let ended = ground.submit(&["pay.csv", "--wait", "--skip-bad"]).await;
    assert_eq!(ended.code, 1, "two rows have no link: {ended:?}");
    assert!(ended.err.contains("the balance is "), "{ended:?}");
    assert_eq!((ended.number("sent"), ended.number("created")), (Some(2), Some(2)), "{ended:?}");

    let results = results(&ground);
    let begins: Vec<_> =
        results.iter().map(|row| [&*row[0], &*row[1], &*row[2], &*row[3]]).collect();
    assert_eq!(
        begins,
        [
            ["2", "-first", "1.00", "created"],
            ["3", "", "2.00", "skipped"],
            ["4", "third", "3.00", "created"],
            ["5", "late", "4.00", "skipped"]
        ]
    );
    assert!(results[0][4].starts_with("http") && results[2][4].starts_with("http"));
    assert_ne!(results[0][4], results[2][4]);
    assert_eq!(results[1][5], "merchantRefId may contain only letters, digits, '_' and '-'");
    assert_eq!(results[3][5], "custMobile or custEmail is needed: at least one of them");
    let mode = fs::metadata(ground.path("pay.results.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ground.files(), ["pay.bad.csv", "pay.csv", "pay.results.csv"]);
    for printed in [&ended.out, &ended.err] {
        assert!(!printed.contains(&results[0][4]), "a link belongs only in the file");
    }

    ground.write_good("more.csv", 100);
    let ended = ground.submit(&["more.csv", "--wait"]).await;
    assert_eq!((ended.code, ended.number("created")), (0, Some(100)), "{ended:?}");
    drop(worker);
}

fn event_with_reason(kind: &str, reference: &str, reason: &serde_json::Value) -> Vec<u8> {
    let data =
        serde_json::json!({ "merchantRefId": reference, "amount": "10.50", "reason": reason });
    event(kind, &data)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_event_is_read_and_others_are_passed_over() {
    let ground = Ground::with(&["default", "second"]).await;
    ground.write_good("pay.csv", 5);
    let submit = [&SUBMIT[..], &["pay.csv", "--wait", "--merchant", "default"]].concat();
    let child = ground.command(&submit).spawn().unwrap();
    let connection = ground.connect().await;
    let (mut third, mut third_name) = (String::new(), Vec::new());
    for _ in 0..5 {
        let taken = take_next(&connection, QUEUE).await;
        if String::from_utf8_lossy(&taken.body).contains("p-3") {
            third = taken.properties.message_id().clone().unwrap().to_string();
            let name = "raw\ndefault\nsmartsend.intent.rejected/INVALID_INTENT\n";
            third_name = [name.as_bytes(), &taken.body].concat();
        }
    }
    let link = |reference: &str, amount: &str, link: &str| {
        let data =
            serde_json::json!({ "merchantRefId": reference, "amount": amount, "link": link });
        event("smartsend.link.created", &data)
    };
    let bad =
        |code| serde_json::json!({ "code": code, "providerCode": 1101, "message": "it is bad" });
    let failed = event_with_reason("smartsend.link.failed", "p-2", &bad("INVALID_MERCHNAT_REF_ID"));
    let unknown = event_with_reason("smartsend.link.failed", "p-5", &bad("=CODE"));
    let invalid = event_named(
        &third_name,
        "smartsend.intent.rejected",
        &serde_json::json!({ "intentId": third,
            "reason": { "code": "INVALID_INTENT", "message": "no intent" },
            "errors": [{ "field": "amount", "message": "is missing" }] }),
    );
    let late = serde_json::json!({ "code": "NOT_SENT", "message": "too late" });
    let unresolved = event_with_reason("smartsend.link.unresolved", "p-4", &late);
    for (key, body) in [
        ("link.created.default", b"no event".to_vec()),
        ("link.created.default", link("other", "10.50", "https://a.example/0")),
        ("link.created.default", link("p-1", "99.00", "https://a.example/another-amount")),
        ("link.created.second", link("p-1", "10.50", "https://a.example/another-merchant")),
        ("link.created.default", link("p-1", "10.50", "javascript:1")),
        ("link.created.default", link("p-1", "10.50", "https://a.example/1")),
        ("link.failed.default", failed.clone()),
        ("link.failed.default", failed),
        ("intent.rejected.default", invalid),
        ("link.failed.default", unknown),
        ("link.unresolved.default", unresolved),
    ] {
        publish(&connection, "smartsend.results", key, &body, BasicProperties::default()).await;
    }
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.number("rows")), (1, Some(5)), "{ended:?}");
    assert_eq!((ended.number("failed"), ended.rupees("failed")), (Some(1), Some("10.50")));
    assert_eq!(
        (ended.rupees("unresolved"), ended.rupees("NOT_SENT")),
        (Some("21.00"), Some("10.50"))
    );
    assert_eq!((ended.number("rejected"), ended.number("INVALID_INTENT")), (Some(1), Some(1)));
    assert_eq!((ended.number("unresolved"), ended.number("NOT_SENT")), (Some(2), Some(1)));
    assert_eq!(
        results(&ground),
        [
            ["2", "p-1", "10.50", "created", "https://a.example/1", ""],
            ["3", "p-2", "10.50", "failed", "", "INVALID_MERCHNAT_REF_ID 1101: it is bad"],
            ["4", "p-3", "10.50", "rejected", "", "INVALID_INTENT: no intent; amount is missing"],
            ["5", "p-4", "10.50", "unresolved", "", "NOT_SENT: too late"],
            ["6", "p-5", "10.50", "unresolved", "", "'=CODE 1101: it is bad"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_to_stop_writes_what_is_known() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        writes_what_is_known(signal).await;
    }
}

async fn writes_what_is_known(signal: &str) {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 2);
    let child = ground.command(&[&SUBMIT[..], &["pay.csv", "--wait"]].concat()).spawn().unwrap();
    let connection = ground.connect().await;
    for _ in 0..2 {
        take_next(&connection, QUEUE).await;
    }
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args([signal, &pid]).stdin(Stdio::null()).status().await;
    assert!(sent.unwrap().success());
    let ended = Ended::of(timeout(SOON, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!(ended.code, 3, "{signal}: {ended:?}");
    let outcomes: Vec<_> = results(&ground).into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(outcomes, ["unknown", "unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_while_waiting_leaves_the_open_rows_unknown() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 2);
    let child = ground.command(&[&SUBMIT[..], &["pay.csv", "--wait"]].concat()).spawn().unwrap();
    let connection = ground.connect().await;
    for _ in 0..2 {
        take_next(&connection, QUEUE).await;
    }
    drop(connection);
    ground.close_connections().await;
    let ended = Ended::of(timeout(SOON, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((ended.code, ended.number("unknown")), (1, Some(2)), "{ended:?}");
    assert!(ended.err.contains("the intents themselves are safe with the worker"), "{ended:?}");
    let outcomes: Vec<_> = results(&ground).into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(outcomes, ["unknown", "unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_without_a_worker_says_so_and_ends_in_time() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 2);
    let ended = ground.submit(&["pay.csv", "--wait", "--timeout", "1s"]).await;
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.err.contains("nobody consumes the intents at the moment"), "{ended:?}");
    assert!(ended.err.contains("the time to wait was over"), "{ended:?}");
    assert_eq!((ended.number("unknown"), ended.rupees("unknown")), (Some(2), Some("21.00")));
    assert_eq!(results(&ground)[1][3], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_later_is_reported_too() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 1);
    let mut child =
        ground.command(&[&SUBMIT[..], &["pay.csv", "--wait"]].concat()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut printed = async |words: &str| {
        let line = async { while !lines.next_line().await.unwrap().unwrap().contains(words) {} };
        timeout(SOON, line).await.unwrap_or_else(|_| panic!("{words} is not printed"));
    };
    printed("nobody consumes the intents").await;
    let channel = ground.connect().await.create_channel().await.unwrap();
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let _worker =
        channel.basic_consume(QUEUE.into(), "worker".into(), options, arguments).await.unwrap();
    printed("a worker consumes the intents now").await;
    let data = serde_json::json!({ "merchantRefId": "p-1", "amount": "10.50", "link": "https://a.example/1" });
    ground.announce("smartsend.link.created", &data).await;
    let ended = end_of(child).await;
    assert_eq!((ended.code, ended.rupees("created")), (0, Some("10.50")), "{ended:?}");
}
