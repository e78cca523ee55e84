//! What becomes of intents and commands: one `info` line for each that is in doubt, goes through a
//! retry queue, is let go or is settled.

use std::time::Duration;

use tracing::{error, info, warn};

use crate::domain::event::{Event, EventResult};
use crate::domain::record::{Doubt, Record, State};
use crate::domain::reference::Reference;
use crate::telemetry::metrics::{DeadLetterMetrics, MerchantMetrics};

/// What is known of an intent on its way, after each step.
pub fn intent_known(metrics: &MerchantMetrics, reference: &Reference, record: &Record) {
    let State::InDoubt(Doubt { seen, code, .. }) = &record.state else {
        return metrics.leave_doubt(reference);
    };
    if metrics.enter_doubt(reference) {
        info!(
            seen = seen.as_str(),
            code,
            attempts = record.attempts,
            "the {} is in doubt: it may have been sent, and is looked up before it is sent again",
            metrics.work().noun(),
        );
    }
}

/// An intent is settled: what replaces its delivery is confirmed, and the delivery acknowledged.
/// `age` is from its publish to its result.
pub fn intent_settled(
    metrics: &MerchantMetrics,
    event: &Event<'_>,
    attempts: u32,
    age: Option<Duration>,
) {
    let outcome = event.kind().outcome();
    metrics.settled(outcome).inc();
    if let Some(reference) = event.subject.reference {
        metrics.leave_doubt(reference);
    }
    if let Some(age) = age {
        metrics.intent_age.observe(age.as_secs_f64());
    }
    let reason = event.reason();
    if let Some(reason) = reason.filter(|_| event.is_parked()) {
        metrics.parked(reason.code.clone()).inc();
    }
    info!(
        intent.id = event.intent_id,
        event.id = %event.id,
        outcome,
        reason = reason.map(|reason| &*reason.code),
        recovered = matches!(event.result, EventResult::Created { recovered: true, .. }),
        attempts,
        "the {} is settled",
        metrics.work().noun(),
    );
}

/// A message that the broker put aside is announced and parked.
pub fn dead_letter_settled(metrics: &DeadLetterMetrics, event: &Event<'_>) {
    let (outcome, reason) = (event.kind().outcome(), event.reason());
    metrics.settled(event).inc();
    if let Some(reason) = reason {
        metrics.parked(event, reason.code.clone()).inc();
    }
    if let Some(reference) = event.subject.reference {
        metrics.leave_doubt(event, reference);
    }
    warn!(
        intent.id = event.intent_id,
        event.id = %event.id,
        outcome,
        reason = reason.map(|reason| &*reason.code),
        "RabbitMQ put the message aside; it is announced and parked",
    );
}

/// A message that the broker put aside is parked, and was never announced.
pub fn dead_letter_given_up() {
    error!(
        "RabbitMQ put the message aside; it is larger than an intent may be, its event finds no \
         queue, and it is parked without one"
    );
}

/// A copy of an intent with this record waits on the retry queue of this delay.
pub fn intent_returned(metrics: &MerchantMetrics, record: &Record, delay: Duration) {
    info!(
        in_doubt = record.is_in_doubt(),
        attempts = record.attempts,
        lookups = record.lookups,
        returns = record.returns,
        delay_s = delay.as_secs(),
        "the {} goes through a retry queue",
        metrics.work().noun(),
    );
}

/// A copy of an intent goes back to its queue by the retry queue of this delay; its record is
/// unchanged.
pub fn intent_handed_back(metrics: &MerchantMetrics, why: &'static str, delay: Duration) {
    metrics.handed_back.inc();
    let noun = metrics.work().noun();
    info!(why, delay_s = delay.as_secs(), "the {noun} is handed back by a retry queue");
}

/// A delivery stays unacknowledged.
pub fn delivery_abandoned(why: &'static str, stopping: bool) {
    const TEXT: &str = "the delivery is left unacknowledged; RabbitMQ will deliver it again";
    if stopping {
        warn!(why, "{TEXT}");
    } else {
        info!(why, "{TEXT}");
    }
}

/// Nothing that replaces a delivery could be published for as long as it may be held.
pub fn delivery_requeued() {
    warn!("what replaces the delivery could not be published, so it is requeued");
}
