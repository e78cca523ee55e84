//! The only request of an open breaker: a probe that moves no money.

use std::sync::Arc;
use std::time::Duration;

use super::context::MerchantContext;
use crate::admission::circuit_breaker::ProbeResult;
use crate::admission::signal::Signal;
use crate::domain::call::Priority;
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Ports, Provider};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;

/// The reference that a probe looks up until a lookup has shown a real one.
const PROBE_REFERENCE: &str = "smartsend-probe";
/// How long until a token is requested again at the start, if the endpoint gave no answer.
const TOKEN_WAIT: Duration = Duration::from_secs(2);

impl<P: Ports> MerchantContext<P> {
    /// Gets a first token before anything is consumed, so that a merchant with wrong credentials
    /// leaves its intents where they are. Waits as long as it takes.
    pub(super) async fn get_ready(&self) {
        loop {
            // The breaker may be open though there is a valid token, and then there is no point in
            // consuming.
            self.scheduler.passable().await;
            if self.provider.token().is_some() {
                return;
            }
            let asked = self.new_token(Priority::Probe, Arc::default()).await;
            let Err(result) = asked else { return };
            let lookup = Lookup::classify(result, &probe_reference(), &self.policy.rules);
            self.scheduler.record(None, Signal::of_lookup(&lookup));
            self.clock.sleep(TOKEN_WAIT).await;
        }
    }

    /// Sends the probes of an open breaker when they are due. Runs as long as it is polled.
    pub(super) async fn probe_when_due(&self) {
        loop {
            self.scheduler.probe_due().await;
            let result = self.probe().await;
            self.scheduler.probed(result);
        }
    }

    /// A new token, and then a lookup: of a link that was shown before, since an error says more
    /// there, or else of a reference that need not exist.
    async fn probe(&self) -> ProbeResult {
        if let Some(token) = self.provider.token() {
            self.provider.discard(&token);
        }
        let reference = self.readback.reference().unwrap_or_else(probe_reference);
        let lookup = match self.new_token(Priority::Probe, Arc::default()).await {
            Ok(token) => {
                let Ok(_permit) = self.scheduler.acquire(Priority::Probe).await else {
                    return ProbeResult::Bad(None);
                };
                let exchange = self.provider.lookup(&token, &reference);
                let result = events::trace_call(&self.metrics, CallKind::Lookup, exchange).await;
                let lookup = Lookup::classify(result, &reference, &self.policy.rules);
                self.lookup_ended(&lookup);
                events::probe_ended(&self.metrics, lookup.word());
                lookup
            }
            Err(result) => Lookup::classify(result, &reference, &self.policy.rules),
        };
        let signal = Signal::of_lookup(&lookup);
        if let Signal::Throttled(_) = signal {
            self.scheduler.record(None, signal);
        }
        ProbeResult::of(&lookup)
    }
}

#[expect(clippy::expect_used, reason = "a test parses it")]
fn probe_reference() -> Reference {
    Reference::parse(PROBE_REFERENCE).expect("the probe's reference is valid")
}
