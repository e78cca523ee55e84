//! What the calls to Smart Send came to.

use std::time::Duration;

use metrics::{counter, histogram};
use tracing::debug;

use crate::payout::reference::Reference;

/// A call was answered, or given up.
#[derive(Debug)]
pub struct CallAnswered<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// The intent's reference.
    pub reference: &'a Reference,
    /// `create` or `look`.
    pub call: &'static str,
    /// The outcome's word.
    pub outcome: &'static str,
    /// How long it stood in line for token and turn.
    pub waited: Duration,
    /// How long the provider took.
    pub took: Duration,
}

impl CallAnswered<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let merchant = self.merchant.to_owned();
        counter!("smartsend_calls_total", "merchant" => merchant.clone(), "call" => self.call,
            "outcome" => self.outcome)
        .increment(1);
        if self.call == "look" {
            counter!("smartsend_looks_total", "merchant" => merchant.clone(),
                "result" => self.outcome)
            .increment(1);
        }
        histogram!("smartsend_call_seconds", "merchant" => merchant.clone(), "call" => self.call)
            .record(self.took);
        histogram!("smartsend_limiter_wait_seconds", "merchant" => merchant).record(self.waited);
        debug!(
            merchant = self.merchant,
            intent.reference = %self.reference,
            call = self.call,
            outcome = self.outcome,
            waited_ms = millis(self.waited),
            took_ms = millis(self.took),
            "the call was answered",
        );
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
