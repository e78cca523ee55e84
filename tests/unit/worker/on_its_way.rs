//! What the worker shows of one reference: what happens to it now, and until when.

use smartsend::domain::reference::Reference;
use smartsend::telemetry::status::{ConsumerState, Known, QueueStatus, Step};

use super::*;

fn of(process: &Process, reference: &str) -> QueueStatus {
    let reference = Reference::parse(reference).unwrap();
    process.status.of_reference(&reference).queues[MERCHANT]
}

/// What is known of it, and how long its step still lasts.
fn known(process: &Process, reference: &str) -> (Known, Option<i64>) {
    let known = of(process, reference).known.unwrap();
    let lasts = |until: jiff::Timestamp| until.duration_since(known.since.0).as_secs();
    (known, known.until.map(|until| lasts(until.0)))
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_is_shown_from_its_create_to_its_end() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.smart_send.set(|state| state.latency = Duration::from_secs(3));
    seconds(5).await;
    assert_eq!(of(&process, "a").known, None);
    scene.publish(MERCHANT, "a");
    seconds(2).await;
    let (call, lasts) = known(&process, "a");
    assert_eq!((call.step, call.in_doubt, call.attempts, lasts), (Step::Call, false, 0, None));
    assert_eq!(of(&process, "a").consumer, ConsumerState::Active);
    assert_eq!(of(&process, "b").known, None, "another reference is not shown");
    seconds(5).await;
    assert_eq!(created(&scene), 1);
    assert_eq!(of(&process, "a").known, None, "it is settled");
    process.stopping.cancel();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_in_doubt_says_when_its_next_lookup_is_due() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "first"); // closes the breaker
    seconds(10).await;
    scene.smart_send.on_create([Act::LoseRequest]);
    scene.publish(MERCHANT, "a");
    seconds(22).await; // its timeout
    let (waits, lasts) = known(&process, "a");
    assert_eq!((waits.step, waits.in_doubt, waits.attempts), (Step::LookupDue, true, 1));
    assert_eq!(lasts, Some(5), "first_lookup");
    seconds(10).await;
    let (waits, lasts) = known(&process, "a");
    assert_eq!((waits.step, waits.lookups), (Step::LookupDue, 1));
    assert_eq!(lasts, Some(147), "half of the quarantine that is left");
    process.stopping.cancel();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_on_a_retry_queue_is_shown_until_it_has_come_back() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "first");
    seconds(10).await;
    scene.smart_send.on_create([answer(429)]);
    scene.publish(MERCHANT, "a");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (returned, lasts) = known(&process, "a");
    assert_eq!((returned.step, lasts), (Step::RetryQueue, Some(1)));
    assert!(!returned.in_doubt, "it was turned away");
    seconds(60).await;
    assert_eq!(created(&scene), 2);
    assert_eq!(of(&process, "a").known, None, "it came back, and is settled");
    process.stopping.cancel();
}

/// The other copy is the one in flight, and what is shown is about that one.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_copy_that_meets_another_one_hides_nothing_of_it() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "first");
    seconds(10).await;
    scene.smart_send.on_create([Act::LoseRequest]);
    scene.publish(MERCHANT, "a");
    seconds(22).await;
    scene.publish(MERCHANT, "a");
    seconds(1).await;
    assert_eq!(scene.broker.retried().len(), 1, "the copy");
    let (waits, _) = known(&process, "a");
    assert_eq!((waits.step, waits.in_doubt), (Step::LookupDue, true));
    process.stopping.cancel();
}
