//! What one process leaves for the next: a reference that lookups have shown.
//!
//! A new process has seen no link yet, and concludes nothing from "not found" until it has. So it
//! looks this reference up when it becomes active. No promise rests on it: a checkpoint that is
//! lost, or not believed, costs only time.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::context::MerchantContext;
use crate::domain::account::Account;
use crate::domain::reference::Reference;
use crate::ports::{Checkpoint, Clock, Outbox, Outgoing, Ports};
use crate::telemetry::events;

/// The least time between two checkpoints of one process.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);

/// The JSON of a checkpoint. Unknown fields are ignored: a newer version may have
/// written it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    account: String,
    api: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
}

impl Body {
    fn of(account: &Account, shown: &Reference) -> Self {
        Self {
            account: account.payout_merchant_id.clone(),
            api: account.api.as_str().to_owned(),
            shown: Some(shown.as_str().to_owned()),
        }
    }

    /// The reference that it carries, if the broker vouches for it and it is about this account.
    fn reference(checkpoint: &Checkpoint, account: &Account) -> Option<Reference> {
        let body: Self = serde_json::from_slice(&checkpoint.body).ok()?;
        let is_believed = checkpoint.own
            && body.account == account.payout_merchant_id
            && body.api == account.api.as_str();
        if is_believed { Reference::parse(&body.shown?).ok() } else { None }
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Uses what an earlier process has left.
    pub(super) fn restore(&self, checkpoint: &Checkpoint) {
        if let Some(reference) = Body::reference(checkpoint, &self.policy.account) {
            self.readback.offer_known(reference);
        }
    }

    /// Publishes a checkpoint whenever there is something new. Runs as long as it is polled.
    pub(super) async fn keep_checkpoint(&self) {
        loop {
            self.readback.changed().await;
            self.publish_checkpoint().await;
            self.clock.sleep(PUBLISH_EVERY).await;
        }
    }

    /// Publishes it now, if it is not the one that was published last.
    pub(super) async fn publish_checkpoint(&self) {
        let Some(shown) = self.readback.take_unpublished() else { return };
        let body = serde_json::to_vec(&Body::of(&self.policy.account, &shown)).unwrap_or_default();
        let merchant = self.merchant.clone();
        let outgoing = Outgoing::Checkpoint { merchant, body: Bytes::from(body) };
        let result = self.outbox.publish(&outgoing).await;
        events::publish_ended(&self.metrics, &outgoing, result);
        if result.is_err() {
            self.readback.not_published();
        }
    }
}
