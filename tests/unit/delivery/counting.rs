//! What the metrics say of deliveries, calls and publishes.

use std::time::Duration;

use smartsend::domain::event::EventKind;
use smartsend::ports::{Clock, Properties};
use smartsend::worker::Settled;

use super::{Stand, message};
use crate::support::model::{Door, Fault, Message, Settings, intent_of};
use crate::support::waiting::{SOON, until};

const CREATED: Settled = Settled::Published(EventKind::Created);

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_is_counted_as_settled_once_its_delivery_is_acknowledged() {
    const SERIES: &str = "smartsend_intents_total{merchant=\"default\",outcome=\"created\"}";
    let mut stand = Stand::usual().await;
    stand.scene.broker.cut_at_next_acknowledgement(stand.process.number);
    assert_eq!(stand.settle("a").await, Settled::Abandoned);
    assert_eq!(stand.scene.broker.results().len(), 1);
    assert_eq!(stand.metric(SERIES), "0", "it comes back, and is settled then");
    let mut stand = Stand::half_open(stand.scene, &Settings::usual()).await;
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.metric(SERIES), "1");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn calls_and_publishes_are_counted_once_each() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Results, [Fault::Refused]);
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(2));
    let task = stand.start("a").await;
    let in_flight = || stand.metric("smartsend_in_flight{merchant=\"default\"}");
    until("the create", SOON, async || in_flight() == "1").await;
    assert_eq!(task.await.unwrap(), CREATED);
    for (series, value) in [
        ("in_flight{merchant=\"default\"}", "0"),
        ("calls_total{merchant=\"default\",call=\"create\",outcome=\"created\"}", "1"),
        ("call_duration_seconds_count{merchant=\"default\",call=\"create\"}", "1"),
        ("admission_wait_seconds_count{merchant=\"default\"}", "1"),
        ("publishes_total{kind=\"event\",result=\"refused\"}", "1"),
        ("publishes_total{kind=\"event\",result=\"confirmed\"}", "1"),
    ] {
        assert_eq!(stand.metric(&format!("smartsend_{series}")), value, "{series}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_waits_here_and_what_may_have_been_sent_is_counted() {
    let mut stand = Stand::usual().await;
    let redelivered = Message { redelivered: true, count: 1, ..message("a") };
    let task = stand.start_message(redelivered).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counts = |stand: &Stand| {
        ["held", "in_doubt"]
            .map(|name| stand.metric(&format!("smartsend_{name}{{merchant=\"default\"}}")))
    };
    assert_eq!(counts(&stand), ["1", "1"]);
    stand.scene.smart_send.has_link(&intent_of("a"));
    assert_eq!(task.await.unwrap(), CREATED);
    assert_eq!(counts(&stand), ["0", "0"]);
    let found = "smartsend_lookups_total{merchant=\"default\",result=\"found\"}";
    assert_eq!(stand.metric(found), "1");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_s_age_counts_from_its_publish_or_else_from_its_first_arrival() {
    for (published_ago, least) in [(Some(40), 40.0), (None, 0.0)] {
        let mut stand = Stand::usual().await;
        let now = stand.scene.clock.now().wall.as_second();
        let timestamp = published_ago.map(|ago| u64::try_from(now - ago).unwrap());
        let properties = Properties { timestamp, ..message("a").properties };
        let sent = Message { properties, ..message("a") };
        assert_eq!(stand.settle_message(sent).await, CREATED);
        let series = |name| {
            stand.metric(&format!("smartsend_intent_age_seconds_{name}{{merchant=\"default\"}}"))
        };
        let age: f64 = series("sum").parse().unwrap();
        assert!((least..least + 1.0).contains(&age), "{age}");
        assert_eq!(series("count"), "1");
    }
}
