//! Whether anything may be sent at all.
//!
//! Some answers are about the whole merchant and not about one intent: too many requests, wrong
//! credentials, a wrong address, a provider that is down. Trying the next intent would only burn
//! it too. So the gate shuts, and nothing is failed, counted or parked for it.
//!
//! ```text
//!            throttled                  denied, misdirected, foreign link, down
//!   Open ──────────────► Paused   any ──────────────────────────────────────────► Closed
//!    ▲ ▲                   │ │                                                    │   ▲
//!    │ └──── time is up ───┘ └─ the pause was cut ─► Probing ◄──── a good probe ──┘   │
//!    │                                                │   │                           │
//!    └──────────── a create is answered ──────────────┘   └── was down: one create ───┘
//!                                                             fails again
//! ```
//!
//! **Down** is what [`health`] makes of recent calls, and creates and lookups are judged apart. That
//! creates come to nothing closes the gate, whatever looks do; that looks are answered with errors
//! closes nothing, whatever the errors: providers answer so for a reference that they do not know.
//! Only when no connection comes about do they count together, since it is the same host.
//!
//! A good probe proves little: it moves no money, and creates may fail all the same. So after an
//! outage the gate is **in doubt** until a create is answered. One that fails closes it again, and
//! the waits for a probe go on to grow. The doubt is closed time, since an outage must make no
//! intent older. It ends by itself when nothing comes that could be created.
//!
//! A foreign link waits for no probe but for a restart.

mod closed_time;
mod health;
mod report;
mod state;

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::call::RetryAfter;
use crate::ports::Moment;
use closed_time::ClosedTime;
use health::Health;
pub use report::{Report, Trouble};
pub use state::{Admission, Closure, Probe, State};

/// The pause when the provider names none; each one in a row is twice as long.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The first wait for a probe; each one in a row is twice as long.
const PROBE_WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait for a probe: so long may a provider be back before anyone notices.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(30);
/// Of so many unclear probes one counts as good. Details alone may be broken, for ever, and then no
/// probe is ever answered well, while creates would be.
const UNCLEAR_MAX: u32 = 10;
/// How long a gate stays in doubt when no create comes to end it: what waits for the end of the
/// doubt may wait for the next intent of a quiet merchant, but not for ever.
const DOUBT_MAX: Duration = Duration::from_hours(1);
/// How long after a doubt it is not forgotten.
const AFTERMATH: Duration = Duration::from_mins(5);

/// The gate of one merchant.
#[derive(Debug)]
pub struct Gate {
    state: State,
    max_pause: Duration,
    next_pause: Duration,
    next_probe_wait: Duration,
    closed_time: ClosedTime,
    /// How creates fare.
    creates: Health,
    /// Whether connections come about, for whatever call.
    connections: Health,
    /// Until when a provider that was down is in doubt.
    doubt: Option<Duration>,
    /// When the last doubt ended.
    doubt_ended: Option<Duration>,
    /// Unclear probes since a create was answered.
    unclear: u32,
    /// How often it was closed.
    closures: u64,
}

impl Gate {
    /// A gate that is probing: so begins whoever may have taken over from another process.
    pub fn probing(max_pause: Duration) -> Self {
        Self {
            state: State::Probing,
            max_pause,
            next_pause: PAUSE_FIRST,
            next_probe_wait: PROBE_WAIT_FIRST,
            closed_time: ClosedTime::default(),
            creates: Health::default(),
            connections: Health::default(),
            doubt: None,
            doubt_ended: None,
            unclear: 0,
            closures: 0,
        }
    }

    /// What it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How often it was closed. What was sent before a closure says nothing of the time after it.
    pub fn closures(&self) -> u64 {
        self.closures
    }

    /// Whether the provider is down, or was and no create has been answered since.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Whether it is in doubt, or was until just now: whatever could not be asked of a provider
    /// that was down takes a while to be asked afterwards.
    pub fn was_down_lately(&self, now: Moment) -> bool {
        let ended_lately = |ended| now.steady.saturating_sub(ended) < AFTERMATH;
        self.is_in_doubt() || self.doubt_ended.is_some_and(ended_lately)
    }

    /// What it lets through. A pause whose time is up ends here, and so does a doubt.
    pub fn admission(&mut self, now: Moment) -> Admission {
        match self.state {
            State::Paused { until, cut } if now.steady >= until => {
                self.state = if cut { State::Probing } else { State::Open };
            }
            State::Probing if self.doubt.is_some_and(|until| now.steady >= until) => {
                self.end_doubt(now);
            }
            State::Open | State::Paused { .. } | State::Closed { .. } | State::Probing => {}
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
            Report::Nothing | Report::LookFailed(Trouble::Silent) => {}
            Report::Answered => {
                self.creates.good(now.steady);
                self.connections.good(now.steady);
                self.answered(now);
            }
            Report::Looked | Report::LookFailed(Trouble::Broken) => {
                self.connections.good(now.steady);
            }
            Report::LookFailed(Trouble::Unreachable) => {
                if self.connections.bad(now.steady) {
                    self.close(Closure::Down(Trouble::Unreachable), now);
                }
            }
            Report::Failed(trouble) => self.failed(trouble, now),
            Report::Throttled(retry_after) => self.throttled(retry_after, now),
            Report::Shut(why) => self.close(why, now),
        }
    }

    fn answered(&mut self, now: Moment) {
        if let State::Paused { .. } = self.state {
            return; // it was in flight when the pause began, and ends no row of pauses
        }
        self.next_pause = PAUSE_FIRST;
        if self.state == State::Probing {
            self.next_probe_wait = PROBE_WAIT_FIRST;
            self.unclear = 0;
            self.state = State::Open;
            if self.is_in_doubt() {
                self.end_doubt(now);
            }
        }
    }

    fn failed(&mut self, trouble: Trouble, now: Moment) {
        let creates_fail = self.creates.bad(now.steady);
        let is_cut_off = match trouble {
            Trouble::Unreachable => self.connections.bad(now.steady),
            Trouble::Broken => {
                self.connections.good(now.steady);
                false
            }
            Trouble::Silent => false,
        };
        let is_still_down = self.state == State::Probing && self.is_in_doubt();
        if creates_fail || is_cut_off || is_still_down {
            self.close(Closure::Down(trouble), now);
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
            State::Open | State::Paused { .. } | State::Probing => {
                self.closures = self.closures.saturating_add(1);
                self.closed_time.begin(now.wall);
            }
        }
        let probe_at = match why {
            Closure::ForeignLink => None,
            Closure::Denied(_) | Closure::Misdirected(_) | Closure::Down(_) => {
                Some(self.probe_after_wait(now))
            }
        };
        if let Closure::Down(_) = why {
            self.doubt = Some(Duration::MAX);
        }
        self.state = State::Closed { why, probe_at };
    }

    fn probe_after_wait(&mut self, now: Moment) -> Duration {
        let wait = self.next_probe_wait;
        self.next_probe_wait = wait.saturating_mul(2).min(PROBE_WAIT_MAX);
        now.steady.saturating_add(wait)
    }

    /// Takes in what a probe showed.
    pub fn probed(&mut self, probe: Probe, now: Moment) {
        let State::Closed { why, probe_at: Some(_) } = self.state else { return };
        if !self.is_good(probe, why) {
            let probe_at = Some(self.probe_after_wait(now));
            self.state = State::Closed { why, probe_at };
            return;
        }
        self.state = State::Probing;
        self.creates = Health::default();
        self.connections = Health::default();
        match why {
            Closure::Down(_) => self.doubt = Some(now.steady.saturating_add(DOUBT_MAX)),
            Closure::Denied(_) | Closure::Misdirected(_) | Closure::ForeignLink => {
                self.end_doubt(now);
            }
        }
    }

    /// An error tells that somebody answers, which is all that has to be known of who was denied.
    fn is_good(&mut self, probe: Probe, why: Closure) -> bool {
        match (probe, why) {
            (Probe::Bad, _) => false,
            (Probe::Error | Probe::Silent, Closure::Down(_)) | (Probe::Silent, _) => {
                self.unclear = self.unclear.saturating_add(1);
                self.unclear.is_multiple_of(UNCLEAR_MAX)
            }
            (Probe::Good | Probe::Error, _) => true,
        }
    }

    /// It ends if there is one, and with it the closed time.
    fn end_doubt(&mut self, now: Moment) {
        if self.doubt.take().is_some() {
            self.doubt_ended = Some(now.steady);
        }
        self.closed_time.end(now.wall);
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
        self.closed_time.since(since, now)
    }
}
