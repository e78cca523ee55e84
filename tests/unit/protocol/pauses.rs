//! Trace 12: two replicas with their real gates, and a provider that throttles. Whoever is the
//! active consumer sends; the other waits.

use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::call::RetryAfter;
use smartsend::gate::{Admission, Gate, Report, State as GateState};
use smartsend::ports::Moment;
use stateright::{Checker, Model, Property};

/// How long the provider throttles, in seconds.
const THROTTLE: u8 = 4;
/// Calls in flight at once behind an open gate.
const CONCURRENCY: u8 = 3;
/// The longest pause that is believed.
const MAX_PAUSE: Duration = Duration::from_mins(5);

const PROMISE: &str = "what is throttled is asked again only by who has just taken over";

/// The cure: a pause keeps the consumer, and who takes over begins with one call.
#[derive(Clone, Copy)]
enum Cure {
    In,
    /// A pause cancels the consumer like a closed gate, and the next one goes at full rate.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Replica {
    gate: Shown,
    in_flight: u8,
}

/// A gate's state, as far as it is asked for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shown {
    Open,
    Probing,
    Paused { left: u8, cut: bool },
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

fn moment(seconds: u8) -> Moment {
    let wall: Timestamp = "2026-11-24T09:30:00Z".parse().unwrap();
    let steady = Duration::from_secs(seconds.into());
    Moment { wall: wall + steady, steady }
}

fn throttle(left: u8) -> Report {
    Report::Throttled(Some(RetryAfter::In(Duration::from_secs(left.into()))))
}

impl Shown {
    /// The real gate in this state.
    fn gate(self) -> Gate {
        let mut gate = Gate::probing(MAX_PAUSE);
        if !matches!(self, Self::Probing | Self::Paused { cut: true, .. }) {
            gate.told(Report::Answered, moment(0));
        }
        if let Self::Paused { left, .. } = self {
            gate.told(throttle(left), moment(0));
        }
        gate
    }

    fn of(gate: &Gate) -> Self {
        match gate.state() {
            GateState::Open => Self::Open,
            GateState::Probing => Self::Probing,
            GateState::Paused { until, cut } => {
                Self::Paused { left: u8::try_from(until.as_secs()).unwrap(), cut }
            }
            closed @ GateState::Closed { .. } => panic!("{closed:?}"),
        }
    }

    fn after(self, change: impl FnOnce(&mut Gate)) -> Self {
        let mut gate = self.gate();
        change(&mut gate);
        Self::of(&gate)
    }

    fn tick(self) -> Self {
        match self {
            Self::Paused { left, cut } if left > 1 => Self::Paused { left: left - 1, cut },
            Self::Paused { left, .. } => self.after(|gate| {
                gate.admission(moment(left));
            }),
            Self::Open | Self::Probing => self,
        }
    }
}

impl Pauses {
    fn take_over(&self, state: &mut State) {
        state.active = 1 - state.active;
        let gate = &mut state.replicas[state.active].gate;
        *gate = match self.cure {
            Cure::In | Cure::PauseCancels => gate.after(Gate::took_over),
            Cure::Out => Shown::Open,
        };
    }
}

impl Model for Pauses {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let replica = Replica { gate: Shown::of(&Gate::probing(MAX_PAUSE)), in_flight: 0 };
        let replicas = [replica, replica];
        vec![State { throttled: 0, active: 0, replicas, sent_into: 0, deaths: self.deaths }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        let active = state.replicas[state.active];
        let most = match active.gate.gate().admission(moment(0)) {
            Admission::Free => CONCURRENCY,
            Admission::One => 1,
            Admission::NotBefore(_) | Admission::Shut => 0,
        };
        if active.in_flight < most {
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
                    replica.gate = replica.gate.tick();
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
                let said = if throttled { throttle(state.throttled) } else { Report::Answered };
                it.gate = it.gate.after(|gate| gate.told(said, moment(0)));
                let pauses = matches!(it.gate, Shown::Paused { .. });
                if pauses && replica == state.active && !matches!(self.cure, Cure::In) {
                    self.take_over(&mut state);
                }
            }
            Action::Kill => {
                state.deaths -= 1;
                let gate = Shown::of(&Gate::probing(MAX_PAUSE));
                state.replicas[state.active] = Replica { gate, in_flight: 0 };
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
    super::show("two gates and a throttle", checker.unique_state_count(), 2);
    for cure in [Cure::Out, Cure::PauseCancels] {
        let checker = Pauses { cure, deaths: 0 }.checker().spawn_bfs().join();
        let actions = checker.assert_any_discovery(PROMISE).into_actions();
        super::tell_broken("without the cure of 12", PROMISE, &actions);
    }
}
