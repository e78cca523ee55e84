//! A merchant's commands, beside its intents.

use serde_json::Value as Json;
use smartsend::domain::event::EventKind;

use super::*;
use crate::support::model::Change;

/// A process that works on both queues.
struct Both {
    scene: Scene,
    process: Process,
    running: Vec<JoinHandle<usize>>,
}

impl Both {
    async fn begin() -> Self {
        let mut both = Self::of(Scene::new(3));
        both.start();
        both.scene.publish(MERCHANT, "a");
        seconds(3).await;
        assert_eq!(created(&both.scene), 1);
        both
    }

    fn of(scene: Scene) -> Self {
        let process = scene.process(Life::long());
        Self { scene, process, running: Vec::new() }
    }

    fn start(&mut self) {
        for work in Work::ALL {
            let settings = Settings { work, ..Settings::usual() };
            self.running.push(tokio::spawn(self.process.worker(MERCHANT, &settings).run()));
        }
    }

    fn cancel(&self, reference: &str) {
        let body = format!(r#"{{"command":"cancel","merchantRefId":"{reference}"}}"#);
        self.scene.command(MERCHANT, &body);
    }

    fn extend(&self, reference: &str, expiry: &str) {
        let body = format!(
            r#"{{"command":"extend","merchantRefId":"{reference}","expiryDate":"{expiry}"}}"#
        );
        self.scene.command(MERCHANT, &body);
    }

    /// The events so far that are about commands: kind, and the reason's code.
    fn events(&self) -> Vec<(EventKind, String)> {
        let events = self.scene.broker.results();
        let of_commands = events.iter().filter(|it| EventKind::OF_COMMANDS.contains(&it.kind));
        let read = of_commands.map(|event| {
            let json: Json = serde_json::from_slice(&event.body).unwrap();
            let code = json["data"]["reason"]["code"].as_str().unwrap_or_default();
            (event.kind, code.to_owned())
        });
        read.collect()
    }

    async fn stop(self) -> Scene {
        self.process.stopping.cancel();
        for running in self.running {
            assert_eq!(running.await.unwrap(), 0);
        }
        self.scene
    }
}

fn kinds(events: &[(EventKind, String)]) -> Vec<EventKind> {
    events.iter().map(|(kind, _)| *kind).collect()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_is_cancelled_within_two_seconds_and_extended() {
    let both = Both::begin().await;
    both.extend("a", "2027-01-01T00:00:00Z");
    seconds(2).await;
    both.cancel("a");
    seconds(2).await;
    assert_eq!(kinds(&both.events()), [EventKind::Extended, EventKind::Cancelled]);
    let scene = both.stop().await;
    let expiry = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(scene.smart_send.changes("a"), [Change::Extended(expiry), Change::Cancelled]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_lost_answer_is_looked_up_and_whoever_claims_first_wins() {
    let both = Both::begin().await;
    both.scene.smart_send.on_manage([Act::LoseAnswer(Duration::ZERO)]);
    both.cancel("a");
    seconds(60).await;
    assert_eq!(kinds(&both.events()), [EventKind::Cancelled]);
    assert_eq!(both.scene.smart_send.changes("a"), [Change::Cancelled], "it was sent once");

    both.scene.publish(MERCHANT, "b");
    seconds(3).await;
    both.scene.smart_send.claim("b");
    both.cancel("b");
    seconds(3).await;
    let claimed = (EventKind::CancelFailed, "CLAIMED".to_owned());
    assert_eq!(both.events().last(), Some(&claimed));
    both.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_cancel_that_overtakes_its_intent_is_done_once_there_is_a_link() {
    let both = Both::begin().await;
    both.cancel("b");
    seconds(20).await;
    assert_eq!(both.events(), []);
    both.scene.publish(MERCHANT, "b");
    seconds(60).await;
    assert_eq!(kinds(&both.events()), [EventKind::Cancelled]);
    both.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_in_doubt_and_its_cancel_are_not_processed_at_once() {
    let both = Both::begin().await;
    both.scene.smart_send.on_create([Act::LoseAnswer(Duration::from_secs(2))]);
    both.scene.publish(MERCHANT, "b");
    seconds(1).await;
    both.cancel("b");
    seconds(1).await;
    let is_sent = |called| both.scene.smart_send.count(called) > 0;
    assert!(!is_sent(Called::Manage), "the reference is locked");
    seconds(120).await;
    assert_eq!(created(&both.scene), 2);
    assert_eq!(kinds(&both.events()), [EventKind::Cancelled]);
    both.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_worker_that_loses_its_connection_leaves_its_commands_to_the_next_one() {
    let both = Both::begin().await;
    both.scene.smart_send.set(|state| state.latency = Duration::from_secs(1));
    both.cancel("a");
    tokio::time::sleep(Duration::from_millis(700)).await; // it is on its way
    both.process.cut();
    let mut next = Both::of(both.scene.clone());
    next.start();
    seconds(60).await;
    let mut kinds = kinds(&next.events());
    kinds.dedup(); // the first process may still publish what it has seen
    assert_eq!(kinds, [EventKind::Cancelled]);
    assert_eq!(next.scene.smart_send.changes("a"), [Change::Cancelled], "it was sent once");
    next.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_cancels_at_once_make_one_event_by_its_id() {
    let both = Both::begin().await;
    both.cancel("a");
    both.cancel("a");
    seconds(30).await;
    let events = both.scene.broker.results();
    let cancelled = events.iter().filter(|event| event.kind == EventKind::Cancelled);
    let mut ids: Vec<_> = cancelled.map(|event| event.properties.message_id.clone()).collect();
    assert_eq!(ids.len(), 2);
    ids.dedup();
    assert_eq!(ids.len(), 1);
    both.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_not_a_command_is_parked_and_what_is_on_the_wrong_queue_too() {
    let both = Both::begin().await;
    both.scene.command(MERCHANT, r#"{"command":"stop","merchantRefId":"a"}"#);
    both.scene.command(MERCHANT, &crate::support::model::body("a"));
    both.scene.broker.publish_intent(MERCHANT, r#"{"command":"cancel","merchantRefId":"a"}"#);
    seconds(3).await;
    let unresolved = |code: &str| (EventKind::CommandUnresolved, code.to_owned());
    assert_eq!(both.events(), [unresolved("INVALID_COMMAND"), unresolved("WRONG_QUEUE")]);
    let rejected = both.scene.broker.results();
    assert_eq!(rejected.iter().filter(|event| event.kind == EventKind::Rejected).count(), 1);
    let scene = both.stop().await;
    assert_eq!(scene.broker.parked().len(), 3);
    assert_eq!(scene.smart_send.count(Called::Manage), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_backlog_of_intents_delays_no_command() {
    let both = Both::begin().await;
    for number in 0..2_000 {
        both.scene.publish(MERCHANT, &format!("b{number}"));
    }
    seconds(5).await;
    both.cancel("a");
    seconds(2).await;
    assert_eq!(kinds(&both.events()), [EventKind::Cancelled]);
    both.stop().await;
}
