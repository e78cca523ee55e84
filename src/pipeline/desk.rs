//! All that the pipeline needs of one merchant.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::exits::Exits;
use super::memory::{Alone, Memory};
use super::proof::Proof;
use crate::domain::decide::Policy;
use crate::ports::{Clock, Moment, Outbox, Provider};
use crate::telemetry::metrics::MerchantMetrics;
use crate::turns::Turns;

/// One merchant's desk: what it may do, and the ways out.
#[derive(Debug)]
pub struct Desk<P, O, C: Clock> {
    /// The merchant's name.
    pub merchant: String,
    /// The merchant's series.
    pub metrics: Arc<MerchantMetrics>,
    /// What follows from what.
    pub policy: Policy,
    /// How old a delivery may be at its first create.
    pub hold: Duration,
    /// How long a delivery may stay in hand before the broker takes it back.
    pub in_hand_max: Duration,
    /// The way to the provider.
    pub provider: P,
    /// The way to the broker.
    pub outbox: O,
    /// Time.
    pub clock: C,
    /// The line in front of the provider.
    pub turns: Turns<C>,
    /// What was handled lately.
    pub memory: Memory,
    /// What is running.
    pub alone: Alone,
    /// Room for deliveries that wait in hand.
    pub room: Semaphore,
    /// Whether details has shown a link of this merchant to this process.
    pub proof: Proof,
    /// Under the strict setting, the moment of the steady clock before which nothing is created.
    pub hold_off: watch::Sender<Duration>,
    /// Which ways out to the broker are shut.
    pub exits: Exits,
    /// Ends when the process is to stop.
    pub stopping: CancellationToken,
}

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Begins as whoever has just become the active consumer: another process may have sent until
    /// now, so one call goes at a time, and under the strict setting none is a create until what
    /// the other one sent had time to show.
    pub fn took_over(&self) {
        self.turns.took_over();
        let now = self.clock.now().steady;
        self.proof.expect_until(now.saturating_add(self.policy.quarantine));
        if self.policy.is_strict() {
            let wait = self.policy.quarantine.saturating_add(self.hold);
            self.hold_off.send_replace(now.saturating_add(wait));
        }
    }

    /// How long nothing may be created yet.
    pub(super) fn held_off(&self, now: Moment) -> Duration {
        self.hold_off.borrow().saturating_sub(now.steady)
    }
}
