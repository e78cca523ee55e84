//! How a message gets to the broker, and for how long that is tried.

use std::time::Duration;

use super::desk::Desk;
use super::exits::Exit;
use super::hand::Hand;
use crate::ports::{Clock, Delivery, Outbox, Outgoing, Provider, PublishError};
use crate::telemetry::events;

/// Why what was to replace a delivery is not published. The delivery must not be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPublished {
    /// The broker may have it, or the delivery's channel has ended: the delivery comes back, and
    /// the same message with it.
    Unconfirmed,
    /// The broker refused it for as long as a delivery may stay in hand.
    RefusedForTooLong,
}

/// The first wait before a message that was refused is published again.
const WAIT_FIRST: Duration = Duration::from_millis(500);
/// The longest.
const WAIT_MAX: Duration = Duration::from_secs(2);

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Publishes until the broker has it. What the broker certainly did not take is kept in hand
    /// and tried again, and nothing new is started meanwhile; what it may have taken is not
    /// repeated here.
    pub(super) async fn publish<D: Delivery>(
        &self,
        outgoing: &Outgoing,
        hand: &Hand<D>,
    ) -> Result<(), NotPublished> {
        let exit = Exit::of(outgoing);
        let mut refused = None;
        let mut wait = WAIT_FIRST;
        loop {
            let result = self.outbox.publish(outgoing).await;
            events::publish_ended(&self.metrics, outgoing, result);
            match result {
                Ok(()) => return Ok(()),
                Err(PublishError::Unconfirmed) => return Err(NotPublished::Unconfirmed),
                Err(PublishError::Unroutable | PublishError::Refused) => {
                    refused.get_or_insert_with(|| self.exits.refuse(exit, &self.turns));
                }
            }
            tokio::select! {
                biased;
                () = hand.lost.cancelled() => return Err(NotPublished::Unconfirmed),
                () = self.clock.sleep(wait) => wait = wait.saturating_mul(2).min(WAIT_MAX),
            }
            // Only a retry queue could take it off our hands, so that one is waited for.
            if exit != Exit::Retries && hand.age(self.clock.now()) >= self.in_hand_max {
                return Err(NotPublished::RefusedForTooLong);
            }
        }
    }
}
