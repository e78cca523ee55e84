//! `check`: what it says of what it saw, and how it ends.

mod command;
mod consumers;
mod provider;
mod settings;

use jiff::Timestamp;
use serde_json::{Value, json};

use smartsend::amqp::Server;
use smartsend::check::bundle::bundle;
use smartsend::check::pages::Pages;
use smartsend::check::report::{Finding, Group, Report, Unseen, Verdict};

fn report(findings: Vec<Finding>) -> Report {
    let server = Server { product: "RabbitMQ".to_owned(), version: "4.0.5".to_owned() };
    let unseen = Unseen { what: "policies", how: "`rabbitmqctl list_policies`".to_owned() };
    let merchants = vec!["default".to_owned()];
    Report { server: Some(server), merchants, findings, unseen: vec![unseen] }.finished()
}

fn good() -> Vec<Finding> {
    vec![
        Finding::ok(Group::Provider, "token", "a token lives for 2h").of("default"),
        Finding::ok(Group::Broker, "alarms", "no alarm"),
        Finding::ok(Group::Provider, "balance", "balance 10.00 rupees").of("default"),
    ]
}

fn bad() -> Vec<Finding> {
    let wrong = Finding::error(Group::Broker, "topology", "missing: queue\u{1b} a", "declare it");
    let low = Finding::warning(Group::Provider, "balance", "it is low", "pay in").of("default");
    let skipped = Finding::skipped(Group::Broker, "alarms", "the exchanges above");
    vec![low, wrong, skipped, Finding::ok(Group::Broker, "connection", "connected")]
}

#[test]
fn a_good_report_has_a_line_for_each_group_and_names_what_it_did_not_look_at() {
    assert_eq!(
        report(good()).text(),
        "broker\n\
         \x20 ok       no alarm\n\
         provider, default\n\
         \x20 ok       a token lives for 2h; balance 10.00 rupees\n\
         not looked at\n\
         \x20          policies: `rabbitmqctl list_policies`\n\
         smartsend 0.1.0, RabbitMQ 4.0.5: ok; 1 merchant checked; 1 not looked at\n"
    );
    let sum = "smartsend 0.1.0, RabbitMQ 4.0.5: ok; 1 merchant checked; 1 not looked at\n";
    assert_eq!(report(good()).short(), sum);
}

#[test]
fn what_is_wrong_has_lines_of_its_own_and_what_to_do() {
    let wrong = "\x20 error    topology: missing: queue? a\n\
                 \x20          do: declare it\n\
                 \x20 skipped  alarms: needs the exchanges above\n\
                 provider, default\n\
                 \x20 warning  balance: it is low\n\
                 \x20          do: pay in\n";
    let sum = "smartsend 0.1.0, RabbitMQ 4.0.5: 1 error, 1 warning, 1 skipped; 1 merchant checked; \
               1 not looked at\n";
    let unseen = "not looked at\n\x20          policies: `rabbitmqctl list_policies`\n";
    let ok = "\x20 ok       connected\n";
    assert_eq!(report(bad()).text(), format!("broker\n{ok}{wrong}{unseen}{sum}"));
    assert_eq!(report(bad()).short(), format!("broker\n{wrong}{sum}"));
}

#[test]
fn a_long_sentence_is_wrapped_beside_its_level() {
    let long = Finding::ok(Group::Broker, "topology", "word ".repeat(60));
    let text = report(vec![long]).text();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.contains("\n           word"), "{text}");
}

#[test]
fn json_has_one_shape_whatever_was_found() {
    let json = report(bad()).json();
    let finding = json!({
        "group": "broker",
        "merchant": null,
        "what": "topology",
        "level": "error",
        "says": "missing: queue\u{1b} a",
        "do": "declare it",
    });
    assert_eq!(json["findings"][0], finding);
    assert_eq!(json["counts"], json!({ "ok": 1, "warning": 1, "error": 1, "skipped": 1 }));
    assert_eq!((&json["verdict"], &json["version"]), (&json!("error"), &json!("0.1.0")));
    let unseen = json!([{ "what": "policies", "how": "`rabbitmqctl list_policies`" }]);
    assert_eq!(json["notLookedAt"], unseen);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let empty = Report::default().json();
    assert_eq!(keys(&json), keys(&empty));
    assert_eq!(empty["broker"], Value::Null);
}

#[test]
fn the_verdict_is_that_of_the_worst_and_a_skip_has_none() {
    let one = |finding| report([good(), vec![finding]].concat()).verdict();
    assert_eq!(report(good()).verdict(), Verdict::Ok);
    assert_eq!(one(Finding::skipped(Group::Broker, "a", "b")), Verdict::Ok);
    assert_eq!(one(Finding::warning(Group::Configuration, "a", "b", "c")), Verdict::Warnings);
    assert_eq!(one(Finding::error(Group::Broker, "a", "b", "c")), Verdict::Errors);
    assert_eq!(report(bad()).verdict(), Verdict::Errors);
    assert_eq!(one(Finding::error(Group::Configuration, "a", "b", "c")), Verdict::Misconfigured);
}

#[test]
fn no_merchant_is_an_error() {
    let nobody = Report { merchants: Vec::new(), ..report(good()) }.finished();
    assert_eq!(nobody.verdict(), Verdict::Errors);
    assert!(nobody.short().contains("0 merchants were checked"), "{}", nobody.short());
}

#[test]
fn a_bundle_is_whole_where_everything_is_down() {
    let now: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let text = bundle(&Report::default().finished(), &Value::Null, &Pages::default(), now);
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["madeAt"], "2026-11-24T09:30:00.000Z");
    assert_eq!(bundle["worker"], json!({ "readyz": null, "status": null, "metrics": null }));
    assert_eq!(bundle["configuration"], Value::Null);
    assert_eq!(bundle["check"]["verdict"], "error");
    assert_eq!(bundle["versions"]["broker"], Value::Null);
}
