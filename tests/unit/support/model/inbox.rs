//! One process's deliveries.

use std::task::Poll;
use std::time::Duration;

use smartsend::ports::{
    ChannelEndedError, Checkpoint, CheckpointError, Delivered, Delivery, Inbox, Queue, QueueError,
};
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::clock::ModelClock;
use super::life::Life;

/// The delay to the broker, one way.
const AWAY: Duration = Duration::from_millis(1);
/// How long the broker's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A merchant's queue, as one process sees it.
pub(crate) struct ModelQueue {
    pub(super) seat: Seat,
    pub(super) prefetch: usize,
}

/// Who consumes what.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) broker: Broker,
    pub(super) clock: ModelClock,
    pub(super) life: Life,
    pub(super) process: u64,
    pub(super) merchant: String,
}

impl Queue for ModelQueue {
    type Inbox = ModelInbox;

    async fn open(&self) -> Result<ModelInbox, QueueError> {
        self.seat.life.step().await;
        tokio::time::sleep(AWAY).await;
        let Seat { broker, merchant, process, clock, life } = &self.seat;
        life.thawed().await;
        let (consumer, session) = broker.consume((merchant, *process, self.prefetch), clock, life);
        Ok(ModelInbox { seat: self.seat.clone(), consumer, session })
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        self.seat.life.step().await;
        tokio::time::sleep(2 * AWAY).await;
        self.seat.life.step().await;
        let body = self.seat.broker.checkpoint(&self.seat.merchant);
        let own = self.seat.broker.vouches_for_checkpoint(&self.seat.merchant);
        Ok(body.map(|body| Checkpoint { body, own }))
    }
}

/// A consumer and its session.
pub(crate) struct ModelInbox {
    seat: Seat,
    consumer: u64,
    session: CancellationToken,
}

impl Inbox for ModelInbox {
    type Delivery = ModelDelivery;

    async fn next(&mut self) -> Option<ModelDelivery> {
        let Seat { broker, life, .. } = &self.seat;
        let next = broker.changed_after(|broker| {
            if life.is_frozen() {
                return Poll::Pending; // it is nudged when it is thawed
            }
            broker.next_sent(self.consumer)
        });
        let (tag, delivered) = tokio::select! {
            biased;
            () = self.session.cancelled() => None,
            next = next => next,
        }?;
        let (seat, session) = (self.seat.clone(), self.session.clone());
        Some(ModelDelivery { seat, session, tag, delivered, settled: false })
    }

    async fn cancel(&mut self) {
        self.seat.life.step().await;
        tokio::time::sleep(AWAY).await;
        self.seat.broker.cancel(&self.seat.merchant, self.consumer);
    }

    fn lost(&self) -> CancellationToken {
        self.session.clone()
    }
}

/// A delivery in flight.
pub(crate) struct ModelDelivery {
    seat: Seat,
    session: CancellationToken,
    tag: u64,
    delivered: Delivered,
    settled: bool,
}

impl ModelDelivery {
    /// Ends when its channel has.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.session.clone()
    }

    /// To have written it is all that a process can know.
    async fn settle(
        mut self,
        how: impl FnOnce(&Broker, &str, u64),
    ) -> Result<(), ChannelEndedError> {
        self.seat.life.step().await;
        self.settled = true;
        if self.session.is_cancelled() {
            return Err(ChannelEndedError);
        }
        tokio::time::sleep(AWAY).await;
        how(&self.seat.broker, &self.seat.merchant, self.tag);
        self.seat.life.step().await;
        if self.session.is_cancelled() { Err(ChannelEndedError) } else { Ok(()) }
    }
}

impl Delivery for ModelDelivery {
    fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    /// No answer comes on a connection that the broker has ended and this process has not: then it
    /// is given up.
    async fn still_ours(&self) -> bool {
        self.seat.life.step().await;
        tokio::time::sleep(2 * AWAY).await;
        self.seat.life.step().await;
        if self.session.is_cancelled() {
            return false;
        }
        if self.seat.broker.has(&self.seat.merchant, self.tag) {
            return true;
        }
        tokio::time::timeout(PATIENCE, self.session.cancelled()).await.ok();
        false
    }

    async fn acknowledge(self) -> Result<(), ChannelEndedError> {
        self.seat.broker.cut_if_asked(self.seat.process);
        self.settle(Broker::acknowledge).await
    }

    async fn requeue(self) -> Result<(), ChannelEndedError> {
        self.settle(Broker::requeue).await
    }

    async fn reject(self) -> Result<(), ChannelEndedError> {
        self.settle(Broker::reject).await
    }

    fn abandon(self, _why: &'static str) {}
}

impl Drop for ModelDelivery {
    /// As the adapter does: what is dropped unsettled ends the session, and so comes back.
    fn drop(&mut self) {
        if !self.settled && !self.session.is_cancelled() {
            self.seat.broker.cut(self.seat.process);
        }
    }
}
