//! One process's way out to the broker.

use std::time::Duration;

use smartsend::ports::{Outbox, Outgoing, PublishError};

use super::broker::Broker;
use super::journal::{Journal, Step};
use super::life::Life;
use super::message::Fault;

/// How long a message is on its way.
const AWAY: Duration = Duration::from_millis(1);
/// How long a confirm is waited for.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes.
#[derive(Clone)]
pub(crate) struct ModelOutbox {
    pub(super) broker: Broker,
    pub(super) life: Life,
    pub(super) process: u64,
    pub(super) journal: Journal,
}

impl Outbox for ModelOutbox {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        self.life.step().await;
        tokio::time::sleep(AWAY).await;
        let taken = self.broker.take_in(self.process, outgoing);
        let confirm = match taken {
            Err(Fault::ConfirmLost | Fault::Lost) => CONFIRM_TIMEOUT,
            Ok(()) | Err(Fault::Unroutable | Fault::Refused) => AWAY,
        };
        tokio::time::sleep(confirm).await;
        self.life.step().await;
        taken.map_err(Fault::seen)?;
        self.journal.note(&Step::Confirmed { process: self.process, outgoing });
        Ok(())
    }
}
