//! Publishing, where success is the broker's confirm and nothing else.
//!
//! Two ways of losing an intent lie here. lapin takes the sequence number and writes the frames
//! under two different locks, so two publishes at once on one channel can swap their verdicts;
//! and a message that the broker returns is attached to whichever confirm comes next, while its
//! own says yes. So a channel carries one unconfirmed publish at a time, and several channels stand
//! side by side. Speed comes from their number: a confirm takes about a millisecond.
//!
//! A channel that has heard anything but a plain yes is thrown away. After a no it would go on saying
//! no: in RabbitMQ 3.10 it keeps asking the node that led the queue when it was first used, for as
//! long as that node is away (`rabbit_fifo_client:enqueue/3`), though another leads the queue now.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Confirmation};
use tokio::time::timeout;

use super::channel_pool::Slot;
use super::connection::reason;
use super::headers;
use super::routes::{Route, Routes};
use super::session::Session;
use super::supervisor::Broker;
use super::topology::Topology;
use crate::ports::{Copied, Outbox, Outgoing, Properties, PublishError};

/// The way out. Clones share the channels.
#[derive(Clone)]
pub struct Publisher {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Broker,
    routes: Routes,
    /// How long a publish waits for a session.
    patience: Duration,
}

/// What a channel is good for after a publish.
enum Verdict {
    Yes,
    No(PublishError),
    Fault(String),
}

impl Publisher {
    /// Publishes what goes through this topology.
    pub fn new(broker: Broker, topology: &Topology) -> Self {
        let patience = broker.confirm_timeout();
        let inner = Inner { broker, routes: Routes::new(topology), patience };
        Self { inner: Arc::new(inner) }
    }

    /// Publishes an intent as upstream does, to its merchant's queue. It carries no login of
    /// ours, so that no worker takes it for one on its way.
    pub async fn publish_intent(&self, intent: &Copied) -> Result<(), PublishError> {
        let route = self.inner.routes.of_intent(&intent.merchant);
        let route = route.ok_or(PublishError::Unroutable)?;
        let properties = || headers::write(&intent.properties, &intent.headers, None);
        self.confirm(&route, |_| (&intent.body, properties())).await
    }

    async fn confirm<'a>(
        &self,
        route: &Route<'_>,
        content: impl FnOnce(&Session) -> (&'a Bytes, BasicProperties),
    ) -> Result<(), PublishError> {
        let (session, mut slot) = self.slot().await?;
        let channel = match slot.take() {
            Some(channel) => channel,
            None => {
                match session.answer(Box::pin(session.open_publishing_channel()).as_mut()).await {
                    Some(Ok(channel)) => channel,
                    Some(Err(err)) => return Err(doubt(&session, &reason(&err))),
                    None => return Err(doubt(&session, "no answer to a new channel")),
                }
            }
        };
        let (body, properties) = content(&session);
        let answered = {
            let published = pin!(publish(&channel, route, body, properties));
            session.answer(published).await
        };
        let verdict = match answered {
            Some(verdict) => verdict,
            None => Verdict::Fault("no confirm in time".to_owned()),
        };
        match verdict {
            Verdict::Yes => {
                slot.give_back(channel);
                Ok(())
            }
            Verdict::No(unpublished) => Err(unpublished),
            Verdict::Fault(why) => Err(doubt(&session, &why)),
        }
    }

    /// A session, and the right to one of its channels. Nothing has been written before this, so
    /// a session that ends meanwhile is replaced by the next.
    async fn slot(&self) -> Result<(Session, Slot), PublishError> {
        loop {
            let session = match self.inner.broker.live_session() {
                Some(session) => session,
                None => timeout(self.inner.patience, self.inner.broker.session())
                    .await
                    .map_err(|_| PublishError::Unconfirmed)?,
            };
            if let Some(slot) = session.pool().slot().await {
                return Ok((session, slot));
            }
        }
    }
}

impl Outbox for Publisher {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        // Nothing is declared for a merchant or a delay that the configuration does not hold, and
        // a publish to an exchange that does not exist would end the session.
        let route = self.inner.routes.of(outgoing);
        let route = route.ok_or(PublishError::Unroutable)?;
        self.confirm(&route, |session| content(outgoing, session)).await
    }
}

async fn publish(
    channel: &lapin::Channel,
    route: &Route<'_>,
    body: &Bytes,
    properties: BasicProperties,
) -> Verdict {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let written = channel.basic_publish(
        route.exchange.clone(),
        route.routing_key.clone(),
        options,
        body,
        properties,
    );
    let confirmed = match written.await {
        Ok(confirm) => confirm.await,
        Err(err) => Err(err),
    };
    match confirmed {
        Ok(Confirmation::Ack(None)) => Verdict::Yes,
        Ok(Confirmation::Ack(Some(_))) => Verdict::No(PublishError::Unroutable),
        Ok(Confirmation::Nack(_)) => Verdict::No(PublishError::Refused),
        Ok(Confirmation::NotRequested) => Verdict::Fault("a channel without confirms".to_owned()),
        Err(err) => Verdict::Fault(reason(&err)),
    }
}

fn content<'a>(outgoing: &'a Outgoing, session: &Session) -> (&'a Bytes, BasicProperties) {
    match outgoing {
        Outgoing::Event(event) => {
            let properties = headers::write(&event.properties, &headers::NONE, None);
            (&event.body, properties)
        }
        // The login is what makes the record believed when the copy comes back.
        Outgoing::Retry { copy, .. } | Outgoing::Parked(copy) => {
            let properties = headers::write(&copy.properties, &copy.headers, session.login());
            (&copy.body, properties)
        }
        Outgoing::Checkpoint { body, .. } => {
            let json = Properties {
                content_type: Some("application/json".to_owned()),
                ..Properties::default()
            };
            (body, headers::write(&json, &headers::NONE, session.login()))
        }
    }
}

fn doubt(session: &Session, why: &str) -> PublishError {
    session.fail(format!("a publish was not confirmed: {why}"));
    PublishError::Unconfirmed
}
