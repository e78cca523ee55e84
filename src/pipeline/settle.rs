//! How a delivery is settled: publish what replaces it, wait for the confirm, acknowledge.

use std::time::Duration;

use super::End;
use super::desk::Desk;
use super::hand::Hand;
use super::publish::NotPublished;
use crate::domain::event::wire::errors_json;
use crate::domain::event::{Event, EventKind, INVALID_INTENT};
use crate::domain::intent::{Intent, Invalid};
use crate::domain::record::Record;
use crate::domain::verdict::{Unresolved, Verdict};
use crate::gate::{Closure, Report};
use crate::ports::{Clock, Copied, Delivered, Delivery, Headers, Outbox, Outgoing, Provider};
use crate::telemetry::events;

/// What the broker was told of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Acknowledged: an event of this kind says what became of it.
    Settled(EventKind),
    /// Acknowledged: a copy is on a retry queue.
    Returned,
    /// Acknowledged: a copy is on its way back, and no trip is counted.
    HandedBack,
    /// Not acknowledged: it comes back by itself.
    LetGo,
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    pub(super) async fn settle<D: Delivery>(
        &self,
        hand: Hand<D>,
        intent: &Intent,
        end: End<'_>,
    ) -> Settlement {
        match end {
            End::Lost => self.abandon(hand, "its channel has ended"),
            End::Verdict(case, verdict) => {
                let record = case.record().clone();
                self.settle_verdict(hand, intent, record, verdict).await
            }
            End::Back(case, back) => self.give_back(hand, case, back).await,
        }
    }

    pub(super) fn abandon<D: Delivery>(&self, hand: Hand<D>, why: &'static str) -> Settlement {
        events::delivery_abandoned(why, self.stopping.is_cancelled());
        hand.delivery.abandon(why);
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
        // A record that names another account is passed on as it came, whoever wrote it: without
        // that name a copy would be looked up here.
        let is_foreign = verdict == Verdict::Unresolved(Unresolved::AccountChanged);
        let headers_of = |record: &Record, delivered: &Delivered| {
            if is_foreign { delivered.headers.clone() } else { record.to_headers(None) }
        };
        let parked = match &verdict {
            Verdict::Unresolved(why) => {
                if *why == Unresolved::LinkHost {
                    self.turns.told(Report::Shut(Closure::ForeignLink));
                }
                let headers = headers_of(&record, delivered);
                Some(self.parked_copy(delivered, headers, &why.reason().code, None))
            }
            Verdict::Created { .. } | Verdict::Failed(_) => None,
        };
        let fresh_link = matches!(verdict, Verdict::Created { recovered: false, .. });
        let seen = verdict.if_untold();
        let untold = |delivered: &Delivered| headers_of(&record.clone().doubted(seen), delivered);
        let event = Event::of_verdict(intent, &record, verdict, self.origin(delivered));
        let age = age_of(delivered, &record, now.wall);
        let settlement = self.replace(hand, &event, parked, untold).await;
        let settled = matches!(settlement, Settlement::Settled(_));
        if settled {
            events::intent_settled(&self.metrics, &event, record.attempts, age);
        }
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
        let parked = self.parked_copy(delivered, Headers::new(), INVALID_INTENT, Some(errors));
        let untold = |delivered: &Delivered| delivered.headers.clone();
        let event = Event::of_invalid(&invalid, &delivered.body, self.origin(delivered));
        let settlement = self.replace(hand, &event, Some(parked), untold).await;
        if let Settlement::Settled(_) = settlement {
            events::intent_settled(&self.metrics, &event, 0, None);
        }
        settlement
    }

    /// Event, parked copy, acknowledgement: in this order, each only after the one before.
    /// `untold` gives the headers of the copy that goes back if nobody takes the event.
    async fn replace<D: Delivery>(
        &self,
        hand: Hand<D>,
        event: &Event<'_>,
        parked: Option<Copied>,
        untold: impl Fn(&Delivered) -> Headers + Send,
    ) -> Settlement {
        let message = self.message(event, hand.delivered());
        let mut replaced = self.publish(&Outgoing::Event(message), &hand).await;
        if let (Ok(()), Some(copy)) = (&replaced, parked) {
            replaced = self.publish(&Outgoing::Parked(copy), &hand).await;
        }
        match replaced {
            Ok(()) => {}
            Err(NotPublished::Unconfirmed) => {
                return self.abandon(hand, "its result could not be published");
            }
            Err(NotPublished::RefusedForTooLong) => {
                let headers = untold(hand.delivered());
                return self.put_off(hand, headers).await;
            }
        }
        // If the channel has ended, the delivery comes back, and the same event goes out again.
        match hand.delivery.acknowledge().await {
            Ok(()) => Settlement::Settled(event.kind()),
            Err(_) => Settlement::LetGo,
        }
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
