//! `smartsend check`, as a person runs it: the real binary, RabbitMQ and the sandbox.

use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use serde_json::{Value, json};

use crate::support::broker::Node;
use crate::support::broker::version::Version;
use crate::support::canary::{self, BROKER_PASSWORD};
use crate::support::intents::intent;
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;

/// Its own lock files, so that it waits for no other test.
async fn ground(node: &'static Node, merchants: &[&str]) -> Scenario {
    let mut scenario = Scenario::on(node, merchants, json!({})).await;
    let directory = scenario.directory().display().to_string();
    scenario.set_variable("TMPDIR", &directory);
    scenario
}

async fn check(scenario: &Scenario, arguments: &[&str]) -> (i32, Value) {
    let output = scenario.command(&[&["check", "--json"], arguments].concat()).await;
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

/// The level and the sentence of each finding about this.
fn found<'a>(report: &'a Value, what: &str) -> Vec<(&'a str, &'a str)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let found = findings.filter(|finding| finding["what"] == what);
    found.map(|it| (it["level"].as_str().unwrap(), it["says"].as_str().unwrap())).collect()
}

fn is_not_looked_at(report: &Value, what: &str) -> bool {
    report["notLookedAt"].as_array().unwrap().iter().any(|it| it["what"] == what)
}

#[tokio::test]
async fn a_good_set_up_of_three_merchants_is_looked_at_at_once_and_nothing_is_written() {
    let node = Node::shared();
    let scenario = ground(node, &["default", "second", "third"]).await;
    scenario.apply(&["--results-queue", RESULTS]).await;
    // A binding that is missing stays so: AMQP could only make it.
    let channel = scenario.connection.create_channel().await.unwrap();
    let (queue, exchange) = ("smartsend.intents.third", "smartsend.intents");
    let unbound =
        channel.queue_unbind(queue.into(), exchange.into(), "third".into(), FieldTable::default());
    unbound.await.unwrap();
    let state = async || {
        let vhost = &scenario.vhost;
        let queues = node.ctl(&["list_queues", "-p", vhost, "name", "messages"]).await;
        let bindings = ["list_bindings", "-p", vhost, "source_name", "destination_name"];
        let exchanges = node.ctl(&["list_exchanges", "-p", vhost, "name", "arguments"]).await;
        (queues, node.ctl(&bindings).await, exchanges)
    };
    let before = state().await;
    let (code, report) = check(&scenario, &["--results-queue", RESULTS]).await;
    assert_eq!((code, &report["counts"]["error"]), (0, &json!(0)), "{report:#}");
    assert_eq!(state().await, before);

    let merchants = report["merchants"].as_array().unwrap();
    assert_eq!(merchants.len(), 3);
    assert_eq!(report["broker"]["product"], "RabbitMQ");
    let version = node.ctl(&["version"]).await;
    assert_eq!(report["broker"]["version"], version.trim());
    for what in ["connection", "topology", "rights", "alarms", "results", "token", "clock"] {
        let found = found(&report, what);
        assert!(!found.is_empty() && found.iter().all(|it| it.0 == "ok"), "{what}: {report:#}");
    }
    assert_eq!(found(&report, "balance").len(), 3);
    // The sandbox pays nobody.
    assert_eq!((&report["verdict"], &report["counts"]["warning"]), (&json!("warning"), &json!(1)));
    for what in
        ["whether results are bound", "policies that could lose intents", "consumer_timeout"]
    {
        assert!(is_not_looked_at(&report, what), "{what}: {report:#}");
    }

    // Each merchant's three requests are a second apart, and nobody waits for another.
    let ledger = scenario.provider.ledger().await;
    assert!(ledger["links"].as_array().unwrap().is_empty());
    let requests = ledger["requests"].as_array().unwrap().iter();
    let times: Vec<u64> = requests.map(|request| request["at_us"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), 9);
    let took = Duration::from_micros(times.iter().max().unwrap() - times.iter().min().unwrap());
    assert!(took < Duration::from_secs(3), "{took:?}");
    let (code, _) = check(&scenario, &["--strict", "--merchant", "default"]).await;
    assert_eq!(code, 1, "the sandbox is a warning");
}

#[tokio::test]
async fn what_is_missing_or_has_another_argument_is_named_all_at_once() {
    let scenario = ground(Node::shared(), &["default"]).await;
    let (code, report) = check(&scenario, &[]).await;
    assert_eq!(code, 1);
    let topology = found(&report, "topology");
    assert_eq!(topology[0].0, "error", "{report:#}");
    assert!(topology[0].1.starts_with("missing: exchange smartsend.parked"), "{topology:?}");
    assert_eq!(found(&report, "rights"), [("skipped", "needs the exchanges above")]);
    assert_eq!(found(&report, "consumers"), [("skipped", "needs the queues above")]);

    scenario.apply(&[]).await;
    let channel = scenario.connection.create_channel().await.unwrap();
    for queue in ["smartsend.parked", "smartsend.retry.1s"] {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
    }
    let gone = QueueDeleteOptions::default();
    channel.queue_delete("smartsend.dead".into(), gone).await.unwrap();
    let (code, report) = check(&scenario, &["--results-queue", "nobody.s"]).await;
    assert_eq!(code, 1);
    let topology = found(&report, "topology");
    assert_eq!(topology.len(), 3, "{report:#}");
    for words in [
        "missing: queue smartsend.dead",
        "queue smartsend.parked exists with another x-",
        "queue smartsend.retry.1s exists with another x-",
    ] {
        assert!(topology.iter().any(|it| it.1.starts_with(words)), "{words}: {topology:?}");
    }
    assert_eq!(found(&report, "results"), [("error", "there is no queue nobody.s")]);
    assert_eq!(found(&report, "rights")[0].0, "ok");
}

#[tokio::test]
async fn who_consumes_and_what_waits_is_reported() {
    let mut scenario = ground(Node::shared(), &["default"]).await;
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario.publish(&intent("a")).await;
    // One of two brokers is enough.
    let url = scenario.node.amqp_url(&scenario.vhost);
    scenario.set("broker.urls", &format!("amqp://guest:guest@127.0.0.1:1/%2f,{url}"));
    let (code, report) = check(&scenario, &[]).await;
    let connections: Vec<&str> = found(&report, "connection").iter().map(|it| it.0).collect();
    assert_eq!(connections, ["warning", "ok", "ok"], "{report:#}");
    assert_eq!(code, 0, "{report:#}");
    let alone = "1 wait in smartsend.intents.default, and nobody consumes it";
    assert!(found(&report, "consumers").contains(&("warning", alone)), "{report:#}");

    let worker = scenario.ready_worker().await;
    scenario.set("ops.listen", worker.address().await);
    let bundle = scenario.directory().join("bundle.json");
    let (_, report) = check(&scenario, &["--bundle", bundle.to_str().unwrap()]).await;
    let bundle = std::fs::read(bundle).unwrap();
    canary::check("the bundle", &bundle);
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!((&bundle["check"], &bundle["worker"]["readyz"]["status"]), (&report, &json!(200)));
    assert_eq!(bundle["worker"]["status"]["ready"], true);
    let metrics = bundle["worker"]["metrics"].as_str().unwrap();
    assert!(metrics.contains("smartsend_intents_total"), "{metrics}");
    assert!(found(&report, "worker")[0].1.ends_with(" is ready"), "{report:#}");
    let consumers = found(&report, "consumers");
    let ours = "smartsend.intents.default: consumers 1, ";
    let is_ours = |it: &(&str, &str)| it.0 == "ok" && it.1.starts_with(ours);
    assert!(consumers.iter().any(is_ours), "{report:#}");
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_rest_skipped() {
    let node = Node::shared();
    let mut scenario = ground(node, &["default"]).await;
    scenario.apply(&[]).await;
    let user = scenario.vhost.clone();
    node.ctl(&["add_user", &user, BROKER_PASSWORD]).await;
    let url = node.amqp_url(&scenario.vhost);
    scenario.set("broker.urls", &url.replace("guest:guest", &format!("{user}:wrong")));
    let (code, report) = check(&scenario, &[]).await;
    assert_eq!(code, 1);
    let (level, says) = found(&report, "connection")[0];
    assert_eq!(level, "error");
    assert!(says.contains("ACCESS_REFUSED"), "{says}");
    assert_eq!(found(&report, "topology"), [("skipped", "needs the connection above")]);
    node.ctl(&["delete_user", &user]).await;
}

/// Both show only when one publishes, and each version could show them in its own way.
#[tokio::test]
async fn rights_and_alarms_are_found_without_a_message() {
    for version in Version::chosen() {
        let node: &'static Node = Box::leak(Box::new(Node::of(version)));
        let mut scenario = ground(node, &["default"]).await;
        scenario.apply(&["--results-queue", RESULTS]).await;
        node.disk_alarm(true).await;
        let (code, report) = check(&scenario, &[]).await;
        node.disk_alarm(false).await;
        assert_eq!(code, 1, "{report:#}");
        assert_eq!(found(&report, "alarms")[0].0, "error", "{report:#}");
        assert_eq!(found(&report, "rights")[0].0, "skipped");

        // It may consume and publish results, and no more.
        let (vhost, login) = (scenario.vhost.clone(), "worker");
        let results = r"^smartsend\.results$";
        node.ctl(&["add_user", login, BROKER_PASSWORD]).await;
        node.ctl(&["set_permissions", "-p", &vhost, login, "^$", results, ".*"]).await;
        let url = node.amqp_url(&vhost);
        let url = url.replace("guest:guest", &format!("{login}:{BROKER_PASSWORD}"));
        scenario.set("broker.urls", &url);
        let (code, report) = check(&scenario, &[]).await;
        assert_eq!(code, 1, "{report:#}");
        assert_eq!(report["broker"]["version"], version.full.as_str());
        let (level, says) = found(&report, "rights")[0];
        assert_eq!(level, "error");
        assert!(says.starts_with("this login may not write to smartsend.parked, "), "{says}");
        assert!(!says.contains("smartsend.results"), "{says}");
        assert!(is_not_looked_at(&report, "arguments"), "{report:#}");
        assert_eq!(found(&report, "alarms")[0].0, "ok");
        let queues = [RESULTS, "smartsend.parked", "smartsend.dead", "smartsend.retry.1s"];
        for queue in queues {
            assert_eq!(scenario.depth(queue).await, 0, "{queue}");
        }
        node.end();
    }
}
