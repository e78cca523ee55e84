//! A node that hangs: its sockets are open, and nothing is said on them.

use super::ground::{Ground, now, settled};
use super::lease::on_each_version;

#[tokio::test]
async fn a_node_whose_heartbeats_are_missing_is_abandoned_and_used_again_once_it_runs() {
    on_each_version(async |lease| {
        let mut ground = Ground::under_load(lease, "node frozen (SIGSTOP)", 400).await;
        let node = ground.node();
        let worker = ground.scenario.ready_worker().await;
        for round in 1..=2 {
            ground.slow(true).await;
            ground.settled(&worker, 40 * round).await;
            node.freeze();
            ground.fault();
            worker.unready("no AMQP handshake").await;
            ground.slow(false).await;
            let before = settled(&worker).await;
            let back = now();
            node.thaw();
            ground.moves_after(&worker, back, before).await;
        }
        ground.finish(worker).await;
    })
    .await;
}
