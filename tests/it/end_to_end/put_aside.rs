//! What RabbitMQ itself puts aside.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicNackOptions, BasicQosOptions, BasicRejectOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use serde_json::Value;

use crate::support::broker::publish;
use crate::support::intents::{intent, properties};
use crate::support::neighbour::Neighbour;
use crate::support::results::{Collector, Message, RESULTS};
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

/// How soon a person and downstream hear of it.
const WITHIN_SECONDS: Duration = Duration::from_secs(10);

async fn put(scenario: &Scenario, exchange: &str, key: &str, body: &[u8], with: BasicProperties) {
    let taken = publish(&scenario.connection, exchange, key, body, with).await;
    assert!(taken, "it was returned");
}

fn body(reference: &str) -> Vec<u8> {
    intent(reference).to_string().into_bytes()
}

/// The only message on the parked queue, taken from it.
async fn only_parked(scenario: &Scenario) -> Message {
    until("it to be parked", WITHIN_SECONDS, async || {
        scenario.depth("smartsend.parked").await == 1
    })
    .await;
    let parked: Collector = scenario.parked().await;
    let all = parked.all().await;
    assert_eq!(all.len(), 1);
    all[0].clone()
}

fn code(message: &Message) -> Value {
    message.event()["data"]["reason"]["code"].clone()
}

/// Lets the test be the one consumer of the merchant's queue.
async fn consume(scenario: &Scenario) -> (Channel, lapin::Consumer) {
    let channel = scenario.connection.create_channel().await.unwrap();
    channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
    let (queue, tag) = ("smartsend.intents.default".into(), "test".into());
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue, tag, options, none).await.unwrap();
    (channel, consumer)
}

#[tokio::test]
async fn an_intent_that_expires_is_announced_and_parked_and_noted() {
    let scenario = Scenario::with_neighbour().await;
    let expires = properties("late").with_expiration("1".into());
    // Nobody consumes yet, so it expires in its queue.
    put(&scenario, "smartsend.intents", "default", &body("late"), expires).await;
    until("it to be put aside", SOON, async || scenario.depth("smartsend.dead").await == 1).await;
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    let event = results.event_for("late", WITHIN_SECONDS).await;
    assert_eq!(event.routing_key, "link.unresolved.default");
    assert_eq!(
        (code(&event), &event.event()["source"]),
        ("DEAD_LETTERED".into(), &"urn:smartsend:1111310:default".into(),)
    );
    assert_eq!(event.event()["data"]["intentId"], "intent-late");

    until("the note", WITHIN_SECONDS, async || worker.readiness().await.1.contains("note: ")).await;
    let (status, says) = worker.readiness().await;
    assert_eq!(status, 200, "a note makes nothing unready");
    assert!(says.contains("put aside since the start: 1"), "{says}");
    let metrics = worker.page("/metrics").await.1;
    let counted = "smartsend_parked_total{merchant=\"default\",reason=\"DEAD_LETTERED\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    assert!(worker.log().contains("RabbitMQ put the message aside"));

    let parked = only_parked(&scenario).await;
    assert_eq!((&parked.body, &*parked.routing_key), (&body("late"), "default"));
    assert_eq!(parked.header("x-smartsend-reason").unwrap(), "DEAD_LETTERED");
    assert_eq!(parked.header("x-smartsend-merchant").unwrap(), "default");
    assert!(parked.header("x-death").is_none() && parked.properties.expiration().is_none());
    until("the note to end", Duration::from_secs(30), async || {
        !worker.readiness().await.1.contains("note: ")
    })
    .await;
    assert!(scenario.provider.requests_for("create", "late").await.is_empty());
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn an_intent_with_a_misspelt_routing_key_is_announced_and_parked() {
    let scenario = Scenario::with_neighbour().await;
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    let (misspelt, plain) = (body("misspelt"), properties("misspelt"));
    put(&scenario, "smartsend.intents", "deafult", &misspelt, plain).await;
    let event = results.event_for("misspelt", WITHIN_SECONDS).await;
    assert_eq!(event.routing_key, "intent.rejected.unrouted");
    assert_eq!(event.event()["type"], "smartsend.intent.rejected");
    assert_eq!(event.event()["source"], "urn:smartsend:unknown:unrouted");
    assert_eq!(code(&event), "UNKNOWN_MERCHANT");
    let correlation = event.properties.correlation_id().clone().unwrap();
    assert_eq!(correlation.as_str(), "saga-misspelt");
    let parked = only_parked(&scenario).await;
    assert_eq!((&parked.body, &*parked.routing_key), (&misspelt, "deafult"));
    assert_eq!(parked.header("x-smartsend-reason").unwrap(), "UNKNOWN_MERCHANT");
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn an_intent_that_came_back_too_often_is_announced_and_parked() {
    let scenario = Scenario::with_neighbour().await;
    put(&scenario, "smartsend.intents", "default", &body("often"), properties("often")).await;
    let (_channel, mut consumer) = consume(&scenario).await;
    let mut deliveries = 0;
    while scenario.depth("smartsend.dead").await == 0 {
        // RabbitMQ 4.3 counts no nack, and every version counts a reject.
        let next = tokio::time::timeout(Duration::from_millis(500), consumer.next()).await;
        let Ok(Some(Ok(delivery))) = next else { continue };
        delivery.acker.reject(BasicRejectOptions { requeue: true }).await.unwrap();
        deliveries += 1;
    }
    assert_eq!(deliveries, 21);
    drop(consumer);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    let event = results.event_for("often", WITHIN_SECONDS).await;
    assert_eq!(
        (code(&event), &*event.routing_key),
        ("DEAD_LETTERED".into(), "link.unresolved.default")
    );
    assert_eq!(only_parked(&scenario).await.header("x-smartsend-reason").unwrap(), "DEAD_LETTERED");
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

/// A copy on a retry queue whose merchant's queue is deleted in the meantime.
#[tokio::test]
async fn a_copy_of_ours_that_finds_no_queue_may_have_been_sent() {
    let scenario = Scenario::with_neighbour().await;
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("record", "v2"),
        ("state", "new"),
        ("account", "7777777"),
        ("api", "v2"),
        ("first-seen", "2026-11-24T09:30:00.000Z"),
    ] {
        let value = AMQPValue::LongString(value.into());
        headers.insert(format!("x-smartsend-{name}").as_str().into(), value);
    }
    for name in ["quarantined", "waited", "attempts", "lookups", "returns", "singled-out"] {
        headers.insert(format!("x-smartsend-{name}").as_str().into(), AMQPValue::LongLongInt(0));
    }
    let ours = properties("orphan").with_headers(headers).with_user_id("guest".into());
    put(&scenario, "smartsend.retry.200ms", "gone", &body("orphan"), ours).await;
    let event = results.event_for("orphan", WITHIN_SECONDS).await;
    assert_eq!(event.routing_key, "link.unresolved.gone");
    assert_eq!(event.event()["source"], "urn:smartsend:7777777:gone");
    assert_eq!(event.event()["data"]["since"], "2026-11-24T09:30:00.000Z");
    let parked = only_parked(&scenario).await;
    assert_eq!(parked.header("x-smartsend-reason").unwrap(), "DEAD_LETTERED");
    assert_eq!(parked.header("x-smartsend-state").unwrap(), "in-doubt");
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

/// Results are unbound for far longer than three returns take, and workers come and go meanwhile.
#[tokio::test]
async fn what_cannot_be_announced_yet_is_announced_once_it_can_and_parked_once() {
    let scenario = Scenario::new().await;
    let channel = scenario.connection.create_channel().await.unwrap();
    channel.queue_delete(RESULTS.into(), QueueDeleteOptions::default()).await.unwrap();
    let mut worker = scenario.ready_worker().await;
    put(&scenario, "smartsend.intents", "nobody", &body("patient"), properties("patient")).await;
    for round in 0..6 {
        until("it to be tried", SOON, async || {
            worker.readiness().await.1.contains("cannot be announced and parked")
        })
        .await;
        let (status, says) = worker.readiness().await;
        assert!(says.contains("intent.rejected.unrouted: no queue is bound"), "{says}");
        assert_eq!(status, 200, "it is a stranger's message: {says}");
        assert_eq!(scenario.depth("smartsend.parked").await, 0, "parked without an event");
        // Half of them are stopped, and half killed with it in flight.
        if round % 2 == 0 {
            scenario.finish(worker).await;
        } else {
            worker.program.kill().await;
        }
        worker = scenario.ready_worker().await;
    }
    scenario.apply(&["--results-queue", RESULTS]).await;
    let results = scenario.results().await;
    let event = results.event_for("patient", WITHIN_SECONDS).await;
    assert_eq!(code(&event), "UNKNOWN_MERCHANT");
    let parked = only_parked(&scenario).await;
    assert_eq!(&*parked.routing_key, "nobody");
    assert_eq!(parked.header("x-smartsend-reason").unwrap(), "UNKNOWN_MERCHANT");
    assert_eq!(parked.header("x-smartsend-due"), None);
    scenario.finish(worker).await;
}

#[tokio::test]
async fn a_large_body_is_parked_by_rabbitmq_with_its_event_or_after_it() {
    let scenario = Scenario::with_neighbour().await;
    let large = vec![b'x'; 70 * 1024];
    // As the merchant's worker does once it has announced it.
    put(&scenario, "smartsend.intents", "default", &large, properties("a")).await;
    let (_channel, mut consumer) = consume(&scenario).await;
    let delivery = consumer.next().await.unwrap().unwrap();
    delivery.acker.reject(BasicRejectOptions { requeue: false }).await.unwrap();
    drop(consumer);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    until("it to be parked", WITHIN_SECONDS, async || {
        scenario.depth("smartsend.parked").await == 1
    })
    .await;
    assert_eq!(results.all().await.len(), 0, "it was announced before");

    put(&scenario, "smartsend.intents", "nobody", &large, properties("b")).await;
    until("the next to be parked", WITHIN_SECONDS, async || {
        scenario.depth("smartsend.parked").await == 2
    })
    .await;
    let events = results.all().await;
    assert_eq!(events.iter().map(code).collect::<Vec<_>>(), ["UNKNOWN_MERCHANT"]);
    let parked = scenario.parked().await.all().await;
    assert!(parked.iter().all(|message| message.body == large));
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

/// Somebody else's consumer rejects an intent: nothing says that it was announced.
#[tokio::test]
async fn an_intent_that_another_consumer_rejects_is_announced() {
    let scenario = Scenario::with_neighbour().await;
    put(&scenario, "smartsend.intents", "default", &body("thrown"), properties("thrown")).await;
    let (_channel, mut consumer) = consume(&scenario).await;
    let delivery = consumer.next().await.unwrap().unwrap();
    delivery.acker.nack(BasicNackOptions::default()).await.unwrap();
    drop(consumer);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let results = scenario.results().await;
    assert_eq!(code(&results.event_for("thrown", WITHIN_SECONDS).await), "DEAD_LETTERED");
    only_parked(&scenario).await;
    neighbour.was_served().await;
    scenario.finish(worker).await;
}

#[tokio::test]
async fn another_process_goes_on_when_the_one_that_announces_is_killed() {
    let scenario = Scenario::new().await;
    let first = scenario.ready_worker().await;
    let second = scenario.ready_worker().await;
    let results = scenario.results().await;
    put(&scenario, "smartsend.intents", "x", &body("one"), properties("one")).await;
    results.event_for("one", WITHIN_SECONDS).await;
    first.program.kill().await;
    put(&scenario, "smartsend.intents", "x", &body("two"), properties("two")).await;
    results.event_for("two", WITHIN_SECONDS).await;
    // The first one was killed somewhere between its event and its acknowledgement, and may be parked
    // twice.
    let parked = scenario.parked().await;
    until("both to be parked", WITHIN_SECONDS, async || {
        let ids = parked
            .from(0)
            .into_iter()
            .map(|it| it.properties.message_id().as_ref().map(ToString::to_string));
        ids.collect::<BTreeSet<_>>().len() == 2
    })
    .await;
    scenario.finish(second).await;
}
