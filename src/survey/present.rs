//! The settings that the merchant has now, as far as a survey speaks of them.

use std::time::Duration;

use crate::config::{CancelAs, Merchant};
use crate::domain::decide::InDoubtPolicy;

#[derive(Clone, Copy, Debug)]
pub struct Present {
    pub first_lookup: Duration,
    pub quarantine: Duration,
    pub policy: InDoubtPolicy,
    pub cancel_as: CancelAs,
    /// `rate_per_second` and `burst`, of both queues together.
    pub rate: u32,
    pub burst: u32,
}

impl Present {
    pub fn of(merchant: &Merchant) -> Self {
        let limits = [Some(merchant.limits.intents), merchant.limits.commands];
        let rates = || limits.iter().flatten().map(|limits| limits.rate);
        Self {
            first_lookup: merchant.in_doubt.first_lookup,
            quarantine: merchant.in_doubt.quarantine,
            policy: merchant.in_doubt.policy,
            cancel_as: merchant.cancel_as,
            rate: rates().map(|rate| rate.per_second.get()).sum(),
            burst: rates().map(|rate| rate.burst.get()).sum(),
        }
    }
}
