//! The real binary: what it asks, what it refuses, and that it keeps the pace.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use smartsend::sandbox::{Faults, LinkStatus, RequestKind, Sandbox, SandboxSettings};

use crate::support::canary;
use crate::support::waiting::{SOON, until};

fn configuration(account: &str, hosts: &str) -> String {
    format!(
        "[merchants.default]\npayout_merchant_id = \"{account}\"\napi = \"v2\"\n{hosts}\
         client_id = \"client\"\nclient_secret = \"{}\"\nrate_per_second = 10\n\
         max_amount = \"10.00\"\n",
        canary::SANDBOX_SECRET
    )
}

fn sandbox_hosts(url: &str) -> String {
    format!("api_url = \"{url}/payout\"\nauth_url = \"{url}/oauth/token\"\nsandbox = true\n")
}

/// Runs it with this on its standard input.
fn survey(configuration: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let child = start(folder.path(), configuration, arguments, input);
    ended(&canary::checked(child.wait_with_output().unwrap()))
}

fn start(folder: &Path, configuration: &str, arguments: &[&str], input: &str) -> Child {
    std::fs::write(folder.join("smartsend.toml"), configuration).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_smartsend"))
        .arg("survey")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read has closed it.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child
}

fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const NOBODY: &str = "http://127.0.0.1:1";
const MOBILE: [&str; 2] = ["--mobile", canary::MOBILE];

#[test]
fn wrong_usage_sends_nothing_and_says_what_is_right() {
    let ours = configuration("2222301", &sandbox_hosts(NOBODY));
    for (arguments, words) in [
        (&[][..], "--mobile <NUMBER>|--email <ADDRESS>"),
        (&["--mobile", "12"], "must be 10 digits"),
        (&["--email", "a"], "must be one e-mail address"),
        (&["--mobile", canary::MOBILE, "--name", ""], "must be 1 to 100 characters"),
        (&["--mobile", canary::MOBILE, "--find-rate", "0"], "1..=1000"),
        (&["--mobile", canary::MOBILE, "--wait", "1"], "a duration is"),
        (&["--mobile", canary::MOBILE, "--merchant", "other"], "there is no merchant other"),
    ] {
        let (code, out, err) = survey(&ours, arguments, "y\n");
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(words), "{arguments:?}: {err}");
    }
}

#[test]
fn production_is_refused_unless_it_is_asked_for() {
    let real = configuration("2222302", "");
    let (code, out, err) = survey(&real, &[&MOBILE[..], &["--yes"]].concat(), "");
    assert_eq!((code, &*out), (2, ""), "{err}");
    for words in ["payout.payumoney.com and accounts.payu.in", "--production", "nothing was sent"] {
        assert!(err.contains(words), "{err}");
    }
    // With it the question still comes, and nothing goes out without an answer.
    let (code, _, err) = survey(&real, &[&MOBILE[..], &["--production"]].concat(), "");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("at payout.payumoney.com") && err.contains("nothing was sent"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_sends_nothing_after_it_was_said_what_it_would_cost() {
    let sandbox = Sandbox::start("127.0.0.1:0", SandboxSettings::default()).await.unwrap();
    let ours = configuration("2222303", &sandbox_hosts(&sandbox.url()));
    let arguments = ["--mobile", canary::MOBILE, "--email", canary::EMAIL, "--find-rate", "--json"];
    for answer in ["n\n", "\n", "", "yess\n"] {
        let (code, out, err) = tokio::task::block_in_place(|| survey(&ours, &arguments, answer));
        assert_eq!((code, &*out), (1, ""), "{err}");
        for words in [
            "at most 4 links of 1.00 rupee, 4.00 rupees in all",
            "at most 6 messages of PayU's to ******9999 and a***@example.com",
            "at most 20 times per second",
            "Begin? [y/N]",
            "nothing was sent",
        ] {
            assert!(err.contains(words), "{words}: {err}");
        }
    }
    assert!(sandbox.ledger().requests.is_empty());
}

#[test]
fn a_host_that_is_not_there_exits_with_3() {
    let ours = configuration("2222304", &sandbox_hosts(NOBODY));
    let (code, out, err) = survey(&ours, &MOBILE, "y\n");
    assert_eq!((code, &*out), (3, ""), "{err}");
    assert!(err.contains("smartsend-2222304.lock"), "{err}");
    assert!(err.contains("no token came"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_exit_with_1() {
    let client_secret = "another".to_owned();
    let settings = SandboxSettings { client_secret, ..SandboxSettings::default() };
    let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
    let ours = configuration("2222305", &sandbox_hosts(&sandbox.url()));
    let (code, out, err) = tokio::task::block_in_place(|| survey(&ours, &MOBILE, "yes\n"));
    assert_eq!((code, &*out), (1, ""), "{err}");
    assert!(err.contains("refused the credentials"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_prints_its_answers_and_keeps_the_pace() {
    let sandbox = Sandbox::start("127.0.0.1:0", SandboxSettings::default()).await.unwrap();
    let ours = configuration("2222306", &sandbox_hosts(&sandbox.url()));
    let arguments = [&MOBILE[..], &["--merchant", "default", "--yes", "--json"]].concat();
    let (code, out, err) = tokio::task::block_in_place(|| survey(&ours, &arguments, ""));
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(report["findings"].as_array().unwrap().iter().all(|row| row["found"] == true), "{out}");
    assert!(!err.contains("Begin?"), "{err}");
    let ledger = sandbox.ledger();
    assert!(ledger.links.iter().all(|link| link.status == LinkStatus::Cancelled));
    let times: Vec<u64> = ledger.requests.iter().map(|request| request.at_us).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 990_000), "{times:?}");
    let creates = ledger.requests.iter().filter(|one| one.kind == RequestKind::Create);
    assert_eq!(creates.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_asked_to_stop_cancels_its_link_and_exits_with_3() {
    let faults = Faults { details_blind: true, ..Faults::default() };
    let settings = SandboxSettings { faults, ..SandboxSettings::default() };
    let sandbox = Sandbox::start("127.0.0.1:0", settings).await.unwrap();
    let ours = configuration("2222307", &sandbox_hosts(&sandbox.url()));
    let folder = tempfile::tempdir().unwrap();
    let child =
        start(folder.path(), &ours, &[&MOBILE[..], &["--wait", "1h", "--yes"]].concat(), "");
    until("a link", SOON, async || sandbox.ledger().links.len() == 1).await;
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let output = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    let (code, out, err) = ended(&canary::checked(output));
    assert_eq!(code, 3, "{err}");
    assert!(out.contains("How long does a"), "{out}");
    for words in ["what was made is cancelled first", "stopped before every question was asked"] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!(sandbox.ledger().links[0].status, LinkStatus::Cancelled);
}
