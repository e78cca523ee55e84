//! The spans that give a line its ids.
//!
//! They have the level `error`, at which nothing is ever logged less: a log that shows warnings
//! alone would otherwise show them without ids.

use tracing::{Instrument as _, Span, error_span, field};

use crate::domain::record::headers::{ACTOR, NOTE, Value};
use crate::domain::reference::Reference;
use crate::ports::{Delivered, Properties};
use crate::telemetry::metrics::{CallKind, MerchantMetrics};

/// The span of one delivery's way through the worker. Its reference is added by [`intent_read`].
pub fn delivery_span(merchant: &str, properties: &Properties) -> Span {
    error_span!(
        "delivery",
        merchant,
        intent.id = properties.message_id.as_deref(),
        intent.reference = field::Empty,
        actor = field::Empty,
        note = field::Empty,
        traceparent = properties.trace().parent(),
    )
}

/// Adds to its span who has published or replayed a delivery, and why. Only what our own login says
/// is believed: anyone may write such a header, and anything in it.
pub fn acted_on(span: &Span, delivered: &Delivered) {
    for name in [ACTOR, NOTE] {
        if let Some(Value::Text(text)) = delivered.headers.get(name).filter(|_| delivered.own) {
            span.record(name, text.as_str());
        }
    }
}

/// Adds the reference to the delivery's span, once it is known.
pub fn intent_read(reference: &Reference) {
    Span::current().record("intent.reference", reference.as_str());
}

/// The span of one HTTP exchange with the provider.
pub fn call_span(metrics: &MerchantMetrics, call: CallKind) -> Span {
    error_span!("call", merchant = metrics.merchant(), call = call.into_str())
}

/// One HTTP exchange within its span, counted as in flight.
pub async fn trace_call<T>(
    metrics: &MerchantMetrics,
    call: CallKind,
    exchange: impl Future<Output = T>,
) -> T {
    let _in_flight = metrics.in_flight();
    exchange.instrument(call_span(metrics, call)).await
}
