//! One call: a token, a turn, the last checks, the send.

use std::time::Duration;

use tracing::Instrument as _;

use super::desk::Desk;
use super::hand::{Halt, Hand};
use super::memory::Entered;
use crate::domain::call::CallResult;
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::{Lookup, Match};
use crate::domain::decide::{Case, CreateCall, CreateKind};
use crate::domain::intent::Intent;
use crate::gate::Report;
use crate::ports::{Clock, Delivery, Moment, NoToken, Outbox, Provider, Token};
use crate::telemetry::events;
use crate::telemetry::metrics::CallKind;
use crate::turns::{Class, Turn};

/// What became of a create that was decided.
pub(super) enum Created {
    /// It was sent, and came to this.
    Outcome(Outcome),
    /// The turn was so long in coming that it has to be decided again.
    Overdue,
}

/// How often an answer of 401 is met with a new token.
const NEW_TOKENS_MAX: u32 = 1;

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    /// Sends a create, if at the last moment nothing speaks against it.
    pub(super) async fn create<D: Delivery>(
        &self,
        hand: &Hand<D>,
        case: &Case<'_>,
        call: CreateCall<'_>,
    ) -> Result<Created, Halt> {
        let now = self.clock.now();
        let (class, patience) = self.standing(hand, case, call.kind(), now);
        let reference = &call.intent().reference;
        let mut entered = Entered::Known;
        let mut timing = Timing::from(now);
        let mut tries = 0;
        // The turn is kept until the gate has heard what the call showed, or the next one would be
        // sent into the same throttle.
        let (result, turn) = loop {
            let (token, turn) = match self.token_and_turn(hand, class, patience).await? {
                Ok(both) => both,
                Err(result) => break (result, None),
            };
            let now = self.clock.now();
            if case.is_overdue(now.wall) {
                return Ok(Created::Overdue);
            }
            self.last_check(hand, call.kind(), now).await?;
            timing.sent = now.steady;
            entered = self.memory.enter(reference, timing.sent);
            if entered == Entered::Full {
                return Err(Halt::NoRoom);
            }
            let result = {
                let _in_flight = self.metrics.in_flight();
                let span = events::call_span(&self.metrics, CallKind::Create);
                self.provider.create(&token, &call).instrument(span).await
            };
            if !self.wants_new_token(CallKind::Create, &result, &token, &mut tries) {
                break (result, Some(turn));
            }
            if entered == Entered::Fresh {
                self.memory.forget(reference); // the next try may never come
            }
        };
        let outcome = Outcome::classify(result, reference, &self.policy.rules);
        // Only a create's own answer takes a reference out: a throttled look says nothing of
        // what was sent before it.
        if entered == Entered::Fresh && outcome.is_unprocessed() {
            self.memory.forget(reference);
        }
        self.turns.told_of(turn.as_ref(), Report::of_create(&outcome));
        if turn.is_some() {
            self.call_ended(CallKind::Create, outcome.word(), timing);
        }
        Ok(Created::Outcome(outcome))
    }

    /// Looks a reference up.
    pub(super) async fn lookup<D: Delivery>(
        &self,
        hand: &Hand<D>,
        intent: &Intent,
        case: &Case<'_>,
    ) -> Result<Lookup, Halt> {
        let now = self.clock.now();
        let mut timing = Timing::from(now);
        let mut tries = 0;
        let reference = &intent.reference;
        let class = if case.record().is_in_doubt() { Class::Lookup } else { Class::FirstLook };
        // Ahead of a create that could not follow, a lookup would only take the turn of one that ends
        // an intent, and so makes room.
        let leads_to_create = class == Class::FirstLook && !case.is_overdue(now.wall);
        if leads_to_create && !self.memory.has_room_for(reference, now.steady) {
            return Err(Halt::NoRoom);
        }
        let (result, turn) = loop {
            let (token, turn) = match self.token_and_turn(hand, class, self.hold).await? {
                Ok(both) => both,
                Err(result) => break (result, None),
            };
            timing.sent = self.clock.now().steady;
            let result = {
                let _in_flight = self.metrics.in_flight();
                let span = events::call_span(&self.metrics, CallKind::Lookup);
                self.provider.lookup(&token, reference).instrument(span).await
            };
            if !self.wants_new_token(CallKind::Lookup, &result, &token, &mut tries) {
                break (result, Some(turn));
            }
        };
        let look = Lookup::classify(result, reference, &self.policy.rules);
        // Another intent's link may have been made in any other way, and proves nothing.
        if let Lookup::Found(details) = &look
            && details.compare(intent) == Match::Same
        {
            self.proof.shown(reference);
        }
        self.turns.told_of(turn.as_ref(), Report::of_look(&look));
        if turn.is_some() {
            self.call_ended(CallKind::Lookup, look.word(), timing);
        }
        Ok(look)
    }

    /// A token and then a turn: a token takes time to get, and a turn must not get old.
    async fn token_and_turn<D: Delivery>(
        &self,
        hand: &Hand<D>,
        class: Class,
        patience: Duration,
    ) -> Result<Result<(Token, Turn<C>), CallResult>, Halt> {
        let _waiting = self.metrics.waiting();
        // One that cannot be kept still serves the call that asked for it.
        let mut brought = None;
        loop {
            if self.provider.token().is_none() {
                // In a box, for it is seldom needed and larger than all the rest of a call.
                let asked = Box::pin(async {
                    tokio::select! {
                        biased;
                        asked = self.new_token(Class::Token) => Ok(asked),
                        () = self.turns.closed() => Err(Halt::GateClosed),
                    }
                });
                brought = match hand.unless_halted(self, patience, asked).await?? {
                    Ok(token) => Some(token),
                    Err(why) => return Ok(Err(why)),
                };
            }
            let turn = hand.unless_halted(self, patience, self.turns.take(class)).await?;
            let turn = turn.map_err(|_| Halt::GateClosed)?;
            // The wait may have outlived the token. Then the turn is left unused.
            if let Some(token) = self.provider.token().or_else(|| brought.take()) {
                return Ok(Ok((token, turn)));
            }
        }
    }

    /// Where in the line a create stands, and how long it may stand there: what was not started
    /// when it has been held for `hold` goes back with its record.
    fn standing<D: Delivery>(
        &self,
        hand: &Hand<D>,
        case: &Case<'_>,
        kind: CreateKind,
        now: Moment,
    ) -> (Class, Duration) {
        let class = if case.was_tried() { Class::Retry } else { Class::New };
        match kind {
            CreateKind::First => (class, self.hold.saturating_sub(hand.age(now))),
            CreateKind::Resend => (Class::Retry, self.hold),
        }
    }

    /// Asks for a token, in a turn of its own.
    pub(super) async fn new_token(&self, class: Class) -> Result<Token, CallResult> {
        let turn = || {
            let turns = self.turns.clone();
            async move {
                // A closed gate gives no turn. Then nobody may ask, and whoever waits here is
                // told by the gate itself.
                if turns.take(class).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        self.provider.new_token(turn).await.map_err(|why| match why {
            NoToken::Refused => CallResult::TokenRefused,
            NoToken::Throttled(retry_after) => CallResult::TokenThrottled(retry_after),
            NoToken::Unavailable(why) => CallResult::NotSent(why),
        })
    }

    /// The last lookup around before the first byte.
    async fn last_check<D: Delivery>(
        &self,
        hand: &Hand<D>,
        kind: CreateKind,
        now: Moment,
    ) -> Result<(), Halt> {
        if hand.lost.is_cancelled() {
            return Err(Halt::Lost);
        }
        match kind {
            // An old delivery may be in other hands by now: of a process that was frozen, or cut
            // off, and does not know it yet.
            CreateKind::First if hand.age(now) >= self.hold => Err(Halt::TooOld),
            CreateKind::First => Ok(()),
            CreateKind::Resend if hand.delivery.still_ours().await => Ok(()),
            CreateKind::Resend => Err(Halt::Lost),
        }
    }

    /// A 401 is met with one new token and one more try: it was not processed.
    pub(super) fn wants_new_token(
        &self,
        call: CallKind,
        result: &CallResult,
        token: &Token,
        tries: &mut u32,
    ) -> bool {
        let unauthorized = matches!(result, CallResult::Answered(answer) if answer.status == 401);
        if unauthorized {
            self.provider.discard(token);
        }
        *tries = tries.saturating_add(1);
        let again = unauthorized && *tries <= NEW_TOKENS_MAX;
        if again {
            events::token_rejected(&self.metrics, call);
        }
        again
    }

    fn call_ended(&self, call: CallKind, outcome: &'static str, at: Timing) {
        let waited = at.sent.saturating_sub(at.started);
        let took = self.clock.now().steady.saturating_sub(at.sent);
        events::call_ended(&self.metrics, call, outcome, waited, took);
    }
}

/// When a call began to wait for its turn, and when it was sent last.
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
