//! Amounts that make something happen, as the test modes of many payment services have them. PayU
//! has none; here they are for people, who want to see one case at once and not a share of requests.

use std::fmt;

use rust_decimal::Decimal;

use super::faults::{Fault, Faults};
use super::life::DeskAction;

/// One of them, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct MagicAmount {
    /// With two decimals.
    pub amount: &'static str,
    /// What it does to its link, in words.
    pub meaning: &'static str,
    pub(super) magic: Magic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// The create meets it.
    Meets(Fault),
    /// Details show the link only after a minute.
    ShownLate,
    /// The link waits for an approver.
    Waits,
    /// People do this to the link at once.
    Undergoes(&'static [DeskAction]),
    /// A cancel is always answered "in progress", and does nothing.
    ResistsCancel,
}

/// How late a link is shown that is shown late.
pub(super) const LATE_US: u64 = 60_000_000;

pub const MAGIC_AMOUNTS: [MagicAmount; 14] = [
    amount("1.01", "not made, and answered error_status", Magic::Meets(Fault::ErrorBefore)),
    amount("1.02", "not made, and no answer", Magic::Meets(Fault::LostBefore)),
    amount("1.03", "made, but no answer", Magic::Meets(Fault::LostAfter)),
    amount("1.04", "made, but answered error_status", Magic::Meets(Fault::ErrorAfter)),
    amount("1.05", "made, but the answer never comes", Magic::Meets(Fault::StallAfter)),
    amount("1.06", "not made, and answered 429", Magic::Meets(Fault::Throttle)),
    amount("1.07", "made, and shown by details a minute late", Magic::ShownLate),
    amount("1.08", "not made, and refused with refuse.code", Magic::Meets(Fault::Refuse)),
    amount("1.09", "waits for an approver", Magic::Waits),
    amount("1.10", "claimed at once", Magic::Undergoes(&[DeskAction::Claim])),
    amount("1.11", "paid at once", Magic::Undergoes(&[DeskAction::Claim, DeskAction::Pay])),
    amount(
        "1.12",
        "claimed at once, and the payout fails",
        Magic::Undergoes(&[DeskAction::Claim, DeskAction::Fail]),
    ),
    amount("1.13", "expired at once", Magic::Undergoes(&[DeskAction::Expire])),
    amount("1.14", "every cancel is answered \"in progress\"", Magic::ResistsCancel),
];

const fn amount(amount: &'static str, meaning: &'static str, magic: Magic) -> MagicAmount {
    MagicAmount { amount, meaning, magic }
}

/// What an amount does, if the setting is on.
pub(super) fn magic_of(faults: &Faults, amount: Decimal) -> Option<Magic> {
    let mut amount = amount;
    amount.rescale(2);
    let amount = faults.magic_amounts.then(|| amount.to_string())?;
    MAGIC_AMOUNTS.iter().find(|known| known.amount == amount).map(|known| known.magic)
}

impl fmt::Display for MagicAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.amount, self.meaning)
    }
}
