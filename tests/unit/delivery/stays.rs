//! How long a delivery stays in flight, and with what record it leaves.

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::admission::circuit_breaker::ProbeResult;
use smartsend::admission::signal::{FailureKind, Signal, TripReason};
use smartsend::domain::call::{Answer, CallResult, NotSent, RetryAfter};
use smartsend::domain::classify::Denial;
use smartsend::domain::event::EventKind;
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::ports::Queue;
use smartsend::worker::Settled;

use super::{Stand, first_record, is_new, message, own_message, seconds};
use crate::support::model::{Act, Called, Message, Settings, intent_of};

const CREATED: Settled = Settled::Published(EventKind::Created);

fn throttled(seconds: u64) -> Act {
    let retry_after = Some(RetryAfter::In(Duration::from_secs(seconds)));
    Act::Show(CallResult::Answered(Answer { status: 429, retry_after, envelope: None }))
}

fn forbidden() -> Act {
    Act::Show(CallResult::Answered(Answer { status: 403, retry_after: None, envelope: None }))
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_throttled_steps_aside_and_waits_out_a_short_pause() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([throttled(20)]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.event()["attempts"], 2, "it may have been processed all the same");
    let ledger = stand.scene.smart_send.ledger();
    assert!(ledger[2].at - ledger[1].at >= Duration::from_secs(20));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_held_for_hold_goes_back_with_its_record() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([throttled(300)]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    let started = stand.scene.clock.elapsed();
    assert_eq!(stand.settle_next().await, Settled::HandedBack);
    let held = stand.scene.clock.elapsed() - started;
    assert!(held >= Duration::from_mins(1) && held < Duration::from_secs(62), "{held:?}");
    let (delay, _, record) = stand.returned();
    assert_eq!(delay, Duration::from_secs(1));
    assert!(is_new(&record));
    assert_eq!((record.attempts, record.returns), (1, 0));
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

/// The other copy may stay for a whole quarantine. Those that wait for it must not keep everyone else
/// out.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_copy_that_finds_another_one_at_work_goes_back_at_once() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::LoseRequest]);
    let first = stand.start("a").await;
    seconds(25).await;
    let started = stand.scene.clock.elapsed();
    assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    assert!(stand.scene.clock.elapsed() - started < Duration::from_secs(1));
    let (delay, _, record) = stand.returned();
    assert_eq!(delay, Duration::from_secs(1));
    let State::InDoubt(Doubt { seen, .. }) = record.state else { panic!("{record:?}") };
    assert_eq!((seen, record.returns, record.waited), (Seen::Recent, 1, Duration::ZERO));
    assert!(!first.is_finished(), "the first one waits out its quarantine");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

/// Copies of one reference, however many, hold nobody up, and come to one event.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_hundred_copies_take_the_first_one_s_verdict() {
    let mut settings = Settings::usual();
    settings.prefetch = 4;
    let mut stand = Stand::new(&settings).await;
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(1));
    let first = stand.start("a").await;
    for _ in 1..200 {
        assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    }
    let started = stand.scene.clock.elapsed();
    assert_eq!(stand.settle("b").await, CREATED);
    let took = stand.scene.clock.elapsed() - started;
    assert!(took < Duration::from_secs(10), "another intent waited {took:?}");
    assert_eq!(first.await.unwrap(), CREATED);
    for _ in 1..200 {
        assert_eq!(stand.settle_next().await, CREATED);
    }
    assert_eq!(stand.scene.smart_send.count(Called::Create), 2);
    assert!(stand.scene.smart_send.count(Called::Lookup) <= 1, "no copy is looked up");
    let results = stand.scene.broker.results();
    let ids: std::collections::BTreeSet<_> =
        results.iter().map(|event| event.properties.message_id.clone()).collect();
    assert_eq!((results.len(), ids.len()), (201, 2));
}

/// What the process before knew of lookups ended with it. Until a link is shown to this one nothing
/// is parked that would be sent again.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_process_that_has_just_begun_parks_nothing_for_want_of_proof() {
    let mut stand = Stand::usual().await;
    stand.context.on_activated();
    let mut record = first_record(&stand);
    let seen = Seen::Unknown;
    record.state = State::InDoubt(Doubt { seen, last_sent: Some(record.first_seen), code: None });
    (record.attempts, record.lookups) = (1, 3);
    (record.waited, record.quarantined) = (Duration::from_hours(1), Duration::from_hours(1));
    let message = own_message("a", &record);
    assert_eq!(stand.settle_message(message).await, Settled::RetriedLater);
    let (delay, copy, record) = stand.returned();
    assert_eq!(delay, Duration::from_mins(10), "the longest there is");
    assert!(record.is_in_doubt() && !copy.headers.is_empty());

    assert_eq!(stand.settle("b").await, CREATED); // and details shows it
    seconds(600).await;
    assert_eq!(stand.settle_in_the_end().await, CREATED);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
    assert!(stand.scene.broker.parked().is_empty());
}

/// The one place of a half-open breaker is not passed on before it knows what the call showed.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn nothing_is_sent_between_a_throttle_and_its_end() {
    let mut stand =
        Stand::half_open(crate::support::model::Scene::new(1), &Settings::usual()).await;
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(2));
    stand.scene.smart_send.on_create([throttled(30)]);
    let tasks = [stand.start("a").await, stand.start("b").await];
    let [throttled, waiting] = tasks;
    assert_eq!(throttled.await.unwrap(), Settled::HandedBack);
    assert_eq!(waiting.await.unwrap(), CREATED);
    let ledger = stand.scene.smart_send.ledger();
    let creates: Vec<Duration> =
        ledger.iter().filter(|r| r.called == Called::Create).map(|r| r.at).collect();
    assert!(creates[1] - creates[0] >= Duration::from_secs(32), "{creates:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_denial_sends_nothing_more_and_hands_back_uncounted() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([forbidden()]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    let record = stand.returned().2;
    assert!(is_new(&record));
    assert_eq!((record.attempts, record.returns), (1, 0));
    assert_eq!(stand.settle("b").await, Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_delivery_that_is_older_than_hold_is_handed_back_and_not_sent() {
    let jump_wall = |stand: &Stand| stand.scene.clock.jump_wall(SignedDuration::from_mins(2));
    let mut stand = Stand::usual().await;
    let task = stand.start("a").await;
    jump_wall(&stand); // frozen, and the steady clock stood still
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
    let record = stand.returned().2;
    assert!(is_new(&record));
    assert_eq!(stand.settle_next().await, CREATED, "the copy is young");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_resend_asks_the_broker_whether_the_delivery_is_still_ours() {
    let mut stand = Stand::usual().await;
    stand.prove();
    let state = State::InDoubt(Doubt { seen: Seen::Unknown, last_sent: None, code: None });
    let waited = Duration::from_mins(5);
    let record = Record { state, attempts: 1, lookups: 2, waited, ..first_record(&stand) };
    let task = stand.start_message(own_message("a", &record)).await;
    while stand.scene.smart_send.count(Called::Lookup) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    stand.process.cut(); // just before the turn of the resend
    assert_eq!(task.await.unwrap(), Settled::Abandoned);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_delivery_whose_channel_has_ended_is_never_sent_first_either() {
    let mut stand = Stand::usual().await;
    seconds(60).await; // there is a turn at once
    stand.settle("a").await;
    seconds(60).await;
    let task = stand.start("b").await;
    stand.process.cut();
    assert_eq!(task.await.unwrap(), Settled::Abandoned);
    assert!(stand.scene.smart_send.links("b").is_empty());
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_copies_never_run_at_once_and_the_second_says_the_same() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.naive = true);
    let first = stand.start("a").await;
    let second = stand.start("a").await;
    assert_eq!(second.await.unwrap(), Settled::RetriedLater);
    assert_eq!(first.await.unwrap(), CREATED);
    assert_eq!(stand.settle_next().await, CREATED);
    let results = stand.scene.broker.results();
    assert_eq!(results[0].properties.message_id, results[1].properties.message_id);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_throttled_lookup_leaves_the_reference_in_the_dedup_cache() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.naive = true);
    stand.scene.smart_send.on_create([Act::LoseAnswer(Duration::ZERO)]);
    stand.scene.smart_send.on_look([throttled(200)]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    assert!(stand.returned().2.is_in_doubt());
    seconds(200).await;
    assert_eq!(stand.settle("a").await, CREATED);
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_memory_that_is_full_forgets_the_oldest() {
    let mut settings = Settings::usual();
    settings.capacity = 2;
    let mut stand = Stand::new(&settings).await;
    for reference in ["a", "b", "c"] {
        stand.settle(reference).await;
    }
    // For another amount, so that no verdict is known either.
    let body = super::body("a").replace("100.50", "7.00");
    stand.settle_message(Message { body: body.into(), ..message("a") }).await;
    // The fourth was new again, and the provider called it a duplicate.
    assert_eq!(stand.scene.smart_send.count(Called::Create), 4);
    assert_eq!(stand.reason(), "REFERENCE_CONFLICT");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_hands_back_what_waits_and_finishes_what_was_sent() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(10));
    let sent = stand.start("a").await;
    seconds(15).await;
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
    stand.process.stopping.cancel();
    let waiting = stand.start("b").await;
    assert_eq!(waiting.await.unwrap(), Settled::HandedBack);
    assert!(is_new(&stand.returned().2));
    assert_eq!(sent.await.unwrap(), CREATED);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_in_doubt_that_is_stopped_in_its_quarantine_carries_what_it_has_waited() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::LoseRequest]);
    let task = stand.start("a").await;
    seconds(120).await;
    stand.process.stopping.cancel();
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    let record = stand.returned().2;
    assert!(record.is_in_doubt());
    assert!(record.waited >= Duration::from_secs(90), "{:?}", record.waited);
    assert!(record.waited <= Duration::from_mins(2), "{:?}", record.waited);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_finds_no_room_goes_through_the_longest_queue_that_fits() {
    let mut settings = Settings::usual();
    settings.places = 1;
    let mut stand = Stand::new(&settings).await;
    let unsure = |reference: &str| Message { redelivered: true, count: 1, ..message(reference) };
    let _first = stand.start_message(unsure("a")).await;
    seconds(1).await;
    assert_eq!(stand.settle_message(unsure("b")).await, Settled::RetriedLater);
    let (delay, _, record) = stand.returned();
    assert_eq!(delay, Duration::from_secs(5));
    assert_eq!(record.waited, delay);
    assert!(record.is_in_doubt());
}

/// Where all are in doubt no create may come to close the breaker, and they must age all the same.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wait_counts_when_the_process_has_just_begun_and_not_after_an_outage() {
    let mut settings = Settings::usual();
    settings.places = 0;
    for was_down in [false, true] {
        let mut stand = Stand::half_open(crate::support::model::Scene::new(1), &settings).await;
        let scheduler = stand.context.scheduler();
        for _ in 0..if was_down { 5 } else { 0 } {
            scheduler.record(None, Signal::Failed(FailureKind::Broken));
        }
        scheduler.probed(ProbeResult::Good);
        stand.settle_message(Message { redelivered: true, count: 1, ..message("a") }).await;
        let (delay, _, record) = stand.returned();
        assert_eq!(record.waited, if was_down { Duration::ZERO } else { delay });
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_open_breaker_ends_every_wait() {
    let mut stand = Stand::usual().await;
    let unsure = Message { redelivered: true, count: 1, ..message("a") };
    let task = stand.start_message(unsure).await;
    seconds(2).await;
    stand.context.scheduler().record(None, Signal::Trip(TripReason::Denied(Denial::Forbidden)));
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    assert_eq!(stand.metric("smartsend_held{merchant=\"default\"}"), "0");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_dropped_at_any_moment_leaves_no_call_in_flight_and_no_room_taken() {
    for millis in (0..12_000).step_by(53) {
        let mut stand = Stand::usual().await;
        stand.scene.smart_send.on_create([
            Act::Show(CallResult::NotSent(NotSent::Connect)),
            Act::Show(CallResult::Answered(Answer {
                status: 500,
                retry_after: None,
                envelope: None,
            })),
        ]);
        let task = stand.start("a").await;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        task.abort();
        let dropped = task.await.is_err();
        assert_eq!(stand.context.scheduler().in_flight(), 0, "after {millis} ms");
        assert_eq!(stand.metric("smartsend_held{merchant=\"default\"}"), "0", "after {millis} ms");
        if dropped {
            let queue = stand.process.queue("default", 4);
            stand.inbox = queue.open().await.unwrap();
            stand.scene.smart_send.has_link(&intent_of("a"));
            assert_eq!(stand.settle_next().await, CREATED, "after {millis} ms");
        }
    }
}
