//! One installation, on which one worker after the other is killed at a point.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::TcpListener;
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::point::{Plot, Point};
use super::site::Site;
use crate::support::intents::intent_with;
use crate::support::parked::Parked;
use crate::support::scenario::Scenario;
use crate::support::tally::{Evidence, Tally};
use crate::support::waiting::until;
use crate::support::worker::Worker;

/// What the provider does with a second create, and what the worker does about that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// It refuses the second link of a reference, and what is not found is sent once more.
    Refusing,
    /// It would make a second link, and the setting is strict.
    NaiveAndStrict,
}

/// What is done on one installation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// One after the other.
    pub(super) plots: &'static [Plot],
    pub(super) setting: Setting,
    /// Whether every third intent is published twice.
    pub(super) twice: bool,
    /// The worker is killed at a point's first passage, at its second, and so on up to this one.
    pub(super) nth_max: u64,
}

/// The outcome of a course.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// How often the program has died at a point.
    pub(super) deaths: u64,
    /// How often of these by SIGKILL.
    pub(super) kills: u64,
    /// How many intents may be left to a person.
    pub(super) unresolved_max: u64,
    /// Requests that the provider did not answer as it should.
    pub(super) provider_faults: u64,
}

/// The intents that were there at one kill.
struct Case {
    name: String,
    plot: Plot,
    references: Vec<String>,
}

/// How many intents there are when the worker is killed, and how many come after that.
const BATCH: u64 = 8;
const LATER: u64 = 2;
/// How many creates are lost where some are. With one more in a row the gate would close, and the
/// rest would go out one per probe, which come ever more rarely.
const LOST: u64 = 4;
/// Calls at once. As many deliveries again wait.
const CONCURRENCY: &str = "4";
/// How long it may take until a point is reached, or all is at rest again.
const LONG: Duration = Duration::from_mins(2);

/// See the module.
pub(super) struct Ground {
    course: Course,
    site: Site,
    worker: Option<Worker>,
    cases: Vec<Case>,
    settled: HashSet<String>,
    read: usize,
}

/// Kills a worker at each point of the course, lets the next one bring everything to rest after
/// each time, and counts.
pub(super) async fn run(course: Course) -> Outcome {
    let mut ground = Ground::prepare(course).await;
    ground.warm_up().await;
    for plot in course.plots {
        for point in plot.points() {
            let nth_max = if point.comes_once() { 1 } else { course.nth_max };
            for nth in 1..=nth_max {
                ground.kill_at(*plot, *point, nth).await;
            }
        }
    }
    ground.count().await
}

impl Course {
    fn faults(self, faults: &Value) -> Value {
        let mut faults = faults.clone();
        faults["naive"] = json!(self.setting == Setting::NaiveAndStrict);
        faults
    }

    /// What the provider does until the worker is killed.
    fn trouble(self, plot: Plot) -> Value {
        self.faults(&match plot {
            Plot::Plain | Plot::Unreachable | Plot::OverLimit => json!({}),
            Plot::AnswersLost => json!({ "lost_after": 1.0 }),
            Plot::CreatesLost => json!({ "lost_before": 1.0 }),
            Plot::Throttled => json!({ "throttle": { "share": 1.0, "retry_after": "60" } }),
            Plot::Stopping => json!({ "latency_ms": 300 }),
        })
    }

    /// Under each setting both APIs have their turn, and so has each with copies.
    fn api(self) -> &'static str {
        match (self.setting, self.twice) {
            (Setting::Refusing, false) | (Setting::NaiveAndStrict, true) => "v2",
            (Setting::Refusing, true) | (Setting::NaiveAndStrict, false) => "v1",
        }
    }

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let mut settings = vec![("merchants.default.concurrency", CONCURRENCY)];
        match self.setting {
            // What was not found is parked unless details has shown a link within the quarantine,
            // and the lookup for that is given up after `hold`, on a busy machine too.
            Setting::Refusing => settings.push(("in_doubt.first_lookup", "50ms")),
            // As short as the relations of the configuration allow.
            Setting::NaiveAndStrict => settings.extend([
                ("retry.lease", "400ms"),
                ("in_doubt.quarantine", "3500ms"),
                ("in_doubt.policy", "strict"),
            ]),
        }
        settings
    }
}

impl Ground {
    async fn prepare(course: Course) -> Self {
        let faults = course.faults(&json!({}));
        let mut site = Site::prepare(async || Scenario::with_faults(faults).await).await;
        for (key, value) in course.settings() {
            site.scenario.set(key, value);
        }
        site.scenario.set("merchants.default.api", course.api());
        let mut ground = Self {
            course,
            site,
            worker: None,
            cases: Vec::new(),
            settled: HashSet::new(),
            read: 0,
        };
        ground.reach_provider(true);
        ground
    }

    fn reach_provider(&mut self, reachable: bool) {
        let url = if reachable {
            self.site.http.url()
        } else {
            // A port that was free a moment ago refuses connections.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        self.site.scenario.set("merchants.default.api_url", &format!("{url}/payout"));
    }

    /// Details has shown a link to the first worker too, when its turn comes.
    async fn warm_up(&mut self) {
        self.worker = Some(self.site.scenario.ready_worker().await);
        self.begin(Plot::Plain, "warm-up".to_owned());
        self.publish(0..LATER).await;
        self.rest().await;
    }

    async fn kill_at(&mut self, plot: Plot, point: Point, nth: u64) {
        let Course { setting, twice, .. } = self.course;
        let twice = if twice { ", twice" } else { "" };
        let name = format!("{setting:?}{twice}, {plot:?}, {point:?} {nth}");
        self.begin(plot, name.clone());
        let mut worker = self.reach(plot, (point, nth)).await;
        assert!(worker.program.is_running(), "{name}: it ended by itself");
        worker.program.kill().await;
        self.site.brake.release();
        self.site.lookout.all_ended();
        self.reach_provider(true);
        self.site.scenario.provider.set_faults(self.course.faults(&json!({}))).await;
        self.worker = Some(self.site.scenario.worker());
        // These show details to the next worker, and that it goes on.
        self.publish(BATCH..BATCH + LATER).await;
        self.rest().await;
    }

    /// Brings a worker to a point, and returns it, still alive.
    async fn reach(&mut self, plot: Plot, point: (Point, u64)) -> Worker {
        let fresh = point.0.comes_at_the_start() || plot == Plot::Unreachable;
        if let Some(worker) = self.worker.take_if(|_| fresh) {
            worker.stop().await;
        }
        self.site.scenario.provider.set_faults(self.course.trouble(plot)).await;
        let at_once = !matches!(plot, Plot::Stopping | Plot::CreatesLost);
        if at_once {
            self.site.lookout.await_point(point.0, point.1);
        }
        let at_first = if plot == Plot::CreatesLost { LOST } else { BATCH };
        self.publish(0..at_first).await;
        self.reach_provider(plot != Plot::Unreachable);
        let worker = self.worker.take().unwrap_or_else(|| self.site.scenario.worker());
        if plot == Plot::Stopping {
            until("a create in flight", LONG, async || self.sent().await > 0).await;
            self.site.lookout.await_point(point.0, point.1);
            worker.program.terminate().await;
        }
        if plot == Plot::CreatesLost {
            // Each is lost once, and what comes after that is let through.
            until("all to be lost", LONG, async || self.sent().await >= LOST).await;
            self.site.scenario.provider.set_faults(self.course.faults(&json!({}))).await;
            self.publish(LOST..BATCH).await;
            self.site.lookout.await_point(point.0, point.1);
        }
        let reached = timeout(LONG, self.site.brake.pulled()).await;
        assert!(reached.is_ok(), "{}: never reached\n{}", self.case().name, worker.program.tail());
        worker
    }

    /// For how many references of this case a link has been asked.
    async fn sent(&self) -> u64 {
        let begin = self.reference("");
        let ledger = self.site.scenario.provider.ledger().await;
        let requests = ledger["requests"].as_array().unwrap().iter();
        let references: HashSet<_> = requests
            .filter(|request| request["kind"] == "create")
            .filter_map(|request| request["reference"].as_str())
            .filter(|reference| reference.starts_with(&begin))
            .collect();
        references.len() as u64
    }

    fn begin(&mut self, plot: Plot, name: String) {
        self.cases.push(Case { name, plot, references: Vec::new() });
    }

    fn case(&self) -> &Case {
        self.cases.last().unwrap()
    }

    fn reference(&self, number: impl Display) -> String {
        format!("c{}-{number}", self.cases.len())
    }

    async fn publish(&mut self, numbers: Range<u64>) {
        let references: Vec<_> = numbers.map(|number| self.reference(number)).collect();
        let over_limit = self.case().plot == Plot::OverLimit;
        let amount = if over_limit { "200000.01" } else { "100.50" };
        let copies = |n: usize| if self.course.twice && n.is_multiple_of(3) { 2 } else { 1 };
        let intents: Vec<_> = references
            .iter()
            .enumerate()
            .map(|(n, reference)| (intent_with(reference, &json!({ "amount": amount })), copies(n)))
            .flat_map(|(intent, copies)| (0..copies).map(move |copy| (intent.clone(), copy)))
            .collect();
        self.site.scenario.publish_copies(intents).await;
        self.cases.last_mut().unwrap().references.extend(references);
    }

    /// Waits until every intent has its outcome and nothing is left to do.
    async fn rest(&mut self) {
        let resting = async {
            while !self.at_rest().await {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(LONG, resting).await.is_ok() {
            return;
        }
        let references = self.cases.iter().flat_map(|case| &case.references);
        let open: Vec<_> =
            references.filter(|reference| !self.settled.contains(*reference)).collect();
        let (left, in_flight) =
            (self.site.scenario.work_left().await, self.site.lookout.in_flight());
        let name = &self.case().name;
        panic!(
            "{name}: {left} are left in the queues, {in_flight} in flight, no outcome: {open:?}"
        );
    }

    async fn at_rest(&mut self) -> bool {
        let new = self.site.results.from(self.read);
        self.read += new.len();
        let subjects = new.iter().map(|message| message.event()["subject"].to_string());
        self.settled.extend(subjects.map(|subject| subject.trim_matches('"').to_owned()));
        let published: usize = self.cases.iter().map(|case| case.references.len()).sum();
        self.settled.len() == published
            && self.site.lookout.in_flight() == 0
            && self.site.scenario.work_left().await == 0
            && self.site.lookout.in_flight() == 0
    }

    async fn count(mut self) -> Outcome {
        // A copy on its way from a retry queue back is in no queue's count of what is ready.
        until("all to be at rest", LONG, async || {
            self.at_rest().await && self.site.scenario.work_total().await == 0
        })
        .await;
        let worker = self.worker.take().unwrap();
        self.site.scenario.finish(worker).await;
        assert_eq!(self.site.scenario.work_total().await, 0, "{:?}: work is left", self.course);
        let provider = &self.site.scenario.provider;
        let results = self.site.results.all().await;
        let evidence = Evidence::gather(provider.links().await, &results);
        let parked = self.site.scenario.parked().await.all().await;
        let mut outcome =
            Outcome { provider_faults: provider.faults_met().await, ..Outcome::default() };
        for case in &self.cases {
            let tally = evidence.tally(case.references.iter().cloned());
            self.judge(case, &tally);
            outcome.tally.add(&tally);
            outcome.unresolved_max += self.unresolved_max(case);
        }
        outcome.kills = self.cases.len() as u64 - 1; // without the warm-up
        outcome.deaths = outcome.kills;
        // At most what waits and what is being called is in flight.
        Parked::gather(&parked, &results)
            .assert_as_announced("crash points", BATCH * outcome.kills);
        outcome
    }

    /// How many may be left to a person: all that are above the limit, and under the strict setting
    /// what is in flight when the worker is killed. None that came after that.
    fn unresolved_max(&self, case: &Case) -> u64 {
        match (case.plot, self.course.setting) {
            (Plot::OverLimit, _) => case.references.len() as u64,
            (_, Setting::Refusing) => 0,
            (_, Setting::NaiveAndStrict) => BATCH,
        }
    }

    fn judge(&self, case: &Case, tally: &Tally) {
        let name = &case.name;
        match (case.plot, self.course.setting) {
            (Plot::OverLimit, _) => {
                tally.assert_nothing_lost_or_doubled(name);
                assert_eq!((tally.links, tally.unresolved), (0, tally.intents), "{name}");
            }
            (_, Setting::Refusing) => tally.assert_one_link_each(name),
            (_, Setting::NaiveAndStrict) => {
                tally.assert_one_link_or_unresolved(name);
                let most = self.unresolved_max(case);
                assert!(tally.unresolved <= most, "{name}: {tally:?}, {most} may be unresolved");
            }
        }
    }
}
