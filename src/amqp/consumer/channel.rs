//! The channel that a queue is consumed on. It stays open until its last delivery is settled: lapin
//! closes a channel with its last handle, and a delivery of lapin's holds none.

use std::future::Future;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::sync::RwLock;
use tokio::time::{sleep, timeout};

use crate::amqp::session::{Session, timed_out};
use crate::amqp::topology::inspect_queue;
use crate::amqp::topology::names::short;
use crate::ports::ChannelEndedError;

/// Names the one consumer of a channel. RabbitMQ 3.10 ends the connection with an internal error
/// where a tag is used again while a delivery of the first consumer is not settled.
fn consumer_tag(prefetch: u16) -> ShortString {
    format!("smartsend-{prefetch}").into()
}

/// How many acknowledgements a quorum queue takes in at once.
const FLUSHED_AT_ONCE: u16 = 16;

pub(super) struct ConsumerChannel {
    pub(super) session: Session,
    channel: Channel,
    pub(super) queue: String,
    prefetch: AtomicU16,
    /// Read-locked while a delivery is settled; whoever writes holds acknowledgements back.
    pub(super) settling: RwLock<()>,
    settled_count: AtomicU64,
    /// How many sessions there were since something was settled.
    fruitless: Arc<AtomicU32>,
    /// How long the queue took to answer the cancel.
    cancelled_in: OnceLock<Duration>,
}

impl ConsumerChannel {
    pub(super) fn new(
        session: Session,
        channel: Channel,
        queue: &str,
        fruitless: Arc<AtomicU32>,
    ) -> Self {
        Self {
            session,
            channel,
            queue: queue.to_owned(),
            prefetch: AtomicU16::new(0),
            settling: RwLock::new(()),
            settled_count: AtomicU64::new(0),
            fruitless,
            cancelled_in: OnceLock::new(),
        }
    }

    /// Starts the channel's one consumer, which is sent so many deliveries at once.
    pub(super) async fn consume(&self, prefetch: u16) -> lapin::Result<Consumer> {
        self.channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        self.prefetch.store(prefetch, Ordering::Release);
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let (queue, tag) = (short(&self.queue)?, consumer_tag(prefetch));
        self.channel.basic_consume(queue, tag, options, arguments).await
    }

    /// Replaces the consumer by one with another prefetch, while the old one has in flight all that it
    /// is sent: so the cancel takes nothing back.
    pub(super) async fn consume_anew(&self, prefetch: u16) -> lapin::Result<Consumer> {
        let replaced = async {
            let options = BasicCancelOptions::default();
            self.channel.basic_cancel(consumer_tag(self.prefetch()), options).await?;
            self.consume(prefetch).await
        };
        timeout(self.session.limit(), replaced).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Settles one delivery. `Ok(false)` means that nothing was sent: the channel has ended.
    pub(super) async fn settle(
        &self,
        is_counted: bool,
        sent: impl Future<Output = lapin::Result<bool>>,
    ) -> Result<(), ChannelEndedError> {
        let _settling = self.settling.read().await;
        if matches!(timeout(self.session.limit(), sent).await, Ok(Ok(true))) {
            self.settled_count.fetch_add(is_counted.into(), Ordering::AcqRel);
            self.fruitless.store(0, Ordering::Relaxed);
            return Ok(());
        }
        self.session.fail("an acknowledgement could not be sent");
        Err(ChannelEndedError)
    }

    /// How many of the present consumer's deliveries are settled.
    pub(super) fn settled_count(&self) -> u64 {
        self.settled_count.load(Ordering::Acquire)
    }

    /// Whether so many deliveries are unsettled that the broker may send nothing more.
    pub(super) fn is_full(&self, received_count: u64) -> bool {
        received_count.saturating_sub(self.settled_count()) >= self.prefetch().into()
    }

    /// Asks the broker for an answer on this channel. What it had sent before is in the stream
    /// once the answer is here.
    ///
    /// The question is `basic.qos` with the value that holds already: it needs no permission, and
    /// RabbitMQ applies it to later consumers only ("Consumer Prefetch").
    pub(super) async fn round_trip(&self) -> bool {
        let asked = self.channel.basic_qos(self.prefetch(), BasicQosOptions::default());
        if !matches!(timeout(self.session.limit(), asked).await, Ok(Ok(()))) {
            self.session.fail("the consuming channel no longer answers");
        }
        self.session.is_live()
    }

    fn prefetch(&self) -> u16 {
        self.prefetch.load(Ordering::Acquire)
    }

    /// Asks the broker to send nothing more.
    pub(super) async fn cancel(&self) {
        if !self.session.is_live() {
            return;
        }
        let asked_at = self.session.settings().now();
        let tag = consumer_tag(self.prefetch());
        let asked = self.channel.basic_cancel(tag, BasicCancelOptions::default());
        if !matches!(timeout(self.session.limit(), asked).await, Ok(Ok(()))) {
            return self.session.fail("a consumer could not be cancelled");
        }
        self.cancelled_in.get_or_init(|| self.session.settings().now().since(asked_at));
    }
}

impl Drop for ConsumerChannel {
    fn drop(&mut self) {
        let pause = self.cancelled_in.get().copied().unwrap_or_default();
        let flushed = flush(self.channel.clone(), self.queue.clone(), self.prefetch(), pause);
        // Whatever has not arrived by then comes back as delivered before.
        self.session.before_close(flushed);
    }
}

/// Keeps a channel open until its queue has heard of every acknowledgement.
///
/// A quorum queue takes acknowledgements with low priority, 16 at a time whenever its mailbox has
/// been emptied (ra, `FLUSH_COMMANDS_SIZE`), but hears of the end of a channel at once: then what
/// was acknowledged last comes back. The queue answers a question after at least one such batch, but
/// does not wait for its log as the batch does: so it gets a pause as long as the cancel took, which
/// it answered once that was in its log.
async fn flush(channel: Channel, queue: String, prefetch: u16, pause: Duration) {
    for _ in 0..=prefetch.div_ceil(FLUSHED_AT_ONCE) {
        if inspect_queue(&channel, &queue).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}
