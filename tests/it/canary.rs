//! One worker is led through everything that it can say, and nothing of it is private. That the
//! search finds what is private, the test target `unit` shows.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::canary;
use crate::support::commands::{Action, Command};
use crate::support::intents::{intent, intent_with, properties, publish_to};
use crate::support::payu::{Act, Asked, Kind, Payu};
use crate::support::proof::Row;
use crate::support::raw_server::{Step, answer};
use crate::support::results::{Collector, Message, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

/// What Smart Send answers: each reference names its outcome. Texts quote the customer, as
/// those of PayU can.
fn script(asked: &Asked) -> Act {
    let quoting = |code: &str| {
        let msg = format!("{} {} {}", canary::NAME, canary::MOBILE, canary::EMAIL);
        let body = format!(r#"{{"status":1,"msg":"{msg}","code":{code},"data":null}}"#);
        Act::Only(vec![Step::Write(answer("200 OK", "", &body))])
    };
    let status = |status| Act::Only(vec![Step::Write(answer(status, "retry-after: 1\r\n", ""))]);
    match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Token, 0, _) => {
            let body =
                format!(r#"{{"error":"invalid_client","error_description":"{}"}}"#, canary::NAME);
            Act::Only(vec![Step::Write(answer("401 Unauthorized", "", &body))])
        }
        (Kind::Create | Kind::Change, 0, "lost") => Act::MakeThen(vec![Step::Close]),
        (Kind::Create, 0, "stalled") => Act::MakeThen(vec![Step::Stall]),
        (Kind::Create | Kind::Change, 0, "garbled") => {
            let half = format!(r#"{{"status":0,"data":{{"link":"{}""#, canary::LINK);
            Act::MakeThen(vec![Step::Write(answer("200 OK", "", &half))])
        }
        (Kind::Create, _, "rejected") => quoting("1101"),
        (Kind::Create, _, "refused") => quoting("1128"),
        (Kind::Create, _, "odd") => quoting("null"),
        (Kind::Create | Kind::Change, 0, "denied") => Act::Revoke,
        (Kind::Create, 0, "throttled") => status("429 Too Many Requests"),
        (Kind::Change, 0, "stalled") => Act::Only(vec![Step::Stall]),
        (Kind::Change, _, "throttled") => quoting("1119"),
        _ => Act::Serve,
    }
}

/// What PayU refuses is tried once more after a whole quarantine.
const LONG: Duration = Duration::from_mins(1);
const CREATED: [&str; 6] = ["plain", "lost", "stalled", "garbled", "denied", "throttled"];

/// An installation with a login of its own at the broker, and the password grant.
async fn installation(payu: &Payu) -> Scenario {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    let (user, vhost) = (format!("canary-{}", scenario.vhost), scenario.vhost.clone());
    scenario.node.ctl(&["add_user", &user, canary::BROKER_PASSWORD]).await;
    scenario.node.ctl(&["set_permissions", "-p", &vhost, &user, ".*", ".*", ".*"]).await;
    let login = format!("{user}:{}", canary::BROKER_PASSWORD);
    let url = scenario.node.amqp_url(&vhost).replace("guest:guest", &login);
    scenario.set("broker.urls", &url);
    let file = scenario.directory().join("smartsend.toml");
    let by_secret = format!("client_secret = \"{}\"", canary::SANDBOX_SECRET);
    let (username, password) = (canary::EMAIL, canary::PASSWORD);
    let by_password =
        format!("grant = \"password\"\nusername = \"{username}\"\npassword = \"{password}\"");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&by_secret));
    fs::write(file, text.replace(&by_secret, &by_password)).unwrap();
    scenario.set("merchants.default.api_url", &payu.server().url("/payout"));
    scenario.set("merchants.default.auth_url", &payu.server().url("/oauth/token"));
    scenario.set("merchants.default.commands_per_second", "100");
    // As short as the relations of the configuration allow.
    scenario.set("retry.lease", "400ms");
    scenario.set("in_doubt.quarantine", "3500ms");
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario
}

/// Each link that was made is cancelled, and one of them extended before. PayU refuses the last.
fn commands() -> Vec<Command> {
    let command = |reference: &&str, action, id: &str| Command {
        merchant: "default".to_owned(),
        reference: (*reference).to_owned(),
        id: format!("{id}-{reference}"),
        action,
    };
    let far = Action::Extend("2100-01-01T00:00:00Z".parse().unwrap());
    let extend = command(&"plain", far, "extend");
    let cancels = CREATED.iter().map(|reference| command(reference, Action::Cancel, "cancel"));
    [extend].into_iter().chain(cancels).collect()
}

/// Bodies that are not intents, and yet hold what must not be shown.
fn invalid() -> Vec<Vec<u8>> {
    let swapped = json!({ "custMobile": canary::EMAIL, "custEmail": canary::MOBILE });
    let no_text = json!({ "custName": { "first": canary::NAME }, "amount": "1e2" });
    let mut bodies = vec![
        intent_with("swapped", &swapped).to_string().into_bytes(),
        intent_with("no-text", &no_text).to_string().into_bytes(),
        intent_with("bad ref", &json!({})).to_string().into_bytes(),
        format!("{} {}", canary::NAME, canary::MOBILE).into_bytes(),
    ];
    let mut broken = intent("broken").to_string().into_bytes();
    broken.pop();
    bodies.push(broken);
    bodies
}

#[tokio::test]
async fn a_worker_that_meets_everything_leaks_nothing_private() {
    tokio::join!(meets_everything("v1"), meets_everything("v2"));
}

async fn meets_everything(api: &str) {
    let payu = Payu::scripted(script);
    let mut scenario = installation(&payu).await;
    scenario.set("merchants.default.api", api);
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let good_urls = scenario.node.amqp_url(&scenario.vhost);
    let worker = scenario.ready_worker().await; // after its first token was refused
    let ready = CREATED.into_iter().chain(["rejected", "refused", "odd"]);
    let metadata = json!({ "metadata": { "note": canary::METADATA } });
    scenario.publish_many(ready.map(|reference| intent_with(reference, &metadata))).await;
    let bodies = invalid();
    for body in &bodies {
        scenario.publish_raw(body, properties("invalid")).await;
    }
    let count = CREATED.len() + 3 + bodies.len();
    let events = results.take(count, SOON).await;
    let parked = parked.take(2 + bodies.len(), SOON).await;
    change_links(&scenario, &results, count).await;
    let (_, metrics) = worker.page("/metrics").await;
    for counted in ["smartsend_intents_total", "smartsend_commands_total"] {
        assert!(metrics.contains(counted), "{metrics}");
    }
    let log = worker.log();
    scenario.finish(worker).await; // and with it all pages and the whole log are searched

    everything_was_met(&payu, &events, &log);
    for message in &parked {
        for name in ["reason", "errors", "merchant", "seen", "code", "state"] {
            let text = message.header(&format!("x-smartsend-{name}")).unwrap_or_default();
            assert_eq!(canary::leak_in(text.as_bytes()), None, "{name}: {text}");
        }
    }
    submit_leaks_nothing(&scenario).await;
    a_wrong_login_leaks_nothing(&mut scenario, &good_urls).await;
    let user = format!("canary-{}", scenario.vhost);
    scenario.node.ctl(&["delete_user", &user]).await;
    show(api, &payu, events.len());
}

/// Commands, and a body that is not one and yet holds what must not be shown. Their events show
/// nothing of the customer, and no link.
async fn change_links(scenario: &Scenario, results: &Collector, before: usize) {
    let commands = commands();
    scenario.publish_commands(&commands[..1]).await;
    results.take(before + 1, SOON).await;
    scenario.publish_commands(&commands[1..]).await;
    let no_commands = [intent("no-command").to_string(), canary::NAME.to_owned()];
    let messages = no_commands.map(|body| ("default", body.into_bytes(), properties("odd")));
    publish_to(&scenario.connection, "smartsend.commands", messages).await;
    let events = results.take(before + commands.len() + 2, LONG).await.split_off(before);
    for event in &events {
        assert_eq!(canary::leak_in(&event.body), None, "{}", event.routing_key);
    }
    let mut kinds: Vec<_> = events.iter().map(|event| event.routing_key.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let expected = ["command.unresolved", "link.cancel_failed", "link.cancelled", "link.extended"];
    assert_eq!(kinds, expected.map(|kind| format!("{kind}.default")));
}

/// The search is worth nothing where there was nothing to find.
fn everything_was_met(payu: &Payu, events: &[Message], log: &str) {
    for reference in CREATED {
        let of_it = |message: &&Message| message.event()["subject"] == reference;
        let event = events.iter().find(of_it).unwrap().event();
        assert_eq!(event["data"]["link"], payu.links(reference)[0].url, "{event}");
        assert_eq!(event["data"]["metadata"]["note"], canary::METADATA);
    }
    let mut kinds: Vec<_> = events.iter().map(|event| event.routing_key.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let expected = ["intent.rejected", "link.created", "link.failed", "link.unresolved"];
    assert_eq!(kinds, expected.map(|kind| format!("{kind}.default")));
    for line in [
        "could not renew the token",
        "token renewed",
        "the provider asked for fewer requests",
        "the call failed",
        "the call ended",
        "the intent is settled",
        "the command is settled",
    ] {
        assert!(log.contains(line), "{line} is not in the log:\n{log}");
    }
}

async fn submit_leaks_nothing(scenario: &Scenario) {
    let file = scenario.directory().join("pay.csv");
    let path = file.to_str().unwrap().to_owned();
    let (mobile, email, name) = (canary::MOBILE, canary::EMAIL, canary::NAME);
    let head = "merchantRefId,amount,description,custMobile,custEmail,custName\n";
    let good = format!("csv-1,5,{},{mobile},{email},{name}\n", canary::DESCRIPTION);
    let bad =
        format!("csv-2,{email},{},{name},{mobile},{name}\n{name},{mobile}\n", canary::METADATA);
    fs::write(&file, format!("{head}{good}{bad}")).unwrap();
    let refused = scenario.command(&["submit", &path]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("custMobile"));
    // A file without a header has a person's data for its first row.
    fs::write(&file, &good).unwrap();
    assert_eq!(scenario.command(&["submit", &path]).await.status.code(), Some(1));

    fs::write(&file, format!("{head}{good}")).unwrap();
    let worker = scenario.ready_worker().await;
    let waited = scenario.command(&["submit", &path, "--yes", "--wait"]).await;
    assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stderr));
    let bad = fs::read_to_string(scenario.directory().join("pay.bad.csv")).unwrap();
    assert!(bad.contains(mobile), "the bad rows are for this file: {bad}");
    let results = fs::read_to_string(scenario.directory().join("pay.results.csv")).unwrap();
    assert!(results.contains("smartPay?id="), "the link is for this file: {results}");
    scenario.finish(worker).await;
}

async fn a_wrong_login_leaks_nothing(scenario: &mut Scenario, url: &str) {
    let wrong = url.replace("guest:guest", &format!("nobody:{}", canary::BROKER_PASSWORD));
    scenario.set("broker.urls", &wrong);
    let worker = scenario.worker();
    worker.unready("not connected to RabbitMQ").await;
    worker.stop().await;
    for (key, value) in [
        ("broker.urls", format!("amqp://u:{}@host:99999/", canary::BROKER_PASSWORD)),
        ("merchants.default.api_url", format!("https://u:{}@host/x", canary::PASSWORD)),
        ("merchants.default.clientsecret", canary::CLIENT_SECRET.to_owned()),
    ] {
        scenario.set(key, &value);
        assert_eq!(scenario.command(&["run"]).await.status.code(), Some(2), "{key}");
    }
}

fn show(api: &str, payu: &Payu, events: usize) {
    let (links, doubles) = payu.all_links();
    let (links, doubles, events) = (links as u64, doubles as u64, events as u64);
    assert_eq!(doubles, 0);
    let row = Row {
        layer: format!("canary: one worker, {api}"),
        runs: 1,
        unit: "runs",
        ..Row::default()
    };
    Row { intents: events + 1, faults: 8, links, unresolved: 2, unresolved_max: 2, ..row }.show();
}
