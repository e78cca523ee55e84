//! A delivery that goes back to the broker with its record, to come again.

use std::time::Duration;

use super::desk::Desk;
use super::exits::Exit;
use super::hand::Hand;
use super::settle::Settlement;
use crate::observe::facts::intents::{IntentHandedBack, IntentReturned};
use crate::payout::decision::Case;
use crate::payout::record::Record;
use crate::payout::reference::Reference;
use crate::ports::{Clock, Delivery, Outbox, Outgoing, Provider};

/// How a delivery goes back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Back {
    /// To wait so long before the next step; the trip counts.
    Return(Duration),
    /// As it is, and soon: nothing was done. With a word for the log.
    AsItIs(&'static str),
    /// As it is, until the other delivery with its reference is through.
    GiveWay,
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    pub(super) async fn give_back<D: Delivery>(
        &self,
        hand: Hand<D>,
        reference: &Reference,
        case: Case<'_>,
        back: Back,
    ) -> Settlement {
        let (merchant, delays) = (&*self.merchant, &self.policy.delays);
        let (why, delay) = match back {
            Back::Return(delay) => {
                let record = case.returned(delay);
                IntentReturned { merchant, reference, record: &record, delay }.tell();
                return self
                    .send_back(hand, reference, (delay, record), Settlement::Returned)
                    .await;
            }
            Back::AsItIs(why) => (why, delays.shortest()),
            // Sooner it would only wait again, and each way through the broker may leave one more
            // copy behind.
            Back::GiveWay => ("another copy is in hand", delays.within(self.policy.quarantine)),
        };
        IntentHandedBack { merchant, reference, why }.tell();
        let record = case.handed_back();
        self.send_back(hand, reference, (delay, record), Settlement::HandedBack).await
    }

    async fn send_back<D: Delivery>(
        &self,
        hand: Hand<D>,
        reference: &Reference,
        (delay, record): (Duration, Record),
        settlement: Settlement,
    ) -> Settlement {
        let wait = jiff::SignedDuration::try_from(delay).unwrap_or(jiff::SignedDuration::MAX);
        let due = self.clock.now().wall.saturating_add(wait).ok();
        let copy = self.copy(hand.delivered(), record.to_headers(due));
        let outgoing = Outgoing::Retry { delay, copy };
        if self.publish(Exit::Retries, &outgoing, &hand.lost).await.is_err() {
            return self.let_go(hand, Some(reference), "its copy could not be published");
        }
        match hand.delivery.acknowledge().await {
            Ok(()) => settlement,
            Err(_) => Settlement::LetGo,
        }
    }
}
