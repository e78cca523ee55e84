//! One merchant's status.

use std::sync::Arc;
use std::time::Duration;

use strum::VariantNames as _;

use super::{
    CircuitBreakerState, Component, ConsumerState, MerchantState, OnItsWay, Pause as Wait, Paused,
    Since, SpendLimit, Status, Time,
};
use crate::domain::control::Pause;
use crate::domain::spending::LimitReached;
use crate::telemetry::events;
use crate::telemetry::metrics::{CallFailure, MerchantMetrics};

/// Where one merchant's worker reports its status. Clones share it.
#[derive(Clone, Debug)]
pub struct MerchantStatus {
    pub(super) status: Status,
    pub(super) metrics: Arc<MerchantMetrics>,
    pub(super) on_its_way: Arc<OnItsWay>,
}

impl CircuitBreakerState {
    /// Why nothing is sent, if it is open.
    pub(in crate::telemetry) fn why_open(&self) -> Option<String> {
        match self {
            Self::Open { reason, cause: Some(cause), .. } => {
                Some(format!("{reason}; last failure: {cause}"))
            }
            Self::Open { reason, cause: None, .. } => Some(reason.clone()),
            Self::Closed | Self::HalfOpen { .. } => None,
        }
    }

    /// Whether only the time of the next probe differs: in a long outage there are many probes.
    fn is_same_but_for_the_time(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Open { reason, cause, until: _ },
                Self::Open { reason: other, cause: others, until: _ },
            ) => {
                // Which call it was says little: another one fails first the next time.
                let text = |cause: &Option<CallFailure>| cause.as_ref().map(|it| it.cause.clone());
                reason == other && text(cause) == text(others)
            }
            // What it is open after was said when it opened.
            (Self::HalfOpen { .. }, Self::HalfOpen { .. }) => true,
            (Self::Closed | Self::HalfOpen { .. } | Self::Open { .. }, other) => self == other,
        }
    }
}

impl MerchantStatus {
    /// It consumes nothing yet: until it does, or says why not, it is not ready.
    pub fn starting(&self) {
        let merchant = self.merchant().to_owned();
        let sentence = format!("merchant {merchant}: it is starting, and consumes nothing yet");
        self.status.insert(Component::Start, Some(merchant), sentence);
    }

    /// Reports what of this merchant is not ready and what to do, in a sentence.
    pub fn raise(&self, component: Component, sentence: &str) {
        let sentence = format!("merchant {}: {sentence}", self.merchant());
        self.status.raise_for(component, Some(self.merchant()), sentence);
    }

    /// Clears what was raised, if anything was.
    pub fn clear(&self, component: Component) {
        self.status.clear_for(component, Some(self.merchant()));
    }

    /// Takes back what was raised, if anything was: another reason stands for it, or nobody finds
    /// out any more whether it holds.
    pub fn withdraw(&self, component: Component) {
        self.status.withdraw_for(component, Some(self.merchant()));
    }

    pub fn set_consumer(&self, state: ConsumerState) {
        self.metrics.set_consumer_state(ConsumerState::VARIANTS, state.into_str());
        let now = self.status.now().wall;
        if state == ConsumerState::Standby {
            self.withdraw(Component::Start);
            self.metrics.forget_doubts();
            self.on_its_way.forget_returned();
        }
        if self.change(|merchant| merchant.consumer.becomes(state, now)) {
            events::consumer_changed(self.merchant(), state);
        }
    }

    pub fn set_circuit_breaker(&self, state: &CircuitBreakerState) {
        self.metrics.set_circuit_breaker_state(CircuitBreakerState::VARIANTS, state.into_str());
        let now = Time(self.status.now().wall);
        let has_changed = self.change(|merchant| {
            let Since { is, since } = &mut merchant.circuit_breaker;
            let has_changed = !is.is_same_but_for_the_time(state);
            // It may stay open for another reason than it opened.
            if std::mem::discriminant(is) != std::mem::discriminant(state) {
                *since = now;
            }
            is.clone_from(state);
            has_changed
        });
        if has_changed {
            events::circuit_breaker_changed(self.merchant(), state);
        }
    }

    /// The pause that the provider asked for, until a moment of the steady clock.
    pub fn set_throttle(&self, until: Option<Duration>) {
        self.metrics.throttled.set(until.is_some().into());
        let now = self.status.now();
        let until = until.map(|until| now.wall_at(until));
        let has_begun = self.change(|merchant| {
            let since = merchant.throttle.as_ref().map_or(Time(now.wall), |before| before.since);
            let pause = until.map(|until| Since { is: Wait { until: Time(until) }, since });
            std::mem::replace(&mut merchant.throttle, pause).is_none()
        });
        if has_begun && let Some(until) = until {
            events::throttled(self.merchant(), until);
        }
    }

    /// The limit on money that is reached, or none.
    pub fn set_limit_reached(&self, reached: Option<LimitReached>) {
        let now = Time(self.status.now().wall);
        let has_changed = self.change(|merchant| {
            let since = merchant.spend_limit.as_ref().map_or(now, |before| before.since);
            let is = |reached: LimitReached| SpendLimit {
                key: reached.window.key(),
                used: reached.used.to_string(),
                limit: reached.limit.to_string(),
                amount: reached.amount.to_string(),
                until: Time(reached.until),
            };
            let limit = reached.map(|reached| Since { is: is(reached), since });
            let was_reached = merchant.spend_limit.is_some();
            merchant.spend_limit = limit;
            was_reached != reached.is_some()
        });
        if has_changed {
            events::spend_limit_changed(self.merchant(), reached);
        }
    }

    /// An operator has paused the merchant, but for so many intents; or nobody has.
    pub fn set_paused(&self, pause: Option<&Pause>, allowed: u32) {
        self.metrics.paused.set(pause.is_some().into());
        let paused = pause.map(|pause| Paused {
            actor: pause.actor.clone(),
            reason: pause.reason.clone(),
            since: Time(pause.since),
            allowed,
        });
        let has_changed = self.change(|merchant| {
            let was_paused = merchant.paused.is_some();
            merchant.paused = paused;
            was_paused != pause.is_some()
        });
        if has_changed {
            events::paused(self.merchant(), pause);
        }
    }

    /// Under the strict policy nothing is created for this long, since another process may have been
    /// sending until now.
    pub fn set_takeover(&self, wait: Duration) {
        let now = self.status.now();
        let until = Time(now.wall_at(now.steady.saturating_add(wait)));
        let takeover = Since { is: Wait { until }, since: Time(now.wall) };
        self.change(|merchant| merchant.takeover.replace(takeover).is_none());
        events::takeover_begun(self.merchant(), until.0);
    }

    /// What this process has in flight for the merchant.
    pub fn on_its_way(&self) -> Arc<OnItsWay> {
        Arc::clone(&self.on_its_way)
    }

    fn merchant(&self) -> &str {
        self.metrics.merchant()
    }

    fn change(&self, change: impl FnOnce(&mut MerchantState) -> bool) -> bool {
        self.status.lock().merchants.get_mut(self.merchant()).is_some_and(change)
    }
}
