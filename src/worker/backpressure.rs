//! Holds new work back while results cannot be published: a link that cannot be sent to anyone must
//! not be made.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::admission::scheduler::Scheduler;
use crate::ports::{Clock, PublishError};
use crate::telemetry::status::{Component, MerchantStatus};

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PublishTarget {
    Results,
    Retries,
    Parked,
}

/// Which targets refuse messages, and whether RabbitMQ accepts any at all.
#[derive(Debug)]
pub(super) struct Backpressure<C: Clock> {
    scheduler: Scheduler<C>,
    status: MerchantStatus,
    refusals: Mutex<Refusals>,
}

#[derive(Debug, Default)]
struct Refusals {
    // How many publishes are being refused. One that succeeds says nothing of the others: a queue
    // may be bound only for `link.created`.
    results: usize,
    retries: usize,
    parked: usize,
    blocked: bool,
}

/// A publish that is being refused: nothing new is started while there is one. Dropping it takes
/// its reason back, since nothing would try the target any more.
pub(super) struct Refusal<'a, C: Clock> {
    backpressure: &'a Backpressure<C>,
    target: PublishTarget,
    error: PublishError,
    is_resolved: bool,
}

impl PublishTarget {
    fn component(self) -> Component {
        match self {
            Self::Results => Component::Results,
            Self::Retries => Component::Retries,
            Self::Parked => Component::Parked,
        }
    }

    fn sentence(self, error: PublishError) -> String {
        let what = match self {
            Self::Results => "its events",
            Self::Retries => "what is to be retried",
            Self::Parked => "what is to be parked",
        };
        let why = match (self, error) {
            (Self::Results, PublishError::Unroutable) => {
                "no queue is bound to the results exchange for them; bind one"
            }
            (Self::Retries | Self::Parked, PublishError::Unroutable) => {
                "no queue is bound to its exchange; run `smartsend topology apply`"
            }
            (_, PublishError::Refused | PublishError::Unconfirmed) => {
                "RabbitMQ refuses it: a queue is full or cannot be reached, the exchange is missing, \
                 or this login may not write to it"
            }
        };
        format!("{what} cannot be published: {why}; nothing new is started")
    }
}

impl Refusals {
    fn of(&mut self, target: PublishTarget) -> &mut usize {
        match target {
            PublishTarget::Results => &mut self.results,
            PublishTarget::Retries => &mut self.retries,
            PublishTarget::Parked => &mut self.parked,
        }
    }

    fn any(&self) -> bool {
        self.blocked || self.results > 0 || self.retries > 0 || self.parked > 0
    }
}

impl<C: Clock> Backpressure<C> {
    pub(super) fn new(scheduler: Scheduler<C>, status: MerchantStatus) -> Self {
        Self { scheduler, status, refusals: Mutex::default() }
    }

    /// Counts a refused publish until the guard is dropped.
    pub(super) fn refuse(&self, target: PublishTarget, error: PublishError) -> Refusal<'_, C> {
        let mut refusals = self.lock();
        let count = refusals.of(target);
        *count = count.saturating_add(1);
        if *count == 1 {
            self.status.raise(target.component(), &target.sentence(error));
        }
        self.scheduler.set_backpressure(true);
        Refusal { backpressure: self, target, error, is_resolved: false }
    }

    /// RabbitMQ accepts no publishes, or accepts them again.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let mut refusals = self.lock();
        refusals.blocked = blocked;
        self.scheduler.set_backpressure(refusals.any());
    }

    /// The scheduler learns of a change under the same lock. Otherwise two changes at once could
    /// leave it waiting while no target refuses.
    fn lock(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> Refusal<'_, C> {
    /// It is refused again, perhaps for another reason.
    pub(super) fn repeat(&mut self, error: PublishError) {
        if std::mem::replace(&mut self.error, error) != error {
            let sentence = self.target.sentence(error);
            self.backpressure.status.raise(self.target.component(), &sentence);
        }
    }

    /// The publish was accepted.
    pub(super) fn resolve(mut self) {
        self.is_resolved = true;
    }
}

impl<C: Clock> Drop for Refusal<'_, C> {
    fn drop(&mut self) {
        let mut refusals = self.backpressure.lock();
        let count = refusals.of(self.target);
        *count = count.saturating_sub(1);
        if *count == 0 {
            let (status, component) = (&self.backpressure.status, self.target.component());
            if self.is_resolved { status.clear(component) } else { status.withdraw(component) }
        }
        self.backpressure.scheduler.set_backpressure(refusals.any());
    }
}
