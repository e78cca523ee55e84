//! The promises, in simulated time: the real decision, worker, admission and loop, over a model
//! of RabbitMQ and of Smart Send in which everything goes wrong that can.
//!
//! One seed is one small world: a provider of some [`kind`](kinds), a few intents, one or two
//! processes that are killed between any two steps, frozen, cut off and started again, and
//! weather. Every second world has [commands] for its links, too, and somebody who claims these, or
//! closes them; half of the others have the [rows] of a file in place of the broker. An [oracle](oracle) sees every step and holds it to the promises. Then the faults stop,
//! and everything must come to an end within a bound.
//!
//! `SMARTSEND_SEEDS=0..100000` says which seeds are played; without it 400 are, and `.ci/run` plays
//! 2000. `deploy/proof.sh` plays many more with the release build. A seed that fails prints its whole
//! trace, and the command that plays it again: nothing in here is random but for its seed, which is
//! shown too.

mod announced;
mod commands;
mod cures;
mod drawn;
mod faults;
mod file;
mod file_ports;
mod intents;
mod kinds;
mod oracle;
mod rows;
mod run;
mod seeds;
mod tally;
mod trace;
mod upstream;

use smartsend::domain::event::EventKind;

use kinds::{KINDS, Kind};
use run::play;
use seeds::{each, report_failure, seeds};
use tally::Tally;

use crate::support::proof::Row;

/// What a world is played on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// RabbitMQ, with intents only.
    Intents,
    /// RabbitMQ, with commands too, and links that change without one.
    Commands,
    /// A file of rows.
    Rows,
}

impl Ground {
    const ALL: [Self; 3] = [Self::Intents, Self::Commands, Self::Rows];

    fn of(seed: u64) -> Self {
        if commands::are_in(seed) {
            Self::Commands
        } else if rows::are_played_by(seed) {
            Self::Rows
        } else {
            Self::Intents
        }
    }
}

/// Among so many worlds some command ends in each way that there is.
const SEEDS_ENOUGH: usize = 2000;

const ENDS: [(EventKind, &str); 18] = [
    (EventKind::Cancelled, ""),
    (EventKind::CancelFailed, "CLAIMED"),
    (EventKind::CancelFailed, "PAID"),
    (EventKind::CancelFailed, "EXPIRED"),
    (EventKind::CancelFailed, "REJECTED"),
    (EventKind::CancelFailed, "LINK_NOT_FOUND"),
    (EventKind::CancelFailed, "REFUSED"),
    (EventKind::Extended, ""),
    (EventKind::ExtendFailed, "CLAIMED"),
    (EventKind::ExtendFailed, "PAID"),
    (EventKind::ExtendFailed, "EXPIRED"),
    (EventKind::ExtendFailed, "CANCELLED"),
    (EventKind::ExtendFailed, "REJECTED"),
    (EventKind::ExtendFailed, "LINK_NOT_FOUND"),
    (EventKind::ExtendFailed, "EXPIRY_INVALID"),
    (EventKind::ExtendFailed, "REFUSED"),
    (EventKind::CommandUnresolved, "OUTCOME_UNKNOWN"),
    (EventKind::CommandUnresolved, "INVALID_COMMAND"),
];

#[test]
fn every_seed_keeps_the_promises_after_every_step_and_comes_to_an_end() {
    let seeds = seeds();
    let played = each(seeds.clone(), |seed| {
        let played = play(seed);
        let broken = played.broken.or_else(|| too_many_unresolved(seed, &played.tally));
        if let Some(broken) = &broken {
            report_failure(seed, broken, &played.trace);
        }
        (seed, played.tally, broken.is_some())
    });
    let failed: Vec<u64> = played.iter().filter(|one| one.2).map(|one| one.0).collect();
    for (number, kind) in KINDS.iter().enumerate() {
        for ground in Ground::ALL {
            let ours = played.iter().filter(|(seed, ..)| {
                kinds::number_of(*seed) == number && Ground::of(*seed) == ground
            });
            let tallies: Vec<&Tally> = ours.map(|(_, tally, _)| tally).collect();
            if !tallies.is_empty() {
                let (sum, runs) = (Tally::sum(&tallies), tallies.len() as u64);
                row((kind, ground), &seeds, &sum, runs).show();
            }
        }
    }
    let all: Vec<&Tally> = played.iter().map(|(_, tally, _)| tally).collect();
    let ends = Tally::sum(&all).ends;
    // Otherwise the worlds have become so tame that nothing is shown of some end.
    let missing: Vec<_> = ENDS
        .iter()
        .filter(|(kind, code)| !ends.contains_key(&(kind.outcome(), (*code).to_owned())))
        .collect();
    assert!(missing.is_empty() || all.len() < SEEDS_ENOUGH, "no command ends so: {missing:?}");
    assert!(failed.is_empty(), "seeds that broke a promise, their traces are above: {failed:?}");
}

/// Of a single world, so that it is known which.
fn too_many_unresolved(seed: u64, tally: &Tally) -> Option<String> {
    let messages = tally.intents + tally.commands;
    let most = Kind::of(seed).unresolved_max(messages, Ground::of(seed) == Ground::Commands, 1);
    let unresolved = tally.unresolved;
    (unresolved > most).then(|| format!("{unresolved} are unresolved, and {most} may be"))
}

#[test]
fn each_seed_gives_the_same_trace_twice() {
    let seeds = seeds();
    let sample = (seeds.start..seeds.end).step_by(10).map(|seed| seed + seed / 10 % 10);
    let sample: Vec<u64> = sample.filter(|seed| seeds.contains(seed)).collect();
    let differ = each(sample, |seed| {
        let (once, again) = (play(seed), play(seed));
        let steps = once.trace.lines().len();
        assert!(steps > 10, "seed {seed} does nothing: {:?}", once.trace.lines());
        let same = once.trace.hash() == again.trace.hash();
        (!same).then(|| (seed, once.trace.first_difference(&again.trace)))
    });
    let differ: Vec<_> = differ.into_iter().flatten().collect();
    assert!(differ.is_empty(), "these seeds are not the same twice: {differ:#?}");
}

fn row(
    (kind, ground): (&Kind, Ground),
    seeds: &std::ops::Range<u64>,
    tally: &Tally,
    runs: u64,
) -> Row {
    let messages = tally.intents + tally.commands;
    let file = if ground == Ground::Rows { "batch, " } else { "" };
    let commands = match tally.commands {
        0 => String::new(),
        commands => format!(" and {commands} commands"),
    };
    let excused = match tally.excused {
        0 => String::new(),
        excused => format!(" ({excused} doubles are the stated exception)"),
    };
    Row {
        layer: format!("simulation: {file}{}{commands}{excused}", kind.name),
        runs,
        unit: "seeds",
        intents: tally.intents,
        faults: tally.faults,
        kills: 0,
        links: tally.links,
        doubles: tally.doubles,
        lost: tally.lost,
        wrong_failed: tally.wrong_failed,
        unresolved: tally.unresolved,
        unresolved_max: kind.unresolved_max(messages, ground == Ground::Commands, runs),
        seeds: format!("SMARTSEND_SEEDS={}..{}", seeds.start, seeds.end),
    }
}
