//! One installation, on which one worker after the other is killed at a point while it cancels and
//! extends links.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::ground::Outcome;
use super::point::Point;
use super::site::Site;
use crate::support::commands::{Action, Command};
use crate::support::intents::intent;
use crate::support::lives::Lives;
use crate::support::parked::Parked;
use crate::support::scenario::Scenario;
use crate::support::tally::Evidence;
use crate::support::waiting::until;
use crate::support::worker::Worker;

/// What happens to a batch of commands until the worker is killed, so that it passes some points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plot {
    /// Links are cancelled, and everything goes well.
    Cancels,
    /// Links are extended, and everything goes well.
    Extends,
    /// Every answer is lost after the link was changed.
    AnswersLost,
    /// Every request is lost before the link was changed, and is sent once more after the quarantine.
    RequestsLost,
    /// The commands come before their intents, and wait on a retry queue.
    NotYet,
}

/// What is done on one installation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// One after the other.
    pub(super) plots: &'static [Plot],
    pub(super) api: &'static str,
    /// The worker is killed at a point's first passage, at its second, and so on up to this one.
    pub(super) nth_max: u64,
}

/// The outcome of a course.
pub(super) struct Done {
    pub(super) api: &'static str,
    pub(super) outcome: Outcome,
    pub(super) commands: u64,
}

/// How many links there are when the worker is killed, and how many come after that. Every third
/// command is published twice.
const BATCH: u64 = 6;
const LATER: u64 = 1;
/// How many requests are lost where some are. With one more in a row the gate would close.
const LOST: u64 = 4;
/// Calls at once, of which commands have half. As many deliveries again wait.
const CONCURRENCY: &str = "8";
const IN_FLIGHT: u64 = 8;
/// Of 500.
const COMMANDS_PER_SECOND: u64 = 250;
/// How long it may take until a point is reached, or all is at rest again.
const LONG: Duration = Duration::from_mins(2);
/// 2100-01-01, later than any link ends by itself.
const FAR: i64 = 4_102_444_800;

struct Ground {
    course: Course,
    site: Site,
    worker: Option<Worker>,
    /// The name of each kill.
    cases: Vec<String>,
    references: Vec<String>,
    commands: Vec<Command>,
    open: HashSet<String>,
    read: usize,
}

/// Kills a worker at each point of the course, lets the next one bring everything to rest after
/// each time, and counts.
pub(super) async fn run(course: Course) -> Done {
    let mut ground = Ground::prepare(course).await;
    for plot in course.plots {
        for point in plot.points() {
            for nth in 1..=course.nth_max {
                ground.kill_at(*plot, *point, nth).await;
            }
        }
    }
    ground.count().await
}

impl Plot {
    /// The points that a worker passes in it.
    fn points(self) -> &'static [Point] {
        use Point::*;
        match self {
            Self::Cancels => &[
                Delivered,
                ChangeWritten,
                ChangeAnswered,
                ChangeHeard,
                LookWritten,
                LookAnswered,
                LookHeard,
                EventWritten,
                EventTaken,
                EventConfirmed,
                AckWritten,
                AckPassed,
            ],
            // What comes after these is as for a cancel.
            Self::Extends => {
                &[LookWritten, LookAnswered, LookHeard, ChangeWritten, ChangeAnswered, ChangeHeard]
            }
            Self::AnswersLost => &[LookWritten, LookAnswered, LookHeard],
            Self::RequestsLost => &[StillOursAsked, ResendWritten, ResendAnswered, ResendHeard],
            Self::NotYet => &[CopyWritten, CopyTaken, CopyConfirmed],
        }
    }

    /// What the provider does until the worker is killed.
    fn trouble(self) -> Value {
        let of_commands =
            |faults: Value| json!({ "cancel_faults": faults, "extend_faults": faults });
        match self {
            Self::Cancels | Self::Extends | Self::NotYet => json!({}),
            Self::AnswersLost => of_commands(json!({ "lost_after": 1.0 })),
            Self::RequestsLost => of_commands(json!({ "lost_before": 1.0 })),
        }
    }

    fn is_extended(self, number: u64) -> bool {
        match self {
            Self::Cancels => false,
            Self::Extends => true,
            Self::AnswersLost | Self::RequestsLost | Self::NotYet => !number.is_multiple_of(2),
        }
    }
}

impl Ground {
    async fn prepare(course: Course) -> Self {
        let declared =
            async || Scenario::with_commands(&["default"], COMMANDS_PER_SECOND, json!({})).await;
        let mut site = Site::prepare(declared).await;
        for (key, value) in [
            ("merchants.default.concurrency", CONCURRENCY),
            ("merchants.default.api", course.api),
            ("in_doubt.first_lookup", "50ms"),
            // As short as the relations of the configuration allow.
            ("retry.lease", "400ms"),
            ("in_doubt.quarantine", "3500ms"),
        ] {
            site.scenario.set(key, value);
        }
        Self {
            course,
            site,
            worker: None,
            cases: Vec::new(),
            references: Vec::new(),
            commands: Vec::new(),
            open: HashSet::new(),
            read: 0,
        }
    }

    async fn kill_at(&mut self, plot: Plot, point: Point, nth: u64) {
        let name = format!("{}, {plot:?}, {point:?} {nth}", self.course.api);
        self.cases.push(name.clone());
        let mut worker = self.worker.take().unwrap_or_else(|| self.site.scenario.worker());
        self.reach(plot, (point, nth)).await;
        let reached = timeout(LONG, self.site.brake.pulled()).await;
        assert!(reached.is_ok(), "{name}: never reached\n{}", worker.program.tail());
        assert!(worker.program.is_running(), "{name}: it ended by itself");
        worker.program.kill().await;
        self.site.brake.release();
        self.site.lookout.all_ended();
        self.site.scenario.provider.set_faults(json!({})).await;
        self.worker = Some(self.site.scenario.worker());
        if plot == Plot::NotYet {
            self.publish_intents(0..BATCH).await;
        }
        // These show that it goes on.
        self.publish_intents(BATCH..BATCH + LATER).await;
        self.publish_commands(plot, BATCH..BATCH + LATER).await;
        self.rest().await;
    }

    /// Does what leads the worker to a point.
    async fn reach(&mut self, plot: Plot, point: (Point, u64)) {
        if plot != Plot::NotYet {
            self.publish_intents(0..BATCH).await;
            self.rest().await;
        }
        self.site.scenario.provider.set_faults(plot.trouble()).await;
        if plot == Plot::RequestsLost {
            // Each is lost once, and what comes after that is let through.
            self.publish_commands(plot, 0..LOST).await;
            until("all to be lost", LONG, async || self.asked().await >= LOST).await;
            self.site.scenario.provider.set_faults(json!({})).await;
            self.site.lookout.await_point(point.0, point.1);
            self.publish_commands(plot, LOST..BATCH).await;
        } else {
            self.site.lookout.await_point(point.0, point.1);
            self.publish_commands(plot, 0..BATCH).await;
        }
    }

    /// How many references of this case have been asked to be changed.
    async fn asked(&self) -> u64 {
        let begin = self.reference("");
        let ledger = self.site.scenario.provider.ledger().await;
        let requests = ledger["requests"].as_array().unwrap().iter();
        let references: HashSet<_> = requests
            .filter(|request| request["kind"] == "cancel" || request["kind"] == "extend")
            .filter_map(|request| request["reference"].as_str())
            .filter(|reference| reference.starts_with(&begin))
            .collect();
        references.len() as u64
    }

    fn reference(&self, number: impl Display) -> String {
        format!("c{}-{number}", self.cases.len())
    }

    async fn publish_intents(&mut self, numbers: Range<u64>) {
        let references: Vec<_> = numbers.map(|number| self.reference(number)).collect();
        self.site.scenario.publish_many(references.iter().map(|it| intent(it))).await;
        self.open.extend(references.iter().cloned());
        self.references.extend(references);
    }

    async fn publish_commands(&mut self, plot: Plot, numbers: Range<u64>) {
        let mut commands = Vec::new();
        for number in numbers {
            let reference = self.reference(number);
            let action = if plot.is_extended(number) {
                Action::Extend(Timestamp::from_second(FAR).unwrap())
            } else {
                Action::Cancel
            };
            for copy in 0..if number % 3 == 1 { 2 } else { 1 } {
                let merchant = "default".to_owned();
                let (reference, id) = (reference.clone(), format!("{reference}/{copy}"));
                commands.push(Command { merchant, reference, id, action });
            }
        }
        self.site.scenario.publish_commands(&commands).await;
        self.open.extend(commands.iter().map(|command| command.id.clone()));
        self.commands.extend(commands);
    }

    /// Waits until everything has its end and nothing is left to do.
    async fn rest(&mut self) {
        let resting = async {
            while !self.at_rest().await {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(LONG, resting).await.is_err() {
            let (left, in_flight) =
                (self.site.scenario.work_left().await, self.site.lookout.in_flight());
            let (name, open) = (self.cases.last().unwrap(), &self.open);
            panic!(
                "{name}: {left} are left in the queues, {in_flight} in flight, no end: {open:?}"
            );
        }
    }

    async fn at_rest(&mut self) -> bool {
        let new = self.site.results.from(self.read);
        self.read += new.len();
        for message in &new {
            self.open.remove(&message.answers());
        }
        self.open.is_empty()
            && self.site.lookout.in_flight() == 0
            && self.site.scenario.work_left().await == 0
            && self.site.lookout.in_flight() == 0
    }

    async fn count(mut self) -> Done {
        // A copy on its way from a retry queue back is in no queue's count of what is ready.
        until("all to be at rest", LONG, async || {
            self.at_rest().await && self.site.scenario.work_total().await == 0
        })
        .await;
        let worker = self.worker.take().unwrap();
        let scenario = &self.site.scenario;
        scenario.finish(worker).await;
        let results = self.site.results.all().await;
        let parked = scenario.parked().await.all().await;
        let provider_faults = scenario.provider.faults_met().await;
        let links = scenario.provider.links().await;
        let what = format!("crash points of commands, {}", self.course.api);
        let verdicts = Lives::gather(&links, &results).judge(&self.commands);
        // Nobody but the worker changes a link, so no end can change.
        verdicts.assert_true(&what, 0);
        let tally = Evidence::gather(links, &results).tally(self.references);
        tally.assert_nothing_lost_or_doubled(&what);
        assert_eq!((tally.links, tally.references), (tally.intents, tally.intents), "{what}");
        let parked = Parked::gather(&parked, &results);
        parked.assert_as_announced(&what, IN_FLIGHT * self.cases.len() as u64);
        let (kills, unresolved_max) = (self.cases.len() as u64, 0);
        Done {
            api: self.course.api,
            outcome: Outcome { tally, deaths: kills, kills, unresolved_max, provider_faults },
            commands: self.commands.len() as u64,
        }
    }
}
