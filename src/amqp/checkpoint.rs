//! Reads a merchant's checkpoint, and leaves it in its queue.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use lapin::types::ShortString;
use lapin::{ErrorKind, Event};
use tokio::time::timeout;

use super::connection::reason;
use super::hosts::Host;
use super::session::Settings;
use super::topology::names::{checkpoint_queue, short};
use crate::ports::{Checkpoint, CheckpointError};

/// Reads it over a short-lived connection of its own: an envelope that lapin cannot parse ends the
/// whole connection.
pub(super) async fn read(
    settings: &Arc<Settings>,
    prefix: &str,
    merchant: &str,
) -> Result<Option<Checkpoint>, CheckpointError> {
    let queue = checkpoint_queue(prefix, merchant);
    let failed = |reason: String| CheckpointError { queue: queue.clone(), reason };
    let open = async |host: Host<'_>| {
        Ok((host.open_briefly("checkpoint").await?, host.address.login().to_owned()))
    };
    let opened = settings.hosts.first(open).await;
    let (connection, login) = opened.map_err(|err| failed(err.to_string()))?;
    let name = short(&queue).map_err(|err| failed(reason(&err)))?;
    // lapin does not fail a pending call when its connection ends.
    let mut events = pin!(connection.get().events_listener());
    let read = timeout(settings.confirm_timeout, async {
        tokio::select! {
            read = get(connection.get(), name, &login) => read,
            error = first_error(&mut events) => Err(error),
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

async fn first_error(mut events: impl Stream<Item = Event> + Unpin) -> lapin::Error {
    loop {
        match events.next().await {
            Some(Event::Error(error)) => return error,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

async fn get(
    connection: &lapin::Connection,
    queue: ShortString,
    login: &str,
) -> lapin::Result<Option<Checkpoint>> {
    let channel = connection.create_channel().await?;
    let Some(message) = channel.basic_get(queue, BasicGetOptions::default()).await? else {
        return Ok(None);
    };
    let back = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
    message.delivery.acker.nack(back).await?;
    let user_id = message.delivery.properties.user_id();
    let own = user_id.as_ref().is_some_and(|user_id| user_id.as_str() == login);
    Ok(Some(Checkpoint { body: Bytes::from(message.delivery.data), own }))
}
