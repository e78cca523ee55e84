//! Three nodes, of which some are away.

use std::time::Duration;

use futures_util::future::join_all;

use super::ground::{Ground, kill, now, settled, start};
use super::lease::on_a_cluster;
use crate::support::broker::Node;
use crate::support::proof::size;
use crate::support::waiting::{SOON, until};

/// How many intents there are for what is done to the nodes.
const LOAD: u64 = 400;

/// The node that leads the queue of intents, as another one sees it.
async fn leader(ground: &Ground, seen_by: &'static Node) -> &'static Node {
    let vhost = &ground.scenario.vhost;
    let question = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{vhost}\">>, queue, \
         <<\"smartsend.intents.default\">>)), {{_, Node}} = amqqueue:get_pid(Q), Node."
    );
    let name = seen_by.eval(&question).await;
    let name = name.trim().trim_matches('\'');
    ground.lease.nodes.iter().find(|node| node.name() == name).copied().unwrap()
}

/// Has the workers connect to this node first.
fn prefer(ground: &mut Ground, first: &'static Node) {
    let others = ground.lease.nodes.iter().filter(|node| node.name() != first.name());
    let in_order = std::iter::once(&first).chain(others);
    let urls: Vec<_> = in_order.map(|node| node.amqp_url(&ground.scenario.vhost)).collect();
    ground.scenario.set("broker.urls", &urls.join(","));
}

/// Waits until all three know each other again.
async fn whole(ground: &Ground) {
    let online = ["await_online_nodes", "3", "--timeout", "10"];
    let in_step = ["await_online_quorum_plus_one", "--timeout", "10"];
    for node in &ground.lease.nodes {
        // One that finds the others again may start anew meanwhile.
        until("the nodes to find each other", Duration::from_mins(2), async || {
            node.try_run("rabbitmqctl", &online).await.is_ok()
                && node.try_run("rabbitmq-upgrade", &in_step).await.is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn a_queue_s_leader_is_killed_and_the_next_one_is_worked_with() {
    on_a_cluster(async |lease| {
        let mut ground = Ground::under_load(lease, "leader killed", LOAD).await;
        let killed = leader(&ground, ground.node()).await;
        let others: Vec<_> = ground.lease.nodes.clone();
        let survivor = *others.iter().find(|node| node.name() != killed.name()).unwrap();
        // First the worker's connection outlives the leader, then it goes with the node.
        prefer(&mut ground, survivor);
        let worker = ground.scenario.ready_worker().await;
        ground.settled(&worker, 20).await;
        kill(killed).await;
        ground.fault();
        let before = settled(&worker).await;
        ground.publish_when_able(survivor).await;
        ground.moves_after(&worker, now(), before).await;
        start(killed).await;
        whole(&ground).await;

        kill(survivor).await;
        ground.fault();
        let before = settled(&worker).await;
        ground.publish_when_able(killed).await;
        ground.moves_after(&worker, now(), before).await;
        start(survivor).await;
        whole(&ground).await;
        ground.finish(worker).await;
    })
    .await;
}

#[tokio::test]
async fn a_minority_is_cut_off_and_the_worker_goes_on_by_another_node() {
    on_a_cluster(async |lease| {
        let mut ground = Ground::under_load(lease, "minority frozen (SIGSTOP)", LOAD).await;
        let worker = ground.scenario.ready_worker().await;
        ground.settled(&worker, 20).await;
        let (frozen, other) = (ground.lease.nodes[0], ground.lease.nodes[1]);
        frozen.freeze();
        ground.fault();
        let address = other.address().to_string();
        until("the worker to come to another node", SOON, async || {
            worker.status().await["connections"]["consume/default"]["host"] == *address
        })
        .await;
        let before = settled(&worker).await;
        ground.settled(&worker, before + 20).await;
        until("the others to give the frozen one up", SOON, async || {
            other.eval("length(nodes()).").await.trim() == "1"
        })
        .await;
        frozen.thaw();
        whole(&ground).await;
        ground.finish(worker).await;
    })
    .await;
}

#[tokio::test]
async fn all_three_are_restarted_one_after_another() {
    on_a_cluster(async |lease| {
        let mut ground = Ground::under_load(lease, "rolling restart", LOAD).await;
        let worker = ground.scenario.ready_worker().await;
        for node in ground.lease.nodes.clone() {
            ground.keep_busy(&worker, LOAD).await;
            node.stop().await;
            ground.fault();
            let before = settled(&worker).await;
            let other = ground.lease.nodes.iter().find(|other| other.name() != node.name());
            ground.publish_when_able(other.unwrap()).await;
            ground.moves_after(&worker, now(), before).await;
            start(node).await;
            whole(&ground).await;
        }
        ground.finish(worker).await;
    })
    .await;
}

#[tokio::test]
async fn a_quorum_that_is_lost_for_a_while_costs_nothing_but_time() {
    let outage = Duration::from_secs(size("SMARTSEND_BROKER_OUTAGE", 8));
    on_a_cluster(async |lease| {
        let mut ground = Ground::under_load(lease, "quorum lost", LOAD).await;
        let worker = ground.scenario.ready_worker().await;
        ground.settled(&worker, 20).await;
        let (survivor, away) = (ground.lease.nodes[0], ground.lease.nodes[1..].to_vec());
        for node in &away {
            kill(node).await;
            ground.fault();
        }
        tokio::time::sleep(outage).await;
        join_all(away.into_iter().map(start)).await;
        whole(&ground).await;
        let before = settled(&worker).await;
        ground.publish_when_able(survivor).await;
        ground.moves_after(&worker, now(), before).await;
        ground.finish(worker).await;
    })
    .await;
}
