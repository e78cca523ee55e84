//! One delivery, from intent to settlement.
//!
//! [`process`] reads as the line does: *delivery, intent, decision, call, outcome, decision, event,
//! settlement*. It sequences what the core decides, and decides nothing itself.

use super::in_flight::InFlight;
use super::settle::Settled;
use crate::domain::decide::{Decision, Input};
use crate::ports::Ports;
use crate::telemetry::events;

/// Processes one delivery until it is settled.
pub(super) async fn process<P: Ports>(in_flight: InFlight<'_, P>) -> Settled {
    let intent = match in_flight.parse() {
        Ok(intent) => intent,
        Err(invalid) => return in_flight.settle_invalid(&invalid).await,
    };
    events::intent_read(&intent.reference);
    let (_lock, mut input) = match in_flight.lock(&intent.reference) {
        Ok(lock) => (Some(lock), Input::Start),
        Err(why) => (None, why.at_once()),
    };
    let mut case = in_flight.open(&intent);
    loop {
        let decision = case.decide(input, &in_flight.surroundings());
        events::intent_known(&in_flight.context.metrics, &intent.reference, case.record());
        input = match decision {
            Decision::Attempt(call) => in_flight.create(&call).await,
            Decision::Lookup(call) => in_flight.lookup(&intent, call).await,
            Decision::Wait(duration) => in_flight.wait(duration).await,
            Decision::Pause(duration) => in_flight.pause(duration).await,
            Decision::PauseUpTo(longest) => in_flight.pause_up_to(longest).await,
            Decision::Dispose(disposition) => {
                return in_flight.settle(&intent, &case, disposition).await;
            }
        };
    }
}
