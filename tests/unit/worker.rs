//! One merchant's loop: it stops without leaving doubt, follows its circuit breaker, and leaves
//! others alone.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod commands;
mod guards;
mod lookup_lag;
mod odd_intents;
mod pause;
mod on_its_way;
mod stops;

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::admission::circuit_breaker::BreakerState;
use smartsend::admission::signal::TripReason;
use smartsend::domain::account::Api;
use smartsend::domain::call::{Answer, CallResult, NotSent};
use smartsend::domain::classify::Denial;
use smartsend::domain::record::Record;
use smartsend::domain::work::Work;
use smartsend::ports::TokenError;
use tokio::task::JoinHandle;

use crate::support::model::{Act, Called, Door, Life, Process, Scene, Settings};

const MERCHANT: &str = "default";

fn answer(status: u16) -> Act {
    Act::Show(CallResult::Answered(Answer { status, retry_after: None, envelope: None }))
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A scene with one process at work.
fn begin(settings: &Settings) -> (Scene, Process, JoinHandle<usize>) {
    let scene = Scene::new(3);
    let process = scene.process(Life::long());
    let running = tokio::spawn(process.worker(MERCHANT, settings).run());
    (scene, process, running)
}

fn created(scene: &Scene) -> usize {
    scene.story_count("link.created")
}

impl Scene {
    fn story_count(&self, word: &str) -> usize {
        self.broker.story().iter().filter(|line| *line == word).count()
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn it_settles_what_comes_at_the_merchant_s_rate() {
    let (scene, process, running) = begin(&Settings::usual());
    for number in 0..300 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(33).await;
    assert_eq!(created(&scene), 300);
    assert!(scene.smart_send.most_in_flight() <= 16);
    assert_eq!(scene.broker.left(MERCHANT), 0);
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn lookups_before_first_creates_leave_the_creates_young_enough() {
    for latency in [1, 3, 10, 19] {
        let settings = Settings::strict();
        let (scene, process, _running) = begin(&settings);
        scene.smart_send.set(|state| state.latency = Duration::from_secs(latency));
        for number in 0..100 {
            scene.publish(MERCHANT, &format!("a{number}"));
        }
        seconds(60).await; // its token has come by then
        let why = "another process may have been sending until now; nothing is created until";
        assert!(process.status.notes()[0].contains(why), "{:?}", process.status.notes());
        // One call at a time until a create is answered: 32 lookups alone would last longer than a
        // delivery is young enough for a create.
        let hold_off = settings.policy.quarantine + settings.policy.lease;
        tokio::time::sleep(hold_off + Duration::from_mins(5)).await;
        assert_eq!(process.status.readiness().1.len(), 1, "{:?}", process.status.readiness());
        assert!(created(&scene) > 50, "latency {latency} s: {}", created(&scene));
        process.stopping.cancel();
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_finishes_what_was_sent_and_hands_back_what_was_not() {
    let (scene, process, running) = begin(&Settings::usual());
    scene.smart_send.set(|state| state.latency = Duration::from_secs(5));
    for number in 0..32 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(12).await;
    let sent = scene.smart_send.count(Called::Create);
    assert!((1..32).contains(&sent), "{sent}");
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
    assert_eq!(scene.smart_send.count(Called::Create), sent, "nothing was sent after the stop");
    assert_eq!(created(&scene), sent);
    let back = scene.broker.retried();
    assert_eq!(back.len(), 32 - sent);
    for (_, copy) in back {
        assert!(!Record::from_headers(&copy.headers).unwrap().is_in_doubt());
    }
    let status = process.status.snapshot();
    assert_eq!(status["merchants"][MERCHANT]["handed_back"], 32 - sent);
}

/// Its lookups work, so each probe is good: `/readyz` would say that all is well until the next create.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn between_a_good_probe_and_the_next_create_it_says_why_it_was_open() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.smart_send.on_create(std::iter::repeat_with(|| answer(503)).take(100));
    for number in 0..30 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    let why = "the circuit breaker is half-open, and one call goes out at a time, until a create is \
               answered; it was open because the provider is down: its answers are errors";
    let mut times = 0;
    for _ in 0..300 {
        seconds(1).await;
        let notes = process.status.notes().join("\n");
        times += usize::from(notes.contains(why));
        let is_open = process.status.reasons().join("\n").contains("the circuit breaker is open");
        assert!(!is_open || !notes.contains(why), "it is one or the other");
    }
    assert!(times > 0);
    process.stopping.cancel();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_before_anything_came_is_at_once() {
    let (scene, process, running) = begin(&Settings::usual());
    scene.smart_send.on_token([TokenError::Refused; 50]);
    seconds(10).await;
    process.stopping.cancel();
    let stopped = scene.clock.elapsed();
    assert_eq!(running.await.unwrap(), 0);
    assert!(scene.clock.elapsed() - stopped < Duration::from_secs(1));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_cannot_be_published_by_the_end_of_the_drain_is_counted_and_stays() {
    let (scene, process, running) = begin(&Settings::usual());
    scene.broker.set_shut(Door::Results, true);
    scene.publish(MERCHANT, "a");
    seconds(10).await;
    let stopped = scene.clock.elapsed();
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 1);
    let took = scene.clock.elapsed() - stopped;
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(31), "{took:?}");
    assert_eq!(scene.broker.left(MERCHANT), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_open_breaker_cancels_the_consumer_once_and_a_good_probe_brings_it_back() {
    let (scene, _process, _running) = begin(&Settings::usual());
    // The token stays good all the while.
    scene.smart_send.on_create([answer(403)]);
    scene.publish(MERCHANT, "a");
    seconds(30).await;
    assert_eq!(scene.story_count("cancelled"), 1);
    assert_eq!(scene.story_count("consuming"), 2);
    assert_eq!(created(&scene), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_the_breaker_is_open_nothing_is_consumed() {
    let (scene, _process, _running) = begin(&Settings::usual());
    seconds(5).await;
    scene.smart_send.on_token([TokenError::Refused; 5]);
    scene.smart_send.on_create([answer(403)]);
    for number in 0..100 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(20).await;
    assert_eq!(scene.story_count("consuming"), 1, "{:?}", scene.broker.story());
    let back = scene.broker.retried().len();
    assert!(back <= 32, "only what was in flight goes back: {back}");
    seconds(120).await;
    assert_eq!(created(&scene), 100);
    assert_eq!(scene.broker.left(MERCHANT), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_foreign_link_ends_the_consuming_until_a_restart() {
    use smartsend::domain::call::Data;
    use smartsend::domain::customer::Private;
    let (scene, process, running) = begin(&Settings::usual());
    let link = Some(Private::new("https://evil.example/s"));
    let foreign = crate::support::model::accepted(Data { link, ..Data::default() });
    scene.smart_send.on_create([Act::Show(foreign)]);
    scene.publish(MERCHANT, "a");
    seconds(5).await;
    scene.publish(MERCHANT, "b");
    seconds(7200).await;
    assert_eq!(scene.story_count("consuming"), 1);
    assert_eq!(scene.smart_send.count(Called::Create), 1);
    assert_eq!(scene.broker.left(MERCHANT), 1);
    let reasons = process.status.reasons();
    assert!(reasons.iter().any(|reason| reason.contains("link_hosts")), "{reasons:?}");
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_lost_connection_is_followed_by_a_new_inbox_and_lookups() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.smart_send.set(|state| state.latency = Duration::from_secs(4));
    for number in 0..8 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(10).await;
    process.cut();
    seconds(600).await;
    for number in 0..8 {
        assert_eq!(scene.smart_send.links(&format!("a{number}")).len(), 1);
    }
    assert_eq!(scene.broker.left(MERCHANT), 0);
    assert!(scene.story_count("consuming") >= 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_standby_takes_over_with_one_call_at_a_time() {
    let (scene, first, running) = begin(&Settings::usual());
    seconds(1).await;
    let second = scene.process(Life::long());
    let worker = second.worker(MERCHANT, &Settings::usual());
    let scheduler = worker.context().scheduler().clone();
    let _running = tokio::spawn(worker.run());
    scene.publish(MERCHANT, "a");
    seconds(5).await;
    assert_eq!(scene.smart_send.count(Called::Create), 1);
    first.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
    scene.publish(MERCHANT, "b");
    seconds(5).await;
    assert_eq!(scheduler.state().breaker, BreakerState::Closed);
    assert_eq!(created(&scene), 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_merchant_s_trouble_leaves_another_alone() {
    let scene = Scene::new(3);
    let process = scene.process(Life::long());
    let [troubled, fine] = [(), ()].map(|()| scene.another_provider());
    troubled.weather(scene.chance.clone(), |called, chance| match called {
        Called::Create if chance.percent(50) => answer(403),
        Called::Create => answer(500),
        Called::Token | Called::Manage => Act::Serve,
        Called::Lookup => answer(503),
    });
    let settings = Settings::usual();
    tokio::spawn(process.worker_at("troubled", &troubled, &settings).run());
    tokio::spawn(process.worker_at("fine", &fine, &settings).run());
    for number in 0..200 {
        scene.publish("troubled", &format!("t{number}"));
        scene.publish("fine", &format!("f{number}"));
    }
    seconds(23).await;
    assert_eq!(created(&scene), 200);
    assert_eq!(scene.broker.left("fine"), 0);
    assert!(troubled.count(Called::Create) > 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_task_that_panics_ends_neither_the_loop_nor_the_intent() {
    let (scene, process, running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "first");
    seconds(10).await;
    scene.smart_send.set(|state| state.panics = 1);
    scene.publish(MERCHANT, "a");
    seconds(600).await;
    assert_eq!(scene.smart_send.links("a").len(), 1, "it came back");
    assert_eq!(created(&scene), 2);
    scene.publish(MERCHANT, "b");
    seconds(5).await;
    assert_eq!(created(&scene), 3);
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn credentials_that_are_refused_leave_the_intents_where_they_are() {
    let scene = Scene::new(3);
    let process = scene.process(Life::long());
    scene.smart_send.on_token([TokenError::Refused; 7]);
    let worker = process.worker(MERCHANT, &Settings::usual());
    let scheduler = worker.context().scheduler().clone();
    let _running = tokio::spawn(worker.run());
    scene.publish(MERCHANT, "a");
    seconds(30).await;
    assert_eq!(scene.story_count("consuming"), 0);
    let why = TripReason::Denied(Denial::Credentials);
    assert!(
        matches!(scheduler.state().breaker, BreakerState::Open { why: open, .. } if open == why)
    );
    seconds(100).await;
    assert_eq!(created(&scene), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_a_first_token_it_says_so_until_the_open_breaker_says_why() {
    let scene = Scene::new(3);
    let process = scene.process(Life::long());
    scene.smart_send.on_token([TokenError::Unavailable(NotSent::Connect); 7]);
    let _running = tokio::spawn(process.worker(MERCHANT, &Settings::usual()).run());
    let says_no_token =
        || process.status.reasons().iter().any(|reason| reason.contains("it has no token yet"));
    seconds(1).await;
    assert!(!says_no_token(), "it may still come");
    seconds(4).await;
    assert!(says_no_token(), "{:?}", process.status.reasons());
    seconds(10).await;
    assert!(!says_no_token());
    assert_eq!(process.status.reasons().len(), 1, "{:?}", process.status.reasons());
    seconds(60).await;
    assert_eq!(process.status.reasons(), Vec::<String>::new());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_a_lost_connection_leaves_counts_as_unsettled_only_during_the_stop() {
    for during_the_stop in [false, true] {
        let (scene, process, running) = begin(&Settings::usual());
        scene.broker.set_shut(Door::Results, true);
        scene.publish(MERCHANT, "a");
        seconds(10).await;
        if during_the_stop {
            process.stopping.cancel();
            seconds(1).await;
        }
        process.cut();
        seconds(1).await;
        scene.broker.set_shut(Door::Results, false);
        seconds(60).await;
        process.stopping.cancel();
        assert_eq!(running.await.unwrap(), usize::from(during_the_stop));
    }
}

/// Without what it left, nothing could be concluded from a lookup that finds nothing.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_takes_over_knows_of_a_link_that_lookups_have_shown_to_the_process_before() {
    let usual = Settings::usual();
    let [mut other, mut v2] = [usual.clone(), usual.clone()];
    "2222222".clone_into(&mut other.policy.account.payout_merchant_id);
    v2.policy.account.api = Api::V2;
    let cases =
        [(&usual, false, true), (&usual, true, true), (&other, true, false), (&v2, true, false)];
    for (settings, is_killed, knows) in cases {
        let (scene, process, running) = begin(&usual);
        scene.publish(MERCHANT, "a");
        seconds(600).await;
        if is_killed {
            running.abort();
            process.cut();
        } else {
            process.stopping.cancel();
            assert_eq!(running.await.unwrap(), 0);
        }
        let worker = scene.process(Life::long()).worker(MERCHANT, settings);
        let context = worker.context();
        let _running = tokio::spawn(worker.run());
        scene.broker.publish_intent(MERCHANT, "no intent".to_owned());
        seconds(600).await;
        assert_eq!(context.readback().evidence().is_given, knows, "{:?}", settings.policy.account);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_process_that_was_frozen_sends_nothing_of_what_it_held() {
    let (scene, _process, _running) = begin(&Settings::usual());
    seconds(5).await;
    for number in 0..32 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    scene.clock.jump_wall(SignedDuration::from_mins(10));
    seconds(1).await;
    assert_eq!(scene.smart_send.count(Called::Create), 0);
    seconds(60).await;
    assert_eq!(created(&scene), 32);
}
