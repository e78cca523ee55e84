//! A batch that ends while it writes its report: the draft that it begins with, the line of a row, and
//! the draft that it ends with.
//!
//! The limit is on every file, and none may come to it before the report. So it is set when the input
//! has been read, and most of the rows have ended before: they have their lines in each report, and
//! cost the store little.

use std::fs::{self, File};
use std::io::Write as _;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Ended, Ground, LONG, SIGXFSZ, Setting};
use crate::crash_points::ground::Outcome;
use crate::crash_points::point::Point;
use crate::support::brake::Mode;

/// How many rows have ended before.
const PAID: usize = 2000;
/// Within a line.
const SOME_BYTES: u64 = 30;

/// Where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the draft with what has ended before.
    FirstDraft,
    /// Before the line of a row that has just ended.
    Line,
    /// In the draft with all rows. Only that one has a line for a bad row.
    LastDraft,
}

/// Ends a batch at each of these places.
pub(in crate::crash_points) async fn at_its_report(setting: Setting) -> Outcome {
    let mut ground = Ground::prepare(setting, 50).await;
    ground.begin(PAID);
    ground.run_again("the first run").await;
    for place in [Place::FirstDraft, Place::Line, Place::LastDraft] {
        ground.end_at(place).await;
    }
    let name = format!("batch, {setting:?}, after all");
    let tally = ground.run_again(&name).await;
    ground.count(&tally, ground.unresolved_max());
    ground.end().await
}

impl Ground {
    async fn end_at(&mut self, place: Place) {
        let name = format!("batch, {:?}, {place:?}", self.setting);
        let path = self.payments.path(&self.file("results.csv"));
        let before = fs::read_to_string(&path).unwrap();
        let (size, line) = (before.len() as u64, before.lines().last().unwrap().len() as u64);
        let limit = match place {
            Place::FirstDraft => size - SOME_BYTES,
            Place::Line => size,
            Place::LastDraft => size + line + SOME_BYTES,
        };
        self.write(self.rows + 1); // a batch with nothing to pay asks for no token
        if place == Place::LastDraft {
            let mut file = File::options().append(true).open(self.payments.path(&self.file("csv")));
            writeln!(file.as_mut().unwrap(), "bad,0.5.0,Refund,,").unwrap();
        }
        let status = self.run_limited_once_read(limit).await;
        assert_eq!(status.signal, Some(SIGXFSZ), "{name}:\n{}", status.log);
        let wal = fs::metadata(self.payments.path(&self.file("smartsend.db-wal"))).unwrap();
        assert!(wal.len() < limit, "{name}: it is the store that came to the limit");
        let after = fs::read_to_string(&path).unwrap();
        let lines = usize::from(place == Place::LastDraft);
        assert_eq!(after.lines().count(), before.lines().count() + lines, "{name}");
        assert!(after.starts_with(&before), "{name}: a line is gone");
        // The store has what the report has not.
        self.write(self.rows);
        self.run_again(&name).await;
    }

    /// Runs a batch, which has this limit from when it first asks for a token, before it pays.
    async fn run_limited_once_read(&mut self, size: u64) -> Ended {
        self.lookout.await_point(Point::TokenWritten, 1);
        let program = self.payments.start_with(&self.file("csv"), &["--skip-bad"]);
        let reached = timeout(LONG, self.brake.pulled()).await;
        assert!(reached.is_ok(), "no token was asked for:\n{}", program.tail());
        let (pid, limit) = (program.pid().to_string(), format!("--fsize={size}"));
        let limited = Command::new("prlimit").args(["--pid", &*pid, &*limit]).status().await;
        assert!(limited.unwrap().success(), "cannot limit {pid}");
        self.brake.set(Mode::Up);
        self.ended(program).await
    }
}
