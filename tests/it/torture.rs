//! The promises under torture: the worker is killed again and again, at random moments.
//!
//! `deploy/torture.sh` runs this at full size with the release build. The sizes come from the
//! environment: `SMARTSEND_TORTURE_INTENTS`, `SMARTSEND_TORTURE_KILLS`, `SMARTSEND_TORTURE_SEED`.
//! What is random comes from the seed, which is printed.

mod run;
mod tally;

use std::io::Write as _;

use run::{Run, torture};
use tally::Tally;

use crate::support::proof::{Row, size};

/// A run of the size that the environment asks for.
fn sized(name: &'static str) -> Run {
    Run {
        name,
        intents: size("SMARTSEND_TORTURE_INTENTS", 1500),
        kills: size("SMARTSEND_TORTURE_KILLS", 5),
        seed: size("SMARTSEND_TORTURE_SEED", rand::random_range(1..1_000_000)),
        twice: false,
        strict: false,
    }
}

/// Straight to stderr, where the test harness does not hide it.
fn print(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").unwrap();
}

async fn print_and_run(run: Run) -> Tally {
    print(&format!("torture: {} begins, seed {}", run.name, run.seed));
    let tally = torture(&run).await;
    print(&format!("{}\n{}", tally::HEAD, tally.row(&run)));
    proof(&run, &tally).show();
    tally
}

fn proof(run: &Run, tally: &Tally) -> Row {
    Row {
        layer: format!("torture: {}", run.name),
        runs: 1,
        unit: "runs",
        intents: run.intents,
        faults: tally.kills,
        kills: tally.kills,
        links: tally.links,
        doubles: tally.doubled,
        lost: tally.lost,
        wrong_failed: tally.failed,
        unresolved: tally.unresolved,
        seeds: run.seed.to_string(),
    }
}

fn nothing_is_lost_or_doubled(run: &Run, tally: &Tally) {
    assert_eq!(tally.doubled, 0, "a reference has two links");
    assert_eq!(tally.lost, 0, "an intent has no outcome");
    assert_eq!(tally.failed, 0, "an intent failed that a link could be made for");
    assert_eq!(tally.false_links, 0, "an event has a link that the ledger does not have");
    assert_eq!(tally.wavering_ids, 0, "an outcome has more than one event id");
    assert_eq!(tally.left, 0, "messages are left in the queues");
    assert_eq!(tally.kills, run.kills, "the work was over before the kills");
}

/// With a provider that refuses duplicates, every intent gets its link.
fn every_intent_has_its_one_link(run: &Run, tally: &Tally) {
    nothing_is_lost_or_doubled(run, tally);
    assert_eq!(tally.links, run.intents);
    assert_eq!(tally.references, run.intents);
    assert_eq!(tally.created, run.intents);
    assert_eq!(tally.unresolved, 0);
    assert_eq!(tally.parked, 0);
    assert_eq!(tally.event_ids, run.intents);
}

#[tokio::test]
async fn every_intent_gets_one_link_while_the_worker_is_killed_and_answers_are_lost() {
    let run = sized("killed");
    let tally = print_and_run(run.clone()).await;
    every_intent_has_its_one_link(&run, &tally);
}

#[tokio::test]
async fn every_intent_gets_one_link_though_every_twentieth_is_published_twice() {
    let run = Run { twice: true, ..sized("killed, twice") };
    let tally = print_and_run(run.clone()).await;
    every_intent_has_its_one_link(&run, &tally);
}

/// What a crash leaves in doubt is parked here. A kill between the confirm of a copy that is
/// handed back and the acknowledgement leaves two copies, as upstream may: one is parked, and the
/// other may still get the link. So the outcomes are one or both, and the links never two.
#[tokio::test]
async fn the_strict_setting_makes_no_second_link_even_with_a_provider_that_would() {
    let run = Run { strict: true, twice: true, ..sized("naive, strict") };
    let tally = print_and_run(run.clone()).await;
    nothing_is_lost_or_doubled(&run, &tally);
    assert_eq!(tally.links, tally.references);
    assert_eq!(tally.created + tally.unresolved - tally.both, run.intents);
    assert!(tally.parked >= tally.unresolved, "something unresolved is not parked");
}
