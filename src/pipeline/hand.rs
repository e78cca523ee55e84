//! A delivery in hand, and what ends its stay there.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use crate::ports::{Clock, Delivered, Delivery, Moment, Outbox, Provider};

/// One delivery in hand.
#[derive(Debug)]
pub(super) struct Hand<D> {
    /// The delivery.
    pub(super) delivery: D,
    /// Ends when the channel has ended that it came by.
    pub(super) lost: CancellationToken,
}

/// Why a delivery does not stay in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The process is to stop.
    Stopping,
    /// The gate is closed.
    GateClosed,
    /// It was held for too long.
    TooOld,
    /// There is no room to remember it.
    NoRoom,
    /// Its channel has ended; it is not ours any more.
    Lost,
}

impl Halt {
    /// The word in the log.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::GateClosed => "gate closed",
            Self::TooOld => "held too long",
            Self::NoRoom => "no room to remember it",
            Self::Lost => "channel ended",
        }
    }
}

impl<D: Delivery> Hand<D> {
    /// What the delivery brought.
    pub(super) fn delivered(&self) -> &Delivered {
        self.delivery.delivered()
    }

    /// How long it has been in hand, by both clocks.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.delivered().received)
    }

    /// Waits for something that is no call, for at most so long.
    pub(super) async fn unless_halted<T, P: Provider, O: Outbox, C: Clock>(
        &self,
        desk: &Desk<P, O, C>,
        patience: Duration,
        wait: impl Future<Output = T> + Send,
    ) -> Result<T, Halt> {
        if desk.stopping.is_cancelled() {
            return Err(Halt::Stopping);
        }
        tokio::select! {
            biased;
            done = wait => Ok(done), // first, because nearly always it is done at once
            () = self.lost.cancelled() => Err(Halt::Lost),
            () = desk.stopping.cancelled() => Err(Halt::Stopping),
            () = desk.clock.sleep(patience) => Err(Halt::TooOld),
        }
    }

    /// Waits so long in hand. Returns how long was really waited, and what ended it early.
    pub(super) async fn wait<P: Provider, O: Outbox, C: Clock>(
        &self,
        desk: &Desk<P, O, C>,
        duration: Duration,
    ) -> (Duration, Result<(), Halt>) {
        let started = desk.clock.now().steady;
        let ended = tokio::select! {
            biased;
            () = self.lost.cancelled() => Err(Halt::Lost),
            () = desk.stopping.cancelled() => Err(Halt::Stopping),
            () = desk.turns.closed() => Err(Halt::GateClosed),
            () = desk.clock.sleep(duration) => Ok(()),
        };
        (desk.clock.now().steady.saturating_sub(started), ended)
    }
}
