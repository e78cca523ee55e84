//! Two workers on one merchant, distinguished by the client that each logs in as.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::support::intents::intent;
use crate::support::provider::Asked;
use crate::support::results::Collector;
use crate::support::scenario::Scenario;
use crate::support::tally::{Evidence, Tally};
use crate::support::waiting::until;
use crate::support::worker::Worker;

/// What the account allows.
pub(super) const RATE: u64 = 40;
/// And at once.
pub(super) const BURST: u64 = 5;
/// What of the rate is for commands.
const COMMANDS: u64 = 15;
/// How long a hand-over may take: the broker gives up on a frozen worker after some heartbeats.
const HAND_OVER: Duration = Duration::from_mins(1);

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    First,
    Second,
}

/// The two, on an installation of their own.
pub(super) struct Pair {
    pub(super) scenario: Scenario,
    pub(super) results: Collector,
    first: Option<Worker>,
    second: Option<Worker>,
    published: u64,
}

impl Which {
    pub(super) const BOTH: [Self; 2] = [Self::First, Self::Second];

    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The client that it logs in as.
    pub(super) fn client(self) -> &'static str {
        match self {
            Self::First => "client-first",
            Self::Second => "client-second",
        }
    }
}

impl Pair {
    /// Neither runs yet. Both will use this API.
    pub(super) async fn new(api: &str, faults: Value) -> Self {
        Self::on(Scenario::with_faults(faults).await, api).await
    }

    /// The same for a merchant that takes commands.
    pub(super) async fn with_commands(api: &str, faults: Value) -> Self {
        let scenario = Scenario::with_commands(&["default"], COMMANDS, faults).await;
        Self::on(scenario, api).await
    }

    async fn on(mut scenario: Scenario, api: &str) -> Self {
        scenario.set("merchants.default.api", api);
        scenario.set("merchants.default.rate_per_second", &RATE.to_string());
        scenario.set("merchants.default.burst", &BURST.to_string());
        let results = scenario.results().await;
        Self { scenario, results, first: None, second: None, published: 0 }
    }

    /// Starts one of them.
    pub(super) fn start(&mut self, which: Which) {
        self.scenario.set("merchants.default.client_id", which.client());
        let worker = self.scenario.worker();
        assert!(self.slot(which).replace(worker).is_none(), "it runs already");
    }

    /// Starts the first, waits until it is the active one, and starts the second beside it.
    pub(super) async fn start_both(&mut self) {
        self.start(Which::First);
        self.worker(Which::First).active("default").await;
        self.start(Which::Second);
        self.worker(Which::Second).ready().await;
    }

    /// One that runs.
    pub(super) fn worker(&self, which: Which) -> &Worker {
        let worker = match which {
            Which::First => &self.first,
            Which::Second => &self.second,
        };
        worker.as_ref().expect("it does not run")
    }

    /// Whether it says that it is the active consumer. It must not be frozen.
    pub(super) async fn is_active(&self, which: Which) -> bool {
        self.is_active_on("default", which).await
    }

    /// The same for commands.
    pub(super) async fn is_active_on_commands(&self, which: Which) -> bool {
        self.is_active_on("default/commands", which).await
    }

    async fn is_active_on(&self, work: &str, which: Which) -> bool {
        self.worker(which).status().await["merchants"][work]["consumer"]["state"] == "active"
    }

    /// Waits until one of them is the active consumer.
    pub(super) async fn takes_over(&self, which: Which) {
        until("the hand-over", HAND_OVER, async || self.is_active(which).await).await;
    }

    /// Waits until one of them is the active consumer of commands.
    pub(super) async fn takes_commands_over(&self, which: Which) {
        let taken = async || self.is_active_on_commands(which).await;
        until("the hand-over of commands", HAND_OVER, taken).await;
    }

    /// Closes the connection on which one of them consumes commands, and that one only.
    pub(super) async fn cut_commands(&self, which: Which) {
        let name = format!("smartsend/commands/default/{}", self.worker(which).program.pid());
        let close = format!(
            "Is = fun(Pid) -> [{{_, Of}}] = rabbit_networking:connection_info(Pid, \
             [client_properties]), {{_, _, <<\"{name}\">>}} = \
             lists:keyfind(<<\"connection_name\">>, 1, Of), true end, length([\
             rabbit_networking:close_connection(Pid, \"by the test\") || Pid <- \
             rabbit_networking:connections(), try Is(Pid) catch _:_ -> false end])."
        );
        assert_eq!(self.scenario.node.eval(&close).await.trim(), "1", "{name}");
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self, which: Which) {
        self.slot(which).take().unwrap().program.kill().await;
    }

    /// Publishes so many more.
    pub(super) async fn publish(&mut self, count: u64) {
        let numbers = self.published..self.published + count;
        self.published += count;
        self.scenario.publish_many(numbers.map(|number| intent(&reference(number)))).await;
    }

    /// Waits until everything that was published has an outcome, stops those that run, and counts.
    pub(super) async fn finish(mut self, name: &str, within: Duration) -> (Self, Tally) {
        let resting = async {
            loop {
                let evidence = Evidence::gather(Vec::new(), &self.results.from(0));
                let lost = evidence.tally((0..self.published).map(reference)).lost;
                // A copy of what has ended may still be in flight: to stop now would hand it back.
                if lost == 0 && self.scenario.work_total().await == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        // What has no outcome at the bound counts as lost.
        let at_rest = timeout(within, resting).await.is_ok();
        for which in Which::BOTH {
            if let Some(worker) = self.slot(which).take() {
                worker.stop().await;
            }
        }
        let events = self.results.all().await;
        let evidence = Evidence::gather(self.scenario.provider.links().await, &events);
        let tally = evidence.tally((0..self.published).map(reference));
        assert!(at_rest, "{name}: not at rest after {within:?}: {tally:?}");
        assert_eq!(self.scenario.work_total().await, 0, "{name}: work is left");
        (self, tally)
    }

    fn slot(&mut self, which: Which) -> &mut Option<Worker> {
        match which {
            Which::First => &mut self.first,
            Which::Second => &mut self.second,
        }
    }
}

/// The creates and lookups of one of them, by their times.
pub(super) fn calls_of(asked: &[Asked], which: Which) -> Vec<u64> {
    let own = asked.iter().filter(|one| one.client.as_deref() == Some(which.client()));
    own.filter(|one| one.kind != "token").map(|one| one.at_us).collect()
}

/// Asserts that no second, outside these spans, has more requests than the account allows.
///
/// The limiter spaces the sends, and the ledger has the arrivals: a busy machine may bunch what was
/// sent over a quarter of a second more. Two that send at once would be at twice the rate.
pub(super) fn assert_pace(asked: &[Asked], outside: &[(u64, u64)]) {
    const SECOND_US: u64 = 1_000_000;
    let allowed = RATE + BURST + RATE / 4;
    let times: Vec<_> = asked.iter().map(|one| one.at_us).collect();
    for (index, begin) in times.iter().enumerate() {
        let end = begin + SECOND_US;
        if outside.iter().any(|(from, until)| *begin < *until && *from < end) {
            continue;
        }
        let within = times[index..].iter().take_while(|at| **at < end).count() as u64;
        assert!(within <= allowed, "{within} requests in one second, {allowed} are allowed");
    }
}

/// The reference of an intent.
pub(super) fn reference(number: u64) -> String {
    format!("p{number}")
}
