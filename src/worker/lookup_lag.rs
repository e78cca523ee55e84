//! Measures how late lookups show links: now and then a link that was just made is looked up until
//! it is shown, by requests that nothing else waits for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::context::MerchantContext;
use crate::domain::call::Priority;
use crate::domain::classify::lookup::Lookup;
use crate::domain::lookup_lag::{LookupLag, schedule};
use crate::domain::reference::Reference;
use crate::ports::{Clock, Ports};
use crate::telemetry::events;

/// One link in so many is measured.
const ONE_IN: u64 = 100;
/// How often the figures are logged, at the most.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// The figures of one merchant, and the link that is measured next.
#[derive(Debug, Default)]
pub(super) struct LagTracker {
    figures: Mutex<LookupLag>,
    next: Mutex<Next>,
    offered: Notify,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Next {
    made: u64,
    link: Option<Made>,
    logged_at: Option<Duration>,
}

#[derive(Debug)]
struct Made {
    reference: Reference,
    at: Duration,
}

impl LagTracker {
    /// Takes in that a link was made at this moment of the steady clock.
    pub(super) fn offer(&self, reference: &Reference, at: Duration) {
        let mut next = self.next();
        next.made = next.made.saturating_add(1);
        if next.made.is_multiple_of(ONE_IN) {
            next.link = Some(Made { reference: reference.clone(), at });
            self.offered.notify_one();
        }
    }

    pub(super) fn figures(&self) -> LookupLag {
        self.lock().clone()
    }

    /// Takes in what an earlier process has measured.
    pub(super) fn restore(&self, earlier: LookupLag) {
        self.lock().merge(earlier);
    }

    /// Ends when another link was measured.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn offered(&self) -> Made {
        loop {
            if let Some(made) = self.next().link.take() {
                return made;
            }
            self.offered.notified().await;
        }
    }

    /// Whether a day has passed since the figures were logged, or since the first of them.
    fn is_day_over(&self, now: Duration) -> bool {
        let mut next = self.next();
        let since = *next.logged_at.get_or_insert(now);
        let is_over = now.saturating_sub(since) >= LOGGED_EVERY;
        if is_over {
            next.logged_at = Some(now);
        }
        is_over
    }

    fn lock(&self) -> MutexGuard<'_, LookupLag> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Ports> MerchantContext<P> {
    /// Measures the links that were offered, one after another. Runs as long as it is polled.
    pub(super) async fn measure_lookup_lag(&self) {
        loop {
            let made = self.lookup_lag.offered().await;
            self.measure(&made).await;
        }
    }

    /// A link whose lookups come too late, or are not answered, says nothing of the lag.
    async fn measure(&self, made: &Made) {
        let quarantine = self.policy.quarantine;
        let mut steps = schedule(quarantine).peekable();
        while let Some(step) = steps.next() {
            let due = made.at.saturating_add(step);
            self.clock.sleep(due.saturating_sub(self.clock.now().steady)).await;
            let until = made.at.saturating_add(*steps.peek().unwrap_or(&(step * 2)));
            match self.look_up_to_spare(&made.reference, until).await {
                Some(true) => return self.lag_measured(made, Some(step)),
                Some(false) => {}
                None => return,
            }
        }
        self.lag_measured(made, None);
    }

    /// Whether a link is shown, by a lookup that is sent before `until` of the steady clock; `None`
    /// if there was none, or no answer.
    async fn look_up_to_spare(&self, reference: &Reference, until: Duration) -> Option<bool> {
        let patience = until.saturating_sub(self.clock.now().steady);
        let lookup = self.look_up_in_background(reference, Priority::Spare, patience).await?;
        events::lag_lookup_ended(&self.metrics, reference, lookup.word());
        match lookup {
            Lookup::Found(_) => Some(true),
            Lookup::NotFound => Some(false),
            Lookup::Failed(_) | Lookup::NoToken(_) | Lookup::Throttled(_) | Lookup::Denied(_) => {
                None
            }
        }
    }

    fn lag_measured(&self, made: &Made, lag: Option<Duration>) {
        let mut figures = self.lookup_lag.lock();
        match lag {
            Some(lag) => figures.record(lag),
            None => figures.record_missed(),
        }
        events::lag_measured(&self.metrics, &made.reference, lag, self.policy.quarantine);
        if self.lookup_lag.is_day_over(self.clock.now().steady) {
            events::lag_summed_up(&self.metrics, &figures);
        }
        self.metrics.set_lookup_lag(figures.clone());
        self.lookup_lag.changed.notify_one();
    }
}
