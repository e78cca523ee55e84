//! The command line: what a stranger types, and what it answers.

use std::path::Path;
use std::process::{Command, Output};

use jiff::Timestamp;
use smartsend::cli::change;
use smartsend::domain::command::{Action, Command as LinkCommand};
use smartsend::domain::event::{CommandResult, Reason};
use smartsend::domain::intent::wire::FIELDS;
use smartsend::domain::reference::Reference;
use smartsend::domain::verdict::{CommandFailure, CommandUnresolved};
use smartsend::explain;

use crate::support::canary;
use crate::support::configuration::CONFIGURATION;

fn smartsend(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_smartsend"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output();
    canary::checked(output.unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_reference_and_a_date_are_read_by_the_worker_s_rules() {
    let folder = folder_with(CONFIGURATION);
    for (arguments, words) in [
        (&["lookup", "order 1"][..], "may contain only letters, digits"),
        (&["cancel", "order 1"], "may contain only letters, digits"),
        (&["extend", "a", "2030-12-31"], "must be a time by RFC 3339"),
        (&["extend", "a", "2030-12-31 18:30:00Z"], "must be a time by RFC 3339"),
        (&["cancel", "a", "--timeout", "5"], "a duration is a number and one of"),
        (&["cancel", "a", "--reason", " "], "must say why"),
        (&["parked", "show", "--id", "xyz"], "at least 8 of the characters"),
    ] {
        let output = smartsend(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_command_for_a_merchant_that_takes_none_says_what_to_set() {
    let folder = folder_with(CONFIGURATION);
    for arguments in [&["cancel", "a"][..], &["extend", "--", "-a", "2030-12-31T18:30:00Z"]] {
        let output = smartsend(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let what = "set merchants.default.commands_per_second to 1 or more";
        assert!(said(&output).contains(what), "{}", said(&output));
        assert!(said(&output).contains("nothing was sent"), "{}", said(&output));
    }
}

#[test]
fn a_lookup_without_an_answer_exits_with_3_and_names_the_lock_file() {
    let hosts =
        "api_url = \"http://127.0.0.1:1/payout\"\nauth_url = \"http://127.0.0.1:1/token\"\n";
    let folder = folder_with(&format!("{CONFIGURATION}{hosts}sandbox = true\n"));
    let output = smartsend(folder.path(), &["lookup", "a", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("smartsend-1111312.lock"), "{}", said(&output));
    assert!(said(&output).contains("no token came"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_command_about_a_reference_needs_the_merchant_where_there_are_several() {
    let second = CONFIGURATION.split("[merchants.default]").nth(1).unwrap();
    let second = second.replace("1111312", "1111313");
    let folder = folder_with(&format!("{CONFIGURATION}[merchants.second]{second}"));
    let output = smartsend(folder.path(), &["cancel", "a"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("choose one with --merchant"), "{}", said(&output));
}

#[test]
fn what_became_of_a_command_is_one_line() {
    let command = |action| LinkCommand { reference: Reference::parse("a").unwrap(), action };
    let (cancel, extend) =
        (command(Action::Cancel), command(Action::Extend(Timestamp::UNIX_EPOCH)));
    let claimed = CommandFailure::Claimed.reason();
    let unknown = CommandUnresolved::OutcomeUnknown.reason();
    let odd = Reason { code: "A\u{1b}[2J".into(), message: "b\nc".into(), ..claimed.clone() };
    for (command, result, expected) in [
        (&cancel, CommandResult::Cancelled, "a is cancelled"),
        (
            &extend,
            CommandResult::Extended(Some(Timestamp::UNIX_EPOCH)),
            "a now expires at 1970-01-01T00:00:00Z",
        ),
        (
            &cancel,
            CommandResult::Failed(claimed),
            "a was not cancelled: CLAIMED: the customer has claimed the link, and is being paid",
        ),
        (&extend, CommandResult::Failed(odd), "a was not extended: A?[2J: b?c"),
        (
            &extend,
            CommandResult::Unresolved(unknown),
            "a: whether it was extended is for a person to find out: OUTCOME_UNKNOWN: it was \
             accepted or may have been sent, and no lookup shows that it was done",
        ),
    ] {
        assert_eq!(change::line(command, &result), expected);
    }
}

fn folder_with(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("smartsend.toml"), configuration).unwrap();
    folder
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let folder = folder_with(CONFIGURATION);
    for arguments in [
        &[][..],
        &["walk"],
        &["explain"],
        &["explain", "1103", "--all"],
        &["submit"],
        &["batch"],
        &["submit", "pay.csv", "--timeout", "1m"],
        &["lookup"],
        &["cancel"],
        &["cancel", "a", "b"],
        &["extend", "a"],
        &["parked"],
        &["parked", "show"],
        &["parked", "replay"],
        &["parked", "replay", "--dry-run"],
        &["parked", "replay", "--plan", "p.json"],
        &["parked", "replay", "--plan", "p.json", "--reason", "x", "--code", "NOT_SENT"],
        &["parked", "replay", "--dry-run", "--out", "p.json", "--follow"],
        &["parked", "discard", "a"],
    ] {
        let output = smartsend(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains("Usage:"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_wrong_configuration_exits_with_2_and_one_sentence_per_error() {
    let wrong = CONFIGURATION
        .replace("rate_per_second = 10", "rate_per_second = 0\nrate = 1")
        .replace("api = \"v1\"", "api = \"v3\"");
    let folder = folder_with(&wrong);
    for command in [&["run"][..], &["topology", "apply"], &["topology", "export"]] {
        let output = smartsend(folder.path(), command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let said = said(&output);
        assert_eq!(said.lines().count(), 3, "{said}");
        for key in ["rate_per_second", "default.rate`", "default.api`"] {
            assert!(said.contains(key), "{key}: {said}");
        }
    }
}

#[test]
fn a_merchant_that_is_not_configured_is_wrong_usage() {
    let folder = folder_with(CONFIGURATION);
    let output = smartsend(folder.path(), &["topology", "export", "--merchant", "nobody"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("the configuration has default"), "{}", said(&output));
}

#[test]
fn a_broker_that_is_not_there_fails_apply_with_1_and_names_its_address() {
    let folder = folder_with(CONFIGURATION);
    let output = smartsend(folder.path(), &["topology", "apply"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("127.0.0.1:1"), "{}", said(&output));
    assert!(!said(&output).contains("guest"), "{}", said(&output));
}

#[test]
fn a_bad_file_that_the_configuration_or_the_command_names_is_wrong_usage() {
    let urls = "urls = [\"amqps://guest:guest@127.0.0.1:1/%2f\"]\nca_file = \"ca.pem\"";
    let plain = "urls = [\"amqp://guest:guest@127.0.0.1:1/%2f\"]";
    assert!(CONFIGURATION.contains(plain));
    let folder = folder_with(&CONFIGURATION.replace(plain, urls));
    let good = "merchantRefId,amount,description,custMobile\nr-1,1.00,Refund,9999999999\n";
    std::fs::write(folder.path().join("pay.csv"), good).unwrap();
    std::fs::write(folder.path().join("faults.json"), "{ \"latency\": true }").unwrap();
    for (arguments, word) in [
        (&["topology", "apply"][..], "ca.pem"),
        (&["submit", "pay.csv", "--yes"], "ca.pem"),
        (&["run"], "ca.pem"),
        (&["sandbox", "--listen", "127.0.0.1:0", "--faults", "faults.json"], "faults.json"),
        (&["sandbox", "--listen", "127.0.0.1:0", "--faults", "none.json"], "none.json"),
    ] {
        let output = smartsend(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {}", said(&output));
        assert!(said(&output).contains(word), "{}", said(&output));
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let folder = folder_with(CONFIGURATION);
    let output = smartsend(folder.path(), &["run", "--config", "other.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("other.toml"), "{}", said(&output));
}

#[test]
fn export_is_json_for_stdout_and_connects_to_nothing() {
    let folder = folder_with(CONFIGURATION);
    let output = smartsend(folder.path(), &["topology", "export", "--results-queue", "mine"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let definitions: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let queues: Vec<&str> = definitions["queues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|queue| queue["name"].as_str().unwrap())
        .collect();
    for queue in ["smartsend.intents.default", "smartsend.retry.2m", "smartsend.parked", "mine"] {
        assert!(queues.contains(&queue), "{queue}: {queues:?}");
    }
    // RabbitMQ 4.0 and later would drop what a quorum queue has delivered twenty times.
    for queue in definitions["queues"].as_array().unwrap() {
        let is_for_people = ["smartsend.parked", "mine"].contains(&queue["name"].as_str().unwrap());
        let is_endless = queue["arguments"]["x-delivery-limit"] == 1_000_000_000;
        assert!(!is_for_people || is_endless, "{queue}");
    }
}

#[test]
fn explain_prints_the_classification_and_fails_for_a_code_that_nobody_lists() {
    let folder = tempfile::tempdir().unwrap();
    let output = smartsend(folder.path(), &["explain", "1103"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), explain::explain("1103").unwrap());
    let output = smartsend(folder.path(), &["explain", "http", "429"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), explain::explain("http 429").unwrap());
    let output = smartsend(folder.path(), &["explain", "--all"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), explain::explain_all());
    let output = smartsend(folder.path(), &["explain", "42"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no code 42"), "{}", said(&output));
}

#[test]
fn an_option_that_an_explanation_does_not_take_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for option in [&["--json"][..], &["--answers", "timeout"], &["--merchant", "default"]] {
        for what in ["OUTCOME_UNKNOWN", "--all"] {
            let output = smartsend(folder.path(), &[&["explain", what], option].concat());
            assert_eq!(output.status.code(), Some(2), "{what} {option:?}");
            assert!(said(&output).contains("cannot be used with"), "{}", said(&output));
        }
    }
}

#[test]
fn a_file_to_compare_that_is_not_there_was_not_to_be_sent() {
    let folder = folder_with(CONFIGURATION);
    let output = smartsend(folder.path(), &["reconcile", "gone.csv"]);
    assert!(said(&output).ends_with("\nnothing was asked\n"), "{}", said(&output));
    let output = smartsend(folder.path(), &["reconcile", "smartsend.toml", "--sheet", "May"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("leave out --sheet"), "{}", said(&output));
}

#[test]
fn help_names_every_command_and_none_that_is_not_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = smartsend(folder.path(), &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(
        commands,
        [
            "run",
            "submit",
            "batch",
            "sandbox",
            "topology",
            "check",
            "lookup",
            "where",
            "account",
            "bulk",
            "cancel",
            "extend",
            "parked",
            "reconcile",
            "survey",
            "pause",
            "resume",
            "explain",
            "help"
        ]
    );
}

/// The help of each command, and of none.
#[test]
fn every_help_has_examples_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &[][..],
        &["run"],
        &["submit"],
        &["batch"],
        &["sandbox"],
        &["topology"],
        &["check"],
        &["lookup"],
        &["where"],
        &["account"],
        &["account", "vpas"],
        &["bulk"],
        &["bulk", "upload"],
        &["bulk", "process"],
        &["bulk", "status"],
        &["cancel"],
        &["extend"],
        &["parked"],
        &["parked", "list"],
        &["parked", "show"],
        &["parked", "replay"],
        &["parked", "discard"],
        &["reconcile"],
        &["survey"],
        &["pause"],
        &["resume"],
        &["explain"],
    ] {
        let output = smartsend(folder.path(), &[command, &["--help"]].concat());
        let help = String::from_utf8(output.stdout).unwrap();
        let examples = help.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("{help}"));
        let examples: Vec<&str> = examples.lines().take_while(|line| !line.is_empty()).collect();
        assert!(examples.iter().all(|line| line.starts_with("  ")), "{examples:?}");
        let mine = ["smartsend", command.first().unwrap_or(&"run")].join(" ");
        assert!(examples.iter().any(|line| line.contains(&mine)), "{examples:?}");
        assert!(help.contains("\nExit codes: 0 "), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn the_help_of_submit_names_every_column() {
    let folder = tempfile::tempdir().unwrap();
    let output = smartsend(folder.path(), &["submit", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    for column in FIELDS.iter().chain(&["row", "reference", "outcome", "link", "reason"]) {
        let names = |line: &str| line.starts_with("  ") && line.contains(column);
        assert!(help.lines().any(names), "{column}: {help}");
    }
}
