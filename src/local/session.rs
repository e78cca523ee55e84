//! One process's work on the file, from its start to its end.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::commands::{Command, Link};
use super::error::StoreError;
use super::outbox::LocalOutbox;
use super::queue::LocalQueue;
use super::report::Reported;
use super::schema::Store;
use super::writer::{Commits, Writer, Written};
use crate::ports::Clock;

/// A file that is being worked on.
pub struct Session {
    link: Link,
    writing: JoinHandle<Result<Written, StoreError>>,
}

/// What a worker works with, and what it is watched by.
pub struct Started<C> {
    pub queue: LocalQueue<C>,
    pub outbox: LocalOutbox<C>,
    /// Each row that ends, once.
    pub ended: UnboundedReceiver<Reported>,
    pub session: Session,
}

impl Session {
    /// Hands the file to a task of its own. Of its rows, `prefetch` are out at once.
    pub fn start<C: Clock>(
        (store, commits): (Store, Commits),
        clock: &C,
        (merchant, prefetch): (&str, u16),
    ) -> Result<Started<C>, StoreError> {
        store.begin_waits(clock.now().steady)?;
        let (sender, commands) = unbounded_channel();
        let (announce, ended) = unbounded_channel();
        let (lost, wake) = (CancellationToken::new(), Arc::new(Notify::new()));
        let link = Link { sender, lost, wake };
        let writer = Writer::new((store, commits), link.clone(), announce);
        let writing = tokio::spawn(writer.run(commands));
        Ok(Started {
            queue: LocalQueue::new(link.clone(), clock.clone(), merchant.to_owned(), prefetch),
            outbox: LocalOutbox { link: link.clone(), clock: clock.clone() },
            ended,
            session: Self { link, writing },
        })
    }

    /// Ends when nothing more can be written.
    pub fn lost(&self) -> CancellationToken {
        self.link.lost.clone()
    }

    /// Ends the task after what it was asked before, and gives the file back; and why it ended
    /// before that, if it did.
    pub async fn close(self) -> Result<(Store, Option<StoreError>), StoreError> {
        self.link.sender.send(Command::Close).ok();
        let written = self.writing.await.unwrap_or(Err(StoreError::Panicked))?;
        Ok((written.store, written.failure))
    }
}
