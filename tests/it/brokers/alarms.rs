//! A node that takes no publishes, because it is short of memory or of disk.

use std::time::Duration;

use super::ground::{Ground, connects, now, settled};
use super::lease::{Lease, on_each_version};
use crate::support::broker::Node;
use crate::support::waiting::{SOON, until};
use crate::support::worker::Worker;

/// Longer than a confirm or two heartbeats may take.
const ALARM: Duration = Duration::from_secs(11);

#[tokio::test]
async fn nothing_is_sent_while_a_memory_alarm_keeps_results_from_being_published() {
    on_each_version(async |lease| {
        blocked(lease, "memory alarm", async |node, on| node.memory_alarm(on).await).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_while_a_disk_alarm_keeps_results_from_being_published() {
    on_each_version(async |lease| {
        blocked(lease, "disk alarm", async |node, on| node.disk_alarm(on).await).await;
    })
    .await;
}

async fn blocked(lease: Lease, what: &'static str, alarm: impl AsyncFn(&'static Node, bool)) {
    let mut ground = Ground::under_load(lease, what, 400).await;
    ground.scenario.be_patient();
    let worker = ground.scenario.ready_worker().await;
    ground.settled(&worker, 20).await;
    alarm(ground.node(), true).await;
    ground.fault();
    worker.unready("short of memory or disk").await;
    until("the calls in flight to end", SOON, async || in_flight(&worker).await == 0).await;
    let sent = calls(&ground).await;
    tokio::time::sleep(ALARM).await; // what must not happen has this long to happen
    assert_eq!(calls(&ground).await, sent);
    let before = settled(&worker).await;
    alarm(ground.node(), false).await;
    ground.moves_after(&worker, now(), before).await;
    assert_eq!(connects(&worker).await, 1, "an alarm is not a reason to connect anew");
    ground.finish(worker).await;
}

/// The creates and the lookups so far.
async fn calls(ground: &Ground) -> (u64, u64) {
    let provider = &ground.scenario.provider;
    (provider.requests("create").await, provider.requests("details").await)
}

async fn in_flight(worker: &Worker) -> u64 {
    worker.status().await["merchants"]["default"]["in_flight"].as_u64().unwrap()
}
