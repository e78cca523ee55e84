//! The channel that a queue is consumed on. It stays open until its last delivery is settled: lapin
//! closes a channel with its last handle, and a delivery of lapin's holds none.

use std::sync::atomic::{AtomicBool, Ordering};

use lapin::Channel;
use lapin::options::{BasicCancelOptions, BasicQosOptions};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::credit::Credit;
use crate::amqp::session::Session;
use crate::amqp::topology::inspect_queue;

/// How many acknowledgements a quorum queue takes in at once.
const FLUSHED_AT_ONCE: u16 = 16;

/// A consuming channel and its state.
pub(super) struct ConsumerChannel {
    session: Session,
    channel: Channel,
    queue: String,
    prefetch: u16,
    credit: Credit,
    /// Held while a question is open, so that its answer cannot be taken for another's.
    asking: Mutex<()>,
    cancel_asked: AtomicBool,
}

impl ConsumerChannel {
    pub(super) fn new(session: Session, channel: Channel, queue: &str, prefetch: u16) -> Self {
        Self {
            session,
            channel,
            queue: queue.to_owned(),
            prefetch,
            credit: Credit::new(prefetch),
            asking: Mutex::new(()),
            cancel_asked: AtomicBool::new(false),
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    pub(super) fn credit(&self) -> &Credit {
        &self.credit
    }

    pub(super) fn was_cancelled(&self) -> bool {
        self.cancel_asked.load(Ordering::Acquire)
    }

    /// Asks the broker for an answer on this channel. What it had sent before is in the stream
    /// once the answer is here.
    ///
    /// The question is `basic.qos` with the value that holds already: it needs no permission, and
    /// RabbitMQ applies it to later consumers only ("Consumer Prefetch").
    pub(super) async fn round_trip(&self) -> bool {
        let asking = self.asking.lock().await;
        if !self.session.is_live() {
            return false;
        }
        let asked = self.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        let answered = timeout(self.session.limit(), asked).await;
        drop(asking);
        let alive = matches!(answered, Ok(Ok(())));
        if !alive {
            self.session.fail("the consuming channel no longer answers".to_owned());
        }
        alive && self.session.is_live()
    }

    /// Whether there are ready messages that the broker may send. A slow broker may not have
    /// processed the acknowledgements that allow it; to a consumer that is not the active one it
    /// sends nothing.
    pub(super) async fn is_owed(&self) -> bool {
        if !self.credit.was_used() {
            return false;
        }
        let _asking = self.asking.lock().await;
        let counted = timeout(self.session.limit(), inspect_queue(&self.channel, &self.queue));
        matches!(counted.await, Ok(Ok(1..)))
    }

    /// Asks the broker to send nothing more.
    pub(super) async fn cancel(&self) {
        let asking = self.asking.lock().await;
        if self.cancel_asked.swap(true, Ordering::AcqRel) || !self.session.is_live() {
            return;
        }
        let options = BasicCancelOptions::default();
        let asked = self.channel.basic_cancel("smartsend".into(), options);
        let answered = timeout(self.session.limit(), asked).await;
        drop(asking);
        if !matches!(answered, Ok(Ok(()))) {
            self.session.fail("a consumer could not be cancelled".to_owned());
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
