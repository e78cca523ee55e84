//! A folder in which one `smartsend batch` after the other ends at a point.

mod report;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::ground::{Outcome, Setting};
use super::lookout::Lookout;
use super::point::Point;
use crate::support::brake::Brake;
use crate::support::http_proxy::HttpProxy;
use crate::support::payments::Payments;
use crate::support::program::Program;
use crate::support::provider::Provider;
use crate::support::tally::Tally;
use crate::support::waiting::until;
pub(super) use report::at_its_report;

/// What happens to a batch until it is killed, so that it passes some points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plot {
    /// Everything goes well.
    Plain,
    /// Every answer to a create is lost after the link was made.
    AnswersLost,
    /// The first creates have no effect, and an answer that says nothing of that: they are sent once
    /// more after the quarantine. Those of the other rows show details to the batch.
    FirstInVain,
}

/// How many rows the file has when the batch ends at a point, and how many it has after that.
const ROWS: usize = 6;
const LATER: usize = 2;
/// How many creates are in vain where some are.
const IN_VAIN: usize = 3;
/// How many calls a batch has in flight at once, so that other rows are claimed and wait.
const CONCURRENCY: u32 = 3;
/// How long it may take until a point is reached, or a batch has come to its end.
const LONG: Duration = Duration::from_mins(2);

/// A page of the store in its WAL ("WAL File Format": a header, and one for each frame).
const PAGE: u64 = 4096;
const WAL_HEADER: u64 = 32;
const FRAME: u64 = 24 + PAGE;
/// How many batches end at a write at the same time.
const ABREAST: u64 = 6;
/// The signal that a write beyond the limit on a file's size is answered with. Nothing handles it.
const SIGXFSZ: i32 = 25;

/// How a limited batch has ended.
struct Ended {
    signal: Option<i32>,
    log: String,
}

/// See the module.
struct Ground {
    setting: Setting,
    payments: Payments,
    provider: Provider,
    lookout: Arc<Lookout>,
    brake: Brake,
    _http: HttpProxy,
    /// How many files there were so far.
    cases: usize,
    /// How many rows the last one has.
    rows: usize,
    outcome: Outcome,
}

/// Kills a batch at each point that it passes on the wire in a plot.
pub(super) async fn on_the_wire(setting: Setting, plot: Plot, nth_max: u64) -> Outcome {
    let mut ground = Ground::prepare(setting, CONCURRENCY).await;
    for point in plot.points(setting) {
        for nth in 1..=nth_max {
            ground.kill_at(plot, *point, nth).await;
        }
    }
    ground.end().await
}

/// Ends a batch at each page that it writes to its store, or in the short form at some of them.
pub(super) async fn at_its_pages(setting: Setting, nth_max: u64) -> Vec<Outcome> {
    let step = if nth_max > 1 { 1 } else { 5 };
    let running = (0..ABREAST).map(async |first| {
        let mut ground = Ground::prepare(setting, CONCURRENCY).await;
        let mut page = 1 + first * step;
        while ground.end_at_page(page).await {
            page += ABREAST * step;
        }
        ground.end().await
    });
    join_all(running).await
}

impl Plot {
    /// The points that a batch passes in it. Under the strict setting nothing is sent once more, and
    /// everything is looked up first.
    fn points(self, setting: Setting) -> &'static [Point] {
        use Point::*;
        match (self, setting) {
            (Self::Plain, _) => &[
                TokenWritten,
                TokenAnswered,
                TokenHeard,
                CreateWritten,
                CreateAnswered,
                CreateHeard,
            ],
            (Self::AnswersLost, _) => &[LookWritten, LookAnswered, LookHeard],
            (Self::FirstInVain, Setting::Refusing) => &[ResendWritten, ResendAnswered, ResendHeard],
            (Self::FirstInVain, Setting::NaiveAndStrict) => &[],
        }
    }

    /// What the provider does until the batch is killed.
    fn trouble(self, references: impl Iterator<Item = String>) -> Value {
        match self {
            Self::Plain => json!({}),
            Self::AnswersLost => json!({ "lost_after": 1.0 }),
            Self::FirstInVain => {
                let statuses: BTreeMap<_, _> =
                    references.take(IN_VAIN).map(|reference| (reference, 503)).collect();
                json!({ "error_statuses": statuses })
            }
        }
    }
}

impl Ground {
    /// With so many calls at once.
    async fn prepare(setting: Setting, concurrency: u32) -> Self {
        let payments = Payments::new();
        let naive = setting == Setting::NaiveAndStrict;
        let faults = json!({ "naive": naive });
        let provider = Provider::start(7, &faults, payments.folder()).await;
        let (lookout, brake) = (Arc::<Lookout>::default(), Brake::default());
        let watching = Arc::clone(&lookout);
        let http = HttpProxy::start(provider.address(), &brake, move |exchange| {
            watching.exchange(exchange)
        })
        .await;
        let (api, policy) = if naive { ("v1", "strict") } else { ("v2", "resend") };
        // As short as the relations of the configuration allow.
        let settings = format!(
            "api = \"{api}\"\nrate_per_second = 500\nburst = 20\nconcurrency = {concurrency}\n\
             [retry]\nlease = \"400ms\"\ndelays = [\"200ms\", \"1s\"]\nmax_age = \"10m\"\n\
             [in_doubt]\npolicy = \"{policy}\"\nfirst_lookup = \"50ms\"\nquarantine = \"3500ms\"\n"
        );
        payments.configure(&http.url(), &settings);
        let outcome = Outcome::default();
        Self {
            setting,
            payments,
            provider,
            lookout,
            brake,
            _http: http,
            cases: 0,
            rows: 0,
            outcome,
        }
    }

    async fn kill_at(&mut self, plot: Plot, point: Point, nth: u64) {
        self.begin(ROWS);
        let name = format!("batch, {:?}, {plot:?}, {point:?} {nth}", self.setting);
        self.set_faults(plot.trouble(self.references())).await;
        self.lookout.await_point(point, nth);
        let mut program = self.payments.start(&self.file("csv"));
        if plot == Plot::FirstInVain {
            for reference in self.references().take(IN_VAIN) {
                let asked = async || self.provider.requests_for("create", &reference).await.len();
                until("a create in vain", LONG, async || asked().await > 0).await;
            }
            self.set_faults(json!({})).await;
        }
        let reached = timeout(LONG, self.brake.pulled()).await;
        assert!(reached.is_ok(), "{name}: never reached\n{}", program.tail());
        assert!(program.is_running(), "{name}: it ended by itself\n{}", program.tail());
        program.kill().await;
        self.brake.release();
        self.lookout.all_ended();
        self.outcome.deaths += 1;
        self.outcome.kills += 1;
        self.set_faults(json!({})).await;
        self.go_on(&name).await;
    }

    /// Ends a batch at a page of its store's WAL, at every second one in its middle. False if it has
    /// not so many.
    async fn end_at_page(&mut self, page: u64) -> bool {
        self.begin(ROWS);
        let half = if page.is_multiple_of(2) { PAGE / 2 } else { 0 };
        let ended = self.run_limited(WAL_HEADER + page * FRAME + half).await;
        let name = format!("batch, {:?}, page {page}", self.setting);
        let is_ended = ended.signal == Some(SIGXFSZ);
        assert!(is_ended || ended.signal.is_none(), "{name}:\n{}", ended.log);
        self.go_on(&name).await;
        is_ended
    }

    /// Runs a batch that ends where it writes a byte beyond this one to any file.
    async fn run_limited(&mut self, size: u64) -> Ended {
        let locks = ("TMPDIR".to_owned(), self.payments.folder().display().to_string());
        let arguments = self.payments.arguments(&self.file("csv"));
        let log = self.payments.path(&self.file("log")); // a file too, and short
        let starter = ["prlimit", &*format!("--fsize={size}")];
        let program = Program::start_by(&starter, &arguments, &[locks], log);
        self.ended(program).await
    }

    async fn ended(&mut self, mut program: Program) -> Ended {
        let signal = program.status(LONG).await.signal();
        self.outcome.deaths += u64::from(signal.is_some());
        Ended { signal, log: program.tail() }
    }

    /// A new file.
    fn begin(&mut self, rows: usize) {
        self.cases += 1;
        self.write(rows);
    }

    fn write(&mut self, rows: usize) {
        self.rows = rows;
        self.payments.write(&self.file("csv"), self.references());
    }

    fn file(&self, ending: &str) -> String {
        format!("pay{}.{ending}", self.cases)
    }

    /// Long ones, so that the report of many rows is larger than what the store writes meanwhile.
    fn references(&self) -> impl Iterator<Item = String> + use<> {
        let (case, rows) = (self.cases, self.rows);
        (1..=rows).map(move |row| format!("c{case}-{row:030}"))
    }

    async fn set_faults(&self, mut faults: Value) {
        faults["naive"] = json!(self.setting == Setting::NaiveAndStrict);
        self.provider.set_faults(faults).await;
    }

    /// Runs the batch again, with some rows more: these show that it goes on, and show details to it.
    async fn go_on(&mut self, name: &str) {
        self.write(ROWS + LATER);
        let tally = self.run_again(name).await;
        self.count(&tally, self.unresolved_max());
    }

    /// Runs the batch to its end.
    async fn run_again(&self, name: &str) -> Tally {
        let mut program = self.payments.start(&self.file("csv"));
        let code = program.status(LONG).await.code();
        assert!(matches!(code, Some(0 | 1)), "{name}: {code:?}\n{}", program.tail());
        let tally = self.tally().await;
        match self.setting {
            Setting::Refusing => tally.assert_one_link_each(name),
            Setting::NaiveAndStrict => tally.assert_one_link_or_unresolved(name),
        }
        let most = self.unresolved_max();
        assert!(tally.unresolved <= most, "{name}: {tally:?}, {most} may be unresolved");
        assert_eq!(code, Some(i32::from(tally.unresolved > 0)), "{name}:\n{}", program.tail());
        self.assert_store_is_whole(name);
        tally
    }

    fn count(&mut self, tally: &Tally, unresolved_max: u64) {
        self.outcome.tally.add(tally);
        self.outcome.unresolved_max += unresolved_max;
    }

    /// Under the strict setting what is in flight at the kill may be left to a person.
    fn unresolved_max(&self) -> u64 {
        match self.setting {
            Setting::Refusing => 0,
            Setting::NaiveAndStrict => ROWS as u64,
        }
    }

    /// Counts the rows of the file by the report and the ledger. Each has one line, in the file's order.
    async fn tally(&self) -> Tally {
        let mut links = BTreeMap::<String, Vec<String>>::new();
        for made in self.provider.links().await {
            links.entry(made.reference).or_default().push(made.link);
        }
        let report = self.payments.report(&self.file("results.csv"));
        let expected: Vec<_> = (2..).zip(self.references()).collect();
        let rows: Vec<_> = report.iter().map(|line| (line.row, line.reference.clone())).collect();
        assert_eq!(rows, expected, "a row has no line, or two");
        let mut tally = Tally::default();
        for line in &report {
            let own = links.get(&line.reference).map_or(&[][..], |links| links);
            let is = |outcome: &str| u64::from(line.outcome == outcome);
            let is_lost = !["created", "failed", "unresolved"].contains(&&*line.outcome);
            tally.add(&Tally {
                intents: 1,
                links: own.len() as u64,
                references: u64::from(!own.is_empty()),
                doubled: u64::from(own.len() > 1),
                lost: u64::from(is_lost),
                failed: is("failed"),
                created: is("created"),
                unresolved: is("unresolved"),
                events: 1,
                event_ids: 1,
                false_links: u64::from(!line.link.is_empty() && !own.contains(&line.link)),
                ..Tally::default()
            });
        }
        tally
    }

    /// Whatever was torn is mended, and each row has its event.
    fn assert_store_is_whole(&self, name: &str) {
        let path = self.payments.path(&self.file("smartsend.db"));
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let first = |sql: &str| store.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(first("PRAGMA integrity_check"), "ok", "{name}");
        let ended = "SELECT CAST(count(event) AS TEXT) FROM places JOIN intents ON id = intent
                     WHERE state IN ('done', 'parked')";
        assert_eq!(first(ended), self.rows.to_string(), "{name}");
    }

    async fn end(mut self) -> Outcome {
        self.outcome.provider_faults = self.provider.faults_met().await;
        self.outcome
    }
}
