//! Calls to the provider.

use std::error::Error;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::broker::millis;
use crate::domain::reference::Reference;
use crate::telemetry::metrics::{CallKind, MerchantMetrics};

/// A create or a lookup for an intent was answered or abandoned, after it had `waited` for its
/// token and its permit and the provider `took` its time.
pub fn call_ended(
    metrics: &MerchantMetrics,
    call: CallKind,
    outcome: &'static str,
    waited: Duration,
    took: Duration,
) {
    metrics.calls(call, outcome).inc();
    if call == CallKind::Lookup {
        metrics.lookups(outcome).inc();
    }
    metrics.call_duration(call).observe(took.as_secs_f64());
    metrics.admission_wait.observe(waited.as_secs_f64());
    let (waited_ms, took_ms) = (millis(waited), millis(took));
    debug!(call = call.into_str(), outcome, waited_ms, took_ms, "the call ended");
}

/// The provider rejected the token of a call, which is sent again with a new one.
pub fn token_rejected(metrics: &MerchantMetrics, call: CallKind) {
    metrics.calls(call, "denied").inc();
    let (merchant, call) = (metrics.merchant(), call.into_str());
    debug!(merchant, call, "the provider rejected the token; the call is sent with a new one");
}

/// A probe of the open circuit breaker was answered or abandoned.
pub fn probe_ended(metrics: &MerchantMetrics, result: &'static str) {
    metrics.calls(CallKind::Lookup, result).inc();
    debug!(merchant = metrics.merchant(), result, "the probe ended");
}

/// A fresh link was looked up, only to see whether lookups show links of this API.
pub fn readback_ended(metrics: &MerchantMetrics, reference: &Reference, result: &'static str) {
    metrics.calls(CallKind::Lookup, result).inc();
    metrics.lookups(result).inc();
    let merchant = metrics.merchant();
    if result == "found" {
        debug!(merchant, intent.reference = %reference, "lookups show links of this API");
    } else {
        warn!(
            merchant, intent.reference = %reference, result,
            "a lookup does not show a link that was just made; until one does, nothing that may \
             have been sent is sent again"
        );
    }
}

/// The token endpoint answered, or did not. `life` is the new token's, if there is one.
pub fn token_ended(
    metrics: &MerchantMetrics,
    outcome: &'static str,
    took: Duration,
    life: Option<Duration>,
) {
    metrics.calls(CallKind::Token, outcome).inc();
    metrics.call_duration(CallKind::Token).observe(took.as_secs_f64());
    let merchant = metrics.merchant();
    // The token belongs to the merchant, not to the intent that happened to need it first.
    if let Some(life) = life {
        info!(parent: None, merchant, life_s = life.as_secs(), "token renewed");
    } else {
        warn!(
            parent: None, merchant, outcome,
            "could not renew the token; nothing is sent without one"
        );
    }
}

/// A secret's file cannot be used; `error` names the file and the cause, never the content.
pub fn secret_unreadable(metrics: &MerchantMetrics, error: &dyn Error) {
    error!(parent: None, merchant = metrics.merchant(), "cannot ask for a token: {error}");
}

/// An exchange ended without a whole answer. This logs why; what follows is logged elsewhere.
/// `causes` holds no address.
pub fn exchange_failed(causes: &str) {
    debug!(causes, "no whole answer came from the provider");
}
