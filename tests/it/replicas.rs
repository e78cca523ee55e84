//! Two replicas on one merchant: only one sends, and whatever happens to it, there is one link for
//! each reference.
//!
//! The torture's sizes come from the environment: `SMARTSEND_REPLICAS_INTENTS`,
//! `SMARTSEND_REPLICAS_FAULTS`, `SMARTSEND_REPLICAS_SEED`. What is random comes from the seed,
//! which is printed.

mod pair;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::time::sleep;

use pair::{Pair, RATE, Which, assert_pace, calls_of, reference};

use crate::support::commands::{Action, Command};
use crate::support::lives::Lives;
use crate::support::proof::{Row, size};
use crate::support::tally::Tally;
use crate::support::waiting::{SOON, until};

/// How long everything may take to come to rest, besides what the rate takes.
const REST: Duration = Duration::from_mins(2);
/// After a frozen process wakes up, two may send for so long: the broker's heartbeats, one more
/// call, and whatever a busy machine adds.
const HAND_OVER_US: u64 = 4_000_000;

/// What was done in one run.
struct Done {
    name: &'static str,
    kills: u64,
    freezes: u64,
    lost_answers: u64,
    seeds: String,
}

impl Done {
    fn show(&self, tally: &Tally) {
        Row {
            faults: self.kills + self.freezes + self.lost_answers,
            kills: self.kills,
            seeds: self.seeds.clone(),
            ..tally.row(format!("replicas: {}", self.name))
        }
        .show();
    }
}

impl Done {
    fn plainly(name: &'static str, kills: u64, freezes: u64) -> Self {
        Self { name, kills, freezes, lost_answers: 0, seeds: String::new() }
    }
}

fn rest_of(intents: u64) -> Duration {
    REST + 2 * Duration::from_secs(intents / RATE)
}

/// The sandbox's clock is the machine's.
#[expect(clippy::disallowed_methods, reason = "a test shows when it woke a process")]
fn now_us() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap()
}

#[tokio::test]
async fn only_the_active_replica_sends() {
    let mut pair = Pair::new("v2", json!({ "latency_ms": 20 })).await;
    pair.publish(120).await;
    pair.start_both().await;
    assert!(!pair.is_active(Which::Second).await);
    let (pair, tally) = pair.finish("only one sends", rest_of(120)).await;
    Done::plainly("only one sends, v2", 0, 0).show(&tally);
    tally.assert_one_link_each("only one sends");
    assert_eq!(tally.events, 120);
    let asked = pair.scenario.provider.asked().await;
    assert_pace(&asked, &[]);
    assert!(calls_of(&asked, Which::First).len() >= 120);
    assert_eq!(calls_of(&asked, Which::Second).len(), 0, "the standby sent something");
}

#[tokio::test]
async fn the_standby_takes_over_when_the_active_one_is_killed() {
    let mut pair = Pair::new("v1", json!({ "latency_ms": 100 })).await;
    pair.publish(120).await;
    pair.start_both().await;
    pair.results.take(30, SOON).await;
    pair.kill(Which::First).await;
    pair.takes_over(Which::Second).await;
    let (pair, tally) = pair.finish("SIGKILL", rest_of(120)).await;
    Done::plainly("SIGKILL, v1", 1, 0).show(&tally);
    tally.assert_one_link_each("SIGKILL");
    let asked = pair.scenario.provider.asked().await;
    // The new one's limiter starts empty, so not even the hand-over has more.
    assert_pace(&asked, &[]);
    assert!(calls_of(&asked, Which::Second).len() >= 80);
}

#[tokio::test]
async fn a_frozen_replica_that_wakes_up_after_the_hand_over_makes_no_second_link() {
    let mut pair = Pair::new("v2", json!({ "latency_ms": 100 })).await;
    pair.publish(400).await;
    pair.start_both().await;
    pair.results.take(30, SOON).await;
    pair.worker(Which::First).program.freeze().await;
    pair.takes_over(Which::Second).await;
    pair.results.take(90, SOON).await;
    let woken = now_us();
    pair.worker(Which::First).program.wake().await;
    // It finds out that it is not the active one any more, and stands by.
    pair.worker(Which::First).ready().await;
    pair.results.take(200, SOON).await;
    pair.kill(Which::Second).await;
    pair.takes_over(Which::First).await;
    let (pair, tally) = pair.finish("SIGSTOP", rest_of(400)).await;
    Done::plainly("SIGSTOP, SIGCONT, SIGKILL, v2", 1, 1).show(&tally);
    tally.assert_one_link_each("SIGSTOP");
    let asked = pair.scenario.provider.asked().await;
    assert_pace(&asked, &[(woken, woken + HAND_OVER_US)]);
}

/// Two limiters in two processes know nothing of each other, and keep to the rate together.
#[tokio::test]
async fn intents_on_one_replica_and_commands_on_the_other_keep_to_the_rate_together() {
    const LINKS: u64 = 50;
    const MORE: u64 = 150;
    let lost = json!({ "lost_after": 0.1 });
    let faults = json!({ "latency_ms": 50, "cancel_faults": lost, "extend_faults": lost });
    let mut pair = Pair::with_commands("v2", faults).await;
    pair.publish(LINKS).await;
    pair.start_both().await;
    pair.results.take(50, SOON).await;
    let commands: Vec<_> = (0..LINKS).map(change_of).collect();
    // Only a delivery shows a process that it is the active one.
    pair.scenario.publish_commands(&commands[..1]).await;
    pair.takes_commands_over(Which::First).await;
    pair.cut_commands(Which::First).await;
    pair.publish(MORE).await;
    pair.scenario.publish_commands(&commands[1..]).await;
    pair.takes_commands_over(Which::Second).await;
    assert!(pair.is_active(Which::First).await && !pair.is_active(Which::Second).await);
    for number in (0..LINKS).step_by(5) {
        pair.scenario.provider.try_act("1111310", &reference(number), "claim").await;
    }
    // Each has done some of it when the one that has the commands is killed.
    let provider = &pair.scenario.provider;
    let changes = async || provider.requests("cancel").await + provider.requests("extend").await;
    until("half of the changes", SOON, async || changes().await >= LINKS / 2).await;
    pair.kill(Which::Second).await;
    pair.takes_commands_over(Which::First).await;
    let (pair, tally) = pair.finish("apart", rest_of(LINKS + MORE)).await;
    let lost_answers = pair.scenario.provider.faults_met().await;
    let name = "intents on one and commands on the other, v2";
    Done { lost_answers, ..Done::plainly(name, 1, 0) }.show(&tally);
    tally.assert_one_link_each("apart");
    let links = pair.scenario.provider.links().await;
    // The killed one had in flight as many as it may call at once, and as many again.
    Lives::gather(&links, &pair.results.from(0)).judge(&commands).assert_true("apart", 12);
    let asked = pair.scenario.provider.asked().await;
    assert_pace(&asked, &[]);
    for which in Which::BOTH {
        let calls = calls_of(&asked, which).len();
        assert!(calls > 20, "{which:?} has asked {calls} times only");
    }
}

/// Two of three links are cancelled, and the others extended.
fn change_of(number: u64) -> Command {
    let action = if number.is_multiple_of(3) {
        Action::Extend("2100-01-01T00:00:00Z".parse().unwrap())
    } else {
        Action::Cancel
    };
    let reference = reference(number);
    Command { merchant: "default".to_owned(), id: format!("change-{reference}"), reference, action }
}

/// What is done to one of them in a torture.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// SIGKILL, and a new one in its place.
    Kill,
    /// SIGSTOP until the other one has taken over, if this was the active one; then SIGCONT.
    FreezeUntilHandOver,
    /// SIGSTOP and soon SIGCONT.
    Freeze,
}

async fn strike(pair: &mut Pair, which: Which, blow: Blow, dice: &mut StdRng) {
    match blow {
        Blow::Kill => {
            pair.kill(which).await;
            pair.start(which);
        }
        Blow::FreezeUntilHandOver => {
            let was_active = pair.is_active(which).await;
            pair.worker(which).program.freeze().await;
            if was_active {
                pair.takes_over(which.other()).await;
            }
            sleep(Duration::from_millis(dice.random_range(0..800))).await;
            pair.worker(which).program.wake().await;
        }
        Blow::Freeze => {
            pair.worker(which).program.freeze().await;
            sleep(Duration::from_millis(dice.random_range(100..4000))).await;
            pair.worker(which).program.wake().await;
        }
    }
}

#[tokio::test]
async fn one_link_each_while_two_replicas_are_killed_and_frozen_at_random() {
    let intents = size("SMARTSEND_REPLICAS_INTENTS", 600);
    let blows = size("SMARTSEND_REPLICAS_FAULTS", 6);
    let seed = size("SMARTSEND_REPLICAS_SEED", rand::random_range(1..1_000_000));
    let mut dice = StdRng::seed_from_u64(seed);
    let faults = json!({
        "seed": seed, "latency_ms": 50, "latency_jitter_ms": 100, "lost_after": 0.05,
    });
    let mut pair = Pair::new("v1", faults).await;
    pair.publish(intents).await;
    pair.start_both().await;
    let (mut kills, mut freezes, mut woken) = (0, 0, Vec::new());
    for _ in 0..blows {
        sleep(Duration::from_millis(dice.random_range(100..1500))).await;
        let which = Which::BOTH[dice.random_range(0..2)];
        let blow = [Blow::Kill, Blow::FreezeUntilHandOver, Blow::Freeze][dice.random_range(0..3)];
        strike(&mut pair, which, blow, &mut dice).await;
        match blow {
            Blow::Kill => kills += 1,
            Blow::FreezeUntilHandOver | Blow::Freeze => {
                freezes += 1;
                woken.push((now_us(), now_us() + HAND_OVER_US));
            }
        }
    }
    let (pair, tally) = pair.finish("torture", rest_of(intents)).await;
    let lost_answers = pair.scenario.provider.faults_met().await;
    let seeds = seed.to_string();
    Done { name: "torture, v1", kills, freezes, lost_answers, seeds }.show(&tally);
    tally.assert_one_link_each(&format!("torture of seed {seed}"));
    assert_pace(&pair.scenario.provider.asked().await, &woken);
}
