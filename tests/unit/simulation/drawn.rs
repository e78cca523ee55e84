//! What a seed draws before it begins: the merchant's settings, and the provider's ways.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::SignedDuration;
use smartsend::domain::amount::Amount;
use smartsend::domain::call::Data;
use smartsend::domain::customer::Private;
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::retry_delays::RetryDelays;

use super::intents::{AFTER_ALL_TROUBLE, REJECTED_END};
use super::kinds::{Kind, Setting, Trouble};
use crate::support::model::{Chance, Scene, Settings};

/// Other ways in which details prints what it was sent.
const PRINTS: [fn(&mut Data); 6] = [
    |data| data.email = Some(Private::new("asha%40example.com")),
    |data| data.email = Some(Private::new("a..a@example.com")),
    |data| data.mobile = Some(Private::new("0000009999")),
    |data| data.mobile = None,
    |data| data.amount = data.amount.take().map(|amount| amount.replace('.', "")), // in paise
    |data| {
        data.amount = None;
        data.email = Some(Private::new("n/a@payu.in"));
    },
];

/// When the broker gives up on a process that is silent: two heartbeats.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(6);
/// How far a process's wall clock is ahead or behind, at most: two of them are then as far apart
/// as a deadline allows for.
const AHEAD_MAX_MS: u64 = 2500;

/// The merchant's settings: the relations that the configuration asks for, between shorter times.
pub(super) fn settings(chance: &Chance, kind: &Kind) -> Settings {
    let mut settings = match kind.setting {
        Setting::Resend => Settings::usual(),
        Setting::Strict => Settings::strict(),
        Setting::Any => any_setting(chance),
    };
    let seconds = Duration::from_secs;
    let policy = &mut settings.policy;
    policy.first_lookup = seconds(1);
    policy.quarantine = seconds(24);
    policy.lookups = chance.one_of(&[1, 3, 3, 4]);
    policy.delays = RetryDelays::new(&[1, 4, 12].map(seconds)).unwrap();
    // What waits for a link to be shown waits no longer than that; an outage ages nothing.
    policy.max_age = seconds(600);
    if kind.trouble == Trouble::Truthful {
        policy.max_age = 2 * AFTER_ALL_TROUBLE;
    }
    if !kind.has_only_good_intents() && chance.percent(15) {
        policy.max_age = seconds(40) + chance.up_to(seconds(60));
    }
    settings.policy.lease = seconds(5);
    settings.held_max = seconds(chance.one_of(&[60, 60, 30]));
    settings.drain = seconds(10);
    settings.capacity = chance.one_of(&[65_536, 65_536, 65_536, 3]);
    settings.limits.rate.per_second = at_least_one(chance.one_of(&[5, 20, 50]));
    settings.limits.rate.burst = at_least_one(chance.one_of(&[1, 2, 4]));
    let concurrency = chance.one_of(&[16, 16, 4, 1]);
    settings.limits.concurrency = concurrency;
    settings.places = usize::try_from(concurrency).unwrap().min(chance.one_of(&[16, 16, 1]));
    settings.prefetch = usize::try_from(concurrency).unwrap() + settings.places;
    settings.limits.max_retry_after = seconds(20);
    settings
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn any_setting(chance: &Chance) -> Settings {
    let mut settings = Settings::usual();
    let all = [InDoubtPolicy::Resend, InDoubtPolicy::Park, InDoubtPolicy::Strict];
    settings.policy.in_doubt = chance.one_of(&all);
    settings
}

/// What one process's configuration says: somebody may have lowered `max_amount` meanwhile.
pub(super) fn of_process(chance: &Chance, kind: &Kind, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if !kind.has_only_good_intents() && chance.percent(4) {
        settings.policy.max_amount = Amount::parse("101.00").unwrap();
    }
    settings
}

/// How far a process's wall clock is ahead, or behind.
pub(super) fn ahead(chance: &Chance) -> SignedDuration {
    let ahead = i64::try_from(chance.below(2 * AHEAD_MAX_MS)).unwrap();
    SignedDuration::from_millis(ahead - i64::try_from(AHEAD_MAX_MS).unwrap())
}

/// The provider's ways. Returns how late an effect can be, at most.
pub(super) fn provider(scene: &Scene, kind: &Kind) -> Duration {
    let chance = &scene.chance;
    let one_copy = kind.trouble == Trouble::OneCopy;
    // Of those worlds most keep to what the naive provider's exception allows for.
    let beyond = kind.is_beyond_quarantine() && !(one_copy && chance.percent(75));
    let late = if beyond { kind.provider.late } else { kind.provider.late.min(super::kinds::LATE) };
    scene.smart_send.set(|state| {
        state.naive = kind.provider.naive;
        state.blind = kind.provider.blind || one_copy && chance.percent(20);
        state.lag = chance.up_to(kind.provider.lag);
        state.latency = Duration::from_millis(chance.one_of(&[20, 100, 600]));
        state.timeout = Duration::from_secs(3);
        state.token_life = Duration::from_secs(chance.one_of(&[7200, 120, 20]));
        state.rejected = Some(REJECTED_END);
        state.jitter = Some(chance.clone());
        if !kind.has_only_good_intents() && chance.percent(20) {
            state.blur = Some((chance.clone(), 20));
        }
        if !kind.has_only_good_intents() && chance.percent(30) {
            state.prints = Some(chance.one_of(&PRINTS));
        }
    });
    late
}
