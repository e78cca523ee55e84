//! The kinds of worlds: what the provider is like, and what the merchant has set.

use std::time::Duration;

use smartsend::domain::account::Api;

/// One kind of world. A seed's kind is its remainder by their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Its name in the proof.
    pub(super) name: &'static str,
    pub(super) provider: Provider,
    pub(super) setting: Setting,
    /// What goes wrong.
    pub(super) trouble: Trouble,
}

/// What the provider is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Provider {
    /// Whether a second create for a reference makes a second link.
    pub(super) naive: bool,
    /// Whether details never shows a link.
    pub(super) blind: bool,
    /// How long details takes to show a link, at most.
    pub(super) lag: Duration,
    /// How long a request can take to have its effect, at most.
    pub(super) late: Duration,
}

/// What the merchant has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// The default: what is not found is sent again.
    Resend,
    /// What is not found is parked, and a lookup comes before every create.
    Strict,
    /// Either of these, or a mixture of them.
    Any,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Everything, a little, and upstream repeats itself.
    Everything,
    /// The same, but upstream publishes each intent once.
    OneCopy,
    /// The same, but every intent is good and may wait for long, and the provider says the truth:
    /// it refuses nobody for the day, and shows a link as it is once there is one.
    Truthful,
    /// The provider is gone for long, and nothing else goes wrong.
    Outage,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Together they are within the quarantine.
const LAG: Duration = seconds(8);
pub(super) const LATE: Duration = seconds(8);
/// Either is beyond it.
const LONG: Duration = seconds(90);

const REFUSES: Provider = Provider { naive: false, blind: false, lag: seconds(2), late: LATE };
const NAIVE: Provider = Provider { naive: true, ..REFUSES };

pub(super) const KINDS: [Kind; 11] = [
    kind("refuses duplicates, resend", REFUSES, Setting::Resend, Trouble::Everything),
    kind("refuses duplicates, strict", REFUSES, Setting::Strict, Trouble::Everything),
    kind(
        "refuses duplicates and lags, any setting",
        Provider { lag: LAG, ..REFUSES },
        Setting::Any,
        Trouble::Everything,
    ),
    kind(
        "refuses duplicates and is blind, any setting",
        Provider { blind: true, ..REFUSES },
        Setting::Any,
        Trouble::Everything,
    ),
    kind(
        "refuses duplicates, lags and takes effect beyond the quarantine, any setting",
        Provider { lag: LONG, late: LONG, ..REFUSES },
        Setting::Any,
        Trouble::Everything,
    ),
    kind("naive, strict", NAIVE, Setting::Strict, Trouble::Everything),
    kind(
        "naive and lags, strict",
        Provider { lag: LAG, ..NAIVE },
        Setting::Strict,
        Trouble::Everything,
    ),
    kind(
        "naive and lags or is blind, resend",
        Provider { lag: LAG, late: LONG, ..NAIVE },
        Setting::Resend,
        Trouble::OneCopy,
    ),
    kind(
        "an outage, resend",
        Provider { lag: Duration::ZERO, ..REFUSES },
        Setting::Resend,
        Trouble::Outage,
    ),
    kind(
        "naive, an outage, strict",
        Provider { lag: Duration::ZERO, ..NAIVE },
        Setting::Strict,
        Trouble::Outage,
    ),
    kind(
        "refuses duplicates and is truthful, resend",
        Provider { lag: Duration::ZERO, ..REFUSES },
        Setting::Resend,
        Trouble::Truthful,
    ),
];

const fn kind(name: &'static str, provider: Provider, setting: Setting, trouble: Trouble) -> Kind {
    Kind { name, provider, setting, trouble }
}

/// Which of them a seed plays.
pub(super) fn number_of(seed: u64) -> usize {
    usize::try_from(seed % KINDS.len() as u64).unwrap()
}

impl Kind {
    pub(super) fn of(seed: u64) -> &'static Self {
        &KINDS[number_of(seed)]
    }

    /// Whether a second link for a reference is possible at all, by what the promises state: a
    /// naive provider without the strict setting.
    pub(super) fn has_exception(&self) -> bool {
        self.provider.naive && self.setting != Setting::Strict
    }

    /// Whether there is a link to be had for every intent, and nothing but time is in its way.
    pub(super) fn has_only_good_intents(&self) -> bool {
        matches!(self.trouble, Trouble::Outage | Trouble::Truthful)
    }

    /// How many of these messages may be left to a person. Where they are not all good, the provider
    /// refuses some for the day, details is late or blind or prints otherwise, and some worlds wait
    /// for a minute only; `park` and `strict` leave what nobody has looked up. What is a share of many
    /// seeds can be all of a few.
    ///
    /// Where there may be commands, a link may be closed before it is announced; and commands are
    /// left where lookups do not show what was accepted.
    pub(super) fn unresolved_max(&self, messages: u64, with_commands: bool, seeds: u64) -> u64 {
        let percent = match (self.setting, self.has_only_good_intents()) {
            (Setting::Resend, true) if !with_commands => 0,
            _ if seeds < 30 => 100,
            (_, true) if with_commands => 4,
            (Setting::Resend, true) => 0,
            (Setting::Strict | Setting::Any, true) => 5,
            (Setting::Resend, false) => 35,
            (Setting::Any, false) => 70,
            (Setting::Strict, false) => 90,
        };
        (messages * percent).div_ceil(100)
    }

    /// Whether a request's effect can come after every lookup.
    pub(super) fn is_beyond_quarantine(&self) -> bool {
        self.provider.lag + self.provider.late > LAG + LATE
    }
}

/// Each kind plays by both APIs in turn.
pub(super) fn api_of(seed: u64) -> Api {
    if (seed / KINDS.len() as u64).is_multiple_of(2) { Api::V1 } else { Api::V2 }
}
