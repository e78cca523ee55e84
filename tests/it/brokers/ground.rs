//! A worker on an attacked broker, from the first intent to the count.

use std::time::{Duration, Instant};

use lapin::Confirmation;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::lease::Lease;
use crate::support::broker::Node;
use crate::support::intents::{intent, properties};
use crate::support::proof::Row;
use crate::support::results::{Message, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::tally::{Evidence, Tally};
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// How soon an intent moves once a node takes connections again.
const MOVING: Duration = Duration::from_secs(2);
/// How soon one moves once a cluster takes publishes again. What was published while its leaders
/// changed may have no confirm until `confirm_timeout`, two seconds here, and then connects anew.
const MOVING_ON_A_CLUSTER: Duration = Duration::from_secs(10);
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_mins(2);

/// One attack.
pub(super) struct Ground {
    pub(super) scenario: Scenario,
    pub(super) lease: Lease,
    what: &'static str,
    published: u64,
    faults: u64,
    /// Results that a test has taken before the end.
    kept: Vec<Message>,
}

impl Ground {
    /// A merchant on these nodes with a provider that behaves so; the worker knows every node.
    pub(super) async fn new(lease: Lease, what: &'static str, faults: Value) -> Self {
        let mut scenario = Scenario::on(lease.nodes[0], &["default"], faults).await;
        let urls: Vec<_> = lease.nodes.iter().map(|node| node.amqp_url(&scenario.vhost)).collect();
        scenario.set("broker.urls", &urls.join(","));
        scenario.apply(&["--results-queue", RESULTS]).await;
        Self { scenario, lease, what, published: 0, faults: 0, kept: Vec::new() }
    }

    /// The same with so many intents, and a provider that is slow enough for them to last until
    /// the fault comes.
    pub(super) async fn under_load(lease: Lease, what: &'static str, count: u64) -> Self {
        let mut ground = Self::new(lease, what, json!({})).await;
        ground.scenario.set("merchants.default.concurrency", "8");
        ground.slow(true).await;
        ground.publish(count).await;
        ground
    }

    /// Makes the provider slow: some 20 calls a second. Or fast again.
    pub(super) async fn slow(&self, slow: bool) {
        let latency = if slow { 400 } else { 0 };
        self.scenario.provider.set_faults(json!({ "latency_ms": latency })).await;
    }

    /// The node, or the first of three.
    pub(super) fn node(&self) -> &'static Node {
        self.lease.nodes[0]
    }

    /// Publishes so many intents.
    pub(super) async fn publish(&mut self, count: u64) {
        let first = self.published;
        self.published += count;
        let intents = (first..self.published).map(|number| intent(&reference(number)));
        self.scenario.publish_many(intents).await;
    }

    /// Sees to it that so many intents are there to be done, slowly, and that some have moved.
    pub(super) async fn keep_busy(&mut self, worker: &Worker, count: u64) {
        self.slow(true).await;
        self.reconnect().await;
        let before = settled(worker).await;
        if self.published.saturating_sub(before) < count {
            self.publish(count).await;
        }
        self.settled(worker, before + 10).await;
    }

    /// Whether there was something left to be done when the fault came.
    pub(super) async fn is_busy(&self, worker: &Worker) {
        assert!(settled(worker).await < self.published, "the work was over before the fault");
    }

    /// Publishes one intent through a node, again and again until RabbitMQ has confirmed it: from
    /// then on that node can be worked with.
    pub(super) async fn publish_when_able(&mut self, node: &'static Node) {
        let number = self.published;
        self.published += 1;
        until("RabbitMQ to confirm a publish", Duration::from_mins(1), async || {
            let tried = timeout(Duration::from_secs(2), self.try_publish(node, number)).await;
            matches!(tried, Ok(Ok(true)))
        })
        .await;
    }

    async fn try_publish(&self, node: &'static Node, number: u64) -> lapin::Result<bool> {
        let connection = node.try_connect(&self.scenario.vhost).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let reference = reference(number);
        let body = intent(&reference).to_string();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = ("smartsend.intents".into(), "default".into());
        let sent =
            channel.basic_publish(exchange, key, options, body.as_bytes(), properties(&reference));
        let confirmation = sent.await?.await?;
        connection.close(200, "OK".into()).await?;
        Ok(matches!(confirmation, Confirmation::Ack(None)))
    }

    /// Counts these results too.
    pub(super) fn keep(&mut self, results: Vec<Message>) {
        self.kept.extend(results);
    }

    /// Waits until nothing is to be done any more.
    pub(super) async fn rests(&self) {
        until("the queues to be empty", REST, async || self.scenario.work_total().await == 0).await;
    }

    /// Counts a fault.
    pub(super) fn fault(&mut self) {
        self.faults += 1;
    }

    /// Waits until so many intents have come to their end, by the worker's own count.
    pub(super) async fn settled(&self, worker: &Worker, count: u64) {
        until(&format!("{count} settled intents"), SOON, async || settled(worker).await >= count)
            .await;
    }

    /// Waits until one more intent than `before` has come to its end, which must be soon after
    /// the broker was back.
    pub(super) async fn moves_after(&self, worker: &Worker, back: Instant, before: u64) {
        assert!(before < self.published, "the work was over before the fault");
        self.settled(worker, before + 1).await;
        let took = back.elapsed();
        let most = if self.lease.nodes.len() > 1 { MOVING_ON_A_CLUSTER } else { MOVING };
        assert!(
            took <= most,
            "on RabbitMQ {} the first intent moved {took:?} after the broker was back",
            self.lease.version.full
        );
    }

    /// A new connection for the test's own part, after an attack has ended the one before.
    pub(super) async fn reconnect(&mut self) {
        self.scenario.connection = self.node().connect(&self.scenario.vhost).await;
    }

    /// Lets the worker do the rest, stops it, and counts.
    pub(super) async fn finish(mut self, worker: Worker) {
        self.slow(false).await;
        self.reconnect().await;
        worker.ready().await;
        let results = self.scenario.results().await;
        self.rests().await;
        self.scenario.finish(worker).await;
        self.keep(results.all().await);
        let tally = self.tally().await;
        self.row(&tally).show();
        tally.assert_one_link_each(self.what);
        drop(results);
        self.node().delete_vhost(&self.scenario.vhost).await;
        self.lease.give_back();
    }

    async fn tally(&self) -> Tally {
        let evidence = Evidence::gather(self.scenario.provider.links().await, &self.kept);
        evidence.tally((0..self.published).map(reference))
    }

    fn row(&self, tally: &Tally) -> Row {
        Row {
            faults: self.faults,
            ..tally.row(format!("broker: {} on {}", self.what, self.lease.version.full))
        }
    }
}

/// How many intents have come to their end, by the worker's count.
pub(super) async fn settled(worker: &Worker) -> u64 {
    let (_, page) = worker.page("/metrics").await;
    let counts = page.lines().filter(|line| line.starts_with("smartsend_intents_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// The present moment, for how long something took.
#[expect(clippy::disallowed_methods, reason = "a test measures")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Boots a node that has ended, and gives the moment from which on it takes connections.
pub(super) async fn start(node: &'static Node) -> Instant {
    blocking(move || node.start()).await;
    now()
}

/// Kills a node.
pub(super) async fn kill(node: &'static Node) {
    blocking(move || node.kill()).await;
}

async fn blocking(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// How many connections the worker has had.
pub(super) async fn connects(worker: &Worker) -> u64 {
    worker.status().await["connections"]["publish"]["connects"].as_u64().unwrap()
}

fn reference(number: u64) -> String {
    format!("b{number}")
}
