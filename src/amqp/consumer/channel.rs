//! The channel that a queue is consumed on. It lives until the last delivery that came by it is
//! settled: lapin closes a channel with its last handle, and a delivery holds none.

use std::sync::atomic::{AtomicBool, Ordering};

use lapin::Channel;
use lapin::options::{BasicCancelOptions, BasicQosOptions};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::credit::Credit;
use crate::amqp::session::Session;

/// A consuming channel with what has to be known to talk on it.
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

    /// Whether messages lie ready that the broker may send to us. A slow one has not yet heard of
    /// the acknowledgements that let it; to a consumer that waits for another it sends nothing.
    pub(super) async fn is_owed(&self) -> bool {
        self.credit.was_used() && matches!(self.session.inspect(&self.queue).await, Ok(Some(1..)))
    }

    /// Tells the broker to send nothing more.
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
