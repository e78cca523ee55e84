//! A lookup that no intent waits for.

use std::time::Duration;

use super::context::MerchantContext;
use crate::admission::signal::Signal;
use crate::domain::call::Priority;
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Ports, Provider};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;

impl<P: Ports> MerchantContext<P> {
    /// What a lookup says; `None` if it was not sent within this `patience`, or had no valid token.
    /// It is not worth one: the next call gets it.
    pub(super) async fn look_up_in_background(
        &self,
        reference: &Reference,
        priority: Priority,
        patience: Duration,
    ) -> Option<Lookup> {
        let permit = tokio::select! {
            biased;
            permit = self.scheduler.acquire(priority) => permit.ok()?,
            () = self.clock.sleep(patience) => return None, // throttled or held back
        };
        let token = self.provider.token()?;
        let exchange = self.provider.lookup(&token, reference);
        let result = events::trace_call(&self.metrics, CallKind::Lookup, exchange).await;
        if self.wants_new_token(CallKind::Lookup, &result, &token, &mut 0) {
            return None;
        }
        let lookup = Lookup::classify(result, reference, &self.policy.rules);
        self.scheduler.record(Some(&permit), Signal::of_lookup(&lookup));
        self.lookup_ended(&lookup);
        Some(lookup)
    }
}
