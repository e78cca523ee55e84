//! One process's way out to the broker.

use std::time::Duration;

use smartsend::ports::{Clock, Outbox, Outgoing, Unpublished};

use super::broker::{Broker, Fault};
use super::clock::ModelClock;
use super::life::Life;

/// How long a message is on its way.
const AWAY: Duration = Duration::from_millis(1);
/// How long a confirm is waited for.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes.
#[derive(Clone)]
pub(crate) struct ModelOutbox {
    pub(super) broker: Broker,
    pub(super) clock: ModelClock,
    pub(super) life: Life,
}

impl Outbox for ModelOutbox {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), Unpublished> {
        self.life.step().await;
        tokio::time::sleep(AWAY).await;
        let taken = self.broker.take_in(outgoing);
        if let (Ok(Some((delay, message))), Outgoing::Retry { copy, .. }) = (&taken, outgoing) {
            let (delay, message, merchant) = (*delay, message.clone(), copy.merchant.clone());
            let (broker, clock) = (self.broker.clone(), self.clock.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                broker.push(&merchant, message, clock.now());
            });
        }
        let confirm = match taken {
            Err(Fault::ConfirmLost | Fault::Lost) => CONFIRM_TIMEOUT,
            Ok(_) | Err(Fault::Unroutable | Fault::Refused) => AWAY,
        };
        tokio::time::sleep(confirm).await;
        self.life.step().await;
        taken.map(|_| ()).map_err(Fault::seen)
    }
}
