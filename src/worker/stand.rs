//! Reports the state of a merchant's admission whenever it changes.

use super::Worker;
use crate::admission::AdmissionState;
use crate::admission::circuit_breaker::BreakerState;
use crate::admission::signal::TripReason;
use crate::ports::{Clock, Ports};
use crate::telemetry::metrics::CallFailure;
use crate::telemetry::status::{CircuitBreakerState, Time};

impl<P: Ports> Worker<P> {
    /// Runs as long as it is polled.
    pub(super) async fn show_admission(&self) {
        loop {
            let (AdmissionState { breaker, throttled_until }, changed) =
                self.context.scheduler.watch();
            self.status.set_circuit_breaker(&self.shown(breaker));
            self.status.set_throttle(throttled_until);
            changed.await;
        }
    }

    fn shown(&self, breaker: BreakerState) -> CircuitBreakerState {
        match breaker {
            BreakerState::Closed => CircuitBreakerState::Closed,
            BreakerState::HalfOpen { after, .. } => {
                let last =
                    |why| self.last_failure(why).map(|last| format!("; last failure: {last}"));
                let why = |why: TripReason| format!("{why}{}", last(why).unwrap_or_default());
                CircuitBreakerState::HalfOpen { after: after.map(why) }
            }
            BreakerState::Open { why, probe_at } => CircuitBreakerState::Open {
                reason: why.to_string(),
                cause: self.last_failure(why),
                until: probe_at.map(|due| self.context.clock.now().wall_at(due)).map(Time),
            },
        }
    }

    /// The call that failed last, where the reason does not say what was answered.
    fn last_failure(&self, why: TripReason) -> Option<CallFailure> {
        match why {
            TripReason::Down(_) => self.context.metrics.last_failure(),
            TripReason::Denied(_) | TripReason::Misdirected(_) | TripReason::ForeignLink => None,
        }
    }
}
