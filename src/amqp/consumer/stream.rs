//! Empties lapin's stream, and timestamps what comes out of it.
//!
//! A process that was frozen and wakes up must not take old deliveries for fresh ones: another
//! worker may have them by now. So a delivery is stamped with the last moment at which the stream
//! was seen empty, which is before it arrived. After a gap even an empty stream proves nothing,
//! since there may be more in the socket: then the broker is asked, and everything that comes
//! before its answer is stamped with the moment before the gap.
//!
//! What has come back several times may be what ended the sessions before. While the queue gives
//! out such deliveries one at a time, only the one that is at fault is counted, up to the queue's
//! delivery limit. The first one that is not suspect ends that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::Consumer;
use lapin::message::Delivery;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::channel::ConsumerChannel;
use crate::amqp::connection::reason;
use crate::amqp::headers::delivery_count;
use crate::ports::Moment;
use crate::telemetry::events;

/// How often an idle stream is seen to be empty.
const TICK: Duration = Duration::from_millis(500);
/// A longer gap between two reads of the stream counts as a freeze. Beyond the heartbeat the broker
/// may have given up on this process; on a busy machine a second means nothing.
const GAP_MAX: Duration = Duration::from_secs(3);

/// A queue that has sent nothing for this long is asked whether it has anything to send.
const QUIET: Duration = Duration::from_millis(200);
/// How long a cancel waits at most until everything is here that can be on its way.
const GATHER_MAX: Duration = Duration::from_secs(3);

/// A delivery that came back so often is out alone.
const SUSPECT_FROM: u64 = 3;

/// A delivery and a moment not later than its arrival.
pub(super) struct StampedDelivery {
    pub(super) delivery: Delivery,
    pub(super) received: Moment,
    /// Whether no other is sent until this one is settled.
    pub(super) is_alone: bool,
    /// Whether the present consumer was sent it, and not the one before.
    pub(super) is_counted: bool,
}

/// The deliveries of one consumer, in order.
pub(super) struct DeliveryStream {
    stream: Consumer,
    channel: Arc<ConsumerChannel>,
    /// The last moment at which the stream was seen empty.
    empty_at: Moment,
    tick: Interval,
    ready: VecDeque<StampedDelivery>,
    received_count: u64,
    /// Whether the stream is to end.
    pub(super) is_cancelled: bool,
    /// lapin's stream says `None` once, and after that nothing.
    over: bool,
    question: Option<Question>,
    /// While deliveries are sent one at a time: how many are to be sent at once later.
    full_prefetch: Option<u16>,
    /// The consumer that is to be sent so many. In a task of its own, as a question is.
    widening: Option<JoinHandle<lapin::Result<Consumer>>>,
}

/// What the broker is asked after a freeze.
struct Question {
    woke_at: Moment,
    /// A task of its own, so that a caller that stops waiting leaves no question open on the
    /// channel.
    answered: JoinHandle<bool>,
}

impl DeliveryStream {
    /// `empty_at` is a moment before the broker was asked for deliveries. With `full_prefetch` they
    /// are sent one at a time, until one comes that is not suspect.
    pub(super) fn new(
        stream: Consumer,
        empty_at: Moment,
        channel: Arc<ConsumerChannel>,
        full_prefetch: Option<u16>,
    ) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            channel,
            empty_at,
            tick,
            ready: VecDeque::new(),
            received_count: 0,
            is_cancelled: false,
            over: false,
            question: None,
            full_prefetch,
            widening: None,
        }
    }

    /// The next one; `None` at the end, which ends the session unless it was asked for. Dropping
    /// this future loses nothing.
    pub(super) async fn next(&mut self) -> Option<StampedDelivery> {
        loop {
            self.widen_unless_suspect().await;
            if let Some(arrival) = self.ready.pop_front() {
                let is_alone = self.full_prefetch.is_some();
                return Some(StampedDelivery { is_alone, ..arrival });
            }
            if self.over {
                return None;
            }
            self.fill().await;
        }
    }

    /// Takes on the full prefetch, if what comes next is not suspect. It is handed out after that:
    /// a cancel takes back what is sent in the meantime, and so nothing must be.
    async fn widen_unless_suspect(&mut self) {
        let Some(next) = self.ready.front() else { return };
        let is_suspect = delivery_count(&next.delivery.properties) >= SUSPECT_FROM;
        if let Some(prefetch) = self.full_prefetch
            && !is_suspect
            && !self.is_cancelled
            && self.widening.is_none()
        {
            let channel = Arc::clone(&self.channel);
            let anew = async move { channel.consume_anew(prefetch).await };
            self.widening = Some(tokio::spawn(anew));
        }
        self.finish_widening().await;
    }

    /// Waits for the consumer with the full prefetch, if it was asked for.
    pub(super) async fn finish_widening(&mut self) {
        let Some(widening) = &mut self.widening else { return };
        let widened = widening.await;
        self.widening = None;
        self.full_prefetch = None;
        match widened {
            Ok(Ok(stream)) => {
                self.stream = stream;
                self.received_count = self.channel.settled_count();
                self.ready.iter_mut().for_each(|arrival| arrival.is_counted = false);
            }
            Ok(Err(error)) => self.add(Some(Err(error))),
            Err(_) => self.over = true, // the runtime is ending
        }
    }

    /// Waits until everything that the broker may send has arrived, or it has nothing more.
    pub(super) async fn gather(&mut self) {
        let gathered = async {
            while !self.over && !self.channel.is_full(self.received_count) {
                let is_quiet = timeout(QUIET, self.fill()).await.is_err();
                if is_quiet && !self.is_owed().await {
                    return;
                }
            }
        };
        // What is still on its way after that is returned by the broker and looked up.
        timeout(GATHER_MAX, gathered).await.ok();
    }

    /// Whether there are ready messages that the broker may send. A slow broker may not have
    /// processed the acknowledgements that allow it; to a consumer that is not the active one it
    /// sends nothing.
    async fn is_owed(&self) -> bool {
        let channel = &self.channel;
        self.received_count > 0
            && channel.session.count(&channel.queue).await.is_some_and(|count| count.ready > 0)
    }

    /// Waits until something has come or a tick has passed, and takes all that is there.
    async fn fill(&mut self) {
        if let Some(Question { answered, woke_at }) = &mut self.question {
            self.over |= !answered.await.unwrap_or(false);
            let woke_at = *woke_at;
            self.question = None;
            self.empty_stream();
            self.empty_at = woke_at;
            return;
        }
        tokio::select! {
            biased;
            item = self.stream.next() => self.add(item),
            _ = self.tick.tick() => {}
        }
        let woke_at = self.channel.session.settings().now();
        self.empty_stream();
        let gap = woke_at.since(self.empty_at);
        if !self.over && gap > self.channel.session.settings().heartbeat.min(GAP_MAX) {
            events::process_stalled(gap);
            let channel = Arc::clone(&self.channel);
            let answered = tokio::spawn(async move { channel.round_trip().await });
            self.question = Some(Question { woke_at, answered });
        } else {
            self.empty_at = woke_at;
        }
    }

    /// Takes everything that is there. At most the prefetch can be.
    fn empty_stream(&mut self) {
        while !self.over {
            let Some(item) = self.stream.next().now_or_never() else {
                return;
            };
            self.add(item);
        }
    }

    fn add(&mut self, item: Option<lapin::Result<Delivery>>) {
        let why = match item {
            Some(Ok(delivery)) => {
                self.received_count = self.received_count.saturating_add(1);
                let received = self.empty_at;
                let arrival =
                    StampedDelivery { delivery, received, is_alone: false, is_counted: true };
                return self.ready.push_back(arrival);
            }
            Some(Err(err)) => reason(&err),
            None if self.is_cancelled => return self.over = true,
            None => "RabbitMQ ended the consumer; was the queue deleted?".to_owned(),
        };
        self.over = true;
        let queue = &self.channel.queue;
        self.channel.session.fail(format!("consuming queue {queue} ended: {why}"));
    }
}
