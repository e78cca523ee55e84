//! Calls to the provider.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{debug, info, warn};

use super::broker::millis;
use crate::domain::lookup_lag::LookupLag;
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
    debug!(merchant, "the provider rejected the token; the {call} is sent with a new one");
}

/// A probe of the open circuit breaker was answered or abandoned.
pub fn probe_ended(metrics: &MerchantMetrics, result: &'static str) {
    metrics.calls(CallKind::Lookup, result).inc();
    debug!(merchant = metrics.merchant(), result, "the probe ended");
}

fn count_background_lookup(metrics: &MerchantMetrics, result: &'static str) {
    metrics.calls(CallKind::Lookup, result).inc();
    metrics.lookups(result).inc();
}

/// A fresh link was looked up, only to see whether lookups show links of this API.
pub fn readback_ended(metrics: &MerchantMetrics, reference: &Reference, result: &'static str) {
    count_background_lookup(metrics, result);
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

/// A link was looked up to learn how late lookups show links.
pub fn lag_lookup_ended(metrics: &MerchantMetrics, reference: &Reference, result: &'static str) {
    count_background_lookup(metrics, result);
    debug!(merchant = metrics.merchant(), intent.reference = %reference, result, "lag looked up");
}

/// A link was shown this long after it was made, or not within a `quarantine`.
pub fn lag_measured(
    metrics: &MerchantMetrics,
    reference: &Reference,
    lag: Option<Duration>,
    quarantine: Duration,
) {
    let merchant = metrics.merchant();
    metrics.lag_seconds().observe(lag.unwrap_or(quarantine).as_secs_f64());
    match lag {
        Some(lag) if lag <= quarantine / 2 => {
            debug!(merchant, intent.reference = %reference, lag_ms = millis(lag), "the link is shown");
        }
        Some(lag) => warn!(
            merchant, intent.reference = %reference, lag_ms = millis(lag),
            "a lookup showed a link {lag:?} after it was made, which is more than half of \
             in_doubt.quarantine; lengthen that, or what may have been sent is sent again too early"
        ),
        None => warn!(
            merchant, intent.reference = %reference, lag_ms = millis(quarantine),
            "no lookup showed a link within in_doubt.quarantine after it was made; lengthen that, \
             or what may have been sent is sent again too early"
        ),
    }
}

/// Once a day.
pub fn lag_summed_up(metrics: &MerchantMetrics, figures: &LookupLag) {
    let seconds = |lag: Option<Duration>| lag.map(|lag| lag.as_secs_f64());
    info!(
        parent: None,
        merchant = metrics.merchant(),
        links = figures.count(),
        median_s = seconds(figures.percentile(50)),
        p99_s = seconds(figures.percentile(99)),
        longest_s = seconds(figures.longest()),
        not_shown = figures.missed,
        "how late lookups show links"
    );
}

/// The token endpoint gave a token with this life.
pub fn token_renewed(metrics: &MerchantMetrics, took: Duration, life: Duration) {
    token_answered(metrics, "granted", took);
    let merchant = metrics.merchant();
    // The token belongs to the merchant, not to the intent that happened to need it first.
    info!(parent: None, merchant, life_s = life.as_secs(), "token renewed");
}

/// The token endpoint gave none.
pub fn token_refused(metrics: &MerchantMetrics, outcome: &'static str, took: Duration) {
    token_answered(metrics, outcome, took);
}

fn token_answered(metrics: &MerchantMetrics, outcome: &'static str, took: Duration) {
    metrics.calls(CallKind::Token, outcome).inc();
    metrics.call_duration(CallKind::Token).observe(took.as_secs_f64());
}

/// There is no new token. `cause` holds no secret. It is `is_news` where nobody else reports it.
pub fn token_missing(metrics: &MerchantMetrics, cause: &str, at: Timestamp, is_news: bool) {
    metrics.set_last_failure(CallKind::Token, cause.to_owned(), at);
    let merchant = metrics.merchant();
    if is_news {
        warn!(parent: None, merchant, cause, "could not renew the token, which is still valid: {cause}");
    } else {
        debug!(parent: None, merchant, cause, "could not renew the token: {cause}");
    }
}

/// A call brought no answer, or one that says that it is not served. `cause` holds no address. What
/// follows from it is logged elsewhere.
pub fn call_failed(metrics: &MerchantMetrics, call: CallKind, cause: &str, at: Timestamp) {
    metrics.set_last_failure(call, cause.to_owned(), at);
    debug!(call = call.into_str(), cause, "the call failed: {cause}");
}
