//! Orders of operators on their way: every process has a private queue of them, and whoever gives one
//! has a private queue of answers.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Consumer};
use tokio::time::timeout;

use super::connection::reason;
use super::private_queue;
use super::session::{Session, timed_out};
use super::topology::names::{control_exchange, short};
use crate::domain::control::{Order, Reply};
use crate::telemetry::events;

/// The orders that come from now on, as long as the session lasts.
pub struct Orders {
    session: Session,
    channel: Channel,
    stream: Consumer,
}

/// An order, and whom to answer.
pub struct Ordered {
    pub order: Order,
    reply_to: Option<ShortString>,
}

/// Someone who gives orders, and hears what becomes of them.
pub struct Operator {
    session: Session,
    channel: Channel,
    exchange: ShortString,
    replies: Consumer,
    reply_to: ShortString,
}

/// Why orders cannot be given or heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("orders cannot be exchanged on RabbitMQ: {0}")]
pub struct ControlError(String);

impl Orders {
    /// Binds a private queue to the exchange, and consumes it.
    pub async fn open(session: &Session, prefix: &str) -> Result<Self, ControlError> {
        let begun = async {
            let channel = session.open_channel().await?;
            let queue = private_queue::declare(&channel).await?;
            let (exchange, key) = (short(&control_exchange(prefix))?, ShortString::default());
            let (options, empty) = (QueueBindOptions::default(), FieldTable::default());
            channel.queue_bind(queue.clone(), exchange, key, options, empty).await?;
            let stream = private_queue::consume(&channel, queue, "control").await?;
            Ok(Self { session: session.clone(), channel, stream })
        };
        within(session, begun).await
    }

    /// The next order; `None` once the session has ended. One that our own login has not published is
    /// left out, and so is what is no order.
    pub async fn next(&mut self) -> Option<Ordered> {
        loop {
            let delivery = next(&mut self.stream, &self.session).await?;
            let user_id = delivery.properties.user_id().as_ref();
            let own = user_id.is_some() && user_id == self.session.connection().login();
            match serde_json::from_slice(&delivery.data) {
                Ok(order) if own => {
                    let reply_to = delivery.properties.reply_to().clone();
                    return Some(Ordered { order, reply_to });
                }
                Ok(_) | Err(_) => events::order_ignored(own),
            }
        }
    }

    /// Answers an order. Whoever has stopped waiting misses it.
    pub async fn answer(&self, ordered: &Ordered, reply: &Reply) {
        let Some(reply_to) = &ordered.reply_to else { return };
        let body = serde_json::to_vec(reply).unwrap_or_default();
        let options = BasicPublishOptions::default();
        let plain = BasicProperties::default();
        let (exchange, to) = (ShortString::default(), reply_to.clone());
        let published = self.channel.basic_publish(exchange, to, options, &body, plain);
        timeout(self.session.limit(), published).await.ok();
    }
}

impl Operator {
    /// Declares the queue of the answers.
    pub async fn open(session: &Session, prefix: &str) -> Result<Self, ControlError> {
        let begun = async {
            let channel = session.open_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let reply_to = private_queue::declare(&channel).await?;
            let replies = private_queue::consume(&channel, reply_to.clone(), "replies").await?;
            let exchange = short(&control_exchange(prefix))?;
            Ok(Self { session: session.clone(), channel, exchange, replies, reply_to })
        };
        within(session, begun).await
    }

    /// Gives an order to every process; whether there is one.
    pub async fn order(&self, order: &Order) -> Result<bool, ControlError> {
        let given = async {
            let body = serde_json::to_vec(order).unwrap_or_default();
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let mut properties = BasicProperties::default()
                .with_content_type("application/json".into())
                .with_reply_to(self.reply_to.clone());
            if let Some(login) = self.session.connection().login() {
                properties = properties.with_user_id(login.clone());
            }
            let (exchange, key) = (self.exchange.clone(), ShortString::default());
            let written = self.channel.basic_publish(exchange, key, options, &body, properties);
            written.await?.await
        };
        match within(&self.session, given).await? {
            Confirmation::Ack(returned) => Ok(returned.is_none()),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err(ControlError("the broker refused the order".to_owned()))
            }
        }
    }

    /// The next answer; `None` once the session has ended.
    pub async fn next_reply(&mut self) -> Option<Reply> {
        let reply = next(&mut self.replies, &self.session).await?;
        serde_json::from_slice(&reply.data).ok()
    }
}

async fn next(stream: &mut Consumer, session: &Session) -> Option<Delivery> {
    tokio::select! {
        biased;
        delivery = stream.next() => delivery?.ok(),
        () = session.ended() => None,
    }
}

async fn within<T>(
    session: &Session,
    asked: impl Future<Output = lapin::Result<T>>,
) -> Result<T, ControlError> {
    let asked = timeout(session.limit(), asked).await.unwrap_or_else(|_| Err(timed_out()));
    asked.map_err(|err| ControlError(reason(&err)))
}
