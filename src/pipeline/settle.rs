//! How a delivery is settled: publish what replaces it, wait for the confirm, acknowledge.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::End;
use super::desk::Desk;
use super::exits::Exit;
use super::hand::Hand;
use crate::gate::{Closure, Report};
use crate::observe::facts::intents::{IntentLetGo, IntentSettled, LinkProven};
use crate::payout::decision::{Unresolved, Verdict};
use crate::payout::event::wire::{CONTENT_TYPE, errors_json};
use crate::payout::event::{Event, EventKind, Origin};
use crate::payout::intent::{Intent, Invalid};
use crate::payout::outcome::look::Look;
use crate::payout::record::{Record, Value, written};
use crate::payout::reference::Reference;
use crate::ports::{
    Clock, Copied, Delivered, Delivery, EventMessage, Headers, Outbox, Outgoing, Properties,
    Provider, Unpublished,
};
use crate::turns::Class;

/// What the broker was told of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Acknowledged: an event of this kind says what became of it.
    Settled(EventKind),
    /// Acknowledged: a copy is on a retry queue.
    Returned,
    /// Acknowledged: a copy is on its way back, as it was.
    HandedBack,
    /// Not acknowledged: it comes back by itself.
    LetGo,
}

/// The delivery could not be replaced, and must not be acknowledged.
pub(super) struct NotReplaced;

/// The first wait before a message that has no queue is published again.
const ROUTE_WAIT_FIRST: Duration = Duration::from_millis(500);
/// The longest.
const ROUTE_WAIT_MAX: Duration = Duration::from_secs(2);

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    pub(super) async fn settle<D: Delivery>(
        &self,
        hand: Hand<D>,
        intent: &Intent,
        end: End<'_>,
    ) -> Settlement {
        let reference = &intent.reference;
        match end {
            End::Lost => self.let_lost(hand, reference),
            End::Verdict(case, verdict) => {
                let record = case.record().clone();
                self.settle_verdict(hand, intent, record, verdict).await
            }
            End::Back(case, back) => self.give_back(hand, reference, case, back).await,
        }
    }

    /// Lets a delivery go whose channel has ended.
    pub(super) fn let_lost<D: Delivery>(&self, hand: Hand<D>, reference: &Reference) -> Settlement {
        self.let_go(hand, Some(reference), "its channel has ended")
    }

    pub(super) fn let_go<D: Delivery>(
        &self,
        hand: Hand<D>,
        reference: Option<&Reference>,
        why: &'static str,
    ) -> Settlement {
        IntentLetGo { merchant: &self.merchant, reference }.tell();
        hand.delivery.let_go(why);
        Settlement::LetGo
    }

    async fn settle_verdict<D: Delivery>(
        &self,
        hand: Hand<D>,
        intent: &Intent,
        record: Record,
        verdict: Verdict,
    ) -> Settlement {
        let now = self.clock.now();
        let delivered = hand.delivered();
        let parked = match &verdict {
            Verdict::Unresolved(why) => {
                if *why == Unresolved::LinkHost {
                    self.turns.told(Report::Shut(Closure::ForeignLink));
                }
                let headers = record.to_headers(None);
                Some(self.parked_copy(delivered, headers, why.code(), None))
            }
            Verdict::Created { .. } | Verdict::Failed(_) => None,
        };
        let fresh_link = matches!(verdict, Verdict::Created { recovered: false, .. });
        let event = Event::of_verdict(intent, &record, verdict, self.origin(delivered));
        let fact = IntentSettled {
            meters: &self.meters,
            event: &event,
            attempts: record.attempts,
            age: age_of(delivered, &record, now.wall),
        };
        let settlement = self.replace(hand, &event, parked, &fact).await;
        let settled = matches!(settlement, Settlement::Settled(_));
        if fresh_link && settled && self.proof.is_wanted(now.steady) {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => {}
                () = self.prove(&intent.reference) => {}
                () = self.clock.sleep(self.hold) => {} // paused or stalled; another link will do
            }
        }
        settlement
    }

    /// Fails a body that is no intent, and parks the original.
    pub(super) async fn settle_invalid<D: Delivery>(
        &self,
        hand: Hand<D>,
        invalid: Invalid,
    ) -> Settlement {
        let delivered = hand.delivered();
        let errors = errors_json(&invalid.errors);
        let parked = self.parked_copy(delivered, Headers::new(), "INVALID_INTENT", Some(errors));
        let event = Event::of_invalid(&invalid, &delivered.body, self.origin(delivered));
        let fact = IntentSettled { meters: &self.meters, event: &event, attempts: 0, age: None };
        self.replace(hand, &event, Some(parked), &fact).await
    }

    /// Event, parked copy, acknowledgement: in this order, each only after the one before.
    async fn replace<D: Delivery>(
        &self,
        hand: Hand<D>,
        event: &Event<'_>,
        parked: Option<Copied>,
        fact: &IntentSettled<'_>,
    ) -> Settlement {
        let message = self.message(event, hand.delivered());
        let mut replaced = self.publish(Exit::Results, &Outgoing::Event(message), &hand.lost).await;
        if let (Ok(()), Some(copy)) = (&replaced, parked) {
            replaced = self.publish(Exit::Parked, &Outgoing::Parked(copy), &hand.lost).await;
        }
        let reference = event.subject.reference;
        if let Err(NotReplaced) = replaced {
            return self.let_go(hand, reference, "its result could not be published");
        }
        fact.tell();
        // If the channel has ended, the delivery comes back, and the same event goes out again.
        match hand.delivery.acknowledge().await {
            Ok(()) => Settlement::Settled(event.kind()),
            Err(_) => Settlement::LetGo,
        }
    }

    /// Publishes until the broker has it. What the broker certainly did not take is kept in hand
    /// and tried again, and nothing new is started meanwhile; what it may have taken is not
    /// repeated here: the delivery comes back, and the same event with it.
    pub(super) async fn publish(
        &self,
        exit: Exit,
        outgoing: &Outgoing,
        lost: &CancellationToken,
    ) -> Result<(), NotReplaced> {
        let mut wait = ROUTE_WAIT_FIRST;
        loop {
            match self.outbox.publish(outgoing).await {
                Ok(()) => {
                    self.exits.open(exit, &self.turns);
                    return Ok(());
                }
                Err(Unpublished::Unconfirmed) => break,
                Err(Unpublished::Unroutable | Unpublished::Refused) => {
                    self.exits.shut(exit, &self.turns);
                }
            }
            tokio::select! {
                biased;
                () = lost.cancelled() => break,
                () = self.clock.sleep(wait) => wait = wait.saturating_mul(2).min(ROUTE_WAIT_MAX),
            }
        }
        // Whoever was to find out that the way is open again goes away; so the next one must try.
        self.exits.open(exit, &self.turns);
        Err(NotReplaced)
    }

    fn origin<'a>(&'a self, delivered: &'a Delivered) -> Origin<'a> {
        Origin {
            merchant: &self.merchant,
            message_id: delivered.properties.message_id.as_deref(),
            now: self.clock.now().wall,
        }
    }

    fn message(&self, event: &Event<'_>, delivered: &Delivered) -> EventMessage {
        let intent = &delivered.properties;
        EventMessage {
            kind: event.kind(),
            merchant: self.merchant.clone(),
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

    pub(super) fn copy(&self, delivered: &Delivered, headers: Headers) -> Copied {
        Copied {
            merchant: self.merchant.clone(),
            body: delivered.body.clone(),
            properties: delivered.properties.clone(),
            headers,
        }
    }

    fn parked_copy(
        &self,
        delivered: &Delivered,
        mut headers: Headers,
        reason: &'static str,
        errors: Option<String>,
    ) -> Copied {
        let mut put = |name: &str, text: String| {
            headers.insert(name.to_owned(), Value::Text(text));
        };
        put("reason", reason.to_owned());
        put("parked-at", written(self.clock.now().wall));
        put("merchant", self.merchant.clone());
        if let Some(errors) = errors {
            put("errors", errors);
        }
        self.copy(delivered, headers)
    }

    /// Looks a fresh link up, only to see details show it, which may take details a while.
    async fn prove(&self, reference: &Reference) {
        self.clock.sleep(self.policy.settle).await;
        let Ok(turn) = self.turns.take(Class::Look).await else { return };
        let Some(token) = self.provider.token() else { return };
        let sighting = self.provider.look(&token, reference).await;
        if self.wants_new_token(&sighting, &token, &mut 0) {
            return; // the next call gets one, and this look is not worth another
        }
        let look = Look::classify(sighting, reference, &self.policy.terms);
        self.turns.told_of(Some(&turn), Report::of_look(&look));
        if let Look::Found(_) = look {
            self.proof.shown(reference);
        }
        LinkProven { meters: &self.meters, reference, look: look.word() }.tell();
    }
}

/// From upstream's publish to now, or from when a worker first saw it.
fn age_of(delivered: &Delivered, record: &Record, now: jiff::Timestamp) -> Option<Duration> {
    let published = delivered
        .properties
        .timestamp
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Duration::try_from(now.duration_since(published.unwrap_or(record.first_seen))).ok()
}
