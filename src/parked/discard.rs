//! Takes messages off the parked queue for good.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::copy::discarded;
use super::message::{Id, Parked};
use super::selection::Selection;
use super::tally::{Share, gaps};
use crate::actor::Actor;
use crate::amqp::{Extent, ParkedQueue, ParkedQueueError, Topology};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::record::headers::written;
use crate::ports::Clock;

#[derive(Debug, Default)]
pub struct Discarded {
    pub share: Share,
    /// How many of those that were meant are not on the queue any more.
    pub missing: usize,
    /// Why it stopped before the end.
    pub halted: Option<String>,
    /// What could not be seen of the queue.
    pub gaps: Vec<String>,
}

/// What is meant, as it is now.
pub async fn find(
    config: &Config,
    topology: &Topology,
    selection: &Selection,
) -> Result<(Vec<Parked>, Extent), ParkedQueueError> {
    let clock = SystemClock::start();
    let queue = ParkedQueue::open(&config.broker, topology, clock)?;
    let now = clock.now().wall;
    let mut found = Vec::new();
    let mut pass = queue.pass().await?;
    while let Some(delivery) = pass.next().await? {
        let parked = Parked::read(&delivery.message, config);
        if selection.takes(&parked, now) == Some(true) {
            found.push(parked);
        }
    }
    let extent = pass.extent();
    pass.end().await;
    queue.close().await;
    Ok((found, extent))
}

/// Moves exactly these to where they can be fetched back from for a while, each only after its copy
/// there was confirmed. If it is stopped between the two, both are there, and it can be repeated.
pub async fn discard(
    (config, topology): (&Config, &Topology),
    mut ids: BTreeSet<Id>,
    actor: &Actor,
    stop: &CancellationToken,
    note: impl Fn(&str),
) -> Result<Discarded, ParkedQueueError> {
    let clock = SystemClock::start();
    let queue = ParkedQueue::open(&config.broker, topology, clock)?;
    queue.verify(&config.broker).await?;
    let mut end = Discarded::default();
    let mut pass = queue.pass().await?;
    while !ids.is_empty() && end.halted.is_none() {
        if stop.is_cancelled() {
            end.halted = Some("stopped by a signal".to_owned());
            break;
        }
        let Some(delivery) = pass.next().await? else { break };
        let parked = Parked::read(&delivery.message, config);
        if !ids.contains(&parked.id) {
            continue;
        }
        let now = clock.now().wall;
        if let Err(why) = queue.discard(&discarded(&parked, &delivery.message, (actor, now))).await
        {
            end.halted = Some(format!("RabbitMQ did not take it: {why}; it is still parked"));
            break;
        }
        pass.take_off(delivery).await?;
        ids.remove(&parked.id);
        end.share.add(&parked);
        let reference = parked.content.reference().map(ToString::to_string);
        let reference = reference.unwrap_or_else(|| parked.id.to_string());
        note(&format!("{} discarded {reference} of {}, {actor}", written(now), parked.merchant()));
    }
    end.missing = ids.len();
    if end.missing > 0 && end.halted.is_none() {
        end.gaps = gaps(pass.extent());
    }
    if !pass.end().await && end.halted.is_none() {
        end.halted = Some("RabbitMQ did not answer at the end".to_owned());
    }
    queue.close().await;
    Ok(end)
}
