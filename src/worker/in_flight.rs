//! A delivery that is being processed, and what interrupts it.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::context::MerchantContext;
use super::key_lock::KeyGuard;
use crate::domain::command::{self, Command, InvalidCommand};
use crate::domain::decide::{
    CommandCase, DeliveryInfo, Input, IntentCase, Interrupted, Surroundings,
};
use crate::domain::event;
use crate::domain::intent::wire::parse;
use crate::domain::intent::{Intent, Invalid};
use crate::domain::publisher_guard::{GuardRefusal, Publication};
use crate::domain::reference::Reference;
use crate::ports::{Clock, Delivered, Delivery, DeliveryOf, Moment, Ports};

/// One delivery from its arrival to its settlement.
pub(super) struct InFlight<'a, P: Ports> {
    pub(super) delivery: DeliveryOf<P>,
    /// Ends when the channel that the delivery came by has ended: then it is no longer ours.
    pub(super) channel_ended: CancellationToken,
    pub(super) context: &'a MerchantContext<P>,
}

impl<'a, P: Ports> InFlight<'a, P> {
    pub(super) fn delivered(&self) -> &Delivered {
        self.delivery.delivered()
    }

    /// How long it has been here, by the clock that shows more.
    pub(super) fn age(&self, now: Moment) -> Duration {
        now.since(self.delivered().received)
    }

    pub(super) fn parse(&self) -> Result<Intent, Box<Invalid>> {
        parse(&self.delivered().body, self.context.policy.account.api)
    }

    pub(super) fn parse_command(&self) -> Result<Command, Box<InvalidCommand>> {
        command::wire::parse(&self.delivered().body)
    }

    /// Why the guard does not let it through; `None` if it does.
    pub(super) fn refusal(&self) -> Option<GuardRefusal> {
        let Delivered { user_id, own, properties, headers, body, .. } = self.delivered();
        let publication = Publication {
            merchant: &self.context.merchant,
            user_id: user_id.as_deref(),
            own: *own,
            message_id: properties.message_id.as_deref(),
            headers,
            body,
        };
        self.context.publisher_guard.refuses(self.context.work, publication)
    }

    /// Does not wait for another delivery with this reference: that one may stay for a whole
    /// quarantine, and those that wait would use up the prefetch.
    pub(super) fn lock(&self, reference: &Reference) -> Result<KeyGuard<'a>, Interrupted> {
        let lock = self.context.key_lock.try_acquire(reference);
        // At a stop its own copy may be back before it is settled, and that is no trip.
        let is_stopping = self.context.stopping.is_cancelled();
        lock.ok_or(if is_stopping { Interrupted::Stopping } else { Interrupted::ReferenceBusy })
    }

    pub(super) fn open<'i>(&self, intent: &'i Intent) -> IntentCase<'i>
    where
        'a: 'i,
    {
        let now = self.context.clock.now();
        let dedup = &self.context.dedup;
        let name = || event::name_id(intent, &self.context.merchant);
        let info = DeliveryInfo {
            recent: dedup.holds(&intent.reference, now.steady),
            verdict: dedup.verdict_of(name, now.steady),
            ..self.info(now)
        };
        let case = IntentCase::open(intent, &self.context.policy, info);
        // What may have been sent by another process is remembered like what this one sent.
        if case.record().is_in_doubt() {
            dedup.insert(&intent.reference, now.steady);
        }
        case
    }

    /// A command may be sent twice without harm, so nothing is remembered of it.
    pub(super) fn open_command<'c>(&self, command: &'c Command) -> CommandCase<'c>
    where
        'a: 'c,
    {
        let now = self.context.clock.now();
        CommandCase::open(command, &self.context.policy, self.info(now))
    }

    /// What the broker says of the delivery.
    fn info<V>(&self, now: Moment) -> DeliveryInfo<'_, V> {
        let delivered = self.delivered();
        DeliveryInfo {
            headers: &delivered.headers,
            own: delivered.own,
            redelivered: delivered.redelivered,
            delivery_count: delivered.delivery_count,
            recent: false,
            verdict: None,
            now: now.wall,
        }
    }

    pub(super) fn surroundings(&self) -> Surroundings {
        let now = self.context.clock.now();
        Surroundings {
            now: now.wall,
            age: self.age(now),
            requests: self.context.scheduler.requests(),
            clocks_agree: self.context.clock_drift.agrees(now),
            readback: self.context.readback.evidence(),
            last_answers: self.context.last_answers(),
            no_create_for: self.context.takeover_delay(now),
        }
    }

    /// Holds the delivery through a wait, if a place is free. A copy on a retry queue comes back
    /// behind the whole backlog, so what fits is held. What the broker's `consumer_timeout` does
    /// not allow is not, nor is what keeps all others back.
    pub(super) async fn wait<O>(&self, duration: Duration) -> Input<O> {
        let age = self.age(self.context.clock.now());
        let fits =
            age.saturating_add(duration) <= self.context.held_max && !self.delivered().is_alone;
        let place = if fits { self.context.places.try_acquire().ok() } else { None };
        let Some(_place) = place else { return Interrupted::NoPlace(duration).at_once() };
        match self.sleep(duration).await {
            (waited, None) => Input::Waited(waited),
            (waited, Some(why)) => Input::Interrupted { why, waited },
        }
    }

    pub(super) async fn pause<O>(&self, duration: Duration) -> Input<O> {
        match self.sleep(duration).await {
            (_, None) => Input::Start,
            (_, Some(why)) => why.at_once(),
        }
    }

    pub(super) async fn pause_up_to<O>(&self, longest: Duration) -> Input<O> {
        self.pause(self.context.clock.part_of(longest)).await
    }

    /// Waits for something other than a call, until the delivery has this age.
    pub(super) async fn until<T>(
        &self,
        age: Duration,
        wait: impl Future<Output = T> + Send,
    ) -> Result<T, Interrupted> {
        if self.context.stopping.is_cancelled() {
            return Err(Interrupted::Stopping);
        }
        let left = age.saturating_sub(self.age(self.context.clock.now()));
        tokio::select! {
            biased;
            done = wait => Ok(done), // first, since it is nearly always done at once
            () = self.channel_ended.cancelled() => Err(Interrupted::ChannelEnded),
            () = self.context.stopping.cancelled() => Err(Interrupted::Stopping),
            () = self.context.clock.sleep(left) => Err(Interrupted::Late),
        }
    }

    /// Returns how long it really slept, and what ended it early.
    async fn sleep(&self, duration: Duration) -> (Duration, Option<Interrupted>) {
        let _held = self.context.metrics.held();
        let started = self.context.clock.now().steady;
        let interrupted = tokio::select! {
            biased;
            () = self.channel_ended.cancelled() => Some(Interrupted::ChannelEnded),
            () = self.context.stopping.cancelled() => Some(Interrupted::Stopping),
            () = self.context.scheduler.opened() => Some(Interrupted::BreakerOpen),
            () = self.context.clock.sleep(duration) => None,
        };
        (self.context.clock.now().steady.saturating_sub(started), interrupted)
    }
}
