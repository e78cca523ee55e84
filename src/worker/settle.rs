//! How a delivery is settled: publish what replaces it, wait for the confirm, acknowledge.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::backpressure::PublishTarget;
use super::context::MerchantContext;
use super::in_flight::InFlight;
use super::publish::NotPublished;
use crate::domain::command::{Command, InvalidCommand};
use crate::domain::decide::{Case, CommandCase, Disposition, IntentCase, RetryLater};
use crate::domain::event::wire::{CONTENT_TYPE, errors_json};
use crate::domain::event::{self, Event, EventKind, Origin};
use crate::domain::intent::{Intent, Invalid};
use crate::domain::object::FieldError;
use crate::domain::publisher_guard::GuardRefusal;
use crate::domain::record::headers::{Headers, Value, history, written};
use crate::domain::verdict::{CommandVerdict, Verdict};
use crate::ports::{
    ChannelEndedError, Clock, Copied, Delivered, Delivery, EventMessage, Outgoing, Ports,
    Properties,
};
use crate::telemetry::events;

/// How a delivery was disposed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Acknowledged: an event of this kind says how the intent ended.
    Published(EventKind),
    /// Acknowledged: a copy is on a retry queue, and the trip counts.
    RetriedLater,
    /// Acknowledged: a copy with the same record goes back to the queue.
    HandedBack,
    /// Requeued.
    Requeued,
    /// Left unacknowledged; it comes back by itself.
    Abandoned,
}

/// What becomes of the message itself, once its event is out.
enum Original {
    /// The event stands for it.
    Done,
    /// A copy of it is parked.
    Parked(Box<Copied>),
    /// It is not published again: the broker itself puts it aside.
    Rejected,
}

/// What is published in a delivery's place, and counted once it is acknowledged.
struct Replacement<'a> {
    event: Event<'a>,
    original: Original,
    attempts: u32,
    age: Option<Duration>,
}

impl<P: Ports> InFlight<'_, P> {
    pub(super) async fn settle(
        self,
        intent: &Intent,
        case: &IntentCase<'_>,
        disposition: Disposition<Verdict>,
    ) -> Settled {
        match disposition {
            Disposition::Settle(verdict) => self.settle_verdict(intent, case, verdict).await,
            Disposition::RetryLater(later) => self.retry_later(case, later).await,
            Disposition::Requeue => self.requeue().await,
            Disposition::Abandon => self.abandon("its channel has ended"),
        }
    }

    async fn settle_verdict(
        self,
        intent: &Intent,
        case: &IntentCase<'_>,
        verdict: Verdict,
    ) -> Settled {
        let context = self.context;
        let now = context.clock.now();
        let delivered = self.delivered();
        let record = case.record();
        let event = Event::of_verdict(intent, record, verdict.clone(), self.origin());
        let replacement = Replacement {
            original: self.original(&event, case),
            event,
            attempts: record.attempts,
            age: age_of(delivered, record.first_seen, now.wall),
        };
        if let Verdict::Created { made, .. } = &verdict {
            context.given_links.insert(&made.link, &intent.reference);
        }
        // What a person has to settle is looked up again first.
        let name = verdict.is_final().then(|| event::name_id(intent, &context.merchant));
        if let Some(name) = name {
            context.dedup.remember_verdict(name, verdict);
        }
        let settled = self.replace(replacement).await;
        if let (Some(name), Settled::Published(_)) = (name, settled) {
            context.dedup.verdict_confirmed(name, context.clock.now().steady);
        }
        settled
    }

    /// Rejects an intent that the guard does not let through, and parks it.
    pub(super) async fn settle_refused(self, intent: &Intent, why: GuardRefusal) -> Settled {
        let event = Event::of_refused(intent, why, self.origin());
        self.settle_unjudged(event, None).await
    }

    /// Rejects a body that is not a valid intent, and parks it.
    pub(super) async fn settle_invalid(self, invalid: &Invalid) -> Settled {
        let body = self.delivered().body.clone();
        let event = Event::of_invalid(invalid, &body, self.origin());
        self.settle_unread(event, &invalid.errors, invalid.is_too_large).await
    }

    pub(super) async fn settle_command(
        self,
        command: &Command,
        case: &CommandCase<'_>,
        disposition: Disposition<CommandVerdict>,
    ) -> Settled {
        let verdict = match disposition {
            Disposition::Settle(verdict) => verdict,
            Disposition::RetryLater(later) => return self.retry_later(case, later).await,
            Disposition::Requeue => return self.requeue().await,
            Disposition::Abandon => return self.abandon("its channel has ended"),
        };
        let body = self.delivered().body.clone();
        let event = Event::of_command(command, verdict, &body, self.origin());
        let original = self.original(&event, case);
        let attempts = case.record().attempts;
        self.replace(Replacement { event, original, attempts, age: None }).await
    }

    /// What becomes of a message that was read, given its event.
    fn original<S, V: Clone>(&self, event: &Event<'_>, case: &Case<'_, S, V>) -> Original {
        event.reason().filter(|_| event.is_parked()).map_or(Original::Done, |why| {
            let headers = case.parked_headers(&self.delivered().headers);
            Original::Parked(Box::new(self.parked_copy(headers, &why.code, None)))
        })
    }

    /// Parks a command that the guard does not let through.
    pub(super) async fn settle_refused_command(
        self,
        command: &Command,
        why: GuardRefusal,
    ) -> Settled {
        let body = self.delivered().body.clone();
        let event = Event::of_refused_command(command, why, &body, self.origin());
        self.settle_unjudged(event, None).await
    }

    /// Parks a body that is not a valid command.
    pub(super) async fn settle_invalid_command(self, invalid: &InvalidCommand) -> Settled {
        let body = self.delivered().body.clone();
        let event = Event::of_invalid_command(invalid, &body, self.origin());
        self.settle_unread(event, &invalid.errors, invalid.is_too_large).await
    }

    async fn settle_unread(
        self,
        event: Event<'_>,
        errors: &[FieldError],
        is_too_large: bool,
    ) -> Settled {
        if is_too_large {
            let original = Original::Rejected;
            return self.replace(Replacement { event, original, attempts: 0, age: None }).await;
        }
        self.settle_unjudged(event, Some(errors_json(errors))).await
    }

    /// Parks a message that no decision is made on.
    async fn settle_unjudged(self, event: Event<'_>, errors: Option<String>) -> Settled {
        let headers = history(&self.delivered().headers);
        let code = event.reason().map_or("", |reason| &*reason.code);
        let copy = self.parked_copy(headers, code, errors);
        let original = Original::Parked(Box::new(copy));
        self.replace(Replacement { event, original, attempts: 0, age: None }).await
    }

    /// Event, parked copy, settlement: in this order, each only after the one before.
    async fn replace(self, replacement: Replacement<'_>) -> Settled {
        let context = self.context;
        let Replacement { event, original, attempts, age } = replacement;
        let is_rejected = matches!(original, Original::Rejected);
        let message = event_message(&event, &self.delivered().properties);
        let mut published = self.publish(PublishTarget::Results, &Outgoing::Event(message)).await;
        if let (Ok(()), Original::Parked(copy)) = (&published, original) {
            published = self.publish(PublishTarget::Parked, &Outgoing::Parked(*copy)).await;
        }
        match published {
            Ok(()) => {}
            Err(NotPublished::Unconfirmed) => {
                return self.abandon("its result could not be published");
            }
            Err(NotPublished::RefusedForTooLong) => return self.requeue().await,
        }
        // If the channel has ended, the delivery comes back, and the same event goes out again.
        let settled = if is_rejected {
            self.delivery.reject().await
        } else {
            self.delivery.acknowledge().await
        };
        match settled {
            Ok(()) => {
                events::intent_settled(&context.metrics, &event, attempts, age);
                Settled::Published(event.kind())
            }
            Err(error) => context.let_go(error),
        }
    }

    async fn retry_later<S, V: Clone>(self, case: &Case<'_, S, V>, later: RetryLater) -> Settled {
        let context = self.context;
        let now = context.clock.now().wall;
        let headers = case.retry_headers(later, &self.delivered().headers, now);
        let copy = self.copy(headers);
        let outgoing = Outgoing::Retry { work: context.work, delay: later.delay, copy };
        match self.publish(PublishTarget::Retries, &outgoing).await {
            Ok(()) => {}
            Err(NotPublished::Unconfirmed) => {
                return self.abandon("its copy could not be published");
            }
            Err(NotPublished::RefusedForTooLong) => return self.requeue().await,
        }
        match self.delivery.acknowledge().await {
            Ok(()) if later.counted => {
                let record = case.record_after(later);
                events::intent_returned(&context.metrics, &record, later.delay.duration());
                Settled::RetriedLater
            }
            Ok(()) => {
                let delay = later.delay.duration();
                events::intent_handed_back(&context.metrics, later.why, delay);
                Settled::HandedBack
            }
            Err(error) => context.let_go(error),
        }
    }

    async fn requeue(self) -> Settled {
        let context = self.context;
        events::delivery_requeued();
        match self.delivery.requeue().await {
            Ok(()) => Settled::Requeued,
            Err(error) => context.let_go(error),
        }
    }

    fn abandon(self, why: &'static str) -> Settled {
        events::delivery_abandoned(why, self.context.stopping.is_cancelled());
        self.delivery.abandon(why);
        Settled::Abandoned
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            payout_merchant_id: &self.context.policy.account.payout_merchant_id,
            merchant: &self.context.merchant,
            message_id: self.delivered().properties.message_id.as_deref(),
            trace: self.delivered().properties.trace(),
            now: self.context.clock.now().wall,
        }
    }

    /// The original, with these headers of ours and no others.
    fn copy(&self, headers: Headers) -> Copied {
        let delivered = self.delivered();
        Copied {
            merchant: self.context.merchant.clone(),
            body: delivered.body.clone(),
            properties: delivered.properties.clone(),
            headers,
        }
    }

    fn parked_copy(&self, mut headers: Headers, reason: &str, errors: Option<String>) -> Copied {
        let mut put = |name: &str, text: String| {
            headers.insert(name.to_owned(), Value::Text(text));
        };
        put("reason", reason.to_owned());
        put("parked-at", written(self.context.clock.now().wall));
        put("merchant", self.context.merchant.clone());
        if let Some(errors) = errors {
            put("errors", errors);
        }
        self.copy(headers)
    }
}

impl<P: Ports> MerchantContext<P> {
    /// What was said to the broker of a delivery did not reach it.
    fn let_go(&self, _: ChannelEndedError) -> Settled {
        events::delivery_abandoned("its channel has ended", self.stopping.is_cancelled());
        Settled::Abandoned
    }
}

/// An event as a message, about an intent with these properties.
pub(super) fn event_message(event: &Event<'_>, intent: &Properties) -> EventMessage {
    EventMessage {
        kind: event.kind(),
        merchant: event.merchant.clone(),
        body: Bytes::from(event.to_json()),
        properties: Properties {
            content_type: Some(CONTENT_TYPE.to_owned()),
            message_id: Some(event.id.to_string()),
            correlation_id: intent.correlation_id.clone().or_else(|| intent.message_id.clone()),
            kind: Some(event.kind().event_type().to_owned()),
            app_id: Some("smartsend".to_owned()),
            timestamp: u64::try_from(event.time.as_second()).ok(),
            traceparent: intent.traceparent.clone(),
            tracestate: intent.tracestate.clone(),
        },
    }
}

/// From upstream's publish to now, or from when a worker first saw it.
fn age_of(delivered: &Delivered, first_seen: Timestamp, now: Timestamp) -> Option<Duration> {
    let published = delivered
        .properties
        .timestamp
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    Duration::try_from(now.duration_since(published.unwrap_or(first_seen))).ok()
}
