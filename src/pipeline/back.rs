//! A delivery that goes back to the broker with its record, to come again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::desk::Desk;
use super::hand::Hand;
use super::settle::Settlement;
use crate::domain::decide::Case;
use crate::domain::retry_delays::RetryDelay;
use crate::ports::{Clock, Delivery, Headers, Outbox, Outgoing, Provider};
use crate::telemetry::events;

/// How a delivery goes back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Back {
    /// To wait so long before the next step; the trip counts.
    Return(RetryDelay),
    /// As it is, and soon: nothing was done. With a word for the log.
    AsItIs(&'static str),
    /// As it is, until the other delivery with its reference is through.
    GiveWay,
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    pub(super) async fn give_back<D: Delivery>(
        &self,
        hand: Hand<D>,
        case: Case<'_>,
        back: Back,
    ) -> Settlement {
        let delays = &self.policy.delays;
        let (why, delay) = match back {
            Back::Return(delay) => {
                let wait = delay.duration();
                let record = case.returned(wait);
                let headers = record.to_headers(self.due_in(wait));
                let settlement = self.send_back(hand, delay, headers, Settlement::Returned).await;
                if settlement == Settlement::Returned {
                    events::intent_returned(&record, wait);
                }
                return settlement;
            }
            Back::AsItIs(why) => (why, delays.shortest()),
            // Sooner it would only wait again, and each way through the broker may leave one more
            // copy behind.
            Back::GiveWay => ("another copy is in hand", delays.within(self.policy.quarantine)),
        };
        let headers = case.handed_back().to_headers(self.due_in(delay.duration()));
        self.hand_back(hand, why, delay, headers).await
    }

    /// Puts off what nobody takes the event of: kept in hand, it would end its channel when the
    /// broker's patience is over, and with it everything else in hand.
    pub(super) async fn put_off<D: Delivery>(&self, hand: Hand<D>, headers: Headers) -> Settlement {
        let delay = self.policy.delays.longest();
        self.hand_back(hand, "its event cannot be published", delay, headers).await
    }

    async fn hand_back<D: Delivery>(
        &self,
        hand: Hand<D>,
        why: &'static str,
        delay: RetryDelay,
        headers: Headers,
    ) -> Settlement {
        let settlement = self.send_back(hand, delay, headers, Settlement::HandedBack).await;
        if settlement == Settlement::HandedBack {
            events::intent_handed_back(&self.metrics, why);
        }
        settlement
    }

    async fn send_back<D: Delivery>(
        &self,
        hand: Hand<D>,
        delay: RetryDelay,
        headers: Headers,
        settlement: Settlement,
    ) -> Settlement {
        let copy = self.copy(hand.delivered(), headers);
        if self.publish(&Outgoing::Retry { delay, copy }, &hand).await.is_err() {
            return self.abandon(hand, "its copy could not be published");
        }
        match hand.delivery.acknowledge().await {
            Ok(()) => settlement,
            Err(_) => Settlement::LetGo,
        }
    }

    fn due_in(&self, delay: Duration) -> Option<Timestamp> {
        let wait = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        self.clock.now().wall.saturating_add(wait).ok()
    }
}
