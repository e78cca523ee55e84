//! An operator's switch.

use std::sync::Arc;

use smartsend::domain::control::{ControlAction, Pause};

use super::*;
use crate::support::model::ModelContext;

/// A process that obeys orders.
struct Obedient {
    process: Process,
    context: Arc<ModelContext>,
    running: JoinHandle<usize>,
}

impl Obedient {
    fn begin(scene: &Scene) -> Self {
        let process = scene.process(Life::long());
        let worker = process.worker(MERCHANT, &Settings::usual());
        let context = worker.context();
        Self { process, context, running: tokio::spawn(worker.run()) }
    }

    async fn pause(&self) -> bool {
        let since = "2026-11-24T09:30:00Z".parse().unwrap();
        let (actor, reason) = ("asha".to_owned(), "two files at once".to_owned());
        let pause = ControlAction::Pause(Pause { actor, reason, since });
        self.context.obey("this", pause).await.is_saved
    }

    async fn resume(&self) -> bool {
        self.context.obey("this", ControlAction::Resume { actor: "asha".to_owned() }).await.is_saved
    }

    async fn allow(&self, process: &str, limit: u32) {
        let (process, actor) = (process.to_owned(), "asha".to_owned());
        self.context.obey("this", ControlAction::Allow { process, limit, actor }).await;
    }

    async fn stop(self) {
        self.process.stopping.cancel();
        assert_eq!(self.running.await.unwrap(), 0);
    }

    fn reasons(&self) -> String {
        self.process.status.reasons().join("\n")
    }
}

fn publish(scene: &Scene, numbers: std::ops::Range<u32>) {
    for number in numbers {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn nothing_new_is_started_and_what_was_sent_is_settled() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    publish(&scene, 0..2);
    seconds(5).await;
    assert_eq!(created(&scene), 2);

    scene.smart_send.set(|state| state.latency = Duration::from_secs(3));
    scene.smart_send.on_create([Act::LoseAnswer(Duration::ZERO)]);
    publish(&scene, 2..30);
    seconds(1).await;
    let sent = scene.smart_send.count(Called::Create);
    assert!((3..30).contains(&sent), "{sent}");
    assert!(worker.pause().await, "it knows what belongs into the checkpoint");
    seconds(120).await;
    assert_eq!(scene.smart_send.count(Called::Create), sent, "nothing was sent after that");
    assert_eq!(created(&scene), sent, "what was sent is settled, the lost answer too");
    let why =
        "asha has paused it: two files at once; nothing new is started, until `smartsend resume";
    assert!(worker.reasons().contains(why), "{}", worker.reasons());
    let text = worker.process.metrics.render();
    assert!(text.contains("smartsend_paused{merchant=\"default\"} 1"), "{text}");

    // For days, if it has to be: nobody gets older.
    seconds(3 * 86_400).await;
    assert_eq!(scene.broker.parked().len(), 0);
    scene.smart_send.set(|state| state.latency = Duration::ZERO);
    assert!(worker.resume().await);
    seconds(120).await;
    assert_eq!(created(&scene), 30, "{}", worker.reasons());
    assert_eq!(worker.reasons(), "");
    worker.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_may_have_been_sent_is_not_sent_again_while_it_is_paused() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    publish(&scene, 0..1);
    seconds(20).await;
    scene.smart_send.on_create([Act::LoseRequest]);
    publish(&scene, 1..2);
    seconds(60).await;
    assert_eq!(scene.smart_send.count(Called::Create), 2);
    worker.pause().await;
    seconds(3600).await;
    assert_eq!(scene.smart_send.count(Called::Create), 2, "its quarantine is long over");
    worker.resume().await;
    seconds(600).await;
    assert_eq!(created(&scene), 2);
    worker.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn so_many_are_let_through_as_were_allowed() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    publish(&scene, 0..1);
    seconds(5).await;
    worker.pause().await;
    publish(&scene, 1..40);
    worker.allow("another", 7).await;
    seconds(60).await;
    assert_eq!(created(&scene), 1, "that was for another process");
    // What is not sent is not let through.
    scene.smart_send.on_create(
        std::iter::repeat_with(|| Act::Show(CallResult::NotSent(NotSent::Connect))).take(2),
    );
    worker.allow("this", 3).await;
    seconds(300).await;
    assert_eq!(created(&scene), 4);
    assert!(worker.reasons().contains("asha has paused it"), "{}", worker.reasons());
    worker.resume().await;
    seconds(120).await;
    assert_eq!(created(&scene), 40);
    worker.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn whoever_becomes_active_next_is_paused_too() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    publish(&scene, 0..1);
    seconds(5).await;
    worker.pause().await;
    worker.stop().await;

    let next = Obedient::begin(&scene);
    publish(&scene, 1..20);
    seconds(60).await;
    assert_eq!(scene.smart_send.count(Called::Create), 1);
    assert!(next.reasons().contains("asha has paused it: two files at once"), "{}", next.reasons());
    assert!(next.resume().await);
    seconds(60).await;
    assert_eq!(created(&scene), 20);
    next.stop().await;

    // And it is over for whoever comes after.
    let last = Obedient::begin(&scene);
    publish(&scene, 20..25);
    seconds(60).await;
    assert_eq!(created(&scene), 25);
    last.stop().await;
}

/// It would replace the sums of whoever is.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_was_never_active_saves_nothing() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    seconds(5).await;
    assert!(!worker.pause().await);
    publish(&scene, 0..5);
    seconds(60).await;
    assert_eq!(scene.smart_send.count(Called::Create), 0, "it obeys all the same");
    worker.stop().await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_knows_nothing_leaves_no_checkpoint() {
    let scene = Scene::new(3);
    let worker = Obedient::begin(&scene);
    assert_eq!((worker.context.merchant(), worker.context.work()), (MERCHANT, Work::Intents));
    seconds(5).await;
    assert!(!worker.resume().await, "there was nothing to take back");
    let metrics = worker.process.metrics.clone();
    worker.stop().await;
    let series = "smartsend_publishes_total{kind=\"checkpoint\",result=\"confirmed\"} 0";
    assert!(metrics.render().contains(series), "{}", metrics.render());
}

// Trace 37: a stranger's message takes the place of the checkpoint, and every start stumbles over it.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_checkpoint_that_is_not_believed_or_not_read_counts_as_none() {
    let believed = r#"{"account":"1111312","api":"v1","paused":{"actor":"mallory","reason":"none","since":"2026-11-24T09:30:00Z"}}"#;
    for forged in [believed, "{", "null", "\u{feff}"] {
        let scene = Scene::new(3);
        scene.broker.forge_checkpoint(MERCHANT, forged.into());
        let worker = Obedient::begin(&scene);
        publish(&scene, 0..5);
        seconds(60).await;
        assert_eq!(created(&scene), 5, "{forged}: {}", worker.reasons());
        worker.stop().await;
    }
}
