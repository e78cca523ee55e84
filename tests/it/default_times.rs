//! The real binary with the times that it has by default: ten requests a second, the first lookup
//! after five seconds, a quarantine of five minutes. Nearly every intent is published twice.
//!
//! `SMARTSEND_DEFAULTS_INTENTS` says how many intents each trouble takes, and
//! `SMARTSEND_DEFAULTS_UNMADE` how many creates are lost before the link: none by default, since
//! each is sent again only after the quarantine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::support::intents::intent;
use crate::support::proof::{Row, size};
use crate::support::results::{Collector, Message};
use crate::support::scenario::Scenario;
use crate::support::tally::Evidence;
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// What the account allows by default in one second, and at once.
const RATE: u64 = 10;
const BURST: u64 = 2;
const QUARANTINE: Duration = Duration::from_mins(5);
/// Patience with what has come twice: the copy that meets the other one waits on a retry queue, and on
/// the next longer one if it meets it again.
const COPIES: Duration = Duration::from_mins(2);

/// The installation, its worker, and what was published.
struct Ground {
    scenario: Scenario,
    results: Collector,
    worker: Worker,
    published: BTreeMap<String, Timestamp>,
}

#[expect(clippy::disallowed_methods, reason = "a test shows when it published what")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn subject(message: &Message) -> String {
    message.event()["subject"].as_str().unwrap().to_owned()
}

impl Ground {
    async fn new(faults: Value) -> Self {
        let scenario = Scenario::with_default_times(faults).await;
        let results = scenario.results().await;
        let worker = scenario.ready_worker().await;
        Self { scenario, results, worker, published: BTreeMap::new() }
    }

    async fn publish(&mut self, references: impl IntoIterator<Item = String>) {
        self.publish_copies(references, 1).await;
    }

    async fn publish_twice(&mut self, references: impl IntoIterator<Item = String>) {
        self.publish_copies(references, 2).await;
    }

    async fn publish_copies(
        &mut self,
        references: impl IntoIterator<Item = String>,
        copies: usize,
    ) {
        let references: Vec<_> = references.into_iter().collect();
        let all = references.iter().flat_map(|reference| vec![intent(reference); copies]);
        self.scenario.publish_many(all).await;
        for reference in references {
            self.published.entry(reference).or_insert_with(now);
        }
    }

    /// Publishes some, of which every fifth create or so is lost.
    async fn lose_before_the_link(&mut self, references: impl Iterator<Item = String>) {
        let provider = &self.scenario.provider;
        let before = provider.requests("create").await;
        provider.set_faults(json!({ "lost_before": 0.2 })).await;
        let references: Vec<_> = references.collect();
        let all = before + references.len() as u64;
        self.publish(references).await;
        let provider = &self.scenario.provider;
        until("each to be sent once", SOON, async || provider.requests("create").await >= all)
            .await;
        provider.set_faults(json!({})).await;
    }

    /// Waits until all but so many have an event.
    async fn settled(&self, but: usize, within: Duration) {
        let (mut read, mut settled) = (0, BTreeSet::new());
        until(&format!("events for all but {but}"), within, async || {
            let new = self.results.from(read);
            read += new.len();
            settled.extend(new.iter().map(subject));
            settled.len() + but >= self.published.len()
        })
        .await;
    }

    /// How long after its publish each has had its first event.
    async fn ages(&self) -> BTreeMap<String, Duration> {
        let mut ages = BTreeMap::new();
        for message in self.results.all().await {
            let (reference, event) = (subject(&message), message.event());
            let at: Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            let age = at.duration_since(self.published[&reference]);
            let age = Duration::try_from(age).unwrap_or_default(); // it may come before the confirm
            ages.entry(reference).or_insert(age);
        }
        ages
    }

    /// Whatever goes wrong, no second has more requests than the account allows. The limiter spaces
    /// the sends, and the ledger has the arrivals, which a busy machine may bunch.
    async fn assert_pace(&self) {
        let summary = self.scenario.provider.summary().await;
        let most = summary["fullest_second"]["1111310"]["all"].as_u64().unwrap();
        assert!(most <= RATE + BURST + RATE / 4, "{most} requests in one second");
    }
}

#[tokio::test]
async fn an_intent_that_is_always_answered_403_holds_nobody_up() {
    const OTHERS: usize = 40;
    let mut ground = Ground::new(json!({ "error_statuses": { "odd": 403 } })).await;
    ground.publish(["odd".to_owned()]).await;
    let mut each_second = interval(Duration::from_secs(1));
    each_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..OTHERS {
        each_second.tick().await;
        ground.publish_twice([format!("other-{number}")]).await;
    }
    ground.settled(3, Duration::from_mins(1)).await;
    let ages = ground.ages().await;
    let soon = ages.values().filter(|age| **age <= Duration::from_mins(1)).count();
    assert!(soon >= OTHERS - 2, "{ages:?}");
    ground.assert_pace().await;
    // It waits for its end on the longest retry queue, and has no event before.
    until("it alone to be left", COPIES, async || ground.scenario.work_total().await == 1).await;
    assert_eq!(ground.scenario.depth("smartsend.retry.10m").await, 1);
    assert!(!ages.contains_key("odd"));
    let asked = ground.scenario.provider.requests_for("create", "odd").await;
    assert!((3..=6).contains(&asked.len()), "{asked:?}");
    let Ground { scenario, results, worker, published } = ground;
    worker.stop().await;
    let tally = Evidence::gather(scenario.provider.links().await, &results.all().await)
        .tally(published.into_keys().filter(|reference| ages.contains_key(reference)));
    let row = tally.row("default times: one is always answered 403".to_owned());
    Row { faults: asked.len() as u64, ..row }.show();
    tally.assert_one_link_each("one is always answered 403");
    assert_eq!(scenario.depth("smartsend.parked").await, 0);
}

#[tokio::test]
async fn every_intent_has_its_link_through_lost_answers_and_errors_and_a_throttle() {
    let count = size("SMARTSEND_DEFAULTS_INTENTS", 40);
    let unmade = size("SMARTSEND_DEFAULTS_UNMADE", 0);
    let all_sent = SOON + Duration::from_secs(2 * count / RATE);
    let mut ground = Ground::new(json!({})).await;
    let of = |trouble: &'static str, count| (0..count).map(move |n| format!("{trouble}-{n}"));
    ground.publish_twice(of("plain", count)).await;
    ground.settled(0, all_sent).await;

    let lost = json!({ "lost_after": 0.15, "error_after": 0.05, "error_status": 503 });
    ground.scenario.provider.set_faults(lost).await;
    ground.publish_twice(of("lost", count)).await;
    ground.settled(0, all_sent + COPIES).await;

    ground.lose_before_the_link(of("unmade", unmade)).await;
    ground.settled(0, all_sent + QUARANTINE).await;

    let throttle = json!({ "throttle": { "share": 1.0, "retry_after": "2" } });
    ground.scenario.provider.set_faults(throttle).await;
    ground.publish(of("throttled", count)).await;
    until("a 429", SOON, async || {
        ground.scenario.provider.summary().await["statuses"]["429"].is_u64()
    })
    .await;
    ground.scenario.provider.set_faults(json!({})).await;
    // The rate comes back step by step: an eighth, a quarter, a half for ten seconds each.
    ground.settled(0, all_sent + COPIES).await;
    // Of two copies that wait together, the one that is let through first may be another than the one
    // that was turned away: in doubt, and so for a quarantine. These find a verdict.
    ground.publish(of("throttled", count)).await;
    until("every copy to be settled", COPIES, async || ground.scenario.work_total().await == 0)
        .await;
    ground.assert_pace().await;

    let Ground { scenario, results, worker, published } = ground;
    let faults = scenario.provider.faults_met().await;
    scenario.finish(worker).await;
    let tally = Evidence::gather(scenario.provider.links().await, &results.all().await)
        .tally(published.into_keys());
    Row { faults, ..tally.row("default times: lost, late and throttled".to_owned()) }.show();
    tally.assert_one_link_each("default times");
    assert_eq!(scenario.depth("smartsend.parked").await, 0);
}
