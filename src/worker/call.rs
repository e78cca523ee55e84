//! One call: a token, a permit, the last checks, the send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::context::MerchantContext;
use super::in_flight::InFlight;
use crate::admission::scheduler::Permit;
use crate::admission::signal::Signal;
use crate::domain::call::{CallResult, Priority};
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::Lookup;
use crate::domain::classify::manage::ManageOutcome;
use crate::domain::decide::{CreateCall, Input, Interrupted, LookupCall, ManageCall, Start};
use crate::domain::intent::Intent;
use crate::domain::link::Link;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Delivery, Moment, Ports, Provider, Token, TokenError};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;

/// How many times the 401 of a call that may be repeated is answered with a new token.
const NEW_TOKENS_MAX: u32 = 1;

/// A token and a permit, or what was seen of the token endpoint instead.
type Leave<C> = Result<(Token, Permit<C>), CallResult>;

impl<P: Ports> InFlight<'_, P> {
    /// Sends a create, unless the last checks forbid it.
    pub(super) async fn create(&self, call: &CreateCall<'_>) -> Input<Outcome> {
        self.try_create(call).await.unwrap_or_else(Interrupted::at_once)
    }

    /// Looks the intent's reference up.
    pub(super) async fn lookup(&self, intent: &Intent, call: LookupCall) -> Input<Outcome> {
        let (context, reference) = (self.context, &intent.reference);
        if call.precedes_create && context.pause_switch.is_closed() {
            return call.interrupted(Interrupted::Paused);
        }
        if call.precedes_create && !context.has_room_to_spend(intent.amount) {
            return call.interrupted(Interrupted::LimitReached);
        }
        self.look_up(reference, call, |lookup| {
            let is_of_another = |link: &Link| context.given_links.is_of_another(link, reference);
            let lookup = lookup.unless_repeated(is_of_another);
            if let Some(compared) = lookup.shows_link_of(intent) {
                context.readback.give(reference, None, compared.equal_fields());
            }
            lookup
        })
        .await
    }

    /// Looks a reference up, and passes on what `seen` makes of that.
    pub(super) async fn look_up<O>(
        &self,
        reference: &Reference,
        call: LookupCall,
        seen: impl Fn(Lookup) -> Lookup + Send,
    ) -> Input<O> {
        let looked_up = self.try_lookup(reference, call, seen).await;
        looked_up.map_or_else(|why| call.interrupted(why), Input::Lookup)
    }

    async fn try_create(&self, call: &CreateCall<'_>) -> Result<Input<Outcome>, Interrupted> {
        let context = self.context;
        let reference = &call.intent().reference;
        let started = context.clock.now().steady;
        if context.pause_switch.is_closed() {
            return Err(Interrupted::Paused);
        }
        if call.is_new_spending() && !context.has_room_to_spend(call.intent().amount) {
            return Err(Interrupted::LimitReached);
        }
        // The permit is kept until admission knows what the call showed. Otherwise the next one
        // would be sent into the same throttle.
        let leave = self.token_and_permit(call.priority(), call.must_start_by()).await?;
        let (token, permit) = match leave {
            Ok(both) => both,
            Err(result) => {
                let outcome = Outcome::classify(result, reference, &context.policy.rules);
                context.scheduler.record(None, Signal::of_create(&outcome));
                return Ok(Input::Attempted(outcome));
            }
        };
        self.check_still_ours(call.needs_vouching()).await?;
        match call.start(&self.surroundings()) {
            Start::Now => {}
            Start::Late => return Err(Interrupted::Late),
            Start::Overdue => return Ok(Input::Start),
        }
        let timing = Timing { started, sent: context.clock.now().steady };
        let leave = context.leave_to_create(call, timing.sent)?;
        let exchange = context.provider.create(&token, call);
        let result = events::trace_call(&context.metrics, CallKind::Create, exchange).await;
        let is_unauthorized = context.discard_if_unauthorized(&token, &result);
        let outcome = if is_unauthorized && call.may_renew_token() {
            Outcome::StaleToken
        } else {
            Outcome::classify(result, reference, &context.policy.rules)
                .unless_repeated(|link| context.given_links.is_of_another(link, reference))
        };
        context.create_ended(leave, reference, &outcome);
        context.scheduler.record(Some(&permit), Signal::of_create(&outcome));
        context.attempt_ended(outcome.is_answered());
        context.call_ended(CallKind::Create, outcome.word(), timing);
        if let Outcome::Created(made) = &outcome {
            context.given_links.insert(&made.link, reference);
            context.offer_readback(call.intent(), &made.link);
            context.lookup_lag.offer(reference, context.clock.now().steady);
        }
        Ok(Input::Attempted(outcome))
    }

    async fn try_lookup(
        &self,
        reference: &Reference,
        call: LookupCall,
        seen: impl Fn(Lookup) -> Lookup + Send,
    ) -> Result<Lookup, Interrupted> {
        let context = self.context;
        let mut timing = Timing::from(context.clock.now());
        let mut tries = 0;
        // Ahead of a create that could not follow, a lookup would only take the permit of one that
        // ends an intent, and so makes room.
        if call.precedes_create && !context.dedup.has_room_for(reference, timing.started) {
            return Err(Interrupted::CacheFull);
        }
        let (result, permit) = loop {
            let leave = self.token_and_permit(call.priority, call.must_start_by).await?;
            let (token, permit) = match leave {
                Ok(both) => both,
                Err(result) => break (result, None),
            };
            timing.sent = context.clock.now().steady;
            let exchange = context.provider.lookup(&token, reference);
            let result = events::trace_call(&context.metrics, CallKind::Lookup, exchange).await;
            if !context.wants_new_token(CallKind::Lookup, &result, &token, &mut tries) {
                break (result, Some(permit));
            }
        };
        let lookup = seen(Lookup::classify(result, reference, &context.policy.rules));
        context.scheduler.record(permit.as_ref(), Signal::of_lookup(&lookup));
        context.lookup_ended(&lookup);
        if permit.is_some() {
            context.call_ended(CallKind::Lookup, lookup.word(), timing);
        }
        Ok(lookup)
    }

    /// Sends a cancel or an extend, unless the last checks forbid it.
    pub(super) async fn manage(&self, call: &ManageCall<'_>) -> Input<ManageOutcome> {
        self.try_manage(call).await.map_or_else(Interrupted::at_once, Input::Attempted)
    }

    async fn try_manage(&self, call: &ManageCall<'_>) -> Result<ManageOutcome, Interrupted> {
        let context = self.context;
        let (kind, reference) = (CallKind::of_command(call.command()), &call.command().reference);
        let mut timing = Timing::from(context.clock.now());
        let mut tries = 0;
        let (result, permit) = loop {
            let leave = self.token_and_permit(call.priority(), call.must_start_by()).await?;
            let (token, permit) = match leave {
                Ok(both) => both,
                Err(result) => break (result, None),
            };
            self.check_still_ours(call.needs_vouching()).await?;
            if call.start(&self.surroundings()) != Start::Now {
                return Err(Interrupted::Late);
            }
            timing.sent = context.clock.now().steady;
            let exchange = context.provider.manage(&token, call);
            let result = events::trace_call(&context.metrics, kind, exchange).await;
            if !context.wants_new_token(kind, &result, &token, &mut tries) {
                break (result, Some(permit));
            }
        };
        let outcome = ManageOutcome::classify(result, reference);
        context.scheduler.record(permit.as_ref(), Signal::of_manage(&outcome));
        context.attempt_ended(outcome.is_answered());
        if permit.is_some() {
            context.call_ended(kind, outcome.word(), timing);
        }
        Ok(outcome)
    }

    /// Gets a token and then a permit: a token takes time, and a permit must not get old.
    async fn token_and_permit(
        &self,
        priority: Priority,
        must_start_by: Duration,
    ) -> Result<Leave<P::Clock>, Interrupted> {
        let context = self.context;
        let _waiting = context.metrics.waiting();
        // A token that cannot be kept still serves the call that asked for it.
        let mut brought = None;
        loop {
            if context.provider.token().is_none() {
                brought = match self.bring_token(must_start_by).await? {
                    Ok(token) => Some(token),
                    Err(result) => return Ok(Err(result)),
                };
            }
            let permit = self.until(must_start_by, context.scheduler.acquire(priority)).await?;
            let permit = permit.map_err(|_| Interrupted::BreakerOpen)?;
            // The token may have expired during the wait. Then the permit is left unused.
            if let Some(token) = context.provider.token().or_else(|| brought.take()) {
                return Ok(Ok((token, permit)));
            }
        }
    }

    /// Requests a token. A request that was written is waited for though the delivery is late by
    /// now, for up to a quarantine, which is longer than a call: its answer is for all that wait.
    /// Where each of them gave up, and began anew what the one before had begun, none would ever
    /// see an answer.
    async fn bring_token(
        &self,
        must_start_by: Duration,
    ) -> Result<Result<Token, CallResult>, Interrupted> {
        let context = self.context;
        let written = Arc::new(AtomicBool::new(false));
        // Boxed, since it is rarely needed and larger than all the rest of a call.
        let mut asked = Box::pin(async {
            tokio::select! {
                biased;
                asked = context.new_token(Priority::Token, Arc::clone(&written)) => Ok(asked),
                () = context.scheduler.opened() => Err(Interrupted::BreakerOpen),
            }
        });
        match self.until(must_start_by, asked.as_mut()).await {
            Err(Interrupted::Late) if written.load(Ordering::Relaxed) => {
                let longest = must_start_by.saturating_add(self.context.policy.quarantine);
                self.until(longest, asked).await.ok();
                Err(Interrupted::Late)
            }
            asked => asked?,
        }
    }

    /// An old delivery may belong to another process by now; one whose channel has ended does.
    async fn check_still_ours(&self, needs_vouching: bool) -> Result<(), Interrupted> {
        if self.channel_ended.is_cancelled() {
            return Err(Interrupted::ChannelEnded);
        }
        if needs_vouching && !self.delivery.still_ours().await {
            return Err(Interrupted::ChannelEnded);
        }
        Ok(())
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Requests a token, with a permit of its own. Says when the request is `written`.
    pub(super) async fn new_token(
        &self,
        priority: Priority,
        written: Arc<AtomicBool>,
    ) -> Result<Token, CallResult> {
        let permit = || {
            let (scheduler, written) = (self.scheduler.clone(), Arc::clone(&written));
            async move {
                // An open breaker grants no permit. Then no request may go out, and a caller that
                // waits here learns of it from the breaker itself.
                if scheduler.acquire(priority).await.is_err() {
                    std::future::pending::<()>().await;
                }
                written.store(true, Ordering::Relaxed);
            }
        };
        self.provider.new_token(permit).await.map_err(|why| match why {
            TokenError::Refused => CallResult::TokenRefused,
            TokenError::Throttled(retry_after) => CallResult::TokenThrottled(retry_after),
            TokenError::Unavailable(why) => CallResult::NotSent(why),
        })
    }

    /// A 401 to a call that may be repeated is answered with one new token and one more try.
    pub(super) fn wants_new_token(
        &self,
        call: CallKind,
        result: &CallResult,
        token: &Token,
        tries: &mut u32,
    ) -> bool {
        let is_unauthorized = self.discard_if_unauthorized(token, result);
        *tries = tries.saturating_add(1);
        let again = is_unauthorized && *tries <= NEW_TOKENS_MAX;
        if again {
            events::token_rejected(&self.metrics, call);
        }
        again
    }

    fn discard_if_unauthorized(&self, token: &Token, result: &CallResult) -> bool {
        let is_unauthorized = matches!(result, CallResult::Answered(it) if it.status == 401);
        if is_unauthorized {
            self.provider.discard(token);
        }
        is_unauthorized
    }

    fn offer_readback(&self, intent: &Intent, link: &Link) {
        let now = self.clock.now();
        let made_at = self.clock_drift.agrees(now).then_some(now.wall);
        self.readback.offer_fresh(intent, link, made_at, now.steady);
    }

    fn call_ended(&self, call: CallKind, outcome: &'static str, at: Timing) {
        let waited = at.sent.saturating_sub(at.started);
        let took = self.clock.now().steady.saturating_sub(at.sent);
        events::call_ended(&self.metrics, call, outcome, waited, took);
    }
}

/// When a call began to wait for its permit, and when it was last sent.
#[derive(Clone, Copy)]
struct Timing {
    started: Duration,
    sent: Duration,
}

impl From<Moment> for Timing {
    fn from(now: Moment) -> Self {
        Self { started: now.steady, sent: now.steady }
    }
}
