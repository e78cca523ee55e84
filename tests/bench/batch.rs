//! A long file that `batch` pays: its rate, and the memory that it takes.
//!
//! The rows are in the store, on the disk, so a file of a million rows may cost little more memory
//! than one of ten thousand: a few bytes a row while the file is checked for what stands in it twice.
//! The rate is that of the whole command, which reads and checks the file, takes it in, pays it with
//! two commits for each row, and writes the report. Many rows share a commit, so how long the disk
//! takes to sync is printed too.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use smartsend::clock::SystemClock;
use smartsend::ports::Clock;

use crate::ground::{Ground, Limits};
use crate::process::Ended;
use crate::proof::Row;
use crate::table::{median, mib, text};

/// The small file that a long one is compared with.
const SMALL: u32 = 10_000;
/// The most memory that a file of any length may take, in MiB.
const PEAK_MAX: f64 = 60.0;
/// The least rate of a file of [`LONG`] rows or more, in rows per second.
const RATE_MIN: f64 = 1000.0;
/// A shorter file does not make up for the first ten seconds, in which the rate grows.
const LONG: u32 = 100_000;
const IN_FLIGHT: usize = 64;
/// How many syncs are timed, and how much is written before each: about what a commit writes.
const SYNCS: usize = 100;
const SYNC_BYTES: usize = 64 * 1024;

/// One run of the command.
struct Run {
    rows: u32,
    took: Duration,
    /// The peak of memory, in bytes.
    peak: u64,
    /// The size of the store at the end, in bytes.
    store: u64,
    results: Results,
}

/// How the rows ended, as the report says.
#[derive(Default)]
struct Results {
    /// Rows with one line, in the file's order.
    ended: u32,
    failed: u32,
    unresolved: u32,
}

/// Pays a short file and a long one, prints what that took, and adds what was missed.
pub(crate) async fn figure(ground: &Ground, rows: u32, missed: &mut Vec<String>) {
    let small = pay(ground, SMALL).await;
    let long = pay(ground, rows).await;
    println!("\n{rows} rows, {IN_FLIGHT} in flight, a sandbox that answers at once.\n");
    let head = ["rows", "time", "rows/s", "peak of memory", "store"].map(str::to_owned).to_vec();
    println!("{}\n", text(&[head, small.cells(), long.cells()]));
    println!("A sync of the disk takes {:.1} ms, the median of {SYNCS}.\n", sync(ground.folder()));
    let (rate, peak) = (long.rate(), mib(long.peak));
    if rows >= LONG && rate < RATE_MIN {
        missed.push(format!("batch paid {rate:.0} rows per second, fewer than {RATE_MIN}"));
    }
    if peak > PEAK_MAX {
        missed.push(format!("batch used {peak:.1} MiB for {rows} rows, more than {PEAK_MAX}"));
    }
    let made = ground.summary().await;
    let Results { ended, failed, unresolved } = long.results;
    Row {
        layer: format!("batch: {rate:.0} rows per second, peak of memory {peak:.1} MiB"),
        runs: 1,
        unit: "runs",
        intents: rows.into(),
        links: made.links.into(),
        doubles: (made.links - made.references).into(),
        lost: (rows - ended).into(),
        wrong_failed: failed.into(),
        unresolved: unresolved.into(),
        ..Row::default()
    }
    .show();
}

async fn pay(ground: &Ground, rows: u32) -> Run {
    ground.clear().await;
    let folder = ground.folder().join(format!("batch-{rows}"));
    fs::create_dir(&folder).unwrap();
    write(&folder.join("pay.csv"), rows);
    eprintln!("{rows} rows are paid ...");
    let clock = SystemClock::start();
    let begun = clock.now().steady;
    let batch = ground.batch(Limits::only_in_flight(IN_FLIGHT), &folder);
    let Ended { status, peak } = batch.wait().await;
    let took = clock.now().steady.saturating_sub(begun);
    assert!(status.success(), "{status}:\n{}", ground.log("batch.log"));
    assert_eq!(ground.links().await, rows, "each row has its link");
    let store = fs::metadata(folder.join("pay.smartsend.db")).unwrap().len();
    let results = Results::read(&folder.join("pay.results.csv"));
    assert_eq!(results.ended, rows, "each row has one result");
    fs::remove_dir_all(folder).unwrap();
    Run { rows, took, peak, store, results }
}

/// A file in which no two rows pay the same customer.
fn write(path: &Path, rows: u32) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "merchantRefId,amount,description,custName,custMobile,custEmail").unwrap();
    for number in 0..rows {
        let (reference, mobile) = (reference(number), 6_000_000_000 + u64::from(number));
        let description = format!("Refund for order {number}");
        let customer = format!("Asha Rao,{mobile},asha.{number}@example.com");
        writeln!(file, "{reference},100.50,{description},{customer}").unwrap();
    }
    file.flush().unwrap();
}

fn reference(number: u32) -> String {
    format!("order-{number:07}-r1")
}

/// Milliseconds for a sync of what was written to a file's end.
fn sync(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("sync")).unwrap();
    let written = vec![0; SYNC_BYTES];
    let clock = SystemClock::start();
    let times = (0..SYNCS).map(|_| {
        file.write_all(&written).unwrap();
        let begun = clock.now().steady;
        file.sync_data().unwrap();
        clock.now().steady.saturating_sub(begun).as_secs_f64() * 1000.0
    });
    median(times)
}

impl Run {
    fn rate(&self) -> f64 {
        f64::from(self.rows) / self.took.as_secs_f64()
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.rows.to_string(),
            format!("{:.1} s", self.took.as_secs_f64()),
            format!("{:.0}", self.rate()),
            format!("{:.1} MiB", mib(self.peak)),
            format!("{:.0} MiB", mib(self.store)),
        ]
    }
}

impl Results {
    /// Reads a report, and expects a line for each row, in the file's order.
    fn read(path: &Path) -> Self {
        let mut report = csv::Reader::from_path(path).unwrap();
        let mut results = Self::default();
        for line in report.records() {
            let line = line.unwrap();
            let row = (results.ended + 2).to_string();
            assert_eq!(line.get(0), Some(&*row), "the column names are row 1");
            assert_eq!(line.get(1), Some(&*reference(results.ended)));
            results.ended += 1;
            match line.get(3) {
                Some("created") => assert!(line.get(4).unwrap().starts_with("http")),
                Some("failed") => results.failed += 1,
                Some("unresolved") => results.unresolved += 1,
                other => panic!("{other:?} is not how a good row ends"),
            }
        }
        results
    }
}
