//! What the calls to Smart Send came to.

use std::time::Duration;

use tracing::debug;

use crate::domain::reference::Reference;
use crate::observe::meters::Meters;

/// A call was answered, or given up.
#[derive(Debug)]
pub struct CallAnswered<'a> {
    /// The merchant's series.
    pub meters: &'a Meters,
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
        self.meters.calls.of([self.call, self.outcome]).increment(1);
        if self.call == "look" {
            self.meters.lookups.of([self.outcome, ""]).increment(1);
        }
        self.meters.call_seconds.of([self.call, ""]).record(self.took);
        self.meters.limiter_wait.record(self.waited);
        debug!(
            merchant = self.meters.merchant(),
            intent.reference = %self.reference,
            call = self.call,
            outcome = self.outcome,
            waited_ms = millis(self.waited),
            took_ms = millis(self.took),
            "the call was answered",
        );
    }
}

/// A call was refused for its token, and goes out once more with a new one.
#[derive(Debug)]
pub struct CallUnauthorized<'a> {
    /// The merchant's series.
    pub meters: &'a Meters,
    /// `create` or `look`.
    pub call: &'static str,
}

impl CallUnauthorized<'_> {
    /// Tells it.
    pub fn tell(&self) {
        self.meters.calls.of([self.call, "denied"]).increment(1);
        debug!(
            merchant = self.meters.merchant(),
            call = self.call,
            "the token was refused; the call goes out once more with a new one",
        );
    }
}

/// A closed gate's look was answered, or given up.
#[derive(Debug)]
pub struct ProbeAnswered<'a> {
    /// The merchant's series.
    pub meters: &'a Meters,
    /// The lookup's word.
    pub look: &'static str,
}

impl ProbeAnswered<'_> {
    /// Tells it.
    pub fn tell(&self) {
        self.meters.calls.of(["look", self.look]).increment(1);
        debug!(merchant = self.meters.merchant(), look = self.look, "the probe was answered");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
