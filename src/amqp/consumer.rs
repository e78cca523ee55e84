//! Consuming one queue.
//!
//! A stream that ends without a word, an acknowledgement that answers `Ok(false)`, a process that
//! was frozen for a minute and takes what lay in its socket for new: each looks like health. So every
//! delivery carries a moment at which it had not yet arrived, and an end that nobody asked for ends
//! the session.

mod arrivals;
mod credit;
mod delivery;
mod line;

use std::pin::Pin;
use std::sync::Arc;

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::connection::reason;
use super::session::Session;
use super::topology::short;
use arrivals::{Arrivals, Over};
use line::Line;

pub use delivery::AmqpDelivery;

/// The deliveries of one queue, in order.
pub struct Inbox {
    line: Arc<Line>,
    arrivals: Arrivals,
    /// The session's end, kept at hand: it is waited for beside every delivery.
    session_ended: Pin<Box<WaitForCancellationFutureOwned>>,
    end: Option<End>,
}

/// How an inbox came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// [`Inbox::cancel`] was called, and everything has been handed out.
    Asked,
    /// The session has ended; what was not handed out comes back in the next.
    Fault,
}

/// Why a queue cannot be consumed. The session is not ended by it, unless it was ended anyway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInbox {
    /// The queue does not exist.
    #[error("queue {queue} does not exist; declare it with `smartsend topology apply`")]
    Missing {
        /// Its name.
        queue: String,
    },
    /// The broker refused, or did not answer.
    #[error("cannot consume queue {queue}: {reason}")]
    Failed {
        /// Its name.
        queue: String,
        /// What the broker says.
        reason: String,
    },
}

impl Inbox {
    pub(super) async fn open(
        session: &Session,
        queue: &str,
        prefetch: u16,
    ) -> Result<Self, NoInbox> {
        let failed = |reason: String| NoInbox::Failed { queue: queue.to_owned(), reason };
        // Consuming a queue that is missing closes the channel, and lapin keeps its number closed
        // for as long as the connection lives, which is everyone's.
        match session.look(queue).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                return Err(NoInbox::Missing { queue: queue.to_owned() });
            }
            Err(err) => return Err(failed(err.to_string())),
        }
        let opened = match session.open_consuming_channel().await {
            Some(opened) => opened,
            None => Err(timed_out()),
        };
        let channel = opened.map_err(|err| failed(fault(session, &err)))?;
        let asked_at = session.now();
        let began = async {
            let name = short(queue).ok_or_else(timed_out)?;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            channel.basic_consume(name, "smartsend".into(), options, FieldTable::default()).await
        };
        let stream = match timeout(session.limit(), began).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(err)) if err.is_amqp_soft_error() => return Err(failed(reason(&err))),
            Ok(Err(err)) => return Err(failed(fault(session, &err))),
            Err(_) => return Err(failed(fault(session, &timed_out()))),
        };
        let line = Arc::new(Line::new(session.clone(), channel, queue, prefetch));
        Ok(Self {
            arrivals: Arrivals::new(stream, asked_at, Arc::clone(&line)),
            session_ended: Box::pin(session.ending().cancelled_owned()),
            line,
            end: None,
        })
    }

    /// The next delivery; `None` at the end, and [`Inbox::end`] says which end. Dropping this
    /// future loses nothing.
    pub async fn next(&mut self) -> Option<AmqpDelivery> {
        if self.end.is_some() {
            return None;
        }
        let next = tokio::select! {
            biased;
            // What was not handed out before a fault is not ours any more.
            () = &mut self.session_ended => Err(None),
            next = self.arrivals.next() => next.map_err(Some),
        };
        match next {
            Ok(arrival) => Some(AmqpDelivery::new(arrival, Arc::clone(&self.line))),
            Err(over) => {
                self.end = Some(self.ended(over));
                None
            }
        }
    }

    /// Judges an end: one that nobody asked for ends the session.
    fn ended(&self, over: Option<Over>) -> End {
        let why = match over {
            Some(Over::Quiet) if self.line.was_cancelled() => return End::Asked,
            Some(Over::Quiet) => "RabbitMQ ended the consumer; was the queue deleted?".to_owned(),
            Some(Over::Error(err)) => reason(&err),
            Some(Over::Silent) | None => return End::Fault,
        };
        let queue = self.line.queue();
        self.line.session().fail(format!("consuming queue {queue} ended: {why}"));
        End::Fault
    }

    /// Stops the broker from sending more. What it has sent is still handed out, and
    /// acknowledging works until the last delivery is settled; only while this runs nothing is
    /// acknowledged.
    pub async fn cancel(&mut self) {
        let line = Arc::clone(&self.line);
        let _hold = line.credit().hold();
        self.arrivals.gather().await;
        line.cancel().await;
    }

    /// How it ended, once [`Inbox::next`] has said `None`.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The session that it belongs to.
    pub fn session(&self) -> &Session {
        self.line.session()
    }
}

fn fault(session: &Session, err: &lapin::Error) -> String {
    let reason = reason(err);
    session.fail(format!("consuming could not begin: {reason}"));
    reason
}

fn timed_out() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
