//! Who else consumes, and how much waits, by RabbitMQ's own count.

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use serde_json::json;

use crate::support::intents::intent;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// Somebody who takes one message of a queue and settles nothing.
async fn stranger(scenario: &Scenario, queue: &str) -> (Channel, Consumer) {
    let channel = scenario.connection.create_channel().await.unwrap();
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let (options, table) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer =
        channel.basic_consume(queue.into(), "stranger".into(), options, table).await.unwrap();
    (channel, consumer)
}

#[tokio::test]
async fn a_stray_consumer_is_named_and_keeps_nothing_from_being_ready() {
    let scenario = Scenario::new().await;
    let retry = "smartsend.retry.200ms";
    let (channel, _consumer) = stranger(&scenario, retry).await;
    let worker = scenario.ready_worker().await;
    let noted = async |text: &str| {
        let (status, page) = worker.readiness().await;
        status == 200 && page.contains(text)
    };
    until("the note", SOON, async || noted(&format!("takes what is on {retry}")).await).await;
    assert_eq!(worker.status().await["queues"][retry], json!({ "ready": 0, "consumers": 1 }));
    channel.close(200, "".into()).await.unwrap();
    until("its end", SOON, async || !noted("stray").await).await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_worker_that_is_passed_over_says_so_and_how_much_waits() {
    let scenario = Scenario::new().await;
    let (channel, mut consumer) = stranger(&scenario, "smartsend.intents.default").await;
    scenario.publish_many((0..3).map(|number| intent(&format!("passed{number}")))).await;
    let taken = consumer.next().await.unwrap().unwrap(); // so the stranger is the active consumer
    let worker = scenario.ready_worker().await;
    let noted = async || {
        let (status, page) = worker.readiness().await;
        assert_eq!(status, 200, "{page}");
        page.contains("to another consumer, and 2 wait there")
            && page.contains("merchant default: 2 in the queue ")
    };
    until("the note", SOON, noted).await;
    drop(taken);
    channel.close(200, "".into()).await.unwrap();
    worker.active("default").await;
    until("its end", SOON, async || !worker.readiness().await.1.contains("another consumer")).await;
    scenario.finish(worker).await;
}
