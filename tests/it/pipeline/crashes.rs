//! Processes that are killed at any step, over a provider and a broker in bad weather, from a
//! seed. A failing seed says how it is played again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smartsend::payout::event::EventKind;
use smartsend::payout::sighting::{Answer, RetryAfter, Sighting, Silence, Unsent};

use crate::support::model::{Act, Called, Chance, Life, Request, Scene, Settings, refusal};

const SEEDS: u64 = 15;
const INTENTS: u64 = 200;
const CRASHES: u64 = 12;
const MERCHANT: &str = "default";
const RATE: u32 = 50;

/// Names the seed when its run fails.
struct Replay(u64);

impl Drop for Replay {
    #[expect(clippy::print_stderr, reason = "this is how a failing seed is told")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("again: SMARTSEND_SEED={seed} cargo test --test it pipeline::crashes");
        }
    }
}

/// `SMARTSEND_SEED=7` plays one seed again, `SMARTSEND_SEEDS=20..300` plays these.
fn seeds() -> Vec<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test that is told what to play")]
    let told = |name: &str| std::env::var(name).ok();
    if let Some(seed) = told("SMARTSEND_SEED") {
        return vec![seed.parse().unwrap()];
    }
    let Some(range) = told("SMARTSEND_SEEDS") else { return (0..SEEDS).collect() };
    let (start, end) = range.split_once("..").unwrap();
    (start.parse().unwrap()..end.parse().unwrap()).collect()
}

fn play(settings: &Settings, naive: bool) {
    for seed in seeds() {
        let replay = Replay(seed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(seed, settings.clone(), naive));
        drop(replay);
    }
}

#[test]
fn over_a_provider_that_refuses_duplicates_nothing_is_lost_doubled_or_failed_in_vain() {
    play(&brisk(Settings::usual()), false);
}

#[test]
fn over_a_naive_provider_the_strict_setting_makes_no_second_link() {
    play(&brisk(Settings::strict()), true);
}

/// The same relations between shorter times, and a higher rate.
fn brisk(mut settings: Settings) -> Settings {
    settings.policy.settle = Duration::from_secs(1);
    settings.policy.quarantine = Duration::from_secs(40);
    settings.hold = Duration::from_secs(10);
    settings.limits.rate.per_second = RATE.try_into().unwrap();
    settings.limits.max_pause = Duration::from_secs(20);
    settings
}

fn bad_weather(called: Called, chance: &Chance) -> Act {
    let answer = |status, retry_after| {
        Act::Show(Sighting::Answered(Answer { status, retry_after, envelope: None }))
    };
    match (called, chance.below(100)) {
        (_, 0..3) => Act::Show(Sighting::NotSent(Unsent::Connect)),
        (_, 3..5) => Act::LoseRequest,
        (_, 5..9) => Act::LoseAnswer(chance.up_to(Duration::from_secs(20))),
        (_, 9) => answer(429, Some(RetryAfter::In(Duration::from_secs(2)))),
        (_, 10) => answer(429, None),
        (_, 11..14) => answer(500, None),
        (_, 14) => Act::Show(Sighting::NoAnswer(Silence::CutBody)),
        (_, 15) if chance.percent(30) => answer(403, None),
        (_, 15) if chance.percent(30) => answer(401, None),
        (Called::Create, 16) => Act::Show(refusal(1128)),
        _ => Act::Serve,
    }
}

async fn run(seed: u64, settings: Settings, naive: bool) {
    let scene = Scene::new(seed);
    let chance = scene.chance.clone();
    scene.smart_send.set(|state| {
        state.naive = naive;
        state.lag = chance.up_to(Duration::from_secs(10));
        state.timeout = Duration::from_secs(5);
        state.rejected = Some("9");
    });
    scene.smart_send.weather(chance.clone(), bad_weather);
    scene.broker.weather(chance.clone(), 2);
    let upstream = scene.clone();
    let published = tokio::spawn(async move { publish_all(&upstream).await });
    for _ in 0..CRASHES {
        live_and_die(&scene, &settings).await;
    }
    published.await.unwrap();
    scene.smart_send.calm();
    scene.broker.calm();
    let last = scene.process(Life::long());
    let running = tokio::spawn(last.worker(MERCHANT, &settings).run());
    settle_all(&scene).await;
    last.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
    judge(&scene);
}

/// Upstream's outbox publishes some intents twice.
async fn publish_all(scene: &Scene) {
    for number in 0..INTENTS {
        scene.publish(MERCHANT, &format!("a{number}"));
        if scene.chance.percent(10) {
            scene.publish(MERCHANT, &format!("a{}", scene.chance.below(number + 1)));
        }
        tokio::time::sleep(scene.chance.up_to(Duration::from_millis(300))).await;
    }
}

/// One process, until it is killed, or cut off and then killed, or stopped.
async fn live_and_die(scene: &Scene, settings: &Settings) {
    let chance = &scene.chance;
    let process = scene.process(Life::of(1 + chance.below(900)));
    let mut running = tokio::spawn(process.worker(MERCHANT, settings).run());
    if chance.percent(30) {
        scene.smart_send.revoke_tokens();
    }
    let patience = chance.up_to(Duration::from_mins(2));
    tokio::select! {
        () = process.life.ended() => {}
        () = tokio::time::sleep(patience) => match chance.below(3) {
            0 => process.stopping.cancel(),
            1 => process.cut(),
            _ => {}
        },
    }
    tokio::select! {
        () = process.life.ended() => {}
        _ = &mut running => return process.cut(),
        () = tokio::time::sleep(chance.up_to(Duration::from_mins(1))) => {}
    }
    running.abort();
    running.await.ok();
    process.cut();
}

/// Waits until nothing is left, neither in the queue nor on its way back to it.
async fn settle_all(scene: &Scene) {
    let mut quiet = 0;
    for _ in 0..2000 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        quiet = if scene.broker.left(MERCHANT) == 0 { quiet + 1 } else { 0 };
        if quiet > 35 {
            return; // longer than the longest delay
        }
    }
    panic!("{} deliveries are never settled", scene.broker.left(MERCHANT));
}

fn judge(scene: &Scene) {
    let mut links = BTreeMap::new();
    for link in scene.smart_send.all_links() {
        let before = links.insert(link.reference.to_string(), link.url);
        assert_eq!(before, None, "two links for {}", link.reference);
    }
    let mut told = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for event in scene.broker.results() {
        let json: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
        let reference = json["subject"].as_str().unwrap().to_owned();
        let id = ids.entry((reference.clone(), json["type"].to_string()));
        assert_eq!(*id.or_insert_with(|| json["id"].clone()), json["id"]);
        let link = links.get(&reference);
        match event.kind {
            EventKind::Created => {
                let told = json["data"]["link"].as_str();
                assert_eq!(link.map(String::as_str), told, "{reference}");
            }
            EventKind::Failed => assert_eq!(link, None, "{reference} has failed, and has a link"),
            EventKind::Unresolved => {}
        }
        told.insert(reference);
    }
    assert_eq!(told.len() as u64, INTENTS, "an intent is lost");
    assert_paced(&scene.smart_send.ledger());
}

/// At most `rate * T + burst` requests in any T, by the generic cell rate algorithm; a resend asks
/// the broker something between its turn and its send, which takes up to 3 ms.
fn assert_paced(ledger: &[Request]) {
    let interval = Duration::from_secs(1) / RATE;
    let slack = 2 * interval + Duration::from_millis(3);
    let mut due = Duration::ZERO;
    for request in ledger {
        due = due.max(request.at) + interval;
        assert!(due - request.at <= slack, "too fast: {request:?}");
    }
}
