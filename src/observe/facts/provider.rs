//! What happened between us and the provider, below a call's outcome.

use std::error::Error;
use std::time::Duration;

/// The token endpoint answered, or did not.
#[derive(Debug)]
pub struct TokenAnswered<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// `granted`, `refused`, `throttled` or `failed`.
    pub outcome: &'static str,
    /// How long it took.
    pub took: Duration,
    /// How long the token lives, if there is one.
    pub life: Option<Duration>,
}

impl TokenAnswered<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let merchant = self.merchant.to_owned();
        metrics::counter!("smartsend_calls_total",
            "merchant" => merchant.clone(), "call" => "token", "outcome" => self.outcome)
        .increment(1);
        metrics::histogram!("smartsend_call_seconds", "merchant" => merchant, "call" => "token")
            .record(self.took);
        if let Some(life) = self.life {
            tracing::info!(merchant = self.merchant, life_s = life.as_secs(), "token renewed");
        } else {
            tracing::warn!(
                merchant = self.merchant,
                outcome = self.outcome,
                "could not renew the token; nothing is sent without one"
            );
        }
    }
}

/// A secret's file cannot be used, so no token can be asked for.
#[derive(Debug)]
pub struct SecretUnreadable<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// Which file, and why; never what is in it.
    pub error: &'a dyn Error,
}

impl SecretUnreadable<'_> {
    /// Tells it.
    pub fn tell(&self) {
        tracing::error!(merchant = self.merchant, "{}", self.error);
    }
}

/// An exchange ended without a whole answer. The pipeline tells what follows; this tells why.
#[derive(Debug)]
pub struct ExchangeBroken<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// The chain of causes, without any address.
    pub causes: &'a str,
}

impl ExchangeBroken<'_> {
    /// Tells it.
    pub fn tell(&self) {
        tracing::debug!(
            merchant = self.merchant,
            causes = self.causes,
            "no whole answer came from the provider"
        );
    }
}
