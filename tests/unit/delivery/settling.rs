//! Settling: what replaces a delivery is confirmed before the delivery is acknowledged.

use std::time::Duration;

use smartsend::admission::signal::Signal;
use smartsend::domain::event::EventKind;
use smartsend::domain::object::BODY_BYTES_MAX;
use smartsend::domain::record::headers::Value;
use smartsend::ports::{Clock, Properties};
use smartsend::worker::Settled;

use super::{Stand, first_record, message, own_message, text};
use crate::support::model::{Act, Called, Door, Fault, Message, Settings, refusal};
use crate::support::waiting::{SOON, until};

/// The longest between two tries to publish.
const PUBLISHING: Duration = Duration::from_secs(3);
const CREATED: Settled = Settled::Published(EventKind::Created);

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_unroutable_result_is_kept_and_stalls_the_worker_until_there_is_a_queue() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.set_shut(Door::Results, true);
    let first = stand.start("a").await;
    super::seconds(10).await;
    let second = stand.start("b").await;
    super::seconds(20).await;
    assert!(!first.is_finished());
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1, "nothing new is started");
    assert!(stand.is_refused("results exchange"));
    assert!(!stand.story().contains(&"acknowledged".to_owned()));
    stand.scene.broker.set_shut(Door::Results, false);
    assert_eq!(first.await.unwrap(), CREATED);
    assert_eq!(second.await.unwrap(), CREATED);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_target_that_has_no_queue_is_distinguished_from_one_that_refuses() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Results, [Fault::Refused, Fault::Unroutable]);
    let settled = stand.start("a").await;
    let refused = "events cannot be published: RabbitMQ refuses it";
    until("the refusal", SOON, async || stand.is_refused(refused)).await;
    let unbound = "events cannot be published: no queue is bound to the results exchange";
    until("the other reason", SOON, async || stand.is_refused(unbound)).await;
    assert!(!stand.is_refused("refuses it"), "the last reason holds");
    assert_eq!(settled.await.unwrap(), CREATED);
    assert!(stand.process.status.reasons().is_empty());
}

/// A queue may be bound for `link.created` alone.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_result_that_finds_its_queue_opens_the_way_for_no_other() {
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.broker.on_publish(Door::Results, [Fault::Unroutable]);
    let good = stand.start("a").await;
    let is_sent = async || stand.scene.smart_send.count(Called::Create) > 0;
    until("the create", SOON, is_sent).await;
    let bad = stand.start_message(Message { body: "no intent".into(), ..message("b") }).await;
    assert_eq!(good.await.unwrap(), CREATED);
    assert!(!bad.is_finished());
    assert!(stand.is_refused("results exchange"));
    assert_eq!(bad.await.unwrap(), Settled::Published(EventKind::Rejected));
    assert!(!stand.is_refused("nothing new is started"));
}

/// A delivery that is held until the broker's patience is over ends the channel, and with it
/// whatever else the merchant has in flight.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_result_that_nobody_takes_is_requeued_and_its_verdict_stays_known() {
    let settings = Settings::usual();
    let mut stand = Stand::new(&settings).await;
    stand.scene.broker.set_shut(Door::Results, true);
    let begun = stand.scene.clock.now().steady;
    assert_eq!(stand.settle("a").await, Settled::Requeued);
    let held = stand.scene.clock.now().steady - begun;
    assert!(held >= settings.held_max && held < settings.held_max + PUBLISHING, "{held:?}");
    assert_eq!(stand.story().last().unwrap(), "requeued");
    assert!(!stand.is_refused("nothing new is started"), "the next one must try");
    stand.scene.broker.set_shut(Door::Results, false);
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.event()["recovered"], false);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1, "nothing is sent again");
    let lookups = stand.scene.smart_send.count(Called::Lookup);
    assert!(lookups <= 1, "only to see whether its link is shown: {lookups}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_failure_that_nobody_takes_is_requeued_and_fails_again_without_a_call() {
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.broker.set_shut(Door::Results, true);
    stand.scene.smart_send.on_create([Act::Show(refusal(1105))]);
    assert_eq!(stand.settle("a").await, Settled::Requeued);
    stand.scene.broker.set_shut(Door::Results, false);
    assert_eq!(stand.settle_next().await, Settled::Published(EventKind::Failed));
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

/// What the process that was killed knew is gone, and what may have been sent is looked up.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_result_that_nobody_took_is_looked_up_by_another_process() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.set_shut(Door::Results, true);
    assert_eq!(stand.settle("a").await, Settled::Requeued);
    stand.process.cut();
    stand.scene.broker.set_shut(Door::Results, false);
    let mut stand = Stand::half_open(stand.scene, &Settings::usual()).await;
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.event()["recovered"], true);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_that_is_not_an_intent_is_requeued_while_nobody_takes_its_original() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.set_shut(Door::Parked, true);
    let bad = Message { body: "no intent".into(), ..message("a") };
    assert_eq!(stand.settle_message(bad).await, Settled::Requeued);
    stand.scene.broker.set_shut(Door::Parked, false);
    assert_eq!(stand.settle_next().await, Settled::Published(EventKind::Rejected));
    assert_eq!(text(&stand.parked().headers, "reason"), "INVALID_INTENT");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn another_account_s_record_that_nobody_takes_comes_back_under_its_own_name() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.set_shut(Door::Results, true);
    let mut record = first_record(&stand);
    record.account.payout_merchant_id = "9".to_owned();
    let foreign = Message { own: false, ..own_message("a", &record) };
    assert_eq!(stand.settle_message(foreign).await, Settled::Requeued);
    stand.scene.broker.set_shut(Door::Results, false);
    assert_eq!(stand.settle_next().await, Settled::Published(EventKind::Unresolved));
    assert_eq!(stand.reason(), "ACCOUNT_CHANGED");
    assert_eq!(text(&stand.parked().headers, "account"), "9");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_refused_publish_is_tried_again() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Results, [Fault::Refused, Fault::Unroutable]);
    assert_eq!(stand.settle("a").await, CREATED);
    let expected = ["Results Refused", "Results Unroutable", "link.created", "acknowledged"];
    assert_eq!(stand.story()[1..], expected);
    assert!(!stand.is_refused("nothing new is started"));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_a_confirm_nothing_is_acknowledged_and_the_same_event_goes_out_again() {
    for fault in [Fault::ConfirmLost, Fault::Lost] {
        let mut stand = Stand::usual().await;
        stand.scene.broker.on_publish(Door::Results, [fault]);
        assert_eq!(stand.settle("a").await, Settled::Abandoned);
        assert!(!stand.story().contains(&"acknowledged".to_owned()));
        let mut stand = Stand::half_open(stand.scene, &Settings::usual()).await;
        assert_eq!(stand.settle_next().await, CREATED);
        assert_eq!(stand.event()["recovered"], true);
        let results = stand.scene.broker.results();
        assert!(
            results
                .iter()
                .all(|event| { event.properties.message_id == results[0].properties.message_id })
        );
        assert_eq!(stand.scene.broker.left("default"), 0);
    }
}

/// Whoever waited at a door that was shut has gone. The next one must find it open, or nobody
/// would ever try it again.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_line_that_stalled_for_a_delivery_that_was_lost_goes_on() {
    let lost_at_the_door = async |faults: &[Fault], cut: bool| {
        let mut stand = Stand::usual().await;
        stand.scene.broker.on_publish(Door::Results, faults.iter().copied());
        stand.scene.broker.set_shut(Door::Results, cut);
        let task = stand.start("a").await;
        super::seconds(5).await;
        if cut {
            stand.process.cut();
        }
        assert_eq!(task.await.unwrap(), Settled::Abandoned);
        stand.scene.broker.set_shut(Door::Results, false);
        let queue = stand.process.queue("default", 4);
        stand.inbox = smartsend::ports::Queue::open(&queue).await.unwrap();
        assert_eq!(stand.settle_next().await, CREATED);
        assert_eq!(stand.settle("b").await, CREATED);
    };
    lost_at_the_door(&[], true).await;
    lost_at_the_door(&[Fault::Unroutable, Fault::ConfirmLost], false).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_that_is_not_an_intent_fails_and_its_original_is_parked_with_every_error() {
    let mut stand = Stand::usual().await;
    let body = super::body("a").replace("100.50", "-1").replace("9999999999", "12");
    let bad = Message { body: body.clone().into(), ..message("a") };
    let settlement = stand.settle_message(bad).await;
    assert_eq!(settlement, Settled::Published(EventKind::Rejected));
    assert_eq!(stand.story()[1..], ["intent.rejected", "parked", "acknowledged"]);
    assert_eq!(stand.reason(), "INVALID_INTENT");
    let parked = stand.parked();
    assert_eq!(parked.body, body.as_bytes());
    assert_eq!(text(&parked.headers, "reason"), "INVALID_INTENT");
    assert_eq!(text(&parked.headers, "merchant"), "default");
    assert!(text(&parked.headers, "parked-at").starts_with("2026-11-24T09:30:"));
    let errors: serde_json::Value = serde_json::from_str(&text(&parked.headers, "errors")).unwrap();
    let fields: Vec<&str> =
        errors.as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["amount", "custMobile"]);
    assert!(stand.scene.smart_send.calls().is_empty());
}

/// While it is out alone, nobody else's intent moves; and what is held for longer than the broker
/// allows comes back to another process.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_out_alone_or_would_be_held_for_too_long_is_not_held_through_a_wait() {
    for settings in [
        Settings { prefetch: 1, ..Settings::usual() },
        Settings { held_max: Duration::from_secs(3), ..Settings::usual() },
    ] {
        let mut stand = Stand::new(&settings).await;
        let redelivered = Message { redelivered: true, count: 3, ..message("a") };
        let started = stand.scene.clock.elapsed();
        assert_eq!(stand.settle_message(redelivered).await, Settled::RetriedLater);
        assert!(stand.scene.clock.elapsed() - started < Duration::from_secs(1));
        let story = stand.story();
        assert!(story[1].starts_with("retry"), "{story:?}");
    }
}

/// A publish of it would hold up what is published beside it.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_body_that_is_too_large_is_rejected_after_its_event_and_never_published_again() {
    let mut stand = Stand::usual().await;
    let large = Message { body: vec![b' '; BODY_BYTES_MAX + 1].into(), ..message("a") };
    assert_eq!(stand.settle_message(large).await, Settled::Published(EventKind::Rejected));
    assert_eq!(stand.story()[1..], ["intent.rejected", "rejected"]);
    assert_eq!(stand.reason(), "INVALID_INTENT");
    assert_eq!(stand.event()["errors"][0]["field"], "body");
    assert!(stand.scene.broker.parked().is_empty());
    // Until the event is confirmed, nothing is settled.
    stand.scene.broker.on_publish(Door::Results, [Fault::Lost]);
    let larger = Message { body: vec![b' '; BODY_BYTES_MAX + 2].into(), ..message("a") };
    assert_eq!(stand.settle_message(larger).await, Settled::Abandoned);
    assert!(!stand.story()[3..].contains(&"rejected".to_owned()));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_parked_copy_carries_its_record_its_properties_and_the_reason() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::Show(refusal(1104))]);
    let properties = Properties {
        message_id: Some("m-7".to_owned()),
        correlation_id: Some("c-7".to_owned()),
        traceparent: Some("00-1-2-01".to_owned()),
        ..Properties::default()
    };
    let sent = Message { properties: properties.clone(), ..message("a") };
    stand.settle_message(sent).await;
    assert_eq!(stand.story()[1..], ["link.unresolved", "parked", "acknowledged"]);
    let parked = stand.parked();
    assert_eq!(parked.properties, properties);
    assert_eq!(text(&parked.headers, "reason"), "REFUSED");
    assert_eq!(text(&parked.headers, "state"), "in-doubt");
    assert_eq!(parked.headers["code"], Value::Number(1104));
    assert!(!parked.headers.contains_key("errors"));
    let event = stand.scene.broker.results().pop().unwrap().properties;
    assert_eq!(event.correlation_id.as_deref(), Some("c-7"));
    assert_eq!(event.traceparent.as_deref(), Some("00-1-2-01"));
}

/// The README has a table of what comes back.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn of_an_intent_s_properties_those_come_back_that_the_readme_names() {
    const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let table = include_str!("../../../README.md").split("| of the intent | in its event |").nth(1);
    let rows = table.unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    let named: String = rows.map(|row| row.split('|').nth(1).unwrap().to_owned()).collect();

    let mut stand = Stand::usual().await;
    let text = |text: &str| Some(text.to_owned());
    let properties = Properties {
        content_type: text("a-content-type"),
        message_id: text("a-message_id"),
        correlation_id: text("a-correlation_id"),
        kind: text("a-type"),
        app_id: text("an-app_id"),
        timestamp: Some(1_234_567),
        traceparent: text(TRACEPARENT),
        tracestate: text("a=tracestate"),
    };
    stand.settle_message(Message { properties, ..message("a") }).await;
    let event = stand.scene.broker.results().pop().unwrap();
    let all = format!("{:?} {}", event.properties, String::from_utf8_lossy(&event.body));
    for (property, value) in [
        ("content_type", "a-content-type"),
        ("message_id", "a-message_id"),
        ("correlation_id", "a-correlation_id"),
        ("type", "a-type"),
        ("app_id", "an-app_id"),
        ("timestamp", "1234567"),
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=tracestate"),
    ] {
        let is_named = named.contains(&format!("`{property}`"));
        assert_eq!(all.contains(value), is_named, "{property}: {all}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_parked_copy_without_its_confirm_acknowledges_nothing() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Parked, [Fault::Lost]);
    let bad = Message { body: "{".into(), ..message("a") };
    assert_eq!(stand.settle_message(bad).await, Settled::Abandoned);
    assert!(!stand.story().contains(&"acknowledged".to_owned()));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_came_back_fifty_times_is_published_anew_as_in_doubt() {
    let mut stand = Stand::usual().await;
    let old = Message { redelivered: true, count: 50, ..message("a") };
    assert_eq!(stand.settle_message(old).await, Settled::HandedBack);
    assert_eq!(stand.story()[1..], ["retry 1s", "acknowledged"]);
    let (_, copy, record) = stand.returned();
    assert!(record.is_in_doubt());
    assert_eq!(text(&copy.headers, "seen"), "redelivered");
    assert!(stand.scene.smart_send.calls().is_empty());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_retry_queue_that_refuses_leaves_the_delivery_unsettled() {
    let mut stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Retries, [Fault::Refused]);
    let old = Message { redelivered: true, count: 50, ..message("a") };
    assert_eq!(stand.settle_message(old).await, Settled::HandedBack);
    assert_eq!(stand.story()[1..], ["Retries Refused", "retry 1s", "acknowledged"]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_acknowledgement_on_a_lost_channel_repeats_the_event() {
    let mut stand = Stand::usual().await;
    stand.context.scheduler().record(None, Signal::Answered);
    stand.scene.broker.on_publish(Door::Results, [Fault::Unroutable]);
    let message = own_message("a", &first_record(&stand));
    let task = stand.start_message(message).await;
    until("the publish to be refused", SOON, async || stand.story().len() > 1).await;
    stand.process.cut();
    assert_eq!(task.await.unwrap(), Settled::Abandoned);
    let mut stand = Stand::half_open(stand.scene, &Settings::usual()).await;
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
}
