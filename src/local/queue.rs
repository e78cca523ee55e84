//! Deliveries of the file's rows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::commands::{Claimed, Command, Held, Link, Taken};
use crate::ports::{
    ChannelEndedError, Checkpoint, CheckpointError, Clock, Delivered, Delivery, Inbox, Moment,
    Properties, Queue, QueueError,
};

/// The rows of one file, of which so many are out at once.
pub struct LocalQueue<C> {
    seat: Seat<C>,
}

/// What deliveries are made with.
#[derive(Clone)]
struct Seat<C> {
    link: Link,
    clock: C,
    merchant: String,
    places: Arc<Semaphore>,
}

impl<C: Clock> LocalQueue<C> {
    pub(super) fn new(link: Link, clock: C, merchant: String, prefetch: u16) -> Self {
        let places = Arc::new(Semaphore::new(prefetch.into()));
        Self { seat: Seat { link, clock, merchant, places } }
    }
}

impl<C: Clock> Queue for LocalQueue<C> {
    type Inbox = LocalInbox<C>;

    async fn open(&self) -> Result<LocalInbox<C>, QueueError> {
        if self.seat.link.lost.is_cancelled() {
            let reason = "nothing more can be written to its file".to_owned();
            return Err(QueueError::Refused { queue: self.seat.merchant.clone(), reason });
        }
        Ok(LocalInbox {
            seat: self.seat.clone(),
            ready: VecDeque::new(),
            asked: None,
            idle: None,
            is_cancelled: false,
        })
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        let answer = self.seat.link.ask(|answer| Command::ReadCheckpoint { answer });
        let found = answer.await.map_err(|_| CheckpointError {
            queue: self.seat.merchant.clone(),
            reason: "nothing more can be read from its file".to_owned(),
        })?;
        Ok(found.map(|body| Checkpoint { body, own: true }))
    }
}

/// The rows that are to be worked on, in the file's order; those that come back go first.
pub struct LocalInbox<C> {
    seat: Seat<C>,
    ready: VecDeque<LocalDelivery>,
    /// Kept here, since dropping the future that waits for it must lose nothing.
    asked: Option<Asked>,
    /// There was nothing to claim when it was last asked for.
    idle: Option<Idle>,
    is_cancelled: bool,
}

/// Rows that are on their way.
struct Asked {
    answer: oneshot::Receiver<Claimed>,
    places: OwnedSemaphorePermit,
    /// When they were asked for, which is before they were claimed.
    at: Moment,
}

/// Nothing can be claimed before this time, unless a row comes back.
struct Idle {
    until: Option<Duration>,
}

impl<C: Clock> Inbox for LocalInbox<C> {
    type Delivery = LocalDelivery;

    async fn next(&mut self) -> Option<LocalDelivery> {
        let lost = self.seat.link.lost.clone();
        tokio::select! {
            biased;
            () = lost.cancelled() => None,
            next = self.find() => next,
        }
    }

    async fn cancel(&mut self) {
        self.is_cancelled = true;
    }

    fn lost(&self) -> CancellationToken {
        self.seat.link.lost.clone()
    }
}

impl<C: Clock> LocalInbox<C> {
    async fn find(&mut self) -> Option<LocalDelivery> {
        loop {
            if let Some(delivery) = self.ready.pop_front() {
                return Some(delivery);
            }
            if self.asked.is_some() {
                self.take_answer().await;
            } else if self.is_cancelled {
                return None;
            } else {
                self.wait().await;
                self.ask().await;
            }
        }
    }

    /// Waits until there may be something to claim.
    async fn wait(&mut self) {
        let Some(Idle { until }) = &self.idle else { return };
        let Seat { clock, link, .. } = &self.seat;
        let due = async {
            match until {
                Some(until) => clock.sleep(until.saturating_sub(clock.now().steady)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = link.wake.notified() => {}
            () = due => {}
        }
        self.idle = None;
    }

    /// Claims as many as there are places, once there is one.
    async fn ask(&mut self) {
        let Seat { link, clock, places, .. } = &self.seat;
        let Ok(mut taken) = Arc::clone(places).acquire_owned().await else { return };
        let more = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        if let Ok(more) = Arc::clone(places).try_acquire_many_owned(more) {
            taken.merge(more);
        }
        let (at, most) = (clock.now(), taken.num_permits());
        let answer = link.ask(|answer| Command::Claim { most, now: at.steady, answer });
        self.asked = Some(Asked { answer, places: taken, at });
    }

    async fn take_answer(&mut self) {
        let Some(asked) = &mut self.asked else { return };
        let Ok(Claimed { taken, next_due }) = (&mut asked.answer).await else {
            return std::future::pending().await; // the task has ended, and so does the inbox
        };
        let Some(Asked { mut places, at, .. }) = self.asked.take() else { return };
        self.idle = taken.is_empty().then_some(Idle { until: next_due });
        for Taken { claim, held } in taken {
            let delivered = Delivered {
                body: claim.body,
                properties: Properties {
                    content_type: Some("application/json".to_owned()),
                    message_id: Some(claim.message_id),
                    app_id: Some("smartsend".to_owned()),
                    ..Properties::default()
                },
                headers: claim.headers,
                user_id: None,
                own: true, // nobody else writes to the file
                redelivered: claim.returned > 0,
                delivery_count: claim.returned,
                received: at,
                exchange: String::new(),
                routing_key: self.seat.merchant.clone(),
                deaths: Vec::new(),
                is_alone: false,
            };
            let (lost, place) = (self.seat.link.lost.clone(), places.split(1));
            self.ready.push_back(LocalDelivery { delivered, lost, _held: held, _place: place });
        }
    }
}

/// A row in flight. However it ends, the row is as the last publish has left it; if there was none, it
/// comes back as redelivered.
pub struct LocalDelivery {
    delivered: Delivered,
    lost: CancellationToken,
    _held: Held,
    _place: Option<OwnedSemaphorePermit>,
}

impl LocalDelivery {
    fn end(self) -> Result<(), ChannelEndedError> {
        if self.lost.is_cancelled() { Err(ChannelEndedError) } else { Ok(()) }
    }
}

impl Delivery for LocalDelivery {
    fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    /// The file is locked, so no other process has the row.
    async fn still_ours(&self) -> bool {
        !self.lost.is_cancelled()
    }

    async fn acknowledge(self) -> Result<(), ChannelEndedError> {
        self.end()
    }

    async fn requeue(self) -> Result<(), ChannelEndedError> {
        self.end()
    }

    async fn reject(self) -> Result<(), ChannelEndedError> {
        self.end()
    }

    fn abandon(self, _: &'static str) {}
}
