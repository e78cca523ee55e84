//! What goes wrong: weather at the provider and at the broker, and what happens to a process.

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::domain::call::{Answer, CallResult, Data, NoAnswer, NotSent, RetryAfter};

use super::drawn::SILENCE_MAX;
use super::run::{Source, World};
use crate::support::model::{Act, Called, Chance, Door, Freeze, Process, accepted, refusal};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long the wall clocks are wrong where there are deadlines, at most.
pub(super) const WRONG_MAX: Duration = seconds(15);

fn answer(status: u16, retry_after: Option<RetryAfter>) -> CallResult {
    CallResult::Answered(Answer { status, retry_after, envelope: None })
}

/// How bad the weather at the provider is.
#[derive(Clone, Copy)]
pub(super) struct Weather {
    /// From 0 to 3.
    pub(super) badness: u64,
    /// How late an effect can be, at most.
    pub(super) late: Duration,
    /// Whether a create may be answered as if it had been turned away, and make its link.
    pub(super) belies: bool,
    /// Whether a create may be refused for the day, and a command for nothing, or be accepted for
    /// nothing.
    pub(super) refuses: bool,
}

/// One request in bad weather.
pub(super) fn weather(called: Called, chance: &Chance, weather: Weather) -> Act {
    let Weather { badness, late, belies, refuses } = weather;
    if badness == 0 || !chance.percent(badness * 14) {
        return Act::Serve;
    }
    let late = chance.up_to(late);
    match (called, chance.below(18)) {
        (_, 0..2) => Act::Show(CallResult::NotSent(NotSent::Connect)),
        (_, 2) => Act::LoseRequest,
        (_, 3..6) => Act::LoseAnswer(late),
        (_, 6) => Act::Show(answer(429, Some(RetryAfter::In(seconds(2))))),
        (_, 7) => Act::Show(answer(429, None)),
        (_, 8) => Act::Show(answer(chance.one_of(&[500, 503]), None)),
        (_, 9..11) => Act::Mislead(answer(chance.one_of(&[500, 502, 504]), None), late),
        (_, 11..13) => Act::Mislead(CallResult::NoAnswer(silence(chance)), late),
        (_, 13) => Act::Show(answer(chance.one_of(&[401, 403, 404]), None)),
        // The gateway turns away what the backend has done.
        (Called::Create | Called::Manage, 16) if belies => {
            Act::Mislead(answer(chance.one_of(&[401, 403, 429]), None), late)
        }
        (Called::Create, 17) if belies => Act::Mislead(refusal(1100), late),
        // PayU prints a cancel's success under its failures.
        (Called::Manage, 14) => Act::Mislead(refusal(chance.one_of(&[1119, 1110])), late),
        (Called::Manage, 15) => Act::Mislead(accepted(Data::default()), late),
        (Called::Manage, 17) if refuses => {
            Act::Show(chance.one_of(&[refusal(1119), accepted(Data::default())]))
        }
        (Called::Create, 14) if refuses => Act::Show(refusal(chance.one_of(&[1128, 1104]))),
        _ => Act::Serve,
    }
}

fn silence(chance: &Chance) -> NoAnswer {
    chance.one_of(&[NoAnswer::Connection, NoAnswer::CutBody])
}

/// How a provider can be gone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outage {
    Refused,
    Errors,
    Timeouts,
    Throttling,
    /// All of these in turn.
    Mixed,
}

pub(super) const OUTAGES: [Outage; 5] =
    [Outage::Refused, Outage::Errors, Outage::Timeouts, Outage::Throttling, Outage::Mixed];

impl Outage {
    pub(super) fn act(self, chance: &Chance) -> Act {
        match self {
            Self::Refused => Act::Show(CallResult::NotSent(NotSent::Connect)),
            Self::Errors => Act::Show(answer(chance.one_of(&[500, 502, 503]), None)),
            Self::Timeouts => Act::LoseRequest,
            Self::Throttling => {
                let retry_after = chance.one_of(&[None, Some(RetryAfter::In(seconds(7)))]);
                Act::Show(answer(429, retry_after))
            }
            Self::Mixed => chance.one_of(&OUTAGES[..4]).act(chance),
        }
    }
}

/// Something happens to a process that goes on living, or to the world around it.
pub(super) async fn trouble(world: &World, process: &Process) {
    let (scene, chance) = (&world.scene, &world.scene.chance);
    let number = process.number;
    let what = chance.below(14);
    if let (Source::Rows(rows), 4..8 | 10) = (&world.source, what) {
        // There is no connection, and no door.
        if what == 10 {
            world.fault(format_args!("nothing more can be written to the store"));
            rows.file.fail().await;
            process.stopping.cancel();
        }
        return;
    }
    match what {
        0..4 => freeze(world, process).await,
        4 => {
            world.fault(format_args!("p{number}'s connection is cut"));
            process.cut();
        }
        5..8 => {
            // What the network keeps from a process is known to it at the latest when the
            // heartbeats are missing.
            let unseen = chance.up_to(SILENCE_MAX);
            world.fault(format_args!("p{number}'s connection is cut, unseen for {unseen:?}"));
            process.cut_unseen(unseen);
        }
        8..10 => jump(world),
        10 => {
            let door = chance.one_of(&[Door::Results, Door::Retries, Door::Parked]);
            let (scene, duration) = (scene.clone(), chance.up_to(seconds(10)));
            world.fault(format_args!("{door:?} has no queue for {duration:?}"));
            scene.broker.set_shut(door, true);
            tokio::spawn(async move {
                tokio::time::sleep(duration).await;
                scene.broker.set_shut(door, false);
            });
        }
        11 => {
            world.fault(format_args!("the tokens are worthless"));
            scene.smart_send.revoke_tokens();
        }
        // What the strict setting rests on over a naive provider is that details shows links.
        12 if !world.kind.provider.naive && !world.kind.has_only_good_intents() => {
            world.fault(format_args!("details shows no link that is made from now on"));
            let now = scene.clock.elapsed();
            scene.smart_send.set(|state| state.frozen_at = Some(now));
        }
        _ => {}
    }
}

async fn freeze(world: &World, process: &Process) {
    let chance = &world.scene.chance;
    let by = chance.one_of(&[Freeze::Stopped, Freeze::Suspended]);
    let longest = chance.one_of(&[2, 12, 45]);
    let duration = chance.up_to(seconds(longest));
    let number = process.number;
    world.fault(format_args!("p{number} is frozen, {by:?} for {duration:?}"));
    process.freeze(by);
    tokio::time::sleep(duration.min(SILENCE_MAX)).await;
    if duration > SILENCE_MAX {
        process.cut();
        tokio::time::sleep(duration.saturating_sub(SILENCE_MAX)).await;
    }
    world.note(format_args!("p{number} wakes up"));
    process.thaw();
}

/// The wall clocks jump. Where there are deadlines they are set right after a few seconds: until they
/// have run evenly for an hour nobody judges a deadline, and no world lasts that long.
fn jump(world: &World) {
    let chance = &world.scene.chance;
    let by = i64::try_from(chance.below(7200)).unwrap() - 3600;
    let by = if chance.percent(50) { by / 100 } else { by };
    world.fault(format_args!("the wall clocks jump by {by} s"));
    let clock = world.scene.clock.clone();
    clock.jump_wall(SignedDuration::from_secs(by));
    if world.has_deadlines {
        let wrong_for = chance.up_to(WRONG_MAX);
        tokio::spawn(async move {
            tokio::time::sleep(wrong_for).await;
            clock.jump_wall(SignedDuration::from_secs(-by));
        });
    }
}
