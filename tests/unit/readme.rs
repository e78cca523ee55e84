//! What the README shows is what the program takes and gives.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use smartsend::config::Config;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::amount::{Amount, Total};
use smartsend::domain::classify::CreatedLink;
use smartsend::domain::classify::link_status::Approval;
use smartsend::domain::codes::CODES;
use smartsend::domain::command::{self, Action};
use smartsend::domain::customer::Private;
use smartsend::domain::dead_letter::PutAside;
use smartsend::domain::event::{Event, INVALID_INTENT, Origin, Reason};
use smartsend::domain::intent::wire;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::publisher_guard::GuardRefusal;
use smartsend::domain::record::Record;
use smartsend::domain::spending::Window;
use smartsend::domain::trace::Trace;
use smartsend::domain::verdict::{
    CommandFailure, Failure, LinkSource, Rejection, Unresolved, Verdict,
};
use smartsend::telemetry::metrics::Metrics;
use smartsend::telemetry::status::{ConnectionState, Status};

use crate::support::canary;
use crate::support::clock::ManualClock;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../deploy/smartsend.example.toml");
/// Each page that a reader is sent to, with its folder.
const PAGES: [(&str, &str); 3] = [
    ("", README),
    ("deploy", include_str!("../../deploy/PROOF.md")),
    ("deploy/docs", include_str!("../../deploy/docs/design.md")),
];

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
    let [intent, event, cancel, extend] = blocks("json")[..] else { panic!("other examples") };
    for (example, action) in [
        (cancel, Action::Cancel),
        (extend, Action::Extend("2030-12-01T00:00:00Z".parse().unwrap())),
    ] {
        assert_eq!(command::wire::parse(example.as_bytes()).unwrap().action, action);
    }
    let intent = wire::parse(intent.as_bytes(), Api::V2).unwrap();
    let link = Private::new("https://test.payumoney.com/url/Dl7jbRuKq0Zt");
    let link = LinkHosts::Only(vec!["payumoney.com".to_owned()]).admit(&link).unwrap();
    let made = CreatedLink {
        link,
        link_id: Some(Private::new("Dl7jbRuKq0ZtB4e2")),
        expiry: Some("2030-12-01T00:00:00Z".parse().unwrap()),
        approval: Approval::Unknown,
    };
    let time = "2026-11-24T09:30:00.123Z".parse().unwrap();
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V2 };
    let made = Event::of_verdict(
        &intent,
        &Record::first(account, time),
        Verdict::Created { made, source: LinkSource::Create },
        Origin {
            payout_merchant_id: "1111312",
            merchant: "default",
            message_id: None,
            trace: Trace::default(),
            now: time,
        },
    );
    let made: serde_json::Value = serde_json::from_slice(&made.to_json()).unwrap();
    let shown: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(made, shown);
}

/// The configuration for the sandbox, and the one for PayU's test hosts.
fn configurations() -> [&'static str; 2] {
    let [sandbox, payu] = blocks("toml")[..] else { panic!("two TOML examples are expected") };
    [sandbox, payu]
}

/// What a key of the only merchant is set to.
fn value<'a>(configuration: &'a str, key: &str) -> &'a str {
    let line = |line: &'a str| line.strip_prefix(key)?.trim_start().strip_prefix("= ");
    configuration.lines().find_map(line).unwrap_or_else(|| panic!("{key} is not set"))
}

#[test]
fn the_configuration_for_the_sandbox_is_complete_and_fits_the_sandbox() {
    let [sandbox, _] = configurations();
    Config::parse(sandbox, std::iter::empty(), &|_| Ok(String::new())).unwrap();

    let help = Command::new(env!("CARGO_BIN_EXE_smartsend")).args(["sandbox", "--help"]).output();
    let help = String::from_utf8(canary::checked(help.unwrap()).stdout).unwrap();
    let listen = help.split("--listen").nth(1).unwrap().split("[default: ").nth(1).unwrap();
    let listen = listen.split(']').next().unwrap();
    assert_eq!(value(sandbox, "api_url"), format!("\"http://{listen}/payout\""));
    assert_eq!(value(sandbox, "auth_url"), format!("\"http://{listen}/oauth/token\""));
    let secret = smartsend::sandbox::SandboxSettings::default().client_secret;
    assert_eq!(value(sandbox, "client_secret"), format!("\"{secret}\""));
}

#[test]
fn the_configuration_for_payu_s_test_hosts_is_complete_and_never_meets_production() {
    let [_, payu] = configurations();
    let secret = ("PAYU_CLIENT_SECRET".to_owned(), "secret".to_owned());
    Config::parse(payu, std::iter::once(secret), &|_| Ok(String::new())).unwrap();
    assert_eq!(value(payu, "api_url"), "\"https://uatoneapi.payu.in/payout\"");
    assert_eq!(value(payu, "auth_url"), "\"https://uat-accounts.payu.in/oauth/token\"");
}

#[test]
fn a_default_that_is_named_is_the_default() {
    let table = README.split("| setting | default | question |").nth(1).unwrap();
    let mut named = 0;
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let keys = cells[1].split(", ").map(|key| key.trim_matches('`'));
        for (key, default) in keys.zip(cells[2].split(", ")) {
            let (section, key) = key.split_once('.').unwrap_or(("merchants.default", key));
            let section = EXAMPLE.split(&format!("\n[{section}]\n")).nth(1).expect(section);
            let section = section.split("\n[").next().unwrap();
            let default = default.trim_matches('`');
            // What has no default is marked in the example.
            if !["required", "none"].contains(&default) {
                assert!(section.contains(&format!("\n{key} = {default}\n")), "{key} = {default}");
            }
            named += 1;
        }
    }
    assert!(named >= 5, "{named}");
}

#[test]
fn every_metric_is_in_its_table() {
    let cells = first_cells("| metric | what it shows |").join(", ");
    let shown: BTreeSet<&str> = cells
        .split('`')
        .filter(|cell| cell.starts_with("smartsend_"))
        .map(|cell| cell.split('{').next().unwrap())
        .collect();

    let metrics = Metrics::new();
    let status = Status::new(&metrics, ManualClock::new());
    let merchant = metrics.merchant("default");
    let limit = Amount::parse("100000").unwrap();
    merchant.set_spending(Window::Day, Total::default(), limit);
    status.merchant(&merchant);
    status.merchant(&metrics.commands_of("default"));
    status.set_connection("publish", ConnectionState::Connected, None);
    let text = metrics.render();
    let exported = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    assert_eq!(shown, exported.collect());
}

#[test]
fn every_reason_is_in_its_table() {
    let failed = first_cells("| `reason.code` of failed | meaning |");
    let deadline = Failure::DeadlinePassed.reason().code;
    assert_eq!(failed, [&format!("`{deadline}`"), "PayU's name of a code"]);
    assert_eq!(Failure::Rejected(CODES[1].number).reason().code, CODES[1].name);

    let rejected = Rejection::ALL.into_iter().map(|why| why.reason().code.to_string());
    let unknown = PutAside::UnknownMerchant.reason().code.to_string();
    let wrong_queue = Reason::wrong_queue().code.to_string();
    let own = [INVALID_INTENT.to_owned(), wrong_queue];
    let guard = GuardRefusal::ALL.into_iter().map(|why| why.reason().code.to_string());
    let rejected = own.into_iter().chain(guard).chain(rejected).chain([unknown]);
    let rejected = rejected.map(|code| format!("`{code}`"));
    let rejected: Vec<String> = rejected.chain(["PayU's name of a code".to_owned()]).collect();
    assert_eq!(first_cells("| `reason.code` of rejected | meaning |"), rejected);

    let failed = CommandFailure::ALL.map(|why| format!("`{}`", why.reason().code));
    assert_eq!(first_cells("| `reason.code` of what failed | meaning |"), failed);
    let of_commands = Reason::parked_codes_of_commands();
    let of_commands = of_commands.chain([PutAside::DeadLettered.reason().code]);
    let of_commands: Vec<String> = of_commands.map(|code| format!("`{code}`")).collect();
    assert_eq!(first_cells("| `reason.code` of `command.unresolved` | meaning |"), of_commands);

    let unresolved = Unresolved::ALL.into_iter().map(|why| why.reason().code);
    let unresolved = unresolved.chain([PutAside::DeadLettered.reason().code]);
    let unresolved: Vec<String> = unresolved.map(|code| format!("`{code}`")).collect();
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
    assert_eq!(
        Vec::from_iter(seen),
        [
            "account",
            "batch",
            "bulk",
            "cancel",
            "check",
            "explain",
            "extend",
            "lookup",
            "parked",
            "pause",
            "reconcile",
            "resume",
            "run",
            "sandbox",
            "submit",
            "survey",
            "topology",
            "where"
        ]
    );
}

#[test]
fn every_script_and_page_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut links = 0;
    for (folder, page) in PAGES {
        for link in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (path, _) = link.split_once('#').unwrap_or((link, ""));
            if !path.contains("://") {
                assert!(root.join(folder).join(path).exists(), "{folder}: {path} does not exist");
                links += 1;
            }
        }
        for word in page.split(|c: char| c == '`' || c.is_whitespace()) {
            if word.starts_with("deploy/") || word.starts_with("tests/") || word.starts_with("src/")
            {
                assert!(root.join(word).exists(), "{folder}: {word} does not exist");
            }
        }
    }
    assert!(links >= 5, "{links}");
}
