//! A node that goes and comes back.

use super::ground::{Ground, kill, settled, start};
use super::lease::on_each_version;

/// An intent moves within two seconds of the node taking connections, whether it went in peace or
/// was killed.
#[tokio::test]
async fn a_node_that_comes_back_is_used_within_two_seconds() {
    on_each_version(async |lease| {
        let mut ground = Ground::under_load(lease, "node restarted", 500).await;
        let node = ground.node();
        let worker = ground.scenario.ready_worker().await;
        for round in 1..=2 {
            ground.slow(true).await;
            ground.settled(&worker, 40 * round).await;
            if round == 1 {
                node.stop().await;
            } else {
                kill(node).await;
            }
            ground.fault();
            worker.unready("not connected to RabbitMQ").await;
            ground.slow(false).await;
            let before = settled(&worker).await;
            let back = start(node).await;
            ground.moves_after(&worker, back, before).await;
        }
        ground.finish(worker).await;
    })
    .await;
}
