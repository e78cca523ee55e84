//! Empties lapin's stream, and timestamps what comes out of it.
//!
//! A process that was frozen and wakes up must not take old deliveries for fresh ones: another
//! worker may have them by now. So a delivery is stamped with the last moment at which the stream
//! was seen empty, which is before it arrived. After a gap even an empty stream proves nothing,
//! since there may be more in the socket: then the broker is asked, and everything that comes
//! before its answer is stamped with the moment before the gap.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::Consumer;
use lapin::message::Delivery;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::channel::ConsumerChannel;
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

/// A delivery and a moment not later than its arrival.
pub(super) struct StampedDelivery {
    pub(super) delivery: Delivery,
    pub(super) received: Moment,
}

/// How a stream ends.
pub(super) enum StreamEnd {
    /// Silently, as after a cancel, or when its queue was deleted.
    Quiet,
    /// With an error.
    Error(lapin::Error),
    /// The broker did not answer after a freeze.
    Silent,
}

/// The deliveries of one consumer, in order.
pub(super) struct DeliveryStream {
    stream: Consumer,
    channel: Arc<ConsumerChannel>,
    /// The last moment at which the stream was seen empty.
    empty_at: Moment,
    tick: Interval,
    /// Out of the stream and without a stamp yet.
    fresh: Vec<Delivery>,
    ready: VecDeque<StampedDelivery>,
    over: Option<StreamEnd>,
    question: Option<Question>,
}

/// What the broker is asked after a freeze.
struct Question {
    woke_at: Moment,
    /// A task of its own, so that a caller that stops waiting leaves no question open on the
    /// channel.
    answered: JoinHandle<bool>,
}

impl DeliveryStream {
    /// `empty_at` is a moment before the broker was asked for deliveries.
    pub(super) fn new(stream: Consumer, empty_at: Moment, channel: Arc<ConsumerChannel>) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stream,
            channel,
            empty_at,
            tick,
            fresh: Vec::new(),
            ready: VecDeque::new(),
            over: None,
            question: None,
        }
    }

    /// The next one, or how the stream ended. Dropping this future loses nothing.
    pub(super) async fn next(&mut self) -> Result<StampedDelivery, StreamEnd> {
        loop {
            if let Some(arrival) = self.ready.pop_front() {
                return Ok(arrival);
            }
            if let Some(over) = self.over.take() {
                return Err(over);
            }
            self.fill().await;
        }
    }

    /// Waits until everything that the broker may send has arrived, or it has nothing more.
    pub(super) async fn gather(&mut self) {
        let gathered = async {
            while self.over.is_none() && !self.channel.credit().is_used_up() {
                let is_quiet = timeout(QUIET, self.fill()).await.is_err();
                if is_quiet && !self.channel.is_owed().await {
                    return;
                }
            }
        };
        // What is still on its way after that is returned by the broker and looked up.
        timeout(GATHER_MAX, gathered).await.ok();
    }

    /// Waits until something has come or a tick has passed, and stamps all that is there. What
    /// comes with an error is no longer ours.
    async fn fill(&mut self) {
        let woke_at = if self.question.is_some() { self.answer().await } else { self.wake().await };
        let Some(woke_at) = woke_at else { return };
        match self.over {
            Some(StreamEnd::Error(_) | StreamEnd::Silent) => self.fresh.clear(),
            Some(StreamEnd::Quiet) | None => self.stamp(),
        }
        self.empty_at = woke_at;
    }

    /// Empties the stream; when, or `None` if the broker has to be asked first.
    async fn wake(&mut self) -> Option<Moment> {
        tokio::select! {
            biased;
            item = self.stream.next() => self.add(item),
            _ = self.tick.tick() => {}
        }
        let woke_at = self.channel.session().settings().now();
        self.empty_stream();
        let gap = woke_at.since(self.empty_at);
        if self.over.is_none() && gap > self.channel.session().settings().heartbeat.min(GAP_MAX) {
            events::process_stalled(gap);
            self.ask(woke_at);
            return None;
        }
        Some(woke_at)
    }

    /// Waits for the broker's answer, and empties the stream of what came before it.
    async fn answer(&mut self) -> Option<Moment> {
        let question = self.question.as_mut()?;
        let alive = (&mut question.answered).await.unwrap_or(false);
        let woke_at = question.woke_at;
        self.question = None;
        self.empty_stream();
        if !alive {
            self.over = Some(StreamEnd::Silent);
        }
        Some(woke_at)
    }

    fn ask(&mut self, woke_at: Moment) {
        let channel = Arc::clone(&self.channel);
        let answered = tokio::spawn(async move { channel.round_trip().await });
        self.question = Some(Question { woke_at, answered });
    }

    fn stamp(&mut self) {
        let received = self.empty_at;
        let stamped = self.fresh.drain(..).map(|delivery| StampedDelivery { delivery, received });
        self.ready.extend(stamped);
    }

    /// Takes everything that is there. At most the prefetch can be.
    fn empty_stream(&mut self) {
        while self.over.is_none() {
            let Some(item) = self.stream.next().now_or_never() else {
                return;
            };
            self.add(item);
        }
    }

    fn add(&mut self, item: Option<lapin::Result<Delivery>>) {
        match item {
            Some(Ok(delivery)) => {
                self.channel.credit().received();
                self.fresh.push(delivery);
            }
            Some(Err(err)) => self.over = Some(StreamEnd::Error(err)),
            None => self.over = Some(StreamEnd::Quiet),
        }
    }
}
