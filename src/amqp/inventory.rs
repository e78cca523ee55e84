//! What waits on RabbitMQ: some queues are counted, and the parked queue is looked through.
//!
//! Nothing is taken away. What was looked at is given back, in its place, when the connection is
//! closed, and to be delivered so often does a parked message no harm. Other queues are not read: a
//! message of a retry queue would begin its wait anew, and those of the work queues are their
//! worker's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::ConnectError;
use super::parked_pass::{Extent, ParkedMessage, ParkedQueueError, Pass};
use super::session::{Session, Settings};
use super::tls::BrokerConfigError;
use super::topology::names::parked_name;
use crate::config;
use crate::ports::Clock;

/// How many parked messages are looked at at most.
pub const LOOKED_AT_MAX: u32 = 20_000;
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct Inventory<T> {
    /// How many messages of each queue are ready; `None` where that is unknown.
    pub ready: BTreeMap<String, Option<u32>>,
    /// What was kept of the parked queue, or why it could not be read.
    pub parked: Result<LookedThrough<T>, String>,
}

/// What was seen of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedThrough<T> {
    pub kept: Vec<T>,
    /// How many messages were looked at.
    pub looked_at: u32,
    pub ready: u32,
    /// Whether that is all. It is not where somebody else holds some of them meanwhile.
    pub is_whole: bool,
}

/// Why nothing could be counted or read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error("{0}")]
    Connect(#[from] ConnectError),
}

/// Counts these queues, and looks through the parked queue for what `keep` makes something of.
pub async fn take<T>(
    broker: &config::Broker,
    clock: impl Clock,
    queues: impl IntoIterator<Item = String>,
    keep: impl Fn(&ParkedMessage) -> Option<T>,
) -> Result<Inventory<T>, InventoryError> {
    let settings = Arc::new(Settings::read(broker, clock)?);
    let session = Session::connect(&settings, "where", &CancellationToken::new()).await?;
    let mut ready: BTreeMap<_, _> = queues.into_iter().map(|queue| (queue, None)).collect();
    let mut seen = LookedThrough { kept: Vec::new(), looked_at: 0, ready: 0, is_whole: false };
    let looked = timeout(LIMIT, async {
        for (queue, count) in &mut ready {
            *count = session.count(queue).await.map(|found| found.ready);
        }
        let pass = Pass::begin(session.clone(), parked_name(&broker.prefix)).await?;
        look_through(pass, &mut seen, keep).await
    });
    let looked = looked.await;
    session.close().await;
    let parked = match looked {
        // After the time is over it is what was seen so far.
        Ok(Ok(())) | Err(_) => Ok(seen),
        Ok(Err(error)) => Err(error.to_string()),
    };
    Ok(Inventory { ready, parked })
}

async fn look_through<T>(
    mut pass: Pass,
    seen: &mut LookedThrough<T>,
    keep: impl Fn(&ParkedMessage) -> Option<T>,
) -> Result<(), ParkedQueueError> {
    seen.ready = pass.extent().ready;
    while seen.looked_at < LOOKED_AT_MAX {
        let Some(delivery) = pass.next().await? else { break };
        seen.looked_at = seen.looked_at.saturating_add(1);
        seen.kept.extend(keep(&delivery.message));
    }
    let Extent { ready, seen: looked_at, .. } = pass.extent();
    seen.is_whole = looked_at >= ready && pass.is_alone().await;
    Ok(())
}
