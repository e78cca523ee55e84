//! The settings whose spaces are searched.

use super::setting::{Details, Faults, Setting, With};

pub(super) const PLAIN: Setting = Setting {
    name: "one copy",
    copies: 1,
    details: Details::Lag,
    quarantine: 3,
    hold: 1,
    delays: &[1, 3],
    deadline: None,
    max_age: None,
    faults: faults(1, 1, 0),
    with: &[],
    without: None,
};

pub(super) const TWICE: Setting = Setting {
    name: "two copies",
    copies: 2,
    faults: faults(1, 0, 0),
    with: &[With::Brisk],
    ..PLAIN
};

pub(super) const BLIND: Setting = Setting {
    name: "blind details",
    details: Details::Blind,
    max_age: Some(5),
    faults: faults(1, 1, 0),
    with: &[With::Brisk],
    ..PLAIN
};

pub(super) const BLIND_CONFIRMS: Setting =
    Setting { name: "blind details, lost confirms", faults: faults(1, 0, 1), ..BLIND };

pub(super) const STUBBORN: Setting =
    Setting { name: "details that may never show it", details: Details::Whenever, ..PLAIN };

pub(super) const STUBBORN_TWICE: Setting = Setting {
    name: "two copies, details that may never show it",
    details: Details::Whenever,
    ..TWICE
};

pub(super) const STUBBORN_LOSSES: Setting = Setting {
    name: "two copies, details that may never show it, losses",
    faults: faults(0, 2, 0),
    ..STUBBORN_TWICE
};

pub(super) const VAGUE: Setting = Setting {
    name: "two copies, links without a text",
    with: &[With::Brisk, With::Vague],
    ..STUBBORN_TWICE
};

pub(super) const CONFIRMS: Setting =
    Setting { name: "two copies, lost confirms", faults: faults(0, 1, 1), ..STUBBORN_TWICE };

pub(super) const LIMITED: Setting =
    Setting { name: "a limit", faults: faults(1, 0, 0), with: &[With::Limits], ..PLAIN };

pub(super) const LIMITED_TWICE: Setting =
    Setting { name: "two copies, a limit", with: &[With::Brisk, With::Limits], ..TWICE };

pub(super) const CHANGED_VERDICT: Setting = Setting {
    name: "a verdict that changes",
    faults: faults(0, 2, 0),
    with: &[With::Brisk, With::Limits, With::StaticLimit, With::Belies],
    ..PLAIN
};

pub(super) const LATE: Setting = Setting {
    name: "a deadline, effects at any time",
    details: Details::Whenever,
    deadline: Some(1),
    faults: faults(2, 1, 0),
    with: &[With::Brisk, With::KilledOnly, With::Belies],
    ..PLAIN
};

pub(super) const DUE: Setting =
    Setting { name: "two copies, a deadline", deadline: Some(1), ..TWICE };

pub(super) const RETURNED: Setting = Setting {
    name: "two copies, a deadline, a long delay",
    deadline: Some(4),
    delays: &[5],
    faults: faults(1, 1, 0),
    with: &[With::Brisk, With::KilledOnly],
    ..TWICE
};

pub(super) const SKEWED: Setting = Setting {
    name: "two copies, a deadline, two clocks",
    quarantine: 4,
    hold: 2,
    deadline: Some(2),
    with: &[With::Brisk, With::Skew],
    ..TWICE
};

pub(super) const STRICT: Setting = Setting {
    name: "strict, naive provider",
    quarantine: 5,
    hold: 3,
    faults: faults(1, 0, 0),
    with: &[With::StrictOverNaive],
    ..PLAIN
};

pub(super) const STRICT_TWICE: Setting = Setting {
    name: "two copies, strict, naive provider",
    copies: 2,
    with: &[With::Brisk, With::StrictOverNaive],
    ..STRICT
};

pub(super) const STRICT_LOSSES: Setting = Setting {
    name: "two copies, strict, naive provider, losses",
    faults: faults(0, 3, 0),
    with: &[With::Brisk, With::StrictOverNaive, With::Belies],
    ..STRICT_TWICE
};

pub(super) const STRICT_FAULTS: Setting = Setting {
    name: "strict, naive provider, deaths and losses",
    faults: faults(1, 1, 0),
    with: &[With::Brisk, With::StrictOverNaive],
    ..STRICT
};

pub(super) const STRICT_CONFIRMS: Setting = Setting {
    name: "strict, naive provider, lost confirms",
    faults: faults(1, 0, 1),
    ..STRICT_FAULTS
};

pub(super) const LOWERED: Setting = Setting {
    name: "max_amount is lowered",
    faults: faults(1, 0, 0),
    with: &[With::Lowering],
    ..PLAIN
};

pub(super) const LOWERED_TWICE: Setting = Setting {
    name: "two copies, max_amount is lowered",
    with: &[With::Brisk, With::Lowering],
    ..TWICE
};

pub(super) const MOVED: Setting =
    Setting { name: "the account changes", with: &[With::Moving], ..PLAIN };

pub(super) const MOVED_AT_ANY_TIME: Setting =
    Setting { name: "the account changes too early", with: &[With::MovingAtAnyTime], ..MOVED };

pub(super) const MASKED: Setting =
    Setting { name: "two copies, masked details", with: &[With::Brisk, With::Masks], ..TWICE };

pub(super) const AGED: Setting = Setting {
    name: "max_age",
    max_age: Some(5),
    faults: faults(1, 0, 0),
    with: &[With::Shelves],
    ..PLAIN
};

pub(super) const FORBIDDING: Setting = Setting {
    name: "403 for an unknown reference",
    max_age: Some(5),
    with: &[With::Forbids],
    ..PLAIN
};

const fn faults(deaths: u8, losses: u8, confirms: u8) -> Faults {
    Faults { deaths, losses, confirms }
}
