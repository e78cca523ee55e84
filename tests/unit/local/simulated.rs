//! The real worker over the file, a model of Smart Send, and processes that are killed at any step.
//! Simulated time stands still while the disk works.

use smartsend::domain::call::{Answer, CallResult};
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::event::ReceivedResult;
use smartsend::local::Standing;

use super::*;
use crate::support::model::{Act, Called, Chance, Life, Scene, Settings};

const ROWS: usize = 10;
const KILLS: usize = 5;
/// No process lives longer before it is killed: twice what the strict setting waits at a start.
const LIFE_MAX: Duration = Duration::from_mins(3);
/// Nothing takes longer once the faults have ended.
const END_MAX: Duration = Duration::from_hours(3);

fn settings(policy: InDoubtPolicy) -> Settings {
    let mut settings = Settings::usual();
    let delays = [1, 5, 30].map(Duration::from_secs);
    settings.policy.delays = RetryDelays::new(&delays).unwrap();
    settings.policy.lease = Duration::from_secs(20);
    settings.policy.quarantine = Duration::from_mins(1);
    settings.policy.max_age = Duration::from_hours(1);
    settings.policy.in_doubt = policy;
    settings.places = 4;
    settings
}

/// Requests and answers are lost, links are made late, and some answers are errors.
fn weather(_: Called, chance: &Chance) -> Act {
    match chance.below(12) {
        0 => Act::LoseRequest,
        1 | 2 => Act::LoseAnswer(chance.up_to(Duration::from_secs(15))),
        3 => Act::Show(CallResult::Answered(Answer {
            status: 503,
            retry_after: None,
            envelope: None,
        })),
        _ => Act::Serve,
    }
}

/// A process at work on a file.
struct Run {
    life: Life,
    ended: UnboundedReceiver<Reported>,
    session: Session,
}

fn begin(scene: &Scene, life: Life, store: Store, settings: &Settings) -> Run {
    let process = scene.process(life.clone());
    let seat = (MERCHANT, 6);
    let started = Session::start((store, Commits::Aside), process.clock(), seat).unwrap();
    let Started { queue, outbox, ended, session } = started;
    let provider = process.account(MERCHANT, &scene.smart_send, settings.work);
    let timeout = Duration::from_secs(20);
    let worker = process.worker_over((MERCHANT, provider, timeout), (queue, outbox), settings);
    tokio::spawn(worker.run());
    Run { life, ended, session }
}

async fn play(seed: u64, policy: InDoubtPolicy, is_naive: bool) {
    let scene = Scene::new(seed);
    let (chance, settings) = (scene.chance.clone(), settings(policy));
    let lag = chance.up_to(Duration::from_secs(20));
    scene.smart_send.set(|state| {
        state.naive = is_naive;
        state.lag = lag;
        state.jitter = Some(chance.clone());
    });
    scene.smart_send.weather(chance.clone(), weather);
    let mut ground = Ground::with_rows(ROWS);
    for _ in 0..KILLS {
        let life = Life::of(1 + chance.below(40));
        let run = begin(&scene, life, ground.open(), &settings);
        tokio::select! {
            () = run.life.ended() => {}
            () = tokio::time::sleep(chance.up_to(LIFE_MAX)) => {}
        }
        run.life.end();
        let cut = ground.cut();
        run.session.close().await.unwrap();
        ground = cut;
    }

    scene.smart_send.calm();
    let store = ground.open();
    let is_open = |row: &Reported| !matches!(row.standing, Standing::Ended(_));
    let open = report(&store).iter().filter(|row| is_open(row)).count();
    let mut run = begin(&scene, Life::long(), store, &settings);
    for number in 0..open {
        let ended = timeout(END_MAX, run.ended.recv()).await;
        ended.unwrap_or_else(|_| panic!("seed {seed}: {number} of {open} rows have ended"));
    }
    let (store, failure) = run.session.close().await.unwrap();
    assert!(failure.is_none(), "seed {seed}: {failure:?}");
    assert_kept(&scene, &report(&store), (seed, policy));
}

/// One link at most for each row, and what is reported is true of it.
fn assert_kept(scene: &Scene, rows: &[Reported], (seed, policy): (u64, InDoubtPolicy)) {
    assert_eq!(rows.len(), ROWS);
    for row in rows {
        let links = scene.smart_send.links(row.reference.as_str());
        let links: Vec<&str> = links.iter().map(|link| &*link.url).collect();
        assert!(links.len() <= 1, "seed {seed}: {row:?} has {links:?}");
        match &row.standing {
            Standing::Ended(ReceivedResult::Created(link)) => {
                assert_eq!(links, [link.expose()], "seed {seed}: {row:?}");
            }
            Standing::Ended(ReceivedResult::Unresolved(_)) => {
                assert_eq!(policy, InDoubtPolicy::Strict, "seed {seed}: {row:?}");
            }
            Standing::Unsent | Standing::InDoubt | Standing::Ended(_) => {
                panic!("seed {seed}: {row:?}")
            }
        }
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn every_row_gets_its_link_wherever_its_processes_are_killed() {
    for seed in 0..12 {
        play(seed, InDoubtPolicy::Resend, false).await;
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn no_row_gets_two_under_the_strict_setting_though_the_provider_would_make_them() {
    for seed in 0..12 {
        play(seed, InDoubtPolicy::Strict, true).await;
    }
}
