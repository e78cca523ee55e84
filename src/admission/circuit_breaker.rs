//! Whether anything may be sent at all.
//!
//! Some answers are about the whole merchant and not about one intent: wrong credentials, a wrong
//! address, a provider that is down. The next intent would only meet the same. So the breaker
//! opens, and no intent is failed, counted or parked for it.
//!
//! ```text
//!           denied, misdirected, foreign link, down
//!   Closed ────────────────────────────────────────► Open
//!    ▲  │                                             │ ▲
//!    │  └─ a pause cut short, another process ─┐      │ │ one create fails again,
//!    │     may have sent until now             ▼      │ │ if the provider was down
//!    └── a create is answered well, ──────── HalfOpen ◄─┘
//!        or none has come for an hour          a good probe
//! ```
//!
//! **Down** is what [`failure_accrual`](super::failure_accrual) makes of recent calls, and creates
//! and lookups are judged apart. Creates that fail open the breaker, whatever lookups do; lookups
//! that are answered with errors open nothing, whatever the errors: providers answer so for a
//! reference that they do not know. Failed connections count for both, since it is the same host.
//!
//! A good probe proves little: it moves no money, and creates may fail all the same. So after an
//! outage the breaker is half-open until a create is answered; one that fails opens it again, and
//! the waits for a probe go on growing.
//!
//! After a foreign link only a restart closes it.

use std::time::Duration;

use crate::domain::classify::lookup::{Lookup, LookupFailure};
use crate::domain::classify::{Denial, NoToken};
use crate::domain::decide::Requests;

use super::backoff::Backoff;
use super::failure_accrual::FailureAccrual;
use super::signal::{FailureKind, Signal, TripReason};

/// The waits for a probe. The longest is how long a provider may be back before anyone notices.
const PROBE_WAITS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// One in this many unclear probes counts as good: lookups alone may be broken for good, and then
/// no probe is ever answered well, while creates would be.
const UNCLEAR_MAX: u32 = 10;
/// So many calls in a row without an answer that makes sense are an outage, whatever they are.
const UNANSWERED_MAX: u32 = 5;
/// How long they may be one. Where a merchant's only intent is looked up and each lookup fails,
/// nothing else would ever say that there is no outage, and the intent would never come to an end.
const UNANSWERED_FOR: Duration = Duration::from_hours(24);
/// How long the breaker stays half-open when no create is answered: otherwise an intent that may
/// not be sent again would wait forever for one that may.
const HALF_OPEN_MAX: Duration = Duration::from_hours(1);

/// The states of a circuit breaker. All times are moments of the steady clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    Closed,
    /// Nothing is sent but a probe now and then.
    Open {
        why: TripReason,
        /// When the next probe is due; `None` until a restart.
        probe_at: Option<Duration>,
    },
    /// One call in flight, until a create is answered well.
    HalfOpen {
        /// Why it was open; `None` if it was not.
        after: Option<TripReason>,
        /// When it closes if no create is answered first.
        until: Duration,
    },
}

impl BreakerState {
    /// Whether only probes may be sent.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Whether one call may be in flight at a time.
    pub fn is_half_open(self) -> bool {
        matches!(self, Self::HalfOpen { .. })
    }
}

/// What a probe of an open breaker showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeResult {
    /// An answer that makes sense.
    Good,
    /// An error: perhaps that is how lookups answer for an unknown reference.
    Error,
    /// No answer to the lookup.
    Silent,
    /// No token, no connection, or an answer that keeps the breaker open; and why it is open from
    /// now on, where that shows it.
    Bad(Option<TripReason>),
}

impl ProbeResult {
    /// What the lookup of a probe says. Providers answer 403 for a reference that they do not know,
    /// and that is an answer.
    pub fn of(lookup: &Lookup) -> Self {
        match lookup {
            Lookup::Found(_)
            | Lookup::NotFound
            | Lookup::Failed(LookupFailure::Status(400..=499)) => Self::Good,
            Lookup::Failed(LookupFailure::Status(_) | LookupFailure::Odd) => Self::Error,
            Lookup::Failed(LookupFailure::NoAnswer(_)) => Self::Silent,
            Lookup::Failed(LookupFailure::NotSent(why)) => {
                Self::Bad(FailureKind::of_not_sent(*why).map(TripReason::Down))
            }
            Lookup::NoToken(NoToken::Refused) => {
                Self::Bad(Some(TripReason::Denied(Denial::Credentials)))
            }
            Lookup::Denied(why) => Self::Bad(Some(TripReason::Denied(*why))),
            Lookup::NoToken(NoToken::Throttled(_)) | Lookup::Throttled(_) => Self::Bad(None),
        }
    }

    /// Why the breaker is open, as the probe shows it.
    fn reason(self) -> Option<TripReason> {
        match self {
            Self::Good => None,
            Self::Error => Some(TripReason::Down(FailureKind::Broken)),
            Self::Silent => Some(TripReason::Down(FailureKind::Silent)),
            Self::Bad(why) => why,
        }
    }
}

/// The circuit breaker of one merchant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CircuitBreaker {
    state: BreakerState,
    probe_waits: Backoff,
    creates: FailureAccrual,
    /// Whether connections succeed, for any call.
    connections: FailureAccrual,
    /// How many calls in a row, of any kind, were not answered in a way that makes sense.
    unanswered: u32,
    last_answer: Duration,
    /// Unclear probes since a create was answered.
    unclear_probes: u32,
    openings: u64,
}

impl CircuitBreaker {
    /// A half-open breaker, since this process may have taken over from another.
    pub fn new(now: Duration) -> Self {
        Self {
            state: begin_half_open(None, now),
            probe_waits: PROBE_WAITS,
            creates: FailureAccrual::default(),
            connections: FailureAccrual::default(),
            unanswered: 0,
            last_answer: now,
            unclear_probes: 0,
            openings: 0,
        }
    }

    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How often it has opened. The answer to a call that was sent before it opened last is
    /// ignored.
    pub fn openings(&self) -> u64 {
        self.openings
    }

    /// What is known of requests. Lookups that fail do not open the breaker, since creates may work
    /// all the same; but where no call is answered, that is an outage too, for a day at most.
    pub fn requests(&self, now: Duration) -> Requests {
        let is_unanswered = self.unanswered >= UNANSWERED_MAX
            && now.saturating_sub(self.last_answer) < UNANSWERED_FOR;
        match self.state {
            BreakerState::Open { .. } => Requests::Stopped,
            BreakerState::HalfOpen { after: Some(_), .. } => Requests::Unanswered,
            // Whoever has just become active sends one at a time too, but after no outage.
            BreakerState::HalfOpen { after: None, .. } | BreakerState::Closed => {
                if is_unanswered {
                    Requests::Unanswered
                } else {
                    Requests::Flow
                }
            }
        }
    }

    /// Records what a call showed. A throttle does not concern the breaker, and an answer counts
    /// here, but does not [`close`](Self::close) it.
    pub fn record(&mut self, signal: Signal, now: Duration) {
        match signal.is_answer() {
            Some(true) => {
                self.unanswered = 0;
                self.last_answer = now;
            }
            Some(false) => self.unanswered = self.unanswered.saturating_add(1),
            None => {}
        }
        match signal {
            Signal::Nothing | Signal::Throttled(_) | Signal::LookupFailed(FailureKind::Silent) => {}
            Signal::Answered => {
                self.creates.record_success(now);
                self.connections.record_success(now);
            }
            Signal::LookedUp | Signal::LookupFailed(FailureKind::Broken) => {
                self.connections.record_success(now);
            }
            Signal::LookupFailed(kind @ (FailureKind::Unreachable | FailureKind::NoSecret)) => {
                if self.connections.record_failure(now) {
                    self.trip(TripReason::Down(kind), now);
                }
            }
            Signal::Failed(kind) => self.record_failed_create(kind, now),
            Signal::Trip(why) => self.trip(why, now),
        }
    }

    fn record_failed_create(&mut self, kind: FailureKind, now: Duration) {
        let creates_fail = self.creates.record_failure(now);
        let is_cut_off = match kind {
            FailureKind::Unreachable | FailureKind::NoSecret => {
                self.connections.record_failure(now)
            }
            FailureKind::Broken => {
                self.connections.record_success(now);
                false
            }
            FailureKind::Silent => false,
        };
        let is_still_down =
            matches!(self.state, BreakerState::HalfOpen { after: Some(TripReason::Down(_)), .. });
        if creates_fail || is_cut_off || is_still_down {
            self.trip(TripReason::Down(kind), now);
        }
    }

    fn trip(&mut self, why: TripReason, now: Duration) {
        match self.state {
            // A foreign link counts also when something else has opened it before: no probe may
            // close it any more.
            BreakerState::Open { .. } if why != TripReason::ForeignLink => return,
            BreakerState::Open { .. } => {}
            BreakerState::Closed | BreakerState::HalfOpen { .. } => {
                self.openings = self.openings.saturating_add(1);
            }
        }
        let probe_at = match why {
            TripReason::ForeignLink => None,
            TripReason::Denied(_) | TripReason::Misdirected(_) | TripReason::Down(_) => {
                Some(self.next_probe_at(now))
            }
        };
        self.state = BreakerState::Open { why, probe_at };
    }

    fn next_probe_at(&mut self, now: Duration) -> Duration {
        now.saturating_add(self.probe_waits.next_wait())
    }

    /// Records what a probe showed. One that leaves it open also says why it is open by now, which
    /// may be for another reason than it opened.
    pub fn probed(&mut self, probe: ProbeResult, now: Duration) {
        let BreakerState::Open { why, probe_at: Some(_) } = self.state else { return };
        if !self.is_good(probe, why) {
            let why = probe.reason().unwrap_or(why);
            let probe_at = Some(self.next_probe_at(now));
            self.state = BreakerState::Open { why, probe_at };
            return;
        }
        self.state = begin_half_open(Some(why), now);
        self.creates = FailureAccrual::default();
        self.connections = FailureAccrual::default();
    }

    /// An error shows that the provider answers, which is enough after a denial.
    fn is_good(&mut self, probe: ProbeResult, why: TripReason) -> bool {
        match (probe, why) {
            (ProbeResult::Bad(_), _) => false,
            (ProbeResult::Error | ProbeResult::Silent, TripReason::Down(_))
            | (ProbeResult::Silent, _) => {
                self.unclear_probes = self.unclear_probes.saturating_add(1);
                self.unclear_probes.is_multiple_of(UNCLEAR_MAX)
            }
            (ProbeResult::Good | ProbeResult::Error, _) => true,
        }
    }

    /// Closes it if it is half-open: a create was answered well.
    pub fn close(&mut self) {
        if self.state.is_half_open() {
            self.state = BreakerState::Closed;
            self.probe_waits.reset();
            self.unclear_probes = 0;
        }
    }

    /// Closes it if it has been half-open for too long.
    pub fn expire(&mut self, now: Duration) {
        if let BreakerState::HalfOpen { until, .. } = self.state
            && now >= until
        {
            self.close();
        }
    }

    /// Becomes half-open if it was closed: another process may have been sending until now, or a
    /// pause was shorter than the provider asked for.
    pub fn half_open(&mut self, now: Duration) {
        if self.state == BreakerState::Closed {
            self.state = begin_half_open(None, now);
        }
    }
}

fn begin_half_open(after: Option<TripReason>, now: Duration) -> BreakerState {
    BreakerState::HalfOpen { after, until: now.saturating_add(HALF_OPEN_MAX) }
}
