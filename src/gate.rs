//! Whether anything may be sent at all.
//!
//! Some answers are about the whole merchant and not about one intent: too many requests, wrong
//! credentials, a wrong address. Trying the next intent would only burn it too. So the gate shuts,
//! and nothing is failed, counted or parked for it.
//!
//! ```text
//!            throttled                       denied, misdirected, foreign link
//!   Open ──────────────► Paused      any ─────────────────────────────────────► Closed
//!    ▲ ▲                   │ │                                                     │
//!    │ └──── time is up ───┘ └── the pause was cut ──► Probing ◄── a good probe ───┘
//!    └─────────────────────── a create is answered ───────┘
//! ```

mod report;

use std::time::Duration;

use jiff::Timestamp;

use crate::payout::outcome::Denial;
use crate::payout::sighting::RetryAfter;
use crate::ports::Moment;
pub use report::Report;

/// The pause when the provider names none; each one in a row is twice as long.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The first wait for a probe; each one in a row is twice as long.
const PROBE_WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait for a probe.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(30);
/// How many closed times are remembered.
const CLOSURES_MAX: usize = 64;

/// What the gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything may go, at the limiter's pace.
    Open,
    /// Throttled: nothing goes before this moment of the steady clock. The consumer stays, or the
    /// next replica would get the deliveries and run into the same limit.
    Paused {
        /// Until when.
        until: Duration,
        /// Whether the next call is a probe: the provider asked for longer than is believed, or
        /// another process may have sent meanwhile.
        cut: bool,
    },
    /// Denied: the consumer is cancelled, and a probe goes out now and then.
    Closed {
        /// Why.
        why: Closure,
        /// When the next probe is due; `None` until a restart.
        probe_at: Option<Duration>,
    },
    /// One call in flight, until one create is answered well.
    Probing,
}

/// Why the gate is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure {
    /// The provider turns the merchant away.
    Denied(Denial),
    /// The API's address is wrong: 404, 405 or 415 on a create.
    Misdirected(u16),
    /// The provider gave a link on a host that is not allowed.
    ForeignLink,
}

/// What the gate lets through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Calls, up to the merchant's concurrency.
    Free,
    /// One call at a time.
    One,
    /// Nothing before this moment of the steady clock.
    NotBefore(Duration),
    /// Nothing.
    Shut,
}

/// The gate of one merchant.
#[derive(Debug)]
pub struct Gate {
    state: State,
    max_pause: Duration,
    next_pause: Duration,
    next_probe_wait: Duration,
    closures: Vec<(Timestamp, Option<Timestamp>)>,
}

impl Gate {
    /// A gate that is probing: so begins whoever may have taken over from another process.
    pub fn probing(max_pause: Duration) -> Self {
        Self {
            state: State::Probing,
            max_pause,
            next_pause: PAUSE_FIRST,
            next_probe_wait: PROBE_WAIT_FIRST,
            closures: Vec::new(),
        }
    }

    /// What it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// What it lets through. A pause whose time is up ends here.
    pub fn admission(&mut self, now: Moment) -> Admission {
        if let State::Paused { until, cut } = self.state
            && now.steady >= until
        {
            self.state = if cut { State::Probing } else { State::Open };
        }
        match self.state {
            State::Open => Admission::Free,
            State::Probing => Admission::One,
            State::Paused { until, .. } => Admission::NotBefore(until),
            State::Closed { .. } => Admission::Shut,
        }
    }

    /// Takes in what a call showed.
    pub fn told(&mut self, report: Report, now: Moment) {
        match report {
            Report::Nothing => {}
            Report::Answered => self.answered(),
            Report::Throttled(retry_after) => self.throttled(retry_after, now),
            Report::Shut(why) => self.close(why, now),
        }
    }

    fn answered(&mut self) {
        if let State::Paused { .. } = self.state {
            return; // it was in flight when the pause began, and ends no row of pauses
        }
        self.next_pause = PAUSE_FIRST;
        if self.state == State::Probing {
            self.next_probe_wait = PROBE_WAIT_FIRST;
            self.state = State::Open;
        }
    }

    fn throttled(&mut self, retry_after: Option<RetryAfter>, now: Moment) {
        let (was_until, was_cut) = match self.state {
            State::Closed { .. } => return,
            State::Paused { until, cut } => (until, cut),
            State::Open | State::Probing => (Duration::ZERO, self.state == State::Probing),
        };
        let asked = match retry_after {
            Some(RetryAfter::In(wait)) => wait,
            Some(RetryAfter::At(time)) => {
                Duration::try_from(time.duration_since(now.wall)).unwrap_or_default()
            }
            // Several calls in flight are throttled at once; that is one pause, not several.
            None if was_until > now.steady => return,
            None => self.longer_pause(),
        };
        let until = now.steady.saturating_add(asked.min(self.max_pause)).max(was_until);
        self.state = State::Paused { until, cut: was_cut || asked > self.max_pause };
    }

    fn longer_pause(&mut self) -> Duration {
        let pause = self.next_pause;
        self.next_pause = pause.saturating_mul(2).min(self.max_pause.max(PAUSE_FIRST));
        pause
    }

    fn close(&mut self, why: Closure, now: Moment) {
        match self.state {
            // A foreign link counts also when something else has closed the gate before: no probe
            // may open it any more.
            State::Closed { .. } if why != Closure::ForeignLink => return,
            State::Closed { .. } => {}
            State::Open | State::Paused { .. } | State::Probing => self.begin_closure(now),
        }
        let probe_at = match why {
            Closure::ForeignLink => None,
            Closure::Denied(_) | Closure::Misdirected(_) => Some(self.probe_after_wait(now)),
        };
        self.state = State::Closed { why, probe_at };
    }

    /// The oldest two are kept as one when there are too many: what is closed time once must not
    /// count towards `max_age` later, and the time between them had better not.
    fn begin_closure(&mut self, now: Moment) {
        self.closures.push((now.wall, None));
        if self.closures.len() > CLOSURES_MAX {
            let (start, _) = self.closures.remove(0);
            if let Some(oldest) = self.closures.first_mut() {
                oldest.0 = start;
            }
        }
    }

    fn probe_after_wait(&mut self, now: Moment) -> Duration {
        let wait = self.next_probe_wait;
        self.next_probe_wait = wait.saturating_mul(2).min(PROBE_WAIT_MAX);
        now.steady.saturating_add(wait)
    }

    /// Takes in what a probe showed.
    pub fn probed(&mut self, good: bool, now: Moment) {
        let State::Closed { why, probe_at: Some(_) } = self.state else { return };
        if !good {
            let probe_at = Some(self.probe_after_wait(now));
            self.state = State::Closed { why, probe_at };
            return;
        }
        if let Some((_, end)) = self.closures.last_mut() {
            *end = Some(now.wall);
        }
        self.state = State::Probing;
    }

    /// Begins anew with one call at a time: another process may have sent until now.
    pub fn took_over(&mut self) {
        match &mut self.state {
            State::Open => self.state = State::Probing,
            State::Paused { cut, .. } => *cut = true,
            State::Closed { .. } | State::Probing => {}
        }
    }

    /// For how long it was closed since a time, by what this process has seen.
    pub fn closed_since(&self, since: Timestamp, now: Timestamp) -> Duration {
        self.closures.iter().fold(Duration::ZERO, |sum, (start, end)| {
            let start = since.max(*start);
            let overlap = end.unwrap_or(now).duration_since(start);
            sum.saturating_add(Duration::try_from(overlap).unwrap_or_default())
        })
    }
}
