//! The deliveries of one queue.

use std::pin::Pin;
use std::sync::Arc;

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::channel::ConsumerChannel;
use super::delivery::AmqpDelivery;
use super::stream::{DeliveryStream, StreamEnd};
use crate::amqp::connection::reason;
use crate::amqp::session::{Session, timed_out};
use crate::amqp::topology::is_missing;
use crate::amqp::topology::names::short;

/// The deliveries of one queue, in order.
pub struct Inbox {
    channel: Arc<ConsumerChannel>,
    deliveries: DeliveryStream,
    /// The session's end, kept here since every wait for a delivery needs it.
    session_ended: Pin<Box<WaitForCancellationFutureOwned>>,
    end: Option<InboxEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxEnd {
    /// [`Inbox::cancel`] was called, and everything has been handed out.
    Asked,
    /// The session has ended; what was not handed out comes back on the next.
    Fault,
}

/// Why a queue cannot be consumed. This alone does not end the session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumeError {
    /// The queue does not exist.
    #[error("queue {queue} does not exist; declare it with `smartsend topology apply`")]
    Missing { queue: String },
    /// The broker refused, or did not answer.
    #[error("cannot consume queue {queue}: {reason}")]
    Failed { queue: String, reason: String },
}

impl Inbox {
    /// Starts consuming a queue. A queue that is missing, or may not be consumed, fails only this
    /// call.
    pub async fn open(session: &Session, queue: &str, prefetch: u16) -> Result<Self, ConsumeError> {
        let failed = |reason: String| ConsumeError::Failed { queue: queue.to_owned(), reason };
        let opened = session.open_channel().await;
        let channel = opened.map_err(|err| failed(fault(session, &err)))?;
        let asked_at = session.settings().now();
        let began = async {
            let name = short(queue)?;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            channel.basic_consume(name, "smartsend".into(), options, FieldTable::default()).await
        };
        let stream = match timeout(session.limit(), began).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(err)) if is_missing(&err) => {
                return Err(ConsumeError::Missing { queue: queue.to_owned() });
            }
            Ok(Err(err)) if err.is_amqp_soft_error() => return Err(failed(reason(&err))),
            Ok(Err(err)) => return Err(failed(fault(session, &err))),
            Err(_) => return Err(failed(fault(session, &timed_out()))),
        };
        let channel = Arc::new(ConsumerChannel::new(session.clone(), channel, queue, prefetch));
        Ok(Self {
            deliveries: DeliveryStream::new(stream, asked_at, Arc::clone(&channel)),
            session_ended: Box::pin(session.ending().cancelled_owned()),
            channel,
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
            // What was not handed out before a fault is no longer ours.
            () = &mut self.session_ended => Err(None),
            next = self.deliveries.next() => next.map_err(Some),
        };
        match next {
            Ok(arrival) => Some(AmqpDelivery::new(arrival, Arc::clone(&self.channel))),
            Err(over) => {
                self.end = Some(self.ended(over));
                None
            }
        }
    }

    /// Classifies an end: one that was not requested ends the session.
    fn ended(&self, over: Option<StreamEnd>) -> InboxEnd {
        let why = match over {
            Some(StreamEnd::Quiet) if self.channel.was_cancelled() => return InboxEnd::Asked,
            Some(StreamEnd::Quiet) => {
                "RabbitMQ ended the consumer; was the queue deleted?".to_owned()
            }
            Some(StreamEnd::Error(err)) => reason(&err),
            Some(StreamEnd::Silent) | None => return InboxEnd::Fault,
        };
        let queue = self.channel.queue();
        self.channel.session().fail(format!("consuming queue {queue} ended: {why}"));
        InboxEnd::Fault
    }

    /// Stops the broker from sending more. What it has sent is still handed out, and
    /// acknowledging works until the last delivery is settled, except while this runs.
    pub async fn cancel(&mut self) {
        let channel = Arc::clone(&self.channel);
        let _hold = channel.credit().hold();
        self.deliveries.gather().await;
        channel.cancel().await;
    }

    /// How it ended, once [`Inbox::next`] has said `None`.
    pub fn end(&self) -> Option<InboxEnd> {
        self.end
    }

    /// The session that it belongs to.
    pub fn session(&self) -> &Session {
        self.channel.session()
    }
}

fn fault(session: &Session, err: &lapin::Error) -> String {
    let reason = reason(err);
    session.fail(format!("consuming could not start: {reason}"));
    reason
}
