//! What holds a merchant's new creates back.

use jiff::Timestamp;
use serde::Serialize;

use super::time::{Time, countdown};

/// An operator's order to start nothing new.
#[derive(Serialize)]
pub(super) struct Paused {
    pub(super) actor: String,
    pub(super) reason: String,
    pub(super) since: Time,
    /// How many intents may be started all the same.
    pub(super) allowed: u32,
}

/// A limit on money that is reached, in rupees.
#[derive(Serialize)]
pub(super) struct SpendLimit {
    pub(super) key: &'static str,
    pub(super) used: String,
    pub(super) limit: String,
    /// The amount that does not fit.
    pub(super) amount: String,
    pub(super) until: Time,
}

/// A time in which something does not happen.
#[derive(Serialize)]
pub(super) struct Pause {
    pub(super) until: Time,
}

impl Paused {
    pub(super) fn unready(&self, merchant: &str) -> String {
        let Self { actor, reason, allowed, .. } = self;
        let but_for = match allowed {
            0 => String::new(),
            allowed => format!(", but for {allowed} that are let through"),
        };
        format!(
            "merchant {merchant}: {actor} has paused it: {reason}; nothing new is started{but_for}, until \
             `smartsend resume {merchant}`"
        )
    }
}

impl SpendLimit {
    pub(super) fn unready(&self, merchant: &str, now: Timestamp) -> String {
        let Self { key, used, limit, amount, until } = self;
        let until = countdown(*until, now);
        format!(
            "merchant {merchant}: {key} is reached: {used} of {limit} rupees are spent, and {amount} \
             more does not fit; nothing new is started until {until}"
        )
    }
}
