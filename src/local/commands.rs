//! What the task that owns the file is asked to do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::claims::Claim;
use crate::domain::event::ReceivedResult;
use crate::domain::record::headers::Headers;
use crate::ports::PublishError;

pub(super) enum Command {
    /// Claims up to so many rows that have not waited, or whose wait is over at `now`.
    Claim {
        most: usize,
        now: Duration,
        answer: oneshot::Sender<Claimed>,
    },
    /// Replaces the row of a delivery that is in flight, by its `message_id`.
    Replace {
        message_id: String,
        replacement: Replacement,
        answer: oneshot::Sender<Result<(), PublishError>>,
    },
    ReadCheckpoint {
        answer: oneshot::Sender<Option<Bytes>>,
    },
    KeepCheckpoint {
        body: Bytes,
        answer: oneshot::Sender<Result<(), PublishError>>,
    },
    /// A delivery has ended. If nothing has replaced its row, that comes back.
    Release {
        message_id: String,
        serial: u64,
    },
    Close,
}

/// What takes the place of a claimed row.
pub(super) enum Replacement {
    Event {
        body: Bytes,
        result: ReceivedResult,
    },
    /// It goes on at `due`, on the steady clock; in another process after the whole delay.
    Retry {
        headers: Headers,
        delay: Duration,
        due: Duration,
    },
    /// What is known of a row whose event says that it is parked.
    Parked {
        headers: Headers,
    },
}

/// Rows that were claimed together.
pub(super) struct Claimed {
    pub(super) taken: Vec<Taken>,
    /// If there were none: when the next one has waited long enough, on the steady clock.
    pub(super) next_due: Option<Duration>,
}

pub(super) struct Taken {
    pub(super) claim: Claim,
    pub(super) held: Held,
}

/// The way to the task that owns the file.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) sender: UnboundedSender<Command>,
    /// Ends when that task has.
    pub(super) lost: CancellationToken,
    /// There may be more to claim.
    pub(super) wake: Arc<Notify>,
}

impl Link {
    /// Asks for something. If the task has ended, so does the answer's channel.
    pub(super) fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        self.sender.send(command(sender)).ok();
        receiver
    }
}

/// A claimed row. Wherever this is dropped, the delivery has ended.
pub(super) struct Held {
    pub(super) sender: UnboundedSender<Command>,
    pub(super) message_id: String,
    /// Distinguishes this delivery of the row from a later one.
    pub(super) serial: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let message_id = std::mem::take(&mut self.message_id);
        // Once the task has ended, the next process finds the row as it was left.
        self.sender.send(Command::Release { message_id, serial: self.serial }).ok();
    }
}
