//! An operator's order to all workers of a merchant, and the checkpoint that makes it last.
//!
//! A worker that is or was the active consumer saves the order itself, among what else it knows. Where
//! none does, nobody writes the checkpoint, and it is changed here.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::amqp::control::{ControlError, Operator};
use crate::amqp::{Topology, Upstream, UpstreamError};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::account::Account;
use crate::domain::control::{ControlAction, Order, Pause, Reply};
use crate::ports::{Checkpoint, CheckpointError, Outgoing, PublishError};

/// How long processes may take to answer. Saving takes them a publish.
const REPLIES: Duration = Duration::from_secs(4);
/// How long to wait for further processes once one has saved the order.
const OTHERS: Duration = Duration::from_millis(500);

/// An open connection, for orders to one merchant's workers.
pub struct Orders<'a> {
    merchant: &'a Merchant,
    upstream: Upstream,
    operator: Operator,
}

/// What has become of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obeyed {
    /// The processes that have answered.
    pub processes: usize,
    /// How many of them are or were the active consumer.
    pub active: usize,
}

impl Obeyed {
    fn by(replies: &[Reply]) -> Self {
        let active = replies.iter().filter(|reply| reply.is_active).count();
        Self { processes: replies.len(), active }
    }
}

/// Why an order was not carried out, or not for certain.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("{0}")]
    Control(#[from] ControlError),
    #[error("{0}; whoever starts next may not know of the order; give it again")]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "the checkpoint was not saved ({0}); whoever starts next may not know of the order; give it again"
    )]
    Save(PublishError),
    #[error(
        "no worker answers, so there is nothing to let through; start one with `smartsend run`"
    )]
    NoWorker,
    #[error("the merchant is not paused, so nothing is held back")]
    NotPaused,
}

impl<'a> Orders<'a> {
    /// Connects, and listens for answers.
    pub async fn open(config: &Config, merchant: &'a Merchant) -> Result<Self, OrderError> {
        let Config { broker, retry, .. } = config;
        let topology = Topology::new(&broker.prefix, [&*merchant.name], &retry.delays.durations());
        let topology = topology.map_err(UpstreamError::from)?;
        let upstream = Upstream::connect(broker, topology, SystemClock::start()).await?;
        let operator = upstream.operator().await?;
        Ok(Self { merchant, upstream, operator })
    }

    /// Has every process start nothing new, and whoever becomes active later.
    pub async fn pause(&mut self, pause: Pause) -> Result<Obeyed, OrderError> {
        let replies = self.order(ControlAction::Pause(pause.clone())).await?;
        if !replies.iter().any(|reply| reply.is_saved) {
            self.save(Some(&pause)).await?;
        }
        Ok(Obeyed::by(&replies))
    }

    /// Takes a pause back: first from the checkpoint, since a process that obeys may become the active
    /// one at once, and reads it then.
    pub async fn resume(&mut self, actor: String) -> Result<Obeyed, OrderError> {
        self.save(None).await?;
        let replies = self.order(ControlAction::Resume { actor }).await?;
        Ok(Obeyed::by(&replies))
    }

    /// Has one process start so many, and then nothing again. Only one, or each would start so many.
    pub async fn allow(&mut self, limit: u32, actor: String) -> Result<(), OrderError> {
        let replies = self.order(ControlAction::Ask).await?;
        let chosen = replies.iter().max_by_key(|reply| (reply.is_paused, reply.is_active));
        let chosen = chosen.ok_or(OrderError::NoWorker)?;
        if !chosen.is_paused {
            return Err(OrderError::NotPaused);
        }
        let process = chosen.process.clone();
        self.order(ControlAction::Allow { process, limit, actor }).await?;
        Ok(())
    }

    /// Gives an order, and waits for the answers.
    async fn order(&mut self, action: ControlAction) -> Result<Vec<Reply>, OrderError> {
        let order = Order { merchant: self.merchant.name.clone(), action };
        let mut replies: Vec<Reply> = Vec::new();
        if !self.operator.order(&order).await? {
            return Ok(replies);
        }
        let mut patience = pin!(sleep(REPLIES));
        loop {
            let reply = tokio::select! {
                biased;
                reply = self.operator.next_reply() => reply,
                () = &mut patience => None,
            };
            let Some(reply) = reply else { return Ok(replies) };
            if reply.is_saved {
                patience.set(sleep(OTHERS));
            }
            replies.push(reply);
        }
    }

    /// Changes the pause in the checkpoint, and leaves the rest of it as it is.
    async fn save(&self, pause: Option<&Pause>) -> Result<(), OrderError> {
        let merchant = self.merchant.name.clone();
        let found = self.upstream.checkpoint(&merchant).await?;
        let body = changed(found.as_ref(), &self.merchant.account, pause);
        let outgoing = Outgoing::Checkpoint { merchant, body };
        self.upstream.publish_own(&outgoing).await.map_err(OrderError::Save)
    }

    pub async fn close(self) {
        self.upstream.close().await;
    }
}

/// A checkpoint with this pause, or with none. One that is not believed is left out.
pub fn changed(found: Option<&Checkpoint>, account: &Account, pause: Option<&Pause>) -> Bytes {
    let own = found.filter(|found| found.own);
    let body: Option<Map<String, Value>> =
        own.and_then(|found| serde_json::from_slice(&found.body).ok());
    let (id, api) = (json!(account.payout_merchant_id), json!(account.api.as_str()));
    let is_this = |body: &Map<String, Value>| {
        body.get("account") == Some(&id) && body.get("api") == Some(&api)
    };
    let mut body = body.filter(is_this).unwrap_or_default();
    body.insert("account".to_owned(), id);
    body.insert("api".to_owned(), api);
    match pause {
        Some(pause) => body.insert("paused".to_owned(), json!(pause)),
        None => body.remove("paused"),
    };
    Bytes::from(Value::Object(body).to_string())
}
