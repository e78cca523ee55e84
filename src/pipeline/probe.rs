//! What goes out while nothing may go out: a probe that moves no money.

use std::time::Duration;

use tracing::Instrument as _;

use super::desk::Desk;
use crate::domain::classify::lookup::{Lookup, LookupFailure};
use crate::domain::reference::Reference;
use crate::gate::{Probe, Report, State};
use crate::ports::{Clock, Outbox, Provider};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;
use crate::turns::Class;

/// The reference that a probe asks for as long as details has shown none.
const PROBE_REFERENCE: &str = "smartsend-probe";
/// How long until a token is asked for again at the start, when the endpoint gave no answer.
const TOKEN_WAIT: Duration = Duration::from_secs(2);

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Gets a first token before anything is consumed, so that a merchant with wrong credentials
    /// leaves its intents where they are. Waits for as long as it takes.
    pub async fn get_ready(&self) {
        let mut state = self.turns.state();
        loop {
            // A gate may be closed with a good token at hand, and then there is no use in consuming.
            state.wait_for(|state| !matches!(state, State::Closed { .. })).await;
            if self.provider.token().is_some() {
                return;
            }
            let asked = self.new_token(Class::Probe).await;
            let Err(result) = asked else { return };
            let look = Lookup::classify(result, &probe_reference(), &self.policy.rules);
            self.turns.told(Report::of_look(&look));
            self.clock.sleep(TOKEN_WAIT).await;
        }
    }

    /// Sends a closed gate's probes when they are due. Runs as long as it is polled.
    pub async fn probe_when_due(&self) {
        let mut state = self.turns.state();
        loop {
            let due = match *state.borrow_and_update() {
                State::Closed { probe_at, .. } => probe_at,
                State::Open | State::Paused { .. } | State::Probing => None,
            };
            let Some(due) = due else {
                state.changed().await;
                continue;
            };
            self.clock.sleep(due.saturating_sub(self.clock.now().steady)).await;
            let probe = self.probe().await;
            self.turns.probed(probe);
        }
    }

    /// A new token, and then a lookup: for a link that details has shown before, since an error says
    /// more there, or else for a reference that need not exist.
    async fn probe(&self) -> Probe {
        if let Some(token) = self.provider.token() {
            self.provider.discard(&token);
        }
        let Ok(token) = self.new_token(Class::Probe).await else { return Probe::Bad };
        let Ok(_turn) = self.turns.take(Class::Probe).await else { return Probe::Bad };
        let reference = self.proof.reference().unwrap_or_else(probe_reference);
        let span = events::call_span(&self.metrics, CallKind::Lookup);
        let result = self.provider.lookup(&token, &reference).instrument(span).await;
        let look = Lookup::classify(result, &reference, &self.policy.rules);
        events::probe_ended(&self.metrics, look.word());
        match look {
            // Providers answer 403 for a reference that they do not know, and that is an answer.
            Lookup::Found(_)
            | Lookup::NotFound
            | Lookup::Failed(LookupFailure::Status(400..=499)) => Probe::Good,
            Lookup::Failed(LookupFailure::Status(_) | LookupFailure::Odd) => Probe::Error,
            Lookup::Failed(LookupFailure::NoAnswer(_)) => Probe::Silent,
            Lookup::Failed(LookupFailure::NotSent(_))
            | Lookup::Throttled(_)
            | Lookup::Denied(_) => Probe::Bad,
        }
    }
}

#[expect(clippy::expect_used, reason = "a test parses it")]
fn probe_reference() -> Reference {
    Reference::parse(PROBE_REFERENCE).expect("the probe's reference keeps the contract")
}
