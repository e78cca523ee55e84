//! What one process leaves for the next: a reference that lookups have shown, what was spent within
//! the windows of the guards on money, how late lookups have shown links, and a pause.
//!
//! A new process has seen no link yet, and concludes nothing from "not found" until it has. So it
//! looks that reference up when it becomes active. No promise rests on a checkpoint: without one, or
//! where it is not believed, a process takes longer, a guard on money counts from then on, and a pause
//! is lifted that the process did not hear of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};

use super::context::MerchantContext;
use crate::domain::account::Account;
use crate::domain::amount::{Amount, Total};
use crate::domain::control::Pause;
use crate::domain::lookup_lag::LookupLag;
use crate::domain::reference::Reference;
use crate::domain::spending::{Steps, Window};
use crate::ports::{Checkpoint, Clock, Outbox, Outgoing, Ports};
use crate::telemetry::events;

/// The least time between two checkpoints of one process.
const PUBLISH_EVERY: Duration = Duration::from_secs(10);

/// The last checkpoint that this process has published, or has found.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Locked while the next one is published, so that they arrive in order.
    body: Mutex<Bytes>,
    failed: Notify,
}

/// The JSON of a checkpoint. Unknown fields are ignored: a newer version may have
/// written it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    account: String,
    api: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
    /// By the name of a window, and by the second in which a step of it began: rupees.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    spent: BTreeMap<String, BTreeMap<i64, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup_lag: Option<Lag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Pause>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lag {
    /// How many links were shown so many milliseconds after they were made.
    shown: BTreeMap<u64, u64>,
    missed: u64,
}

impl Body {
    /// The body, if the broker vouches for it and it is about this account.
    fn believed(checkpoint: &Checkpoint, account: &Account) -> Option<Self> {
        let body: Self = serde_json::from_slice(&checkpoint.body).ok()?;
        let is_believed = checkpoint.own
            && body.account == account.payout_merchant_id
            && body.api == account.api.as_str();
        is_believed.then_some(body)
    }

    fn says_something(&self) -> bool {
        let Self { account: _, api: _, shown, spent, lookup_lag, paused } = self;
        shown.is_some() || !spent.is_empty() || lookup_lag.is_some() || paused.is_some()
    }

    /// What was spent, within each window that it knows.
    fn spent(&self) -> Vec<(Window, Steps)> {
        let of = |window: Window| {
            let steps = self.spent.get(window.name())?.iter();
            let steps =
                steps.map(|(step, text)| Amount::parse(text).map(|sum| (*step, Total::from(sum))));
            Some((window, steps.collect::<Result<_, _>>().ok()?))
        };
        Window::ALL.into_iter().filter_map(of).collect()
    }
}

impl From<LookupLag> for Lag {
    fn from(figures: LookupLag) -> Self {
        let millis = |lag: Duration| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        let shown = figures.shown.into_iter().map(|(lag, count)| (millis(lag), count));
        Self { shown: shown.collect(), missed: figures.missed }
    }
}

impl From<Lag> for LookupLag {
    fn from(lag: Lag) -> Self {
        let shown = lag.shown.into_iter();
        let shown = shown.map(|(millis, count)| (Duration::from_millis(millis), count));
        Self { shown: shown.collect(), missed: lag.missed }
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Uses what an earlier process has left, if it has left anything.
    pub(super) async fn restore(&self, checkpoint: Option<&Checkpoint>) {
        let believed = checkpoint.and_then(|it| Body::believed(it, &self.policy.account));
        let spent = believed.as_ref().map(Body::spent).unwrap_or_default();
        if self.spend_guard.is_limited() {
            self.spend_guard.restore(&spent, self.spending_clock());
        }
        let (Some(body), Some(checkpoint)) = (believed, checkpoint) else { return };
        if let Some(reference) = body.shown.and_then(|shown| Reference::parse(&shown).ok()) {
            self.readback.offer_known(reference);
        }
        if let Some(lag) = body.lookup_lag {
            self.lookup_lag.restore(lag.into());
            self.metrics.set_lookup_lag(self.lookup_lag.figures());
        }
        self.pause_switch.restore(body.paused);
        *self.checkpoint.body.lock().await = checkpoint.body.clone();
    }

    /// Is paused if a checkpoint says so.
    pub fn restore_pause(&self, checkpoint: &Checkpoint) {
        let believed = Body::believed(checkpoint, &self.policy.account);
        self.pause_switch.restore(believed.and_then(|body| body.paused));
    }

    /// Publishes a checkpoint whenever there is something new. Runs as long as it is polled.
    pub(super) async fn keep_checkpoint(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.readback.changed() => {}
                () = self.spend_guard.changed() => {}
                () = self.lookup_lag.changed() => {}
                () = self.checkpoint.failed.notified() => {}
            }
            self.publish_checkpoint().await;
            self.clock.sleep(PUBLISH_EVERY).await;
        }
    }

    /// Publishes it now, if it is not the one that was published last. Whether the broker has it.
    pub(super) async fn publish_checkpoint(&self) -> bool {
        let mut published = self.checkpoint.body.lock().await;
        let body = self.checkpoint_body();
        if published.is_empty() && !body.says_something() {
            return true;
        }
        let body = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
        if *published == body {
            return true;
        }
        let outgoing = Outgoing::Checkpoint { merchant: self.merchant.clone(), body: body.clone() };
        let result = self.outbox.publish(&outgoing).await;
        events::publish_ended(&self.metrics, &outgoing, result);
        match result {
            Ok(()) => *published = body,
            Err(_) => self.checkpoint.failed.notify_one(),
        }
        result.is_ok()
    }

    fn checkpoint_body(&self) -> Body {
        let account = &self.policy.account;
        let spent = self.spend_guard.steps(self.spending_clock()).into_iter();
        let texts =
            |steps: Steps| steps.into_iter().map(|(step, sum)| (step, sum.to_string())).collect();
        let spent = spent.map(|(window, steps)| (window.name().to_owned(), texts(steps)));
        let figures = self.lookup_lag.figures();
        Body {
            account: account.payout_merchant_id.clone(),
            api: account.api.as_str().to_owned(),
            shown: self.readback.reference().map(|shown| shown.as_str().to_owned()),
            spent: spent.collect(),
            lookup_lag: (figures.count() > 0).then(|| figures.into()),
            paused: self.pause_switch.pause(),
        }
    }
}
