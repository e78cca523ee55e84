//! How long a file takes at the merchant's rate.

use jiff::SignedDuration;

use crate::config::Merchant;
use crate::domain::decide::InDoubtPolicy;

#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) per_second: u32,
    /// Under `strict` each create has a lookup before it.
    requests: u64,
}

impl Pace {
    pub(super) fn of(merchant: &Merchant) -> Self {
        let is_strict = merchant.in_doubt.policy == InDoubtPolicy::Strict;
        let per_second = merchant.limits.intents.rate.per_second.get();
        Self { per_second, requests: if is_strict { 2 } else { 1 } }
    }

    /// The least time for so many intents, in whole seconds.
    pub(super) fn least(self, intents: usize) -> SignedDuration {
        let requests = u64::try_from(intents).unwrap_or(u64::MAX).saturating_mul(self.requests);
        let seconds = requests.div_ceil(u64::from(self.per_second.max(1)));
        SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}
