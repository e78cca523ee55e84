//! Which request meets which fault.
//!
//! Chance would make a failed run impossible to repeat. So each request of a kind has a
//! number, and the number and the seed alone decide; another kind's traffic does not shift it.

use std::time::Duration;

use serde::Serialize;

use super::faults::Faults;
use super::ledger::Kind;

/// Draws are spread evenly over this many values: all that a float's digits can tell apart.
const SPREAD_BITS: u32 = 53;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    LostBefore,
    LostAfter,
    ResetBefore,
    ResetAfter,
    StallBefore,
    StallAfter,
    ErrorBefore,
    ErrorAfter,
    Garbage,
    CutShort,
    SlowDrip,
    CloseAfter,
    ExpiredToken,
    ForeignLink,
    Throttle,
    Refuse,
    Reject,
}

/// The faults of each kind, by the upper end of their part of the spread.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    create: Vec<(u64, Fault)>,
    details: Vec<(u64, Fault)>,
    token: Vec<(u64, Fault)>,
}

impl Dice {
    pub(super) fn new(faults: &Faults) -> Result<Self, String> {
        let create = [
            (Fault::LostBefore, faults.lost_before),
            (Fault::LostAfter, faults.lost_after),
            (Fault::ResetBefore, faults.reset_before),
            (Fault::ResetAfter, faults.reset_after),
            (Fault::StallBefore, faults.stall_before),
            (Fault::StallAfter, faults.stall_after),
            (Fault::ErrorBefore, faults.error_before),
            (Fault::ErrorAfter, faults.error_after),
            (Fault::Garbage, faults.garbage),
            (Fault::CutShort, faults.cut_short),
            (Fault::SlowDrip, faults.slow_drip),
            (Fault::CloseAfter, faults.close_after),
            (Fault::ExpiredToken, faults.expired_token),
            (Fault::ForeignLink, faults.foreign_link),
            (Fault::Throttle, faults.throttle.share),
            (Fault::Refuse, faults.refuse.share),
            (Fault::Reject, faults.reject.share),
        ];
        let details = [
            (Fault::ErrorBefore, faults.details_error),
            (Fault::LostBefore, faults.details_lost),
            (Fault::StallBefore, faults.details_stall),
            (Fault::Garbage, faults.details_garbage),
            (Fault::Throttle, faults.details_throttle),
            (Fault::ExpiredToken, faults.details_expired_token),
        ];
        let token = [
            (Fault::ErrorBefore, faults.token_error),
            (Fault::StallBefore, faults.token_stall),
            (Fault::Garbage, faults.token_garbage),
        ];
        Ok(Self {
            seed: faults.seed,
            create: parts("creates", &create)?,
            details: parts("details", &details)?,
            token: parts("tokens", &token)?,
        })
    }

    /// The fault of the `number`th request of a kind.
    pub(super) fn fault(&self, kind: Kind, number: u64) -> Option<Fault> {
        let parts = match kind {
            Kind::Create => &self.create,
            Kind::Details => &self.details,
            Kind::Token => &self.token,
            Kind::Other => return None,
        };
        if parts.is_empty() {
            return None;
        }
        let draw = scramble(self.stream(kind, 0), number) >> (u64::BITS - SPREAD_BITS);
        parts.iter().find(|(end, _)| draw < *end).map(|(_, fault)| *fault)
    }

    /// A part of `jitter_ms` for the `number`th request of a kind.
    pub(super) fn jitter(&self, kind: Kind, number: u64, jitter_ms: u64) -> Duration {
        let draw = scramble(self.stream(kind, 1), number);
        Duration::from_millis(draw.checked_rem(jitter_ms.saturating_add(1)).unwrap_or_default())
    }

    fn stream(&self, kind: Kind, purpose: u64) -> u64 {
        scramble(self.seed, (kind as u64).wrapping_mul(16).wrapping_add(purpose))
    }
}

/// Spreads a number evenly over 64 bits: the splitmix64 of Steele, Lea and Flood (2014).
pub(super) fn scramble(seed: u64, number: u64) -> u64 {
    let steps = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mixed = seed.wrapping_add(steps);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn parts(of: &str, shares: &[(Fault, f64)]) -> Result<Vec<(u64, Fault)>, String> {
    let mut end = 0_u64;
    let mut parts = Vec::new();
    for &(fault, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("a share must be from 0 to 1, and one of {of} is {share}"));
        }
        if share > 0.0 {
            end = end.saturating_add(width(share));
            parts.push((end, fault));
        }
    }
    // Tenths are not exact in binary: ten of them may come out a hair above one.
    if end > (1 << SPREAD_BITS) + 1_000 {
        return Err(format!("the shares of {of} must add up to 1 at most"));
    }
    Ok(parts)
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share from 0 to 1, checked by the caller; nothing is counted by it"
)]
fn width(share: f64) -> u64 {
    (share * (1_u64 << SPREAD_BITS) as f64) as u64
}
