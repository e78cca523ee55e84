//! Reads a merchant's checkpoint, and leaves it in its queue.

use bytes::Bytes;
use lapin::ErrorKind;
use lapin::options::{BasicGetOptions, BasicNackOptions};
use tokio::time::timeout;

use super::connection::{Connection, reason};
use super::hosts::BRIEF;
use super::session::Settings;
use super::topology::names::{checkpoint_queue, short};
use crate::ports::{Checkpoint, CheckpointError};

/// Reads it over a short-lived connection of its own, which whatever is wrong with it may end.
pub(super) async fn read(
    settings: &Settings,
    prefix: &str,
    merchant: &str,
) -> Result<Option<Checkpoint>, CheckpointError> {
    let queue = checkpoint_queue(prefix, merchant);
    let failed = |reason: String| CheckpointError { queue: queue.clone(), reason };
    let opened = settings.hosts.connect("checkpoint", BRIEF).await;
    let connection = opened.map_err(|err| failed(err.to_string()))?;
    let read = timeout(settings.confirm_timeout, async {
        tokio::select! {
            read = get(&connection, &queue) => read,
            error = connection.error() => Err(error),
        }
    });
    let read = read.await;
    connection.close().await;
    match read {
        Ok(Ok(checkpoint)) => Ok(checkpoint),
        // It counts as absent, and the next one replaces it.
        Ok(Err(err)) if matches!(err.kind(), ErrorKind::ParsingError(_)) => Ok(None),
        Ok(Err(err)) => Err(failed(reason(&err))),
        Err(_) => Err(failed("no answer in time".to_owned())),
    }
}

async fn get(connection: &Connection, queue: &str) -> lapin::Result<Option<Checkpoint>> {
    let channel = connection.open_channel().await?;
    let Some(message) = channel.basic_get(short(queue)?, BasicGetOptions::default()).await? else {
        return Ok(None);
    };
    let back = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
    message.delivery.acker.nack(back).await?;
    let user_id = message.delivery.properties.user_id().as_ref();
    let own = user_id.is_some() && user_id == connection.login();
    Ok(Some(Checkpoint { body: Bytes::from(message.delivery.data), own }))
}
