//! The real binary, where parts are down or wrong, or have another time of day.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use smartsend::sandbox::{Faults, Sandbox, SandboxSettings};

use crate::support::canary::{self, BROKER_PASSWORD, SANDBOX_SECRET, TOKEN};
use crate::support::payu::NOT_FOUND;
use crate::support::raw_server::{RawServer, answer};

const NOBODY: &str = "http://127.0.0.1:1";
const ACCOUNT: &str = r#"{"status":0,"msg":null,"code":null,"data":{"payoutMerchantId":"ID","balance":94003,"lowBalance":true}}"#;

/// Nobody runs the broker.
fn configuration(account: &str, provider: &str) -> String {
    format!(
        r#"
        [broker]
        urls = ["amqp://worker:{BROKER_PASSWORD}@127.0.0.1:1/%2f"]
        [ops]
        listen = "127.0.0.1:1"
        [merchants.default]
        payout_merchant_id = "{account}"
        api = "v2"
        api_url = "{provider}/payout"
        auth_url = "{provider}/oauth/token"
        client_id = "client"
        client_secret = "{SANDBOX_SECRET}"
        rate_per_second = 10
        max_amount = "10.00"
        sandbox = true
        "#
    )
}

fn run(folder: &Path, configuration: &str, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("smartsend.toml"), configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_smartsend"))
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output();
    canary::checked(output.unwrap())
}

/// The exit code and the JSON that it prints, and nothing else.
fn checked(configuration: &str, arguments: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), configuration, &[&["--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout);
    let json = json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

/// The level and the sentence of what was found.
fn found<'a>(report: &'a Value, what: &str) -> (&'a str, &'a str) {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["what"] == what).unwrap_or_else(|| panic!("{report}"));
    (found["level"].as_str().unwrap(), found["says"].as_str().unwrap())
}

#[test]
fn a_wrong_configuration_exits_with_2_names_every_error_and_skips_the_rest() {
    let wrong = configuration("2222401", NOBODY).replace("rate_per_second = 10", "rat = 10");
    let (code, report) = checked(&wrong, &[]);
    assert_eq!((code, &report["verdict"]), (2, &json!("error")));
    assert_eq!(report["counts"]["error"], 3, "{report}");
    assert_eq!(found(&report, "merchants.default.rate_per_second").0, "error");
    assert_eq!(found(&report, "broker"), ("skipped", "needs a configuration"));
    assert_eq!(found(&report, "merchants").1, "0 merchants were checked");
}

#[test]
fn what_is_down_is_an_error_and_a_bundle_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let ours = configuration("2222402", NOBODY);
    let output = run(folder.path(), &ours, &["--short", "--bundle", "case.json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in [
        "  error    connection: cannot connect to RabbitMQ at 127.0.0.1:1",
        "  error    connection: 127.0.0.1 cannot be reached: ",
        "  skipped  account: needs the token above",
        "  skipped  topology: needs the connection above",
        "unknown broker: 2 errors, 1 warning, ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let path = folder.path().join("case.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let bundle = std::fs::read(&path).unwrap();
    canary::check("the bundle", &bundle);
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!(bundle["configuration"]["merchants"]["default"]["client_secret"], "***");
    assert_eq!(bundle["check"]["counts"]["error"], 2);

    let again = run(folder.path(), &ours, &["--bundle", "case.json"]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("cannot write the bundle case.json"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_distinguished_from_a_host_that_is_down() {
    let client_secret = "another".to_owned();
    let settings = SandboxSettings { client_secret, ..SandboxSettings::default() };
    let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
    let ours = configuration("2222403", &sandbox.url());
    let (code, report) = tokio::task::block_in_place(|| checked(&ours, &[]));
    assert_eq!(code, 1);
    let (level, says) = found(&report, "token");
    assert_eq!(level, "error");
    assert!(says.contains("the credentials are refused, HTTP 401"), "{says}");
    assert_eq!(sandbox.ledger().requests.len(), 1, "it is not asked again");
    assert!(sandbox.ledger().links.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_a_warning() {
    let faults = Faults { token_life_s: 120, ..Faults::default() };
    let settings = SandboxSettings { faults, ..SandboxSettings::default() };
    let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
    let ours = configuration("2222404", &sandbox.url());
    let (_, report) = tokio::task::block_in_place(|| checked(&ours, &[]));
    assert_eq!(found(&report, "token").0, "warning", "{report}");
    assert_eq!(found(&report, "clock").0, "ok", "{report}");
    assert_eq!(found(&report, "lookup").0, "ok", "{report}");
    assert_eq!(found(&report, "balance").0, "ok", "{report}");
    let times: Vec<u64> = sandbox.ledger().requests.iter().map(|it| it.at_us).collect();
    assert_eq!(times.len(), 3, "a token, a lookup and the account");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 990_000), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the server's clock is the machine's, set wrong")]
async fn a_clock_that_is_wrong_is_a_warning_that_names_the_difference() {
    let wrong = Timestamp::now() + Duration::from_hours(1);
    let date = wrong.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
    let server = RawServer::answering(move |_, seen| {
        let token =
            format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":7200}}"#);
        let body = match seen.head.lines().next().unwrap() {
            line if line.contains("/oauth/token") => token,
            line if line.contains("getAccountDetail") => ACCOUNT.replace("ID", "2222405"),
            _ => NOT_FOUND.to_owned(),
        };
        answer("200 OK", &date, &body)
    });
    let ours = configuration("2222405", &server.url(""));
    let (_, report) = tokio::task::block_in_place(|| checked(&ours, &[]));
    let (level, says) = found(&report, "clock");
    assert_eq!(level, "warning");
    assert!(says.contains("s behind PayU's"), "{says}");
    assert_eq!(found(&report, "balance").0, "warning");
    assert_eq!(server.log().seen.len(), 3);
}
