//! Empties lapin's stream, and stamps what comes out of it.
//!
//! Whoever was frozen and wakes up must not take old deliveries for fresh ones: another worker may
//! have them by now. So a delivery is stamped with the last moment at which the stream was seen
//! empty, which is before it arrived. After a gap even an empty stream proves nothing, since the
//! socket may hold what the stream does not yet: then the broker is asked, and everything that
//! comes before its answer gets the moment before the gap.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::Consumer;
use lapin::message::Delivery;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::End;
use super::line::Line;
use crate::amqp::connection::reason;
use crate::observe::facts::broker as facts;
use crate::ports::Moment;

/// How often an idle stream is seen to be empty.
const TICK: Duration = Duration::from_millis(500);
/// A longer gap between two looks at the stream is a freeze. The heartbeat is the limit above
/// which the broker may have given up on us; on a busy machine a second is nothing.
const GAP_MAX: Duration = Duration::from_secs(3);

/// A delivery and a moment not later than its arrival.
pub(super) struct Arrival {
    pub(super) delivery: Delivery,
    pub(super) received: Moment,
}

/// What one emptying of the stream gave.
#[derive(Default)]
struct Batch {
    deliveries: Vec<Delivery>,
    over: Option<Over>,
}

enum Over {
    Quiet,
    Error(lapin::Error),
}

/// Runs until the stream or the session ends, or nobody listens any more. `empty_at` is a moment
/// before the broker was asked for deliveries.
pub(super) async fn pump(
    mut stream: Consumer,
    mut empty_at: Moment,
    line: Arc<Line>,
    to: mpsc::UnboundedSender<Arrival>,
) -> End {
    let session = line.session();
    let gap_max = session.heartbeat().min(GAP_MAX);
    let mut batch = Batch::default();
    loop {
        tokio::select! {
            biased;
            () = session.ended() => return End::Fault,
            () = to.closed() => return End::Asked,
            item = stream.next() => batch.add(item),
            () = sleep(TICK) => {}
        }
        let woke_at = session.now();
        batch.drain(&mut stream);
        let gap = woke_at.since(empty_at);
        if batch.over.is_none() && gap > gap_max {
            facts::ProcessStalled { gap }.tell();
            if !line.round_trip().await {
                return End::Fault;
            }
            batch.drain(&mut stream);
        }
        let over = batch.over.take();
        if matches!(over, Some(Over::Error(_))) || !session.is_live() {
            return ended(&line, over);
        }
        for delivery in batch.deliveries.drain(..) {
            let received = empty_at;
            if to.send(Arrival { delivery, received }).is_err() {
                return End::Asked;
            }
        }
        if over.is_some() {
            return ended(&line, over);
        }
        empty_at = woke_at;
    }
}

fn ended(line: &Line, over: Option<Over>) -> End {
    let why = match over {
        Some(Over::Quiet) if line.was_cancelled() => return End::Asked,
        Some(Over::Quiet) => "RabbitMQ ended the consumer; was the queue deleted?".to_owned(),
        Some(Over::Error(err)) => reason(&err),
        None => return End::Fault,
    };
    let queue = line.queue();
    line.session().fail(format!("consuming queue {queue} ended: {why}"));
    End::Fault
}

impl Batch {
    fn add(&mut self, item: Option<lapin::Result<Delivery>>) {
        match item {
            Some(Ok(delivery)) => self.deliveries.push(delivery),
            Some(Err(err)) => self.over = Some(Over::Error(err)),
            None => self.over = Some(Over::Quiet),
        }
    }

    /// Takes everything that is there. At most the prefetch can be.
    fn drain(&mut self, stream: &mut Consumer) {
        while self.over.is_none() {
            let Some(item) = stream.next().now_or_never() else {
                return;
            };
            self.add(item);
        }
    }
}
