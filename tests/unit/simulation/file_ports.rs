//! The ports over a file's store, as far as a process can be killed and frozen.

use std::sync::Arc;
use std::time::Duration;

use smartsend::local::{LocalDelivery, LocalInbox, LocalOutbox, LocalQueue};
use smartsend::ports::{
    ChannelEndedError, Checkpoint, CheckpointError, Delivered, Delivery, Inbox, Outbox, Outgoing,
    PublishError, Queue, QueueError,
};
use tokio_util::sync::CancellationToken;

use super::file::{ModelFile, id_of};
use crate::support::model::{Life, ModelClock};

/// How long a commit takes.
const COMMIT: Duration = Duration::from_millis(1);

/// Who works on the file.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) file: ModelFile,
    pub(super) life: Life,
    pub(super) process: u64,
}

/// The file's rows.
pub(crate) struct FileQueue {
    pub(super) seat: Seat,
    pub(super) inner: Arc<LocalQueue<ModelClock>>,
}

impl Queue for FileQueue {
    type Inbox = FileInbox;

    async fn open(&self) -> Result<FileInbox, QueueError> {
        self.seat.life.step().await;
        let inner = self.inner.open().await?;
        Ok(FileInbox { seat: self.seat.clone(), inner, came: None })
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        self.seat.life.step().await;
        let checkpoint = self.inner.checkpoint().await;
        self.seat.life.step().await;
        checkpoint
    }
}

/// Its deliveries.
pub(crate) struct FileInbox {
    seat: Seat,
    inner: LocalInbox<ModelClock>,
    /// Kept here while the process is frozen: whoever stops waiting for it must not lose it.
    came: Option<LocalDelivery>,
}

impl Inbox for FileInbox {
    type Delivery = FileDelivery;

    async fn next(&mut self) -> Option<FileDelivery> {
        if self.came.is_none() {
            self.came = Some(self.inner.next().await?);
        }
        self.seat.life.step().await;
        let inner = self.came.take()?;
        let (tag, delivered) = self.seat.file.delivered(self.seat.process, &inner);
        Some(FileDelivery { seat: self.seat.clone(), tag, delivered, inner })
    }

    async fn cancel(&mut self) {
        self.seat.life.step().await;
        self.inner.cancel().await;
    }

    fn lost(&self) -> CancellationToken {
        self.inner.lost()
    }
}

/// A row in flight.
pub(crate) struct FileDelivery {
    seat: Seat,
    tag: u64,
    delivered: Delivered,
    /// The store learns of the delivery's end when this is dropped.
    inner: LocalDelivery,
}

impl FileDelivery {
    async fn end(self, acknowledged: bool) -> Result<(), ChannelEndedError> {
        self.seat.life.step().await;
        self.note_end(acknowledged);
        if self.inner.still_ours().await { Ok(()) } else { Err(ChannelEndedError) }
    }

    fn note_end(&self, acknowledged: bool) {
        let Seat { file, process, .. } = &self.seat;
        file.ended(*process, (id_of(&self.delivered.properties), self.tag), acknowledged);
    }
}

impl Delivery for FileDelivery {
    fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    async fn still_ours(&self) -> bool {
        self.seat.life.step().await;
        let still = self.inner.still_ours().await;
        self.seat.life.step().await;
        still
    }

    async fn acknowledge(self) -> Result<(), ChannelEndedError> {
        self.end(true).await
    }

    async fn requeue(self) -> Result<(), ChannelEndedError> {
        self.end(false).await
    }

    async fn reject(self) -> Result<(), ChannelEndedError> {
        self.end(false).await
    }

    fn abandon(self, _why: &'static str) {}
}

impl Drop for FileDelivery {
    /// It has been noted already, unless it was abandoned.
    fn drop(&mut self) {
        self.note_end(false);
    }
}

/// The way into the store.
#[derive(Clone)]
pub(crate) struct FileOutbox {
    pub(super) seat: Seat,
    pub(super) inner: LocalOutbox<ModelClock>,
}

impl Outbox for FileOutbox {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let Seat { file, life, process } = &self.seat;
        life.step().await;
        tokio::time::sleep(COMMIT).await;
        life.step().await; // a dead process writes nothing
        let published = self.inner.publish(outgoing).await;
        file.published(*process, outgoing, published);
        life.step().await;
        published
    }
}
