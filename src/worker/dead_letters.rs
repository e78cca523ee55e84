//! What RabbitMQ itself put aside: each message is announced, given its reason, and parked.
//!
//! There is one at a time, and none may hold up the others for long: one that cannot be announced
//! goes to the end of the queue as a copy, to be tried again. Handing it back instead would bring
//! it to the queue's delivery limit, and then RabbitMQ parks it without an event.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::QUEUE_WAIT;
use super::settle::event_message;
use crate::admission::backoff::Backoff;
use crate::domain::dead_letter::{Arrival, DeadLetter, Finding, Merchants};
use crate::domain::event::Event;
use crate::domain::record::headers::Headers;
use crate::ports::{
    ChannelEndedError, Clock, Copied, DeadLetterQueue, Delivered, Delivery, Inbox, Outbox,
    Outgoing, PublishError,
};
use crate::telemetry::events;
use crate::telemetry::metrics::DeadLetterMetrics;
use crate::telemetry::status::{Component, Status};

/// The wait before everything is tried again, where not even a copy could be published.
const TRIES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// For how long one that is too large for a copy waits here for its event. The others wait with it.
const LARGE_HELD_MAX: Duration = Duration::from_secs(30);

/// Announces and parks what RabbitMQ put aside.
pub struct DeadLetters<C, Q, O> {
    pub clock: C,
    pub queue: Q,
    pub outbox: O,
    pub merchants: Merchants,
    pub metrics: DeadLetterMetrics,
    pub status: Status,
    /// Ends when the process is to stop.
    pub stopping: CancellationToken,
    /// How long a stop waits for the one in flight.
    pub drain: Duration,
}

/// How a message was replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replaced {
    /// It is announced, and its copy parked.
    Announced,
    /// It is announced, and too large for a copy.
    AnnouncedOnly,
    /// A copy is at the end of the queue.
    PutBack,
    /// It is too large for a copy, and cannot be announced.
    GivenUp,
}

impl<C: Clock, Q: DeadLetterQueue, O: Outbox> DeadLetters<C, Q, O> {
    /// Works until it is to stop; returns how many deliveries it left unsettled.
    pub async fn run(self) -> usize {
        let mut left = 0;
        while let Some(inbox) = self.next_inbox().await {
            left = self.take(inbox).await;
        }
        left
    }

    /// The next inbox; `None` to stop.
    async fn next_inbox(&self) -> Option<Q::Inbox> {
        loop {
            match self.stopping.run_until_cancelled(self.queue.open()).await? {
                Ok(inbox) => {
                    self.status.clear(Component::DeadLetters);
                    return Some(inbox);
                }
                Err(error) => {
                    let sentence = format!("what RabbitMQ puts aside is not announced: {error}");
                    self.status.raise(Component::DeadLetters, sentence);
                }
            }
            self.stopping.run_until_cancelled(self.clock.sleep(QUEUE_WAIT)).await?;
        }
    }

    /// Takes deliveries until the inbox ends; returns how many are left unsettled.
    async fn take(&self, mut inbox: Q::Inbox) -> usize {
        let lost = inbox.lost();
        let mut in_flight = None;
        while let Some(next) = self.stopping.run_until_cancelled(inbox.next()).await {
            let Some(delivery) = next else { return 0 };
            let mut settling = Box::pin(self.settle(delivery, lost.clone()));
            if self.stopping.run_until_cancelled(&mut settling).await.is_none() {
                in_flight = Some(settling);
            }
        }
        // Cancelled while one is in flight, so that no further one comes only to go back.
        let settled = async {
            match in_flight {
                Some(settling) => settling.await,
                None => 0,
            }
        };
        let (mut left, ()) = tokio::join!(settled, inbox.cancel());
        while let Some(delivery) = inbox.next().await {
            left += self.settle(delivery, lost.clone()).await;
        }
        left
    }

    /// Settles a delivery; returns how many are left unsettled at a stop.
    async fn settle(
        &self,
        delivery: <Q::Inbox as Inbox>::Delivery,
        channel_ended: CancellationToken,
    ) -> usize {
        let delivered = delivery.delivered();
        let now = self.clock.now().wall;
        let arrival = Arrival {
            exchange: &delivered.exchange,
            routing_key: &delivered.routing_key,
            deaths: &delivered.deaths,
            headers: &delivered.headers,
            own: delivered.own,
            body: &delivered.body,
            now,
        };
        let Finding::Unannounced(letter) = Finding::of(arrival, &self.merchants) else {
            delivery.reject().await.ok(); // if the channel has ended, it comes back
            return 0;
        };
        let message_id = delivered.properties.message_id.as_deref();
        let trace = delivered.properties.trace();
        let event = Event::of_dead_letter(&letter, &delivered.body, message_id, trace, now);
        let span = events::delivery_span(&letter.merchant, &delivered.properties);
        let replacing = self.replace(&letter, &event, delivered).instrument(span.clone());
        let replaced = tokio::select! {
            biased;
            replaced = replacing => replaced,
            () = channel_ended.cancelled() => return 0,
            () = self.drained() => {
                delivery.abandon("the stop took too long");
                return 1;
            }
        };
        self.finish(delivery, replaced, &event).instrument(span).await;
        0
    }

    async fn finish(
        &self,
        delivery: <Q::Inbox as Inbox>::Delivery,
        replaced: Replaced,
        event: &Event<'_>,
    ) {
        let settled = match replaced {
            Replaced::Announced | Replaced::PutBack => delivery.acknowledge().await,
            Replaced::AnnouncedOnly | Replaced::GivenUp => delivery.reject().await,
        };
        match (settled, replaced) {
            (Ok(()), Replaced::Announced | Replaced::AnnouncedOnly) => {
                events::dead_letter_settled(&self.metrics, event);
                let key = event.kind().routing_key(&event.merchant);
                self.status.put_aside(&key, event.reason().map_or("", |reason| &reason.code));
            }
            (Ok(()), Replaced::GivenUp) => events::dead_letter_given_up(),
            (Ok(()), Replaced::PutBack) | (Err(ChannelEndedError), _) => {}
        }
    }

    /// Publishes what replaces a message until the broker has confirmed it. An event may go out
    /// more than once, each time with the same id.
    async fn replace(
        &self,
        letter: &DeadLetter,
        event: &Event<'_>,
        delivered: &Delivered,
    ) -> Replaced {
        if let Some(reference) = letter.content.reference() {
            events::intent_read(reference);
        }
        self.stopping.run_until_cancelled(self.clock.sleep(letter.wait)).await;
        let routing_key = event.kind().routing_key(&event.merchant);
        let begun = self.clock.now().steady;
        let mut tries = TRIES;
        loop {
            match self.announce(letter, event, delivered).await {
                Ok(replaced) => return replaced,
                Err(cause) => self.status.cannot_announce(&routing_key, cause),
            }
            let now = self.clock.now();
            if !letter.is_large {
                let again = copy(delivered, letter.retry_headers(now.wall));
                if self.publish(&Outgoing::DeadLetter(again)).await.is_ok() {
                    return Replaced::PutBack;
                }
            } else if now.steady.saturating_sub(begun) >= LARGE_HELD_MAX {
                return Replaced::GivenUp;
            }
            self.clock.sleep(tries.next_wait()).await;
        }
    }

    async fn announce(
        &self,
        letter: &DeadLetter,
        event: &Event<'_>,
        delivered: &Delivered,
    ) -> Result<Replaced, String> {
        let message = event_message(event, &delivered.properties);
        let key = event.kind().routing_key(&event.merchant);
        let published = self.publish(&Outgoing::Event(message)).await;
        published.map_err(|error| format!("its event, {key}: {error}"))?;
        if letter.is_large {
            return Ok(Replaced::AnnouncedOnly);
        }
        let headers = letter.parked_headers(event, self.clock.now().wall);
        let parked = self.publish(&Outgoing::Parked(copy(delivered, headers))).await;
        parked.map_err(|error| format!("its copy on the parked queue: {error}"))?;
        Ok(Replaced::Announced)
    }

    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let result = self.outbox.publish(outgoing).await;
        events::dead_letter_published(&self.metrics, outgoing, result);
        result
    }

    /// Ends when a stop has waited long enough.
    async fn drained(&self) {
        self.stopping.cancelled().await;
        self.clock.sleep(self.drain).await;
    }
}

/// The message with these headers of ours and no others.
fn copy(delivered: &Delivered, headers: Headers) -> Copied {
    Copied {
        merchant: delivered.routing_key.clone(),
        body: delivered.body.clone(),
        properties: delivered.properties.clone(),
        headers,
    }
}
