//! Publishes a message, and keeps trying for as long as a delivery may be held.

use std::time::Duration;

use super::backpressure::{PublishTarget, Refusal};
use super::in_flight::InFlight;
use crate::admission::backoff::Backoff;
use crate::ports::{Clock, Outbox, Outgoing, Ports, PublishError};
use crate::telemetry::events;

/// The wait between two tries of a message that was refused.
const TRIES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(2));

/// Why the replacement of a delivery was not published. The delivery must not be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPublished {
    /// The broker may have it, or the delivery's channel has ended: the delivery comes back, and
    /// the same message with it.
    Unconfirmed,
    /// The broker refused it for as long as a delivery may be held.
    RefusedForTooLong,
}

impl<P: Ports> InFlight<'_, P> {
    /// Publishes until the broker has confirmed it. What the broker certainly did not accept is
    /// tried again, and nothing new is started in the meantime; what it may have accepted is not
    /// repeated.
    pub(super) async fn publish(
        &self,
        target: PublishTarget,
        outgoing: &Outgoing,
    ) -> Result<(), NotPublished> {
        let context = self.context;
        let mut refusal: Option<Refusal<'_, P::Clock>> = None;
        let mut held = None;
        let mut tries = TRIES;
        loop {
            let result = context.outbox.publish(outgoing).await;
            events::publish_ended(&context.metrics, outgoing, result);
            match result {
                Ok(()) => {
                    if let Some(refusal) = refusal {
                        refusal.resolve();
                    }
                    return Ok(());
                }
                Err(PublishError::Unconfirmed) => return Err(NotPublished::Unconfirmed),
                Err(error @ (PublishError::Unroutable | PublishError::Refused)) => {
                    refusal
                        .get_or_insert_with(|| context.backpressure.refuse(target, error))
                        .repeat(error);
                    held.get_or_insert_with(|| context.metrics.held());
                }
            }
            tokio::select! {
                biased;
                () = self.channel_ended.cancelled() => return Err(NotPublished::Unconfirmed),
                () = context.clock.sleep(tries.next_wait()) => {}
            }
            // Kept for longer, the broker would take it back and end its channel.
            if self.age(context.clock.now()) >= context.held_max {
                return Err(NotPublished::RefusedForTooLong);
            }
        }
    }
}
