//! One delivery, from what it says to settlement.
//!
//! [`process_intent`] reads as the line does: *delivery, intent, decision, call, outcome, decision,
//! event, settlement*. It sequences what the core decides, and decides nothing itself; so does
//! [`process_command`].

use super::in_flight::InFlight;
use super::settle::Settled;
use crate::domain::decide::{Decision, Input};
use crate::ports::Ports;
use crate::telemetry::events;
use crate::telemetry::status::Tracked;

/// Processes one delivery of an intent until it is settled.
pub(super) async fn process_intent<P: Ports>(in_flight: InFlight<'_, P>) -> Settled {
    let intent = match in_flight.parse() {
        Ok(intent) => intent,
        Err(invalid) => return in_flight.settle_invalid(&invalid).await,
    };
    events::intent_read(&intent.reference);
    if let Some(why) = in_flight.refusal() {
        return in_flight.settle_refused(&intent, why).await;
    }
    let (lock, mut input) = match in_flight.lock(&intent.reference) {
        Ok(lock) => (Some(lock), Input::Start),
        Err(why) => (None, why.at_once()),
    };
    // Another delivery with this reference is followed in its own right.
    let tracked = lock.is_some().then(|| in_flight.context.on_its_way.track(&intent.reference));
    let mut case = in_flight.open(&intent);
    loop {
        let around = in_flight.surroundings();
        let decision = case.decide(input, &around);
        events::intent_known(&in_flight.context.metrics, &intent.reference, case.record());
        if let Some(tracked) = &tracked {
            tracked.step(case.record(), &decision, around.now);
        }
        input = match decision {
            Decision::Attempt(call) => in_flight.create(&call).await,
            Decision::Lookup(call) => in_flight.lookup(&intent, call).await,
            Decision::Wait(duration) => in_flight.wait(duration).await,
            Decision::Pause(duration) => in_flight.pause(duration).await,
            Decision::PauseUpTo(longest) => in_flight.pause_up_to(longest).await,
            Decision::Dispose(disposition) => {
                let settled = in_flight.settle(&intent, &case, disposition).await;
                end(tracked, settled);
                return settled;
            }
        };
    }
}

/// Processes one delivery of a command until it is settled.
pub(super) async fn process_command<P: Ports>(in_flight: InFlight<'_, P>) -> Settled {
    let command = match in_flight.parse_command() {
        Ok(command) => command,
        Err(invalid) => return in_flight.settle_invalid_command(&invalid).await,
    };
    let reference = &command.reference;
    events::intent_read(reference);
    if let Some(why) = in_flight.refusal() {
        return in_flight.settle_refused_command(&command, why).await;
    }
    let (lock, mut input) = match in_flight.lock(reference) {
        Ok(lock) => (Some(lock), Input::Start),
        Err(why) => (None, why.at_once()),
    };
    let tracked = lock.is_some().then(|| in_flight.context.on_its_way.track(reference));
    let mut case = in_flight.open_command(&command);
    loop {
        let around = in_flight.surroundings();
        let decision = case.decide(input, &around);
        events::intent_known(&in_flight.context.metrics, reference, case.record());
        if let Some(tracked) = &tracked {
            tracked.step(case.record(), &decision, around.now);
        }
        input = match decision {
            Decision::Attempt(call) => in_flight.manage(&call).await,
            Decision::Lookup(call) => in_flight.look_up(reference, call, |lookup| lookup).await,
            Decision::Wait(duration) => in_flight.wait(duration).await,
            Decision::Pause(duration) => in_flight.pause(duration).await,
            Decision::PauseUpTo(longest) => in_flight.pause_up_to(longest).await,
            Decision::Dispose(disposition) => {
                let settled = in_flight.settle_command(&command, &case, disposition).await;
                end(tracked, settled);
                return settled;
            }
        };
    }
}

/// A copy on a retry queue is still on its way; everything else is done with here.
fn end(tracked: Option<Tracked<'_>>, settled: Settled) {
    let is_returned = matches!(settled, Settled::RetriedLater | Settled::HandedBack);
    if let Some(tracked) = tracked.filter(|_| is_returned) {
        tracked.stay();
    }
}
