//! What a merchant's configuration says about decisions.

use std::time::Duration;

use crate::domain::account::Account;
use crate::domain::amount::Amount;
use crate::domain::classify::ClassifyRules;
use crate::domain::retry_delays::RetryDelays;

/// What a merchant's configuration says about decisions.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The account and API that intents belong to.
    pub account: Account,
    /// What answers mean here.
    pub rules: ClassifyRules,
    /// The largest amount that is sent.
    pub max_amount: Amount,
    /// The retry queues' delays.
    pub delays: RetryDelays,
    /// How old a delivery may be at its first create.
    pub lease: Duration,
    /// After so much waiting an intent that cannot be settled is parked.
    pub max_age: Duration,
    /// Before the first lookup.
    pub first_lookup: Duration,
    /// How many not-found answers it takes, at least 1.
    pub lookups: u32,
    /// How long the provider may take to show a link that exists.
    pub quarantine: Duration,
    /// What follows when an intent is in doubt and nothing was found.
    pub in_doubt: InDoubtPolicy,
}

/// What follows when lookups and quarantine are over and no link was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubtPolicy {
    /// Send the same reference again, once per quarantine.
    Resend,
    /// Park it for a person.
    Park,
    /// Park it, and look every intent up before its first create: then even a provider that does
    /// not refuse duplicates makes no second link.
    Strict,
}

impl Policy {
    /// Whether even a provider that does not refuse duplicates must not make two links.
    pub fn is_strict(&self) -> bool {
        self.in_doubt == InDoubtPolicy::Strict
    }
}
