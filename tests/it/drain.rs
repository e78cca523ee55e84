//! Stopping under load leaves nothing in doubt that was not in doubt before.
//!
//! Doubt would show as `redelivered`: the next worker looks such an intent up before it sends it.
//! A proxy before the broker counts every delivery with that mark.
//!
//! `SMARTSEND_DRAIN_ROUNDS` says how often a worker is stopped, `SMARTSEND_DRAIN_SEED` when.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::amqp_proxy::{AmqpProxy, Says, Seen, Way, When};
use crate::support::brake::Brake;
use crate::support::broker::Node;
use crate::support::intents::intent;
use crate::support::proof::{Row, size};
use crate::support::scenario::Scenario;
use crate::support::tally::Evidence;
use crate::support::waiting::{SOON, until};

/// How long a create takes.
const LATENCY: Duration = Duration::from_millis(40);
/// How long a worker works before it is stopped.
const LIFE_MS: std::ops::RangeInclusive<u64> = 20..=400;

/// Counts the deliveries of one scenario that the broker marks as redelivered.
struct Redelivered {
    _proxy: AmqpProxy,
    sights: Arc<Mutex<Sights>>,
}

#[derive(Default)]
struct Sights {
    /// Whether the message that is coming is marked, by connection and channel.
    coming: HashMap<(usize, u16), bool>,
    bodies: HashSet<Vec<u8>>,
    marked: u64,
    /// Marked, though no worker was ever sent it: RabbitMQ took back what was on its way when it
    /// was asked to cancel.
    never_sent: u64,
}

impl Redelivered {
    /// Stands between the broker and every worker that starts from now on.
    async fn count(scenario: &mut Scenario) -> Self {
        let sights = Arc::<Mutex<Sights>>::default();
        let watching = Arc::clone(&sights);
        let watcher = move |seen: &Seen<'_>| {
            if (seen.way, seen.when) == (Way::ToWorker, When::Before) {
                watching.lock().unwrap().see(seen);
            }
            false // never stop
        };
        let proxy = AmqpProxy::start(scenario.node.address(), &Brake::default(), watcher).await;
        scenario.set("broker.urls", &Node::url_at(proxy.port(), &scenario.vhost));
        Self { _proxy: proxy, sights }
    }

    /// How many there were, and how many of them no worker was sent before.
    fn so_far(&self) -> (u64, u64) {
        let sights = self.sights.lock().unwrap();
        (sights.marked, sights.never_sent)
    }
}

impl Sights {
    fn see(&mut self, seen: &Seen<'_>) {
        let line = (seen.connection, seen.frame.channel());
        match seen.frame.says() {
            Says::Deliver { redelivered } => {
                self.coming.insert(line, redelivered);
            }
            Says::Body => {
                let Some(marked) = self.coming.remove(&line) else { return };
                let is_new = self.bodies.insert(seen.frame.payload().to_vec());
                self.marked += u64::from(marked);
                self.never_sent += u64::from(marked && is_new);
            }
            Says::Open
            | Says::Publish { .. }
            | Says::Ack
            | Says::Qos
            | Says::Cancel
            | Says::CancelOk
            | Says::Other => {}
        }
    }
}

/// Stops one worker after the other while it works on a backlog.
async fn stopped_again_and_again(api: &str, concurrency: u64) {
    let name = format!("{concurrency} calls at once, {api}");
    let rounds = size("SMARTSEND_DRAIN_ROUNDS", 6);
    let seed = size("SMARTSEND_DRAIN_SEED", rand::random_range(1..1_000_000));
    let mut dice = StdRng::seed_from_u64(seed);
    let latency = u64::try_from(LATENCY.as_millis()).unwrap();
    // More than all of them can send: each works for 0.2 s, and stops.
    let count = rounds * 10 * concurrency + 10 * concurrency;
    let faults = json!({ "latency_ms": latency, "latency_jitter_ms": latency });
    let mut scenario = Scenario::with_faults(faults).await;
    scenario.set("merchants.default.api", api);
    scenario.set("merchants.default.rate_per_second", "10000");
    scenario.set("merchants.default.concurrency", &concurrency.to_string());
    scenario.be_patient();
    let redelivered = Redelivered::count(&mut scenario).await;
    let reference = |number: u64| format!("d{number}");
    let results = scenario.results().await;
    scenario.publish_many((0..count).map(|number| intent(&reference(number)))).await;
    for round in 0..rounds {
        let worker = scenario.worker();
        worker.active("default").await;
        sleep(Duration::from_millis(dice.random_range(LIFE_MS))).await;
        worker.stop().await;
        let left = scenario.depth("smartsend.intents.default").await;
        assert!(left > 0, "round {round}: the work was over before the stop");
    }
    let worker = scenario.worker();
    let all = results.take(usize::try_from(count).unwrap(), Duration::from_mins(2)).await;
    scenario.finish(worker).await;
    let tally = Evidence::gather(scenario.provider.links().await, &results.all().await)
        .tally((0..count).map(reference));
    Row {
        runs: rounds,
        unit: "SIGTERMs",
        seeds: seed.to_string(),
        ..tally.row(format!("drain: {name}"))
    }
    .show();
    tally.assert_one_link_each(&name);
    assert_eq!(tally.events, count, "an event was published twice");
    let (doubted, never_sent) = redelivered.so_far();
    assert_eq!(
        doubted, 0,
        "{rounds} stops left deliveries in doubt, {never_sent} of them were never sent; seed {seed}"
    );
    let in_doubt = all.iter().filter(|message| {
        let data = &message.event()["data"];
        data["recovered"] != false || data["attempts"] != 1
    });
    assert_eq!(in_doubt.count(), 0, "an intent was looked up or sent twice, seed {seed}");
    let requests = &scenario.provider.summary().await["requests"];
    assert_eq!(requests["create"], count);
    // Each worker looks up a link or two to see details show one, and one in a hundred to see how late.
    let most = 2 * (rounds + 1) + count / 100;
    assert!(requests["details"].as_u64().unwrap() <= most, "{requests}");
}

#[tokio::test]
async fn a_stop_under_load_leaves_no_delivery_in_doubt() {
    stopped_again_and_again("v2", 16).await;
}

/// So many are handed back at once that RabbitMQ holds acknowledgements back.
#[tokio::test]
async fn a_stop_with_many_deliveries_leaves_none_in_doubt() {
    stopped_again_and_again("v1", 64).await;
}

/// After the second signal only what was in flight is in doubt: the rest was handed back before.
#[tokio::test]
async fn a_second_signal_leaves_in_doubt_only_what_was_in_flight() {
    const IN_FLIGHT: u64 = 4;
    const COUNT: u64 = 12;
    let mut scenario = Scenario::with_faults(json!({ "stall_after": 1.0 })).await;
    scenario.set("merchants.default.concurrency", &IN_FLIGHT.to_string());
    // Calls that last longer than the test may.
    scenario.set("merchants.default.timeout", "50s");
    scenario.set("in_doubt.quarantine", "60s");
    scenario.set("shutdown.drain", "60s");
    let redelivered = Redelivered::count(&mut scenario).await;
    let results = scenario.results().await;
    // One link is made first: a worker that has just begun has one call at a time.
    scenario.provider.set_faults(json!({})).await;
    let mut worker = scenario.ready_worker().await;
    scenario.publish(&intent("first")).await;
    results.event_for("first", SOON).await;
    scenario.provider.set_faults(json!({ "stall_after": 1.0 })).await;
    let references = (0..COUNT).map(|number| format!("s{number}"));
    scenario.publish_many(references.clone().map(|reference| intent(&reference))).await;
    until("the calls", SOON, async || scenario.provider.requests("create").await == 1 + IN_FLIGHT)
        .await;
    worker.program.terminate().await;
    until("the rest to be handed back", SOON, async || {
        let status = worker.status().await;
        let merchant = &status["merchants"]["default"];
        merchant["consumer"]["state"] == "stopped"
            && u64::from(scenario.depth("smartsend.intents.default").await) == COUNT - IN_FLIGHT
    })
    .await;
    assert!(worker.program.is_running());
    worker.program.terminate().await;
    let code = timeout(Duration::from_secs(5), worker.program.exit_code(SOON)).await;
    assert_eq!(code.expect("it did not end at once"), 3);
    scenario.provider.set_faults(json!({})).await;
    let worker = scenario.ready_worker().await;
    results.take(usize::try_from(1 + COUNT).unwrap(), SOON).await;
    scenario.finish(worker).await;
    assert_eq!(redelivered.so_far(), (IN_FLIGHT, 0));
    let events = results.all().await;
    let recovered = events.iter().filter(|event| event.event()["data"]["recovered"] == true);
    assert_eq!(recovered.count() as u64, IN_FLIGHT);
    let evidence = Evidence::gather(scenario.provider.links().await, &events);
    evidence.tally(references).assert_one_link_each("second signal");
    assert_eq!(scenario.provider.requests("create").await, 1 + COUNT);
}
