//! Queues that vanish, and a broker that loses its patience with a delivery.

use lapin::options::QueueDeleteOptions;
use serde_json::json;

use super::ground::Ground;
use super::lease::{on_a_node, on_each_version};
use crate::support::results::RESULTS;
use crate::support::waiting::{SOON, until};

async fn delete(ground: &mut Ground, queue: &str) {
    let channel = ground.scenario.connection.create_channel().await.unwrap();
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
    channel.close(200, "OK".into()).await.unwrap();
    ground.fault();
}

/// Deleted while they are empty: what is in a queue goes with it.
#[tokio::test]
async fn a_queue_that_is_deleted_and_made_again_is_used_again() {
    on_a_node(async |lease| {
        let mut ground = Ground::new(lease, "queues deleted and made again", json!({})).await;
        let worker = ground.scenario.ready_worker().await;
        ground.publish(1).await;
        ground.settled(&worker, 1).await;

        delete(&mut ground, "smartsend.intents.default").await;
        worker.unready("smartsend.intents.default").await;
        ground.scenario.apply(&[]).await;
        worker.ready().await;
        ground.publish(20).await;
        ground.settled(&worker, 21).await;

        // Downstream's queue takes its results with it, so they are counted first.
        let results = ground.scenario.results().await;
        ground.keep(results.take(21, SOON).await);
        drop(results);
        delete(&mut ground, RESULTS).await;
        ground.publish(40).await;
        worker.unready("no queue is bound").await;
        let links = ground.scenario.provider.summary().await["links"].as_u64().unwrap();
        assert!(links < 61, "links are made that cannot be announced");
        ground.scenario.apply(&["--results-queue", RESULTS]).await;
        worker.ready().await;
        ground.settled(&worker, 61).await;

        delete(&mut ground, "smartsend.retry.200ms").await;
        delete(&mut ground, "smartsend.parked").await;
        ground.scenario.apply(&[]).await;
        ground.publish(20).await;
        ground.settled(&worker, 81).await;
        ground.finish(worker).await;
    })
    .await;
}

/// A call that lasts longer than RabbitMQ's `consumer_timeout`: up to 4.2 that closes the channel,
/// from 4.3 on it ends the consumer. The link may exist, so it is looked up.
#[tokio::test]
async fn a_delivery_that_takes_longer_than_consumer_timeout_is_looked_up_when_it_comes_again() {
    on_each_version(async |lease| {
        let slow = json!({ "latency_ms": 6000 });
        let mut ground = Ground::new(lease, "consumer_timeout", slow).await;
        for (key, value) in [
            ("merchants.default.timeout", "10s"),
            ("shutdown.drain", "20s"),
            ("in_doubt.quarantine", "20s"),
        ] {
            ground.scenario.set(key, value);
        }
        let node = ground.node();
        let set = |timeout: u32, tick: u32| {
            format!(
                "application:set_env(rabbit, consumer_timeout, {timeout}), \
                 application:set_env(rabbit, channel_tick_interval, {tick})."
            )
        };
        node.eval(&set(1500, 300)).await;
        let worker = ground.scenario.ready_worker().await;
        ground.publish(1).await;
        until("the create", SOON, async || ground.scenario.provider.requests("create").await == 1)
            .await;
        ground.scenario.provider.set_faults(json!({})).await;
        until("RabbitMQ to lose its patience", SOON, async || {
            worker.log().contains("consuming queue smartsend.intents.default ended")
        })
        .await;
        ground.fault();
        node.eval(&set(1_800_000, 60_000)).await;
        // Channels keep the limit that they began with.
        node.close_connections(&ground.scenario.vhost).await;
        ground.fault();
        ground.settled(&worker, 1).await;
        assert_eq!(ground.scenario.provider.requests_for("create", "b0").await.len(), 1);
        ground.finish(worker).await;
    })
    .await;
}
