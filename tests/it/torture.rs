//! The promises under torture: the worker is killed again and again, at random moments.
//!
//! `tests/tools/torture.sh` runs this at full size with the release build. The sizes come from the
//! environment: `SMARTSEND_TORTURE_INTENTS`, `SMARTSEND_TORTURE_KILLS`, `SMARTSEND_TORTURE_SEED`.
//! What is random comes from the seed, which is printed.

mod mixed;
mod outcome;
mod run;

use std::io::Write as _;

use mixed::Mixed;
use outcome::Outcome;
use run::{Run, torture};

use crate::support::proof::size;

/// A run of the size that the environment asks for.
fn sized(name: &'static str) -> Run {
    Run {
        name,
        api: "v2",
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

async fn print_and_run(run: Run) -> Outcome {
    print(&format!("torture: {} begins, seed {}", run.name, run.seed));
    let outcome = torture(&run).await;
    print(&format!("{}\n{}", outcome::HEAD, outcome.row(&run)));
    outcome.proof(&run).show();
    assert_eq!(outcome.left, 0, "messages are left in the queues");
    assert_eq!(outcome.kills, run.kills, "the work was over before the kills");
    assert!(outcome.lost_answers > 0, "no answer was lost");
    outcome.parked.assert_as_announced(run.name, run.unresolved_max());
    outcome
}

#[tokio::test]
async fn every_intent_gets_one_link_while_the_worker_is_killed_and_answers_are_lost() {
    let outcome = print_and_run(sized("killed")).await;
    outcome.tally.assert_one_link_each("killed");
    assert_eq!(outcome.parked.copies, 0);
}

#[tokio::test]
async fn every_intent_gets_one_link_though_every_twentieth_is_published_twice() {
    let outcome = print_and_run(Run { api: "v1", twice: true, ..sized("killed, twice") }).await;
    outcome.tally.assert_one_link_each("killed, twice");
    assert_eq!(outcome.parked.copies, 0);
}

/// What a crash leaves in doubt is parked here. A kill between the confirm of a copy that is
/// handed back and the acknowledgement leaves two copies, as upstream may: one is parked, and the
/// other may still get the link. So the outcomes are one or both, and the links never two.
#[tokio::test]
async fn the_strict_setting_makes_no_second_link_even_with_a_provider_that_would() {
    let run = Run { strict: true, twice: true, ..sized("naive, strict") };
    let outcome = print_and_run(run).await;
    outcome.tally.assert_one_link_or_unresolved("naive, strict");
}

async fn print_and_keep(run: Mixed) {
    print(&format!("torture: {} begins, seed {}", run.name, run.seed));
    let count = mixed::torture(&run).await;
    print(&count.text(&run));
    count.row(&run).show();
    count.assert_kept(&run);
}

/// Two installations at once. `SMARTSEND_MIXED_INTENTS` and `SMARTSEND_MIXED_KILLS` say how large the
/// one with three merchants is.
#[tokio::test]
async fn events_and_ledger_agree_on_every_link_while_the_worker_is_killed() {
    let Run { intents, kills, seed, .. } = sized("mixed");
    let one = Mixed {
        name: "mixed",
        merchants: &[("default", "v2")],
        intents: intents / 7,
        kills: kills / 2,
        seed,
    };
    let three = Mixed {
        name: "mixed, three merchants",
        merchants: &[("default", "v1"), ("second", "v2"), ("third", "v2")],
        intents: size("SMARTSEND_MIXED_INTENTS", 240),
        kills: size("SMARTSEND_MIXED_KILLS", 2),
        seed: seed + 1,
    };
    tokio::join!(print_and_keep(one), print_and_keep(three));
}
