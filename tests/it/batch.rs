//! `smartsend batch` without a broker: killed, stopped, and run twice at once.
//!
//! `SMARTSEND_BATCH_ROWS` and `SMARTSEND_BATCH_KILLS` say how large the killed run is,
//! `SMARTSEND_BATCH_SEED` when the kills come. What is random comes from the seed, which is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::canary::{self, DESCRIPTION, MOBILE};
use crate::support::payments::{Line, Payments};
use crate::support::program::Program;
use crate::support::proof::{Row, size};
use crate::support::provider::Provider;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// How long a whole run, or a part of it, may take: the machine may be busy.
const LONG: Duration = Duration::from_mins(20);

/// A provider, a configuration without a broker, and `pay.csv`.
struct Ground {
    payments: Payments,
    provider: Provider,
    rows: u64,
}

impl Ground {
    async fn new(rows: u64, rate: u32, faults: &Value) -> Self {
        let payments = Payments::new();
        let provider = Provider::start(7, faults, payments.folder()).await;
        let settings = format!(
            "api = \"v1\"\nrate_per_second = {rate}\nburst = 20\n\
             [retry]\nlease = \"1s\"\ndelays = [\"200ms\", \"1s\"]\nmax_age = \"30m\"\n\
             [in_doubt]\nfirst_lookup = \"200ms\"\nquarantine = \"5s\"\n"
        );
        payments.configure(provider.url(), &settings);
        payments.write("pay.csv", (1..=rows).map(|number| format!("b-{number}")));
        Self { payments, provider, rows }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.payments.path(name)
    }

    fn start(&self, file: &str) -> Program {
        self.payments.start(file)
    }

    fn start_with_locks_in(&self, locks: &Path, file: &str) -> Program {
        let locks = ("TMPDIR".to_owned(), locks.display().to_string());
        Program::start(&self.payments.arguments(file), &[locks], self.path("batch.log"))
    }

    fn report(&self) -> Vec<Line> {
        self.payments.report("pay.results.csv")
    }

    /// The links of the ledger, by reference.
    async fn links(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut links = BTreeMap::<_, BTreeSet<_>>::new();
        for made in self.provider.links().await {
            links.entry(made.reference).or_default().insert(made.link);
        }
        links
    }

    /// How many links there are.
    async fn made(&self) -> u64 {
        self.provider.summary().await["links"].as_u64().unwrap()
    }

    async fn until_made(&self, count: u64) {
        until("links", LONG, async || self.made().await >= count).await;
    }

    /// Every row has one link, and the report has it in the file's order.
    async fn assert_paid(&self) {
        let links = self.links().await;
        assert_eq!(links.len() as u64, self.rows);
        let report = self.report();
        assert_eq!(report.len() as u64, self.rows);
        for (number, line) in (1..).zip(&report) {
            assert_eq!((line.row, &*line.reference), (number + 1, &*format!("b-{number}")));
            assert_eq!(line.outcome, "created", "{line:?}");
            let own = &links[&line.reference];
            assert_eq!(Vec::from_iter(own), [&line.link], "{line:?}");
        }
    }
}

#[tokio::test]
async fn every_row_gets_one_link_while_the_batch_is_killed() {
    let rows = size("SMARTSEND_BATCH_ROWS", 2000);
    let kills = size("SMARTSEND_BATCH_KILLS", 12);
    let seed = size("SMARTSEND_BATCH_SEED", rand::random_range(1..1_000_000));
    // The test harness would hide it.
    writeln!(std::io::stderr().lock(), "batch: {rows} rows, {kills} kills, seed {seed}").unwrap();
    let ground = Ground::new(rows, 500, &json!({ "lost_after": 0.01, "lost_before": 0.01 })).await;
    let mut dice = StdRng::seed_from_u64(seed);
    let share = rows / (kills + 1);
    for kill in 0..kills {
        let mut program = ground.start("pay.csv");
        // A third of them while the file is opened and taken in, or just after.
        if kill % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..400))).await;
        } else {
            ground.until_made(kill * share + dice.random_range(0..share)).await;
        }
        assert!(program.is_running(), "the work was over before the kills:\n{}", program.tail());
        program.kill().await;
        if ground.path("pay.results.csv").exists() {
            let report = ground.report();
            let rows: BTreeSet<_> = report.iter().map(|line| line.row).collect();
            assert_eq!(rows.len(), report.len(), "a row has two lines");
        }
    }
    let left = rows - ground.made().await;
    let code = ground.start("pay.csv").exit_code(LONG).await;
    let links = ground.links().await;
    let reported: BTreeSet<_> = ground.report().into_iter().map(|line| line.reference).collect();
    Row {
        layer: "batch kills".to_owned(),
        runs: kills,
        unit: "kills",
        intents: rows,
        faults: kills + ground.provider.faults_met().await,
        kills,
        links: ground.made().await,
        doubles: links.values().map(|links| u64::from(links.len() > 1)).sum(),
        lost: rows - reported.len() as u64,
        seeds: seed.to_string(),
        ..Row::default()
    }
    .show();
    assert_eq!(code, 0);
    assert!(left > 0, "there was nothing left after the last kill");
    ground.assert_paid().await;
}

/// Of all requests to create a link none was made twice, so a stop has left nothing in doubt.
#[tokio::test]
async fn a_stop_leaves_nothing_in_doubt_and_the_next_run_goes_on() {
    let ground = Ground::new(300, 50, &json!({})).await;
    for (signal, made) in [("TERM", 20), ("INT", 40), ("HUP", 60)] {
        let program = ground.start("pay.csv");
        ground.until_made(made).await;
        program.signal(signal).await;
        let log = program.log_path().to_owned();
        assert_eq!(program.exit_code(SOON).await, 3, "{signal}");
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains("rows left; run the same batch again"), "{log}");
        let report = ground.report();
        assert_eq!(report.len(), 300);
        let count = |outcome: &str| report.iter().filter(|line| line.outcome == outcome).count();
        assert_eq!(count("created") as u64, ground.made().await);
        assert_eq!(count("created") + count("unsent"), 300, "{report:?}");
    }
    assert_eq!(ground.start("pay.csv").exit_code(LONG).await, 0);
    assert_eq!(ground.provider.requests("create").await, 300);
    ground.assert_paid().await;
}

/// The provider has made a link and keeps its answer, so only the second signal ends the run soon.
#[tokio::test]
async fn a_second_ctrl_c_does_not_wait_and_the_next_run_finds_what_was_sent() {
    let ground = Ground::new(40, 200, &json!({ "stall_after": 1.0 })).await;
    let file = ground.path("smartsend.toml");
    let configuration = fs::read_to_string(&file).unwrap();
    let patient = [
        ("\ntimeout = \"1s\"", "\ntimeout = \"2m\""),
        ("drain = \"10s\"", "drain = \"5m\""),
        ("quarantine = \"5s\"", "quarantine = \"4m\""),
    ];
    let patient = patient.iter().fold(configuration.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    fs::write(&file, patient).unwrap();
    let mut program = ground.start("pay.csv");
    ground.until_made(1).await;
    until("its end", SOON, async || {
        program.signal("INT").await;
        !program.is_running()
    })
    .await;
    assert_eq!(program.exit_code(SOON).await, 3);
    let (report, made) = (ground.report(), ground.made().await);
    let count = |outcome: &str| report.iter().filter(|line| line.outcome == outcome).count() as u64;
    assert_eq!((count("unknown"), count("unsent")), (made, 40 - made), "{report:?}");

    fs::write(&file, configuration).unwrap();
    ground.provider.set_faults(json!({})).await;
    assert_eq!(ground.start("pay.csv").exit_code(LONG).await, 0);
    assert_eq!(ground.provider.requests("create").await, 40);
    ground.assert_paid().await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_paid_is_paid_as_it_was_checked() {
    let ground = Ground::new(300, 40, &json!({})).await;
    let program = ground.start("pay.csv");
    ground.until_made(20).await;
    fs::write(ground.path("pay.csv"), "merchantRefId,amount\nother,1.00\n").unwrap();
    let log = program.log_path().to_owned();
    assert_eq!(program.exit_code(LONG).await, 0);
    ground.assert_paid().await;
    // It takes longer than a line every five seconds.
    let log = fs::read_to_string(log).unwrap();
    let line = log.lines().find(|line| line.starts_with("paying: ")).expect("a line of progress");
    assert!(line.contains(" of 300 (") && line.contains(" rupees), "), "{line}");
    assert!(line.contains(" per second, ") && line.ends_with(" s left"), "{line}");
}

#[tokio::test]
async fn two_batches_of_one_file_or_of_one_account_are_refused() {
    let ground = Ground::new(2000, 20, &json!({})).await;
    fs::copy(ground.path("pay.csv"), ground.path("other.csv")).unwrap();
    let first = ground.start("pay.csv");
    ground.until_made(1).await;
    for file in ["pay.csv", "other.csv"] {
        let second = ground.start(file);
        assert_eq!(second.exit_code(SOON).await, 1);
        let said = fs::read_to_string(first.log_path()).unwrap();
        assert!(said.contains("another batch is paying from the account 1111312"), "{said}");
    }
    assert!(!ground.path("other.smartsend.db").exists());
    let elsewhere = ground.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let third = ground.start_with_locks_in(&elsewhere, "pay.csv");
    assert_eq!(third.exit_code(SOON).await, 1);
    let said = fs::read_to_string(first.log_path()).unwrap();
    assert!(said.contains("pay.smartsend.db is in use by another process"), "{said}");
    first.terminate().await;
    assert_eq!(first.exit_code(SOON).await, 3);
}

/// A limit on the size of files stands for a full disk: the WAL grows beyond it.
#[tokio::test]
async fn a_store_that_cannot_be_written_stops_the_run_and_the_next_one_goes_on() {
    let ground = Ground::new(300, 200, &json!({})).await;
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_smartsend")]);
    command.args(ground.payments.arguments("pay.csv")).env_clear();
    command.env("TMPDIR", ground.payments.folder());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let output = canary::checked(output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("pay.smartsend.db: disk I/O error"), "{said}");
    assert!(said.contains("rows are left; run the same batch again"), "{said}");
    let report = ground.report();
    assert!(report.iter().any(|line| line.outcome == "created"), "{report:?}");
    assert!(report.iter().any(|line| line.outcome == "unknown"), "{report:?}");
    assert_eq!(ground.start("pay.csv").exit_code(LONG).await, 0);
    ground.assert_paid().await;
}

#[tokio::test]
async fn while_a_worker_consumes_the_merchant_s_intents_nothing_is_paid() {
    let mut scenario = Scenario::new().await;
    let folder = scenario.directory().to_owned();
    scenario.set_variable("TMPDIR", &folder.display().to_string());
    let file = folder.join("pay.csv");
    let text = format!(
        "merchantRefId,amount,description,custName,custMobile\nb-1,1.50,{DESCRIPTION},Asha,{MOBILE}\n"
    );
    fs::write(&file, text).unwrap();
    let batch = async || scenario.command(&["batch", file.to_str().unwrap(), "--yes"]).await;
    let worker = scenario.ready_worker().await;
    let output = batch().await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("consumers of smartsend.intents.default: 1"), "{said}");
    assert!(!folder.join("pay.smartsend.db").exists());
    scenario.finish(worker).await;
    let output = batch().await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(scenario.provider.links_of("b-1").await.len(), 1);
}
