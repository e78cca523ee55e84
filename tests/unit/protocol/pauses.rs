//! Trace 12: two replicas with their real admissions, and a provider that throttles. Whoever is the
//! active consumer sends; the other waits.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use smartsend::admission::rate_limiter::Rate;
use smartsend::admission::signal::Signal;
use smartsend::admission::{Admission, AdmissionState, Limits, Next};
use smartsend::domain::call::Priority;
use smartsend::domain::call::RetryAfter;
use smartsend::ports::Moment;
use stateright::{Checker, Model, Property};

/// How long the provider throttles, in seconds.
const THROTTLE: u8 = 4;
/// Calls in flight at once behind a closed breaker.
const CONCURRENCY: u8 = 3;
/// The longest pause that is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

const PROMISE: &str = "what is throttled is asked again only by who has just taken over";

/// The cure: a pause keeps the consumer, and who takes over begins with one call.
#[derive(Clone, Copy)]
enum Cure {
    In,
    /// A pause cancels the consumer like an open breaker, and the next one goes at full rate.
    Out,
    /// Only the first half of that.
    PauseCancels,
}

struct Pauses {
    cure: Cure,
    deaths: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// For how long the provider still throttles; it has said so.
    throttled: u8,
    active: usize,
    replicas: [Replica; 2],
    /// Requests that were sent into a throttle that was known.
    sent_into: u8,
    deaths: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Replica {
    /// Whether its breaker is half-open; it is closed otherwise.
    half_open: bool,
    /// For how long it pauses yet.
    pause: u8,
    in_flight: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Tick,
    Send,
    /// A call of this replica is answered: well, or with 429 and `Retry-After`.
    Answer {
        replica: usize,
        throttled: bool,
    },
    /// The active consumer is killed; it starts anew, and the other one takes over.
    Kill,
}

/// When a replica's admission is asked, in milliseconds.
const NOW: u64 = 100_000;

fn moment(millis: u64) -> Moment {
    let wall: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let steady = Duration::from_millis(millis);
    Moment { wall: wall + steady, steady }
}

fn throttle(left: u8) -> Signal {
    Signal::Throttled(Some(RetryAfter::In(Duration::from_secs(left.into()))))
}

impl Replica {
    fn begun() -> Self {
        Self { half_open: true, ..Self::default() }
    }

    /// The real admission in this state.
    fn admission(self) -> Admission {
        let rate = Rate { per_second: NonZeroU32::MAX, burst: NonZeroU32::MAX };
        let limits =
            Limits { rate, concurrency: CONCURRENCY.into(), max_retry_after: MAX_RETRY_AFTER };
        let mut admission = Admission::new(limits, moment(0));
        admission.record(None, Signal::Answered, moment(0));
        for _ in 0..self.in_flight {
            assert!(sends(&mut admission, NOW - 1));
        }
        if self.half_open {
            admission.on_activated(moment(NOW - 1));
        }
        if self.pause > 0 {
            admission.record(None, throttle(self.pause), moment(NOW));
        }
        admission
    }

    fn may_send(self) -> bool {
        sends(&mut self.admission(), NOW)
    }

    /// After something has happened, and so many seconds.
    fn after(self, seconds: u8, change: impl FnOnce(&mut Admission)) -> Self {
        let mut admission = self.admission();
        change(&mut admission);
        let now = moment(NOW + 1000 * u64::from(seconds));
        admission.next(now);
        let AdmissionState { breaker, throttled_until } = admission.state();
        assert!(!breaker.is_open());
        let pause =
            throttled_until.map_or(0, |until| until.checked_sub(now.steady).unwrap().as_secs());
        let pause = u8::try_from(pause).unwrap();
        Self { half_open: breaker.is_half_open(), pause, in_flight: self.in_flight }
    }
}

fn sends(admission: &mut Admission, now: u64) -> bool {
    admission.enqueue(Priority::New);
    matches!(admission.next(moment(now)), Next::Grant(_))
}

impl Pauses {
    fn take_over(&self, state: &mut State) {
        state.active = 1 - state.active;
        let active = &mut state.replicas[state.active];
        *active = match self.cure {
            Cure::In | Cure::PauseCancels => {
                active.after(0, |admission| admission.on_activated(moment(NOW)))
            }
            Cure::Out => Replica { half_open: false, pause: 0, ..*active },
        };
    }
}

impl Model for Pauses {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let replicas = [Replica::begun(); 2];
        vec![State { throttled: 0, active: 0, replicas, sent_into: 0, deaths: self.deaths }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        if state.replicas[state.active].may_send() {
            actions.push(Action::Send);
        }
        for replica in (0..2).filter(|replica| state.replicas[*replica].in_flight > 0) {
            actions.push(Action::Answer { replica, throttled: true });
            if state.throttled == 0 {
                actions.push(Action::Answer { replica, throttled: false });
            }
        }
        if state.deaths > 0 {
            actions.push(Action::Kill);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.throttled = state.throttled.saturating_sub(1);
                for replica in &mut state.replicas {
                    *replica = replica.after(1, |_| {});
                }
                if state.throttled == 0 {
                    state.sent_into = 0;
                }
            }
            Action::Send => {
                state.replicas[state.active].in_flight += 1;
                state.sent_into += u8::from(state.throttled > 0);
            }
            Action::Answer { replica, throttled } => {
                let it = &mut state.replicas[replica];
                it.in_flight -= 1;
                if throttled && state.throttled == 0 {
                    state.throttled = THROTTLE;
                }
                let said = if throttled { throttle(state.throttled) } else { Signal::Answered };
                *it = it.after(0, |admission| admission.record(None, said, moment(NOW)));
                if it.pause > 0 && replica == state.active && !matches!(self.cure, Cure::In) {
                    self.take_over(&mut state);
                }
            }
            Action::Kill => {
                state.deaths -= 1;
                state.replicas[state.active] = Replica::begun();
                self.take_over(&mut state);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(PROMISE, |model: &Self, state: &State| {
            state.sent_into <= model.deaths - state.deaths
        })]
    }
}

#[test]
fn trace_12_a_pause_that_cancels_the_consumer_sends_the_next_one_into_the_throttle() {
    let checker = Pauses { cure: Cure::In, deaths: 2 }.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    super::show("two admissions and a throttle", checker.unique_state_count(), 2);
    for cure in [Cure::Out, Cure::PauseCancels] {
        let checker = Pauses { cure, deaths: 0 }.checker().spawn_bfs().join();
        let actions = checker.assert_any_discovery(PROMISE).into_actions();
        super::say_broken("without the cure of 12", PROMISE, &actions);
    }
}
