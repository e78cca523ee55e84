//! `smartsend batch`, as a person runs it with nothing but the binary.

mod refused;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use super::*;
use crate::support::canary;

const HEADER: &str = "merchantRefId,amount,description,custName,custMobile";

/// A folder with `pay.csv`.
fn folder(rows: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, rows);
    folder
}

fn write(folder: &TempDir, rows: &[&str]) {
    let lines = [&[HEADER], rows].concat();
    fs::write(folder.path().join("pay.csv"), lines.join("\n")).unwrap();
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smartsend"));
    command.arg("batch").args(arguments).current_dir(folder.path()).env_clear();
    command.env("TMPDIR", folder.path()).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn batch(folder: &TempDir, arguments: &[&str]) -> Output {
    canary::checked(command(folder, &[&["pay.csv"], arguments].concat()).output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines of the report, a link as `LINK`.
fn results(folder: &TempDir, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    let lines = text.lines().skip(1).map(|line| {
        let mut cells: Vec<_> = line.split(',').collect();
        if cells[4].starts_with("http") {
            cells[4] = "LINK";
        }
        cells.join(",")
    });
    lines.collect()
}

const GOOD: [&str; 3] = [
    "a1,100.50,Refund,Asha,9999999999",
    "a2,20.00,Refund,Asha,9999999999",
    "a3,1.25,Refund,Asha,9999999999",
];

#[test]
fn a_file_becomes_links_with_nothing_but_the_binary() {
    let folder = folder(&GOOD);
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("no money moves"), "{}", said(&output));
    assert!(said(&output).contains("3 of 3 rows, 121.75 rupees"), "{}", said(&output));
    let expected =
        ["2,a1,100.50,created,LINK,", "3,a2,20.00,created,LINK,", "4,a3,1.25,created,LINK,"];
    assert_eq!(results(&folder, "pay.sandbox.results.csv"), expected);
    for name in ["pay.sandbox.results.csv", "pay.sandbox.smartsend.db"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(names.len(), 3, "nothing is left but the two: {names:?}");

    // The sandbox of the first run is gone: what it has shown is what is reported.
    let before = fs::read(folder.path().join("pay.sandbox.results.csv")).unwrap();
    let again = batch(&folder, &["--sandbox"]);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert!(said(&again).contains("0 of 3 rows, 0.00 rupees"), "{}", said(&again));
    assert!(said(&again).contains("3 rows, 121.75 rupees, have ended before"), "{}", said(&again));
    assert!(printed(&again).contains("already     3"), "{}", printed(&again));
    assert!(printed(&again).contains("and counted below too\n"), "{}", printed(&again));
    let after = fs::read(folder.path().join("pay.sandbox.results.csv")).unwrap();
    assert_eq!(before, after);
}

#[test]
fn the_first_example_of_the_readme_is_paid() {
    let readme = include_str!("../../../README.md");
    let sample = readme.split("```csv\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pay.csv"), sample).unwrap();
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(results(&folder, "pay.sandbox.results.csv").len(), sample.lines().count() - 1);
}

#[test]
fn nothing_is_sent_of_a_file_with_a_bad_row_unless_it_is_to_be_skipped() {
    let folder = folder(&[GOOD[0], "a 2,20.00,Refund,Asha,9999999999", GOOD[2]]);
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("row 3: merchantRefId"), "{}", said(&output));
    assert!(said(&output).contains("1 of 3 rows are bad: nothing was sent"), "{}", said(&output));
    assert!(!folder.path().join("pay.sandbox.smartsend.db").exists());
    let bad = fs::read_to_string(folder.path().join("pay.bad.csv")).unwrap();
    assert!(bad.contains("\na 2,20.00,Refund,Asha,9999999999,\"merchantRefId may"), "{bad}");

    let output = batch(&folder, &["--sandbox", "--skip-bad"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let lines = results(&folder, "pay.sandbox.results.csv");
    assert_eq!(lines[0], "2,a1,100.50,created,LINK,");
    assert!(lines[1].starts_with("3,,20.00,skipped,,\"merchantRefId"), "{}", lines[1]);
    assert_eq!(lines[2], "4,a3,1.25,created,LINK,");
}

#[test]
fn a_changed_file_pays_what_is_new_and_refuses_what_contradicts() {
    let folder = folder(&GOOD[..2]);
    assert_eq!(batch(&folder, &["--sandbox"]).status.code(), Some(0));
    write(&folder, &["a1,100.51,Refund,Asha,9999999999", GOOD[2]]);
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("row 2: an earlier run has, or may have, sent"),
        "{}",
        said(&output)
    );
    let output = batch(&folder, &["--sandbox", "--skip-bad"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // The first report has links that the new one does not: it stays.
    assert_eq!(results(&folder, "pay.sandbox.results.csv").len(), 2);
    let lines = results(&folder, "pay.sandbox.results.2.csv");
    assert!(lines[0].starts_with("2,a1,100.51,skipped,,\"an earlier run has"), "{}", lines[0]);
    assert_eq!(lines[1], "3,a3,1.25,created,LINK,");
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = folder(&GOOD);
    let output = batch(&folder, &["--sandbox", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(printed(&output).starts_with("3 of 3 rows, 121.75 rupees"), "{}", printed(&output));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn whatever_submit_takes_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [HEADER, GOOD[0], GOOD[1]].join("\n").replace(',', ";");
    let rows = rows.replace("custMobile", "Mobile No.");
    let arguments = ["-", "--sandbox", "--map", "Mobile No.=custMobile", "--json"];
    let mut child = command(&folder, &arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(rows.as_bytes()).unwrap();
    let output = canary::checked(child.wait_with_output().unwrap());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["preview"]["rupees"], "120.50");
    assert_eq!(json["summary"]["end"], "finished");
    assert_eq!(json["summary"]["created"], serde_json::json!({ "rows": 2, "rupees": "120.50" }));
    assert_eq!(json["summary"]["results"], "stdin.sandbox.results.csv");
    assert_eq!(results(&folder, "stdin.sandbox.results.csv").len(), 2);
}

#[test]
fn rows_that_pay_the_same_twice_are_paid_only_if_they_are_allowed() {
    let folder = folder(&[GOOD[0], "a9,100.50,Refund,Asha,9999999999"]);
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("rows 2-3: the same customer and amount"), "{}", said(&output));
    assert!(!folder.path().join("pay.sandbox.smartsend.db").exists());
    let output = batch(&folder, &["--sandbox", "--allow-repeats"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// `script` of util-linux runs it on a terminal of its own.
#[test]
fn a_terminal_shows_a_bar_with_rupees_rate_and_the_time_left() {
    let folder = folder(&GOOD);
    let shown = format!("{} batch pay.csv --sandbox", env!("CARGO_BIN_EXE_smartsend"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &shown, "/dev/null"]);
    command.current_dir(folder.path()).env_clear();
    command.env("TMPDIR", folder.path()).env("TERM", "xterm");
    let output = canary::checked(command.stdin(Stdio::null()).output().unwrap());
    assert_eq!(output.status.code(), Some(0));
    let shown = printed(&output);
    let bars: Vec<_> = shown.split("paying, ").collect();
    let last = bars.last().unwrap();
    assert!(last.starts_with("121.75 rupees ["), "{shown}");
    assert!(last.contains("] 3/3  ") && last.contains("/s, 0 s left"), "{shown}");
}

/// A configuration whose provider nobody runs.
fn configured(broker: &str) -> TempDir {
    let folder = folder(&GOOD);
    let text = format!(
        "{broker}\n[merchants.default]\npayout_merchant_id = \"1111312\"\napi = \"v2\"\n\
         api_url = \"http://127.0.0.1:1/payout\"\nauth_url = \"http://127.0.0.1:1/token\"\n\
         client_id = \"anyone\"\nclient_secret = \"canary-none\"\nrate_per_second = 10\n\
         max_amount = \"1000\"\nsandbox = true\n"
    );
    fs::write(folder.path().join("smartsend.toml"), text).unwrap();
    folder
}

#[test]
fn what_nobody_can_be_asked_is_not_paid() {
    let folder = configured("");
    let output = batch(&folder, &["--no-broker-check"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("there is no terminal to ask at; nothing was sent; give --yes"),
        "{}",
        said(&output)
    );
    assert!(!folder.path().join("pay.results.csv").exists());
}

#[test]
fn a_broker_that_is_named_and_does_not_answer_keeps_a_file_from_being_paid() {
    let folder = configured("[broker]\nurls = [\"amqp://guest:guest@127.0.0.1:1/%2f\"]");
    let output = batch(&folder, &["--yes"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("use --no-broker-check; nothing was sent"), "{}", said(&output));
    assert!(!folder.path().join("pay.smartsend.db").exists());
}

/// Of a run that waits for lookups over a quarantine, a rate would say hours, and then years.
#[test]
fn a_stall_has_no_time_left_and_says_why() {
    for (rate, more, left) in [
        (43.2, 63, "1 s left"),
        (0.9, 250, "5 min left"),
        (10.0, 100_000, "2 h 46 min left"),
        (0.4, 63, "time left unknown"),
        (0.0, 12, "time left unknown"),
        (0.0, 0, "0 s left"),
        (0.5, u64::MAX, "2386092 h 56 min left"),
    ] {
        assert_eq!(smartsend::batch::time_left(rate, more), left, "{rate} {more}");
    }
    let quarantine = Duration::from_mins(5);
    assert_eq!(smartsend::batch::waits_for_lookups(0, quarantine), None);
    let why = smartsend::batch::waits_for_lookups(63, quarantine).unwrap();
    assert!(why.starts_with("63 may have been sent") && why.contains(" for 5m "), "{why}");
}
