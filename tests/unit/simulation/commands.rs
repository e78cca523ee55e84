//! The commands of one world, and how its links change without one.
//!
//! They are drawn from a generator of their own: a seed whose world has none plays as it did before
//! there were commands.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use smartsend::domain::account::Api;
use smartsend::domain::command::{Action, Command, wire};
use smartsend::domain::record::headers::written;
use smartsend::domain::reference::Reference;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::work::Work;

use super::intents::{Planned, Sort};
use super::kinds::Kind;
use crate::support::model::{Chance, Change, Cure, Fate, Scene, Settings, wall_at};

/// What sets their generator apart from the world's.
const APART: u64 = 0x00c0_aa4d_5eed;

/// How long a payment takes at least: longer than any request that is on its way within the
/// quarantine.
const PAYMENT_MIN: Duration = Duration::from_secs(30);

/// The words of details for a link that can be claimed, one of them in no list.
const LIVE_WORDS: [&str; 4] = ["ACTIVE", "PENDING", "APPROVAL_PENDING", "APPROVED"];

/// A reference that no intent has.
const NOBODYS: &str = "nobodys";

/// A command that upstream publishes.
#[derive(Clone, Debug)]
pub(super) struct PlannedCommand {
    /// Its name in the trace, and its `message_id`.
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) body: String,
    /// What it asks for; nothing if it breaks the contract.
    pub(super) action: Option<Action>,
    /// When upstream publishes it; more than once if it repeats itself.
    pub(super) at: Vec<Duration>,
}

/// What is asked for one reference.
#[derive(Clone, Copy)]
enum Wish {
    Cancel,
    Extend,
    Invalid,
}

/// Whether a world may have commands, and links that change without one.
pub(super) fn are_in(seed: u64) -> bool {
    chance(seed).is_some()
}

/// The generator of a world's commands, if it may have any: half of the worlds do.
pub(super) fn chance(seed: u64) -> Option<Chance> {
    let chance = Chance::of(seed ^ APART);
    chance.percent(50).then_some(chance)
}

/// The share of the rate and of the places that commands have.
pub(super) fn settings(
    chance: &Chance,
    kind: &Kind,
    intents: &Settings,
    without: Option<Cure>,
) -> Settings {
    let mut settings = Settings { work: Work::Commands, ..intents.clone() };
    let some = |number: u32| NonZeroU32::new(number).unwrap();
    settings.limits.rate.per_second = some(chance.one_of(&[2, 5, 20]));
    settings.limits.rate.burst = some(chance.one_of(&[1, 2]));
    let concurrency = chance.one_of(&[8, 4, 1]);
    settings.limits.concurrency = concurrency;
    settings.places = usize::try_from(concurrency).unwrap().min(chance.one_of(&[8, 8, 1]));
    settings.prefetch = usize::try_from(concurrency).unwrap() + settings.places;
    // What waits for a link that is never made asks less often in the end.
    settings.policy.delays = RetryDelays::new(&[1, 4, 12, 60].map(Duration::from_secs)).unwrap();
    let policy = &mut settings.policy;
    if !kind.has_only_good_intents() && chance.percent(30) {
        policy.max_age = Duration::from_secs(15) + chance.up_to(Duration::from_mins(1));
    }
    if without == Some(Cure::EffectsMayBeLate) {
        (policy.quarantine, policy.lookups) = (policy.first_lookup, 1);
    }
    settings
}

/// Draws the commands, and the fates of the links at the provider. An intent by V2 says
/// itself when its link expires.
pub(super) fn draw(
    chance: &Chance,
    scene: &Scene,
    (kind, api): (&Kind, Api),
    intents: &mut [Planned],
) -> Vec<PlannedCommand> {
    scene.smart_send.set(|state| {
        state.live_word = chance.one_of(&LIVE_WORDS);
        state.careless = !kind.has_only_good_intents() && chance.percent(30);
    });
    let mut commands = Vec::new();
    let share = chance.one_of(&[20, 50, 80]);
    for intent in intents {
        if chance.percent(60) {
            let fate = fate(chance, intent.at[0]);
            if let (Some(expires), Api::V2) = (fate.expires, api) {
                expire(intent, expires);
            }
            scene.smart_send.set(|state| {
                state.fates.insert(intent.reference.clone(), fate);
            });
        }
        if chance.percent(share) {
            add(chance, &intent.reference, intent.at[0], &mut commands);
        }
    }
    if chance.percent(10) {
        add(chance, NOBODYS, Duration::ZERO, &mut commands);
    }
    commands
}

/// The fate of a link whose intent is published then.
fn fate(chance: &Chance, published: Duration) -> Fate {
    let soon = |longest: u64| chance.up_to(Duration::from_secs(longest));
    let mut fate = Fate::default();
    if chance.percent(20) {
        fate.expires = Some(rounded(wall_at(published + soon(120))));
    }
    if chance.percent(40) {
        let longest = chance.one_of(&[2, 20, 90]);
        fate.changes.push((soon(longest), Change::Claimed));
    }
    if chance.percent(12) {
        let by_nobody = chance.one_of(&[Change::Cancelled, Change::Rejected]);
        fate.changes.push((soon(60), by_nobody));
    }
    if chance.percent(20) {
        fate.rushes = Some(chance.up_to(Duration::from_millis(1500)));
    }
    if chance.percent(80) {
        let what = chance.one_of(&[Change::Paid, Change::Paid, Change::PaymentFailed]);
        fate.payment = Some((PAYMENT_MIN + soon(60), what));
    }
    fate
}

fn expire(intent: &mut Planned, expires: Timestamp) {
    if intent.sort != Sort::Invalid {
        let field = format!(r#","expiryDate":"{}"}}"#, written(expires));
        intent.body.pop();
        intent.body.push_str(&field);
    }
}

/// PayU's times end at seconds.
fn rounded(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

/// Draws what is asked for one reference, whose intent is published at this time.
fn add(chance: &Chance, reference: &str, around: Duration, commands: &mut Vec<PlannedCommand>) {
    use Wish::{Cancel, Extend, Invalid};
    let wishes: &[Wish] = match chance.below(100) {
        0..35 => &[Cancel],
        35..60 => &[Extend],
        60..75 => &[Extend, Cancel],
        75..87 => &[Cancel, Cancel],
        87..97 => &[Extend, Extend],
        _ => &[Invalid],
    };
    // Some overtake their intent, since it waits in a queue or in doubt.
    let begins = around.saturating_sub(Duration::from_secs(5));
    let spread = chance.one_of(&[0, 6, 6, 20, 90]);
    let together = chance.percent(40);
    let first = begins + chance.up_to(Duration::from_secs(spread));
    for wish in wishes {
        let after = if together { Duration::ZERO } else { chance.up_to(Duration::from_secs(30)) };
        let id = format!("c{}", commands.len());
        commands.push(one(chance, (id, reference), *wish, first + after));
    }
}

fn one(
    chance: &Chance,
    (id, reference): (String, &str),
    wish: Wish,
    first: Duration,
) -> PlannedCommand {
    let action = match wish {
        Wish::Cancel => Some(Action::Cancel),
        Wish::Extend => Some(Action::Extend(asked(chance, first))),
        Wish::Invalid => None,
    };
    let command = |action| Command { reference: Reference::parse(reference).unwrap(), action };
    let body = match action {
        Some(action) => String::from_utf8(wire::to_json(&command(action))).unwrap(),
        None => format!(r#"{{"command":"stop","merchantRefId":"{reference}"}}"#),
    };
    let mut at = vec![first];
    while at.len() < 3 && chance.percent(15) {
        let longest = chance.one_of(&[1, 20, 90]);
        at.push(first + chance.up_to(Duration::from_secs(longest)));
    }
    PlannedCommand { id, reference: reference.to_owned(), body, action, at }
}

/// Mostly far away, and a few days apart; now and then soon, or over.
fn asked(chance: &Chance, at: Duration) -> Timestamp {
    let days = i64::try_from(30 * (1 + chance.below(3))).unwrap();
    let later = match chance.below(10) {
        0 => SignedDuration::from_secs(-60),
        1 | 2 => SignedDuration::from_secs(i64::try_from(chance.below(180)).unwrap()),
        _ => SignedDuration::from_hours(24 * days),
    };
    let asked =
        if later > SignedDuration::from_hours(1) { wall_at(Duration::ZERO) } else { wall_at(at) };
    rounded(asked + later)
}
