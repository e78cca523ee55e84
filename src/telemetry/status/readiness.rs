//! What `/readyz` says, for a person.

use jiff::Timestamp;

use super::snapshot::NotReady;
use super::time::span;
use super::{MerchantState, State, Status, Time};

impl Status {
    /// Every reason why this process is not ready, as a sentence; none if it is.
    pub fn reasons(&self) -> Vec<String> {
        sentences(self.lock().reasons(self.now().wall))
    }

    /// What a person should know of, though it keeps nothing from being ready.
    pub fn notes(&self) -> Vec<String> {
        let now = self.now();
        let mut state = self.lock();
        state.dead_letters.refresh(now);
        sentences(state.notes(now.wall))
    }

    /// How many intents may have made a link and are not settled yet.
    pub fn in_doubt(&self) -> i64 {
        let state = self.lock();
        let levels = state.merchants.values().map(|merchant| merchant.metrics.waiting_levels());
        levels.map(|(_, _, in_doubt)| in_doubt).sum()
    }

    /// Whether this process is ready; and why not, since when, and how much waits for it.
    pub fn readiness(&self) -> (bool, Vec<String>) {
        self.end_pauses();
        let moment = self.now();
        let mut state = self.lock();
        state.dead_letters.refresh(moment);
        let now = moment.wall;
        let reasons = state.reasons(now);
        let is_ready = reasons.is_empty();
        let notes = state.notes(now);
        let is_calm = is_ready && notes.is_empty();
        let mut lines: Vec<_> = if is_ready {
            vec!["The worker is ready.".to_owned()]
        } else {
            reasons.into_iter().map(|reason| reason.line(now)).collect()
        };
        lines.extend(notes.into_iter().map(|note| format!("note: {}", note.line(now))));
        if !is_calm {
            lines.extend(state.waiting(now));
        }
        lines.dedup(); // several connections can be down for the same reason
        (is_ready, lines)
    }
}

fn sentences(reasons: Vec<NotReady>) -> Vec<String> {
    let mut sentences: Vec<_> = reasons.into_iter().map(|reason| reason.reason).collect();
    sentences.dedup();
    sentences
}

impl NotReady {
    fn line(self, now: Timestamp) -> String {
        let since = self.since.0;
        format!("{}; since {since:.0}, for {}", self.reason, span(since, now))
    }
}

impl State {
    /// How much waits, for each merchant that anything waits for, and on the queues of all.
    fn waiting(&self, now: Timestamp) -> Vec<String> {
        let counted = self.queues.counted_at.map(|Time(at)| span(at, now));
        let merchants = self.merchants.iter().filter_map(|(name, merchant)| {
            let waiting = merchant.waiting(counted.as_deref())?;
            Some(format!("merchant {name}: {waiting}"))
        });
        let retries = (self.queues.retries > 0)
            .then(|| format!("all merchants: {} on the retry queues", self.queues.retries));
        merchants.chain(retries).collect()
    }
}

impl MerchantState {
    fn waiting(&self, counted: Option<&str>) -> Option<String> {
        let (calls, held, in_doubt) = self.metrics.waiting_levels();
        let ready = self.queue.map(|queue| queue.ready);
        if ready.is_none_or(|ready| ready == 0) && calls + held + in_doubt == 0 {
            return None;
        }
        let queue = match (ready, counted) {
            (Some(ready), Some(counted)) => format!("{ready} in the queue {counted} ago"),
            _ => "an unknown number in the queue".to_owned(),
        };
        Some(format!(
            "{queue}, {calls} here for a call, {held} here for their next step; in \
             doubt: {in_doubt}"
        ))
    }
}
