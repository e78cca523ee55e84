//! What good rows become on the broker, and what is printed when they cannot be sent.

use std::collections::HashSet;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use smartsend::actor::Actor;
use smartsend::domain::account::Api;
use smartsend::domain::intent::wire;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::ground::{Ended, Ground, QUEUE, SOON, SUBMIT, end_of};
use crate::support::amqp_proxy::{AmqpProxy, Says, Seen, When};
use crate::support::brake::Brake;
use crate::support::broker::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_good_file_becomes_intents_that_the_worker_can_read() {
    let ground = Ground::with(&["default"]).await;
    ground.write(
        "pay.csv",
        "\u{feff}merchantRefId, amount ,description,custName,custMobile,deadline,metadata.orderId\r\n\
         order-1,123.10,\"Refund, \"\"late\"\"\",Asha Rao,+919999999999,2099-01-01T00:00:00Z,0042\r\n\
         order-2,7,\u{0930}\u{092b}\u{094d}\u{200d}\u{0921} \u{1f468}\u{200d}\u{1f469},,9999999998,,\r\n\r\n,,,,,,\r\n",
    );
    let ended = ground.submit(&["pay.csv"]).await;
    let before = "2 of 2 rows, 130.10 rupees, for the merchant default (account 0)";
    let before = format!("{before}, {}\n", Actor::of_process(None));
    let begins = ended.err.starts_with(&before) && ended.err.contains("balance unknown: ");
    assert_eq!((ended.code, begins), (0, true), "{ended:?}");
    assert_eq!((ended.number("rows"), ended.number("sent")), (Some(2), Some(2)));
    assert_eq!(ended.rupees("sent"), Some("130.10"));

    let mut taken = ground.take_all(QUEUE).await;
    taken.sort_by_key(|taken| taken.body.clone());
    let bodies: Vec<serde_json::Value> =
        taken.iter().map(|taken| serde_json::from_slice(&taken.body).unwrap()).collect();
    let mut bodies = bodies;
    bodies.sort_by_key(|body| body["merchantRefId"].to_string());
    assert_eq!(
        bodies,
        [
            serde_json::json!({
                "merchantRefId": "order-1", "amount": "123.10",
                "description": "Refund, \"late\"", "custName": "Asha Rao",
                "custMobile": "+919999999999", "deadline": "2099-01-01T00:00:00Z",
                "metadata": { "orderId": "0042" }
            }),
            serde_json::json!({
                "merchantRefId": "order-2", "amount": "7",
                "description": "\u{0930}\u{092b}\u{094d}\u{200d}\u{0921} \u{1f468}\u{200d}\u{1f469}",
                "custMobile": "9999999998"
            }),
        ]
    );
    for taken in &taken {
        assert!(wire::parse(&taken.body, Api::V1).is_ok());
        let properties = &taken.properties;
        assert_eq!(taken.routing_key, "default");
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/json");
        assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "smartsend");
        assert!(properties.timestamp().is_some());
        let user_id = properties.user_id().as_ref().map(ToString::to_string);
        assert_eq!(user_id.as_deref(), Some("guest"), "the publisher is known by it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_submitted_twice_gives_the_same_ids() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 3);
    for _ in 0..2 {
        assert_eq!(ground.submit(&["pay.csv"]).await.code, 0);
    }
    let taken = ground.take_all(QUEUE).await;
    let ids: HashSet<_> =
        taken.iter().map(|taken| taken.properties.message_id().clone().unwrap()).collect();
    assert_eq!((taken.len(), ids.len()), (6, 3));
    let user = Actor::of_process(None).user().to_owned();
    for taken in taken {
        let headers = taken.properties.headers().clone().unwrap();
        let actor = headers.inner()["x-smartsend-actor"].as_long_string().unwrap().to_string();
        assert_eq!(actor, user);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_bad_sends_the_good_rows_reports_the_others_and_exits_with_1() {
    let ground = Ground::with(&["default"]).await;
    ground.write(
        "pay.csv",
        "merchantRefId,amount,description,custMobile\n\
         a-1,1,Refund,9999999999\na-2,0,Refund,9999999999\na-3,1,Refund,9999999999\n",
    );
    let ended = ground.submit(&["pay.csv", "--skip-bad"]).await;
    assert_eq!((ended.code, ended.number("sent"), ended.number("skipped")), (1, Some(2), Some(1)));
    let sum = "2 of 3 rows, 2.00 rupees, for the merchant default (account 0)";
    let actor = Actor::of_process(None);
    let bad = "the bad rows are in pay.bad.csv: mend and send them";
    let before = format!("row 3: amount must be more than 0\n{bad}\n{sum}, {actor}\n");
    assert!(ended.err.starts_with(&before), "{ended:?}");
    assert_eq!(ground.depth(QUEUE).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_json_from_standard_input_are_sent_and_shown_as_json() {
    let ground = Ground::with(&["default"]).await;
    let line = |reference: &str, amount: &str| {
        format!(
            "{{\"merchantRefId\":\"{reference}\",\"amount\":{amount},\"description\":\"x\",\
             \"custMobile\":\"9999999999\"}}\n"
        )
    };
    let text = [line("a-1", "10.50"), line("a-2", "0"), line("a-3", "2")].concat();
    let arguments = [&SUBMIT[..], &["-", "--skip-bad", "--json"]].concat();
    let mut child = ground.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let ended = end_of(child).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["preview"]["rupees"], "12.50");
    let share = |rows: usize, rupees: &str| serde_json::json!({ "rows": rows, "rupees": rupees });
    let mut summary = json["summary"].clone();
    summary.as_object_mut().unwrap().remove("seconds");
    let expected = serde_json::json!({
        "end": "finished", "rows": 3, "skipped": 1, "sent": share(2, "12.50"),
        "unsent": share(0, "0.00"), "unconfirmed": share(0, "0.00"), "created": null,
        "failed": null, "rejected": null, "unresolved": null, "unknown": null, "results": null,
    });
    assert_eq!(summary, expected);
    assert_eq!(
        (ground.depth(QUEUE).await, ground.files()),
        (2, vec!["stdin.bad.jsonl".to_owned()])
    );

    // What was bad, mended, is sent as it is.
    let bad = std::fs::read_to_string(ground.path("stdin.bad.jsonl")).unwrap();
    ground.write("stdin.bad.jsonl", &bad.replace("\"amount\":0", "\"amount\":3"));
    assert_eq!(ground.submit(&["stdin.bad.jsonl"]).await.code, 0);
    assert_eq!(ground.depth(QUEUE).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_rows_are_confirmed_within_seconds() {
    let ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", 5000);
    let ended = timeout(Duration::from_secs(30), ground.submit(&["pay.csv"])).await.unwrap();
    assert_eq!((ended.code, ended.number("sent")), (0, Some(5000)), "{ended:?}");
    // What a busy machine left unconfirmed was sent once more, with the same id.
    assert!(ground.depth(QUEUE).await >= 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_without_a_queue_gets_nothing_sent() {
    let ground = Ground::with(&["default"]).await;
    ground.configure(&["default", "second"], "http://127.0.0.1:1");
    ground.write_good("pay.csv", 1);
    let ended = ground.submit(&["pay.csv", "--merchant", "second", "--wait"]).await;
    assert_eq!(ended.code, 1);
    let sum = "1 of 1 rows, 10.50 rupees, for the merchant second (account 1)";
    let missing = "missing on RabbitMQ: queue smartsend.intents.second, queue smartsend.checkpoint.second; \
         declare it with `smartsend topology apply`; nothing was sent\n";
    let before = format!("{sum}, {}\n", Actor::of_process(None));
    assert!(ended.err.starts_with(&before) && ended.err.ends_with(missing), "{ended:?}");
    assert_eq!(ground.depth("smartsend.parked").await, 0);
    assert_eq!(ground.files(), ["pay.csv"], "no draft stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_merchants_one_must_be_named() {
    let ground = Ground::with(&["default", "second"]).await;
    ground.write_good("pay.csv", 1);
    let ended = ground.submit(&["pay.csv"]).await;
    assert_eq!(ended.code, 2);
    assert_eq!(
        ended.err,
        "several merchants are configured (default, second); choose one with --merchant\n"
    );
    let ended = ground.submit(&["pay.csv", "--merchant", "third"]).await;
    assert_eq!((ended.code, ended.err.contains("there is no merchant third")), (2, true));
    assert_eq!(ground.submit(&["pay.csv", "--merchant", "second"]).await.code, 0);
    assert_eq!(ground.depth("smartsend.intents.second").await, 1);
    assert_eq!(ground.depth(QUEUE).await, 0);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_reported_in_a_sentence() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Node::url_at(closed.port(), "/");
    let ground = Ground::at(&url, "/", &["default"], "http://127.0.0.1:1");
    ground.write_good("pay.csv", 1);
    let ended = timeout(Duration::from_secs(20), ground.submit(&["pay.csv"])).await.unwrap();
    assert_eq!(ended.code, 1);
    let begin = format!("cannot connect to RabbitMQ at {closed}: ");
    assert!(ended.err.contains(&begin) && ended.err.ends_with("; nothing was sent\n"), "{ended:?}");
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Node::url_at(silent.local_addr().unwrap().port(), "/");
    let ground = Ground::at(&url, "/", &["default"], "http://127.0.0.1:1");
    ground.write_good("pay.csv", 1);
    let ended = timeout(Duration::from_secs(20), ground.submit(&["pay.csv"])).await.unwrap();
    assert_eq!(
        (ended.code, ended.err.contains("no AMQP handshake within")),
        (1, true),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_on_the_way_loses_no_intent() {
    const COUNT: usize = 300;
    const LOST_AT: usize = 100;
    let mut ground = Ground::with(&["default"]).await;
    ground.write_good("pay.csv", COUNT);
    let (brake, published) = (Brake::default(), AtomicUsize::new(0));
    let watcher = move |seen: &Seen<'_>| {
        matches!((seen.when, seen.frame.says()), (When::Before, Says::Publish { .. }))
            && published.fetch_add(1, Ordering::Relaxed) + 1 == LOST_AT
    };
    let proxy = AmqpProxy::start(Node::shared().address(), &brake, watcher).await;
    ground.go_through(proxy.port());
    let child = ground.command(&["submit", "pay.csv", "--yes", "--allow-repeats"]).spawn().unwrap();
    timeout(SOON, brake.pulled()).await.unwrap();
    brake.release();
    let ended = Ended::of(timeout(SOON, child.wait_with_output()).await.unwrap().unwrap());
    assert_eq!((ended.code, ended.number("sent")), (0, Some(COUNT)), "{ended:?}");
    assert!(ended.err.contains("not connected to RabbitMQ, reconnecting"), "{ended:?}");
    let taken = ground.take_all(QUEUE).await;
    let ids = taken.iter().map(|taken| taken.properties.message_id().clone().unwrap());
    assert_eq!(ids.collect::<HashSet<_>>().len(), COUNT, "each is in the queue, some twice");
}
