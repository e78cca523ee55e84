//! The README's examples are what the program takes and gives.

use std::collections::BTreeSet;
use std::process::Command;

use smartsend::config::Config;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::classify::CreatedLink;
use smartsend::domain::codes::CODES;
use smartsend::domain::customer::Private;
use smartsend::domain::event::{Event, Origin};
use smartsend::domain::intent::wire;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::record::Record;
use smartsend::domain::verdict::{Failure, Unresolved, Verdict};

use crate::support::canary;

const README: &str = include_str!("../../README.md");

/// The blocks of one language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&*fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The first cells of the table below a heading row.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let table = README.split(heading).nth(1).expect("the README has this table");
    table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').nth(1).unwrap().trim())
        .collect()
}

#[test]
fn the_intent_is_one_and_becomes_the_event() {
    let [intent, event] = blocks("json")[..] else { panic!("two JSON examples are expected") };
    let intent = wire::parse(intent.as_bytes(), Api::V1).unwrap();
    let link = Private::new("https://test.payumoney.com/smartPay?id=Dl7jbRuK");
    let link = LinkHosts::Only(vec!["payumoney.com".to_owned()]).admit(&link).unwrap();
    let made = CreatedLink { link_id: link.own_id(), link };
    let time = "2026-11-24T09:30:00.123Z".parse().unwrap();
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 };
    let made = Event::of_verdict(
        &intent,
        &Record::first(account, time),
        Verdict::Created { made, recovered: false },
        Origin { payout_merchant_id: "1111312", merchant: "default", message_id: None, now: time },
    );
    let made: serde_json::Value = serde_json::from_slice(&made.to_json()).unwrap();
    let shown: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(made, shown);
}

#[test]
fn the_least_configuration_is_enough() {
    let [least] = blocks("toml")[..] else { panic!("one TOML example is expected") };
    let config = Config::parse(least, std::iter::empty()).unwrap();
    assert_eq!(config.merchants.len(), 1);
}

#[test]
fn every_reason_is_in_its_table() {
    let failed = first_cells("| `reason.code` of failed | meaning |");
    let named = ["`INVALID_INTENT`".to_owned()].into_iter().chain(
        [Failure::DeadlinePassed, Failure::DuplicateReference]
            .map(|failure| format!("`{}`", failure.reason().code)),
    );
    let named: Vec<String> = named.chain(["PayU's name of a code".to_owned()]).collect();
    assert_eq!(failed, named);
    assert_eq!(Failure::Rejected(CODES[1].number).reason().code, CODES[1].name);

    let unresolved = [
        Unresolved::OutcomeUnknown,
        Unresolved::Refused(None),
        Unresolved::NotSent,
        Unresolved::LinkUnknown,
        Unresolved::LinkClosed,
        Unresolved::LinkHost,
        Unresolved::ReferenceConflict,
        Unresolved::OverLimit,
        Unresolved::AccountChanged,
    ]
    .map(|why| format!("`{}`", why.reason().code));
    assert_eq!(first_cells("| `reason.code` of unresolved | meaning |"), unresolved);
}

#[test]
fn every_command_that_is_shown_exists() {
    let shells = blocks("sh").concat();
    let mut seen = BTreeSet::new();
    for line in shells.lines().chain(README.split('`')) {
        let Some(rest) = line.strip_prefix("smartsend ") else { continue };
        let verb = rest.split_whitespace().next().unwrap();
        if seen.insert(verb) {
            let help =
                Command::new(env!("CARGO_BIN_EXE_smartsend")).args([verb, "--help"]).output();
            let help = canary::checked(help.unwrap());
            assert!(help.status.success(), "smartsend {verb} does not exist");
        }
    }
    assert_eq!(Vec::from_iter(seen), ["explain", "run", "submit", "topology"]);
}

#[test]
fn the_brokers_that_are_named_are_those_that_ci_attacks_and_can_be_had() {
    let named = |text: &'static str| {
        let after = text.split("SMARTSEND_TEST_BROKERS=").nth(1).expect("versions are named");
        after.split(|c: char| c == '`' || c.is_whitespace()).next().unwrap()
    };
    let versions = named(README);
    assert_eq!(versions, named(include_str!("../../.ci/run")));
    assert_eq!(versions, named(include_str!("../../deploy/test.sh")));
    // The first is what Debian 12 packages.
    let apart = versions.split(',').skip(1);
    let script = include_str!("../../tests/tools/brokers.sh");
    for version in apart {
        assert!(script.contains(&format!("    {version}) printf")), "there is no way to {version}");
    }
}

#[test]
fn every_script_that_is_shown_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: Vec<&str> = README
        .split(|c: char| c == '`' || c.is_whitespace())
        .filter(|word| word.starts_with("deploy/"))
        .collect();
    assert!(scripts.len() >= 3);
    for script in scripts {
        assert!(root.join(script).is_file(), "{script} does not exist");
    }
}
