//! The channel that a queue is consumed on. It stays open until its last delivery is settled: lapin
//! closes a channel with its last handle, and a delivery of lapin's holds none.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use lapin::Channel;
use lapin::options::{BasicCancelOptions, BasicQosOptions};
use tokio::sync::RwLock;
use tokio::time::timeout;

use crate::amqp::session::Session;
use crate::amqp::topology::inspect_queue;
use crate::ports::ChannelEndedError;

/// Names the one consumer of a channel.
pub(super) const CONSUMER_TAG: &str = "smartsend";
/// How many acknowledgements a quorum queue takes in at once.
const FLUSHED_AT_ONCE: u16 = 16;

pub(super) struct ConsumerChannel {
    pub(super) session: Session,
    channel: Channel,
    pub(super) queue: String,
    prefetch: u16,
    /// Read-locked while a delivery is settled; whoever writes holds acknowledgements back.
    pub(super) settling: RwLock<()>,
    settled_count: AtomicU64,
}

impl ConsumerChannel {
    pub(super) fn new(session: Session, channel: Channel, queue: &str, prefetch: u16) -> Self {
        Self {
            session,
            channel,
            queue: queue.to_owned(),
            prefetch,
            settling: RwLock::new(()),
            settled_count: AtomicU64::new(0),
        }
    }

    /// Settles one delivery. `Ok(false)` means that nothing was sent: the channel has ended.
    pub(super) async fn settle(
        &self,
        sent: impl Future<Output = lapin::Result<bool>>,
    ) -> Result<(), ChannelEndedError> {
        let _settling = self.settling.read().await;
        if matches!(timeout(self.session.limit(), sent).await, Ok(Ok(true))) {
            self.settled_count.fetch_add(1, Ordering::AcqRel);
            return Ok(());
        }
        self.session.fail("an acknowledgement could not be sent");
        Err(ChannelEndedError)
    }

    /// Whether so many deliveries are unsettled that the broker may send nothing more.
    pub(super) fn is_full(&self, received_count: u64) -> bool {
        let settled_count = self.settled_count.load(Ordering::Acquire);
        received_count.saturating_sub(settled_count) >= self.prefetch.into()
    }

    /// Asks the broker for an answer on this channel. What it had sent before is in the stream
    /// once the answer is here.
    ///
    /// The question is `basic.qos` with the value that holds already: it needs no permission, and
    /// RabbitMQ applies it to later consumers only ("Consumer Prefetch").
    pub(super) async fn round_trip(&self) -> bool {
        let asked = self.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        if !matches!(timeout(self.session.limit(), asked).await, Ok(Ok(()))) {
            self.session.fail("the consuming channel no longer answers");
        }
        self.session.is_live()
    }

    /// Asks the broker to send nothing more.
    pub(super) async fn cancel(&self) {
        if !self.session.is_live() {
            return;
        }
        let asked = self.channel.basic_cancel(CONSUMER_TAG.into(), BasicCancelOptions::default());
        if !matches!(timeout(self.session.limit(), asked).await, Ok(Ok(()))) {
            self.session.fail("a consumer could not be cancelled");
        }
    }
}

impl Drop for ConsumerChannel {
    fn drop(&mut self) {
        let limit = self.session.limit();
        let flushed = flush(self.channel.clone(), self.queue.clone(), self.prefetch);
        // Whatever has not arrived by then comes back as delivered before.
        self.session.before_close(async move { drop(timeout(limit, flushed).await) });
    }
}

/// Keeps a channel open until its queue has heard of every acknowledgement.
///
/// A quorum queue takes acknowledgements with low priority, 16 at a time whenever its mailbox has
/// been emptied (ra, `FLUSH_COMMANDS_SIZE`), but hears of the end of a channel at once: then what
/// was acknowledged last comes back. The queue answers a question after at least one such batch.
async fn flush(channel: Channel, queue: String, prefetch: u16) {
    for _ in 0..=prefetch.div_ceil(FLUSHED_AT_ONCE) {
        if inspect_queue(&channel, &queue).await.is_err() {
            return;
        }
    }
}
