//! One run: publish, kill and restart, let it come to rest, count.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::outcome::Outcome;
use crate::support::intents::intent_with;
use crate::support::parked::Parked;
use crate::support::results::Collector;
use crate::support::scenario::Scenario;
use crate::support::tally::Evidence;

/// How the installation is tortured.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Which API the merchant uses.
    pub(super) api: &'static str,
    /// How many intents are published.
    pub(super) intents: u64,
    /// How often the worker is killed.
    pub(super) kills: u64,
    /// Decides the moments, and which answers are lost.
    pub(super) seed: u64,
    /// Whether every twentieth intent is published twice.
    pub(super) twice: bool,
    /// Whether the provider is naive and the setting strict.
    pub(super) strict: bool,
}

/// The calls at once.
const CONCURRENCY: u64 = 32;
/// Between the moment when the worker is active and its death.
const LIFE_MS: std::ops::RangeInclusive<u64> = 50..=1500;
/// The times of the strict setting, as short as their relations allow: nothing is created for
/// quarantine and hold after a start, and that is most of what such a run takes.
const STRICT: [(&str, &str); 2] = [("retry.lease", "400ms"), ("in_doubt.quarantine", "3500ms")];
/// Quarantine and hold under the strict setting.
const HOLD_OFF_MS: u64 = 3900;
/// How long everything may take to come to rest, besides 20 ms for each intent.
const REST: Duration = Duration::from_mins(2);

impl Run {
    /// The reference of an intent.
    pub(super) fn reference(&self, number: u64) -> String {
        format!("t-{}-{number}", self.seed)
    }

    /// Whether an intent is published twice.
    pub(super) fn is_twice(&self, number: u64) -> bool {
        self.twice && number.is_multiple_of(20)
    }

    /// How many intents are there from the beginning. The others come after the last kill: what that
    /// left in doubt is sent again only by a process that has seen details show a link, and without
    /// anything new there may be none to see.
    fn early(&self) -> u64 {
        self.intents * 9 / 10
    }

    /// While the worker is killed the provider is as slow as it takes for the work to last over all
    /// the kills: `CONCURRENCY` calls at once over lives of some 0.8 s. The rate is far above that.
    fn faults_while_killed(&self) -> Value {
        self.faults(CONCURRENCY * self.kills * 900 / self.early(), 0.1)
    }

    /// Answers are lost until the end.
    fn faults_at_rest(&self) -> Value {
        self.faults(1, 0.02)
    }

    fn faults(&self, latency_ms: u64, lost_after: f64) -> Value {
        json!({
            "seed": self.seed,
            "latency_ms": latency_ms,
            "latency_jitter_ms": latency_ms / 2,
            "lost_after": lost_after,
            "naive": self.strict,
        })
    }

    fn bodies(&self, numbers: Range<u64>) -> impl Iterator<Item = (Value, usize)> {
        let copies = |number| if self.is_twice(number) { 2 } else { 1 };
        let numbers = numbers.flat_map(move |number| (0..copies(number)).map(move |n| (number, n)));
        numbers.map(|(number, copy)| {
            let amount = format!("{}.{:02}", number % 900 + 1, number % 100);
            let fields = json!({ "amount": amount, "metadata": null });
            (intent_with(&self.reference(number), &fields), copy)
        })
    }

    /// How many intents may be left to a person. Under the strict setting those that a kill finds in
    /// flight, which are what the worker calls and as many that wait.
    pub(super) fn unresolved_max(&self) -> u64 {
        if self.strict { 2 * CONCURRENCY * self.kills } else { 0 }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test shows how long it took")]
pub(super) async fn torture(run: &Run) -> Outcome {
    let begun = Instant::now();
    let mut scenario = Scenario::with_faults(run.faults_while_killed()).await;
    scenario.set("merchants.default.api", run.api);
    scenario.set("merchants.default.rate_per_second", "20000");
    scenario.set("merchants.default.burst", "200");
    scenario.set("merchants.default.concurrency", &CONCURRENCY.to_string());
    if run.strict {
        scenario.set("in_doubt.policy", "strict");
        for (key, value) in STRICT {
            scenario.set(key, value);
        }
    }
    scenario.publish_copies(run.bodies(0..run.early())).await;
    let kills = kill_again_and_again(run, &scenario).await;
    scenario.provider.set_faults(run.faults_at_rest()).await;
    scenario.publish_copies(run.bodies(run.early()..run.intents)).await;
    let results = scenario.results().await;
    let left = come_to_rest(run, &scenario, &results).await;
    let results = results.all().await;
    let evidence = Evidence::gather(scenario.provider.links().await, &results);
    let parked = scenario.parked().await;
    Outcome {
        tally: evidence.tally((0..run.intents).map(|number| run.reference(number))),
        kills,
        lost_answers: scenario.provider.faults_met().await,
        left,
        parked: Parked::gather(&parked.all().await, &results),
        seconds: begun.elapsed().as_secs(),
    }
}

/// Returns how many of the kills found work to be done.
async fn kill_again_and_again(run: &Run, scenario: &Scenario) -> u64 {
    let mut dice = StdRng::seed_from_u64(run.seed);
    let mut kills = 0;
    for number in 0..run.kills {
        let worker = scenario.worker();
        worker.active("default").await;
        // Not an order but the torture itself: a random moment.
        let mut life = dice.random_range(LIFE_MS);
        if run.strict && number % 2 == 1 {
            life += HOLD_OFF_MS;
        }
        sleep(Duration::from_millis(life)).await;
        worker.program.kill().await;
        kills += u64::from(scenario.work_left().await > 0);
    }
    kills
}

/// Lets a worker do the rest, and stops it once there is nothing more to do. Returns the
/// messages that are left at the bound.
async fn come_to_rest(run: &Run, scenario: &Scenario, results: &Collector) -> u64 {
    let bound = REST + Duration::from_millis(20) * u32::try_from(run.intents).unwrap();
    let worker = scenario.worker();
    let mut index = 0;
    let mut settled = HashSet::new();
    let mut is_settled = || {
        let new = results.from(index);
        index += new.len();
        let subjects = new.iter().map(|message| message.event()["subject"].to_string());
        settled.extend(subjects);
        settled.len() as u64 >= run.intents
    };
    let resting = async {
        while !is_settled() || scenario.work_left().await > 0 || scenario.work_total().await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    // What is missing at the bound counts as lost, and what is there as left.
    let at_rest = timeout(bound, resting).await.is_ok();
    let left = if at_rest { 0 } else { scenario.work_total().await };
    worker.stop().await;
    left
}
