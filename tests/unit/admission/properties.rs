//! What holds whatever comes in whatever order: pace, places, and that nobody starves.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use smartsend::admission::circuit_breaker::{BreakerState, ProbeResult};
use smartsend::admission::signal::{FailureKind, Signal};
use smartsend::admission::wait_queue::Ticket;
use smartsend::admission::{Admission, Grant, Limits, Next};
use smartsend::domain::call::Priority::{self, Lookup, New, Probe, Retry, Token};
use smartsend::ports::Moment;

use super::rate_limiter::assert_never_too_many;
use super::{DENIED, at_ms, rate, throttled};

#[derive(Clone, Copy, Debug)]
enum Event {
    Enqueue(Priority),
    Leave(Index),
    /// A call is over; what it showed is recorded before.
    Over(Index, Signal),
    Record(Signal),
    Probed(ProbeResult),
    Activated,
    Backpressure(bool),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let signals = || {
        select(vec![
            Signal::Nothing,
            Signal::Answered,
            Signal::Answered,
            Signal::Failed(FailureKind::Broken),
            Signal::Failed(FailureKind::Unreachable),
            Signal::LookedUp,
            Signal::LookupFailed(FailureKind::Unreachable),
            Signal::LookupFailed(FailureKind::Silent),
            Signal::Throttled(None),
            throttled(2),
            throttled(200),
            DENIED,
        ])
    };
    prop_oneof![
        12 => select(vec![Probe, Token, Lookup, Lookup, Retry, New, New]).prop_map(Event::Enqueue),
        1 => any::<Index>().prop_map(Event::Leave),
        8 => (any::<Index>(), signals()).prop_map(|(which, signal)| Event::Over(which, signal)),
        1 => signals().prop_map(Event::Record),
        2 => select(vec![ProbeResult::Good, ProbeResult::Bad(None)]).prop_map(Event::Probed),
        1 => Just(Event::Activated),
        1 => any::<bool>().prop_map(Event::Backpressure),
        6 => (0..3000_u64).prop_map(Event::Pass),
    ]
}

/// The admission, and what a bystander sees of it.
struct Watched {
    admission: Admission,
    limits: Limits,
    now: u64,
    waiting: Vec<Ticket>,
    in_flight: Vec<Grant>,
    taken: Vec<Duration>,
    last: Option<Last>,
}

/// The last permit of a call.
#[derive(Clone, Copy)]
struct Last {
    is_repeat: bool,
    new_waited: bool,
    repeat_waited: bool,
}

impl Watched {
    fn new(limits: Limits) -> Self {
        let admission = Admission::new(limits, at_ms(0));
        let (waiting, in_flight, taken) = (Vec::new(), Vec::new(), Vec::new());
        Self { admission, limits, now: 0, waiting, in_flight, taken, last: None }
    }

    fn now(&self) -> Moment {
        at_ms(self.now)
    }

    fn happen(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Enqueue(priority) => self.waiting.push(self.admission.enqueue(priority)),
            Event::Leave(which) if !self.waiting.is_empty() => {
                let ticket = self.waiting.remove(which.index(self.waiting.len()));
                self.admission.leave(ticket);
            }
            Event::Over(which, signal) if !self.in_flight.is_empty() => {
                let grant = self.in_flight.remove(which.index(self.in_flight.len()));
                self.admission.record(Some(&grant), signal, now);
                self.admission.release(&grant);
            }
            Event::Leave(_) | Event::Over(..) => {}
            Event::Record(signal) => self.admission.record(None, signal, now),
            Event::Probed(probe) => self.admission.probed(probe, now),
            Event::Activated => self.admission.on_activated(now),
            Event::Backpressure(on) => self.admission.set_backpressure(on),
            Event::Pass(millis) => self.now += millis,
        }
        self.serve();
    }

    /// Takes what there is to take. Returns how long until there may be more.
    fn serve(&mut self) -> Option<Duration> {
        loop {
            match self.admission.next(self.now()) {
                Next::Grant(grant) => self.granted(grant),
                Next::TurnAway(ticket) => {
                    assert!(self.admission.state().breaker.is_open());
                    assert_ne!(ticket.priority(), Probe);
                    self.waiting.retain(|waiting| *waiting != ticket);
                }
                Next::Wait(wait) => return wait,
            }
        }
    }

    fn granted(&mut self, grant: Grant) {
        let state = self.admission.state();
        let priority = grant.ticket.priority();
        let waits = |wanted: &[Priority]| {
            self.waiting.iter().any(|waiting| wanted.contains(&waiting.priority()))
        };
        assert!(state.throttled_until.is_none(), "{priority:?} goes during a pause");
        let is_first = |other: &Ticket| other.priority() != priority || *other >= grant.ticket;
        assert!(self.waiting.iter().all(is_first), "{priority:?} passes one of its own");
        if priority.is_call() {
            assert!(!state.breaker.is_open(), "{priority:?} goes through an open breaker");
            assert!(!waits(&[Probe, Token]), "{priority:?} passes a probe or a token");
            let (new_waited, repeat_waited) = (waits(&[New]), waits(&[Lookup, Retry]));
            let last = Last { is_repeat: priority.is_repeat(), new_waited, repeat_waited };
            self.check_fairness(last, state.breaker);
            self.last = Some(last);
        }
        self.waiting.retain(|waiting| *waiting != grant.ticket);
        self.taken.push(self.now().steady);
        self.in_flight.push(grant);
        let calls = self.in_flight.iter().filter(|grant| grant.ticket.priority().is_call()).count();
        assert_eq!(calls, self.admission.in_flight() as usize);
        if priority.is_call() {
            let most = if state.breaker.is_half_open() { 1 } else { self.limits.concurrency };
            assert!(calls <= most as usize, "{calls} calls in flight, {:?}", state.breaker);
        }
    }

    fn check_fairness(&self, now: Last, breaker: BreakerState) {
        let repeats_max = (self.limits.concurrency as usize / 2).max(1);
        let repeats = self.in_flight.iter().filter(|g| g.ticket.priority().is_repeat()).count();
        if now.is_repeat && now.new_waited {
            assert!(repeats < repeats_max, "lookups and retries hold more than half");
        }
        let Some(last) = self.last else { return };
        if last.new_waited && now.new_waited {
            assert!(!(last.is_repeat && now.is_repeat), "a new create waits for two others");
        }
        // While half-open creates go before lookups.
        if last.repeat_waited && now.repeat_waited && breaker == BreakerState::Closed {
            let passed = !last.is_repeat && !now.is_repeat;
            assert!(!passed || repeats >= repeats_max, "two new creates pass a lookup or retry");
        }
    }

    /// Once every call comes back well, everybody gets a permit or is turned away, and soon.
    fn comes_to_an_end(&mut self) {
        self.admission.set_backpressure(false);
        for _ in 0..10_000 {
            if self.waiting.is_empty() {
                return;
            }
            let wait = self.serve();
            if let Some(grant) = self.in_flight.pop() {
                let is_create = matches!(grant.ticket.priority(), Retry | New);
                let signal = if is_create { Signal::Answered } else { Signal::LookedUp };
                self.admission.record(Some(&grant), signal, self.now());
                self.admission.release(&grant);
            } else if !self.waiting.is_empty() {
                let wait = wait.expect("somebody waits, and nothing is in flight");
                self.now += u64::try_from(wait.as_millis()).unwrap() + 1;
            }
        }
        panic!("{:?} wait for ever", self.waiting);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn pace_places_and_fairness_are_kept_whatever_comes(
        per_second in 1..100_u32,
        burst in 1..5_u32,
        concurrency in 1..9_u32,
        events in vec(event(), 1..150),
    ) {
        let rate = rate(per_second, burst);
        let max_retry_after = Duration::from_mins(1);
        let mut watched = Watched::new(Limits { rate, concurrency, max_retry_after });
        for event in events {
            watched.happen(event);
        }
        watched.comes_to_an_end();
        assert_never_too_many(&watched.taken, rate);
    }

    /// What goes in decides what comes out: a model checker and a simulation rely on it.
    #[test]
    fn the_same_events_give_the_same_permits(events in vec(event(), 1..150)) {
        let play = || {
            let limits = super::limits(4);
            let mut watched = Watched::new(limits);
            let seen = events.iter().map(|event| {
                watched.happen(*event);
                (watched.admission.state(), watched.waiting.clone(), watched.in_flight.clone())
            });
            seen.collect::<Vec<_>>()
        };
        prop_assert_eq!(play(), play());
    }
}
