//! What a merchant's configuration says about decisions.

use super::{Config, Merchant};
use crate::domain::decide::Policy;

impl Config {
    pub fn policy(&self, merchant: &Merchant) -> Policy {
        Policy {
            account: merchant.account.clone(),
            rules: merchant.rules.clone(),
            max_amount: merchant.max_amount,
            delays: self.retry.delays.clone(),
            lease: self.retry.lease,
            max_age: self.retry.max_age,
            first_lookup: merchant.in_doubt.first_lookup,
            lookups: merchant.in_doubt.lookups.get(),
            quarantine: merchant.in_doubt.quarantine,
            in_doubt: merchant.in_doubt.policy,
        }
    }
}
