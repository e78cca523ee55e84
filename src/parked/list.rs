//! Looks at the parked queue, and leaves it as it is.

use super::message::Parked;
use super::selection::Selection;
use super::shown::Shown;
use super::tally::Tally;
use crate::amqp::{Extent, ParkedQueue, ParkedQueueError, Topology};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ports::Clock;

/// The most messages that are shown whole.
const SHOWN_MAX: usize = 100;

/// Counts everything that is meant, and keeps so many rows.
pub async fn list(
    config: &Config,
    topology: &Topology,
    selection: Selection,
    rows_max: usize,
) -> Result<(Tally, Extent), ParkedQueueError> {
    let clock = SystemClock::start();
    let queue = ParkedQueue::open(&config.broker, topology, clock)?;
    let mut tally = Tally::new(selection, rows_max, clock.now().wall);
    let mut pass = queue.pass().await?;
    while let Some(delivery) = pass.next().await? {
        tally.add(&Parked::read(&delivery.message, config));
    }
    let extent = pass.extent();
    pass.end().await;
    queue.close().await;
    Ok((tally, extent))
}

/// Shows what is meant, and whether that was all of it.
pub async fn show(
    config: &Config,
    topology: &Topology,
    selection: &Selection,
    reveal: bool,
) -> Result<(Vec<Shown>, bool, Extent), ParkedQueueError> {
    let clock = SystemClock::start();
    let queue = ParkedQueue::open(&config.broker, topology, clock)?;
    let now = clock.now().wall;
    let (mut shown, mut is_cut) = (Vec::new(), false);
    let mut pass = queue.pass().await?;
    while let Some(delivery) = pass.next().await? {
        let parked = Parked::read(&delivery.message, config);
        if selection.takes(&parked, now) != Some(true) {
            continue;
        }
        if shown.len() == SHOWN_MAX {
            is_cut = true;
            break;
        }
        shown.push(Shown::of(&parked, &delivery.message, reveal));
    }
    let extent = pass.extent();
    pass.end().await;
    queue.close().await;
    Ok((shown, is_cut, extent))
}
