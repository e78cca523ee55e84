//! The model as `stateright` checks it, and the promises that have to hold in every state.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::Mutex;

use hashlink::DefaultHashBuilder;
use stateright::{Model, Property};

use super::action::{self, Action};
use super::asked::Oracle;
use super::setting::Setting;
use super::state::State;
use super::worker::Step;

pub(super) const ONE_LINK: &str = "never two links for one intent";
pub(super) const NOT_LOST: &str = "never lost";
pub(super) const NO_GUESS: &str = "never a guess";
pub(super) const ENDS: &str = "everything ends once nothing goes wrong any more";

/// One setting's model.
pub(super) struct Protocol {
    pub(super) setting: Setting,
    pub(super) oracle: Oracle,
    /// The states from which every calm run is known to end.
    ending: Mutex<HashSet<u64, DefaultHashBuilder>>,
    hashes: DefaultHashBuilder,
}

impl Protocol {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            oracle: Oracle::new(setting),
            ending: Mutex::default(),
            hashes: DefaultHashBuilder::default(),
        }
    }

    /// How many states calm runs went through.
    pub(super) fn calm_states(&self) -> usize {
        self.ending.lock().unwrap().len()
    }

    /// Whether every run ends in which nothing goes wrong any more.
    ///
    /// `stateright` cannot see it: its `eventually` takes a cycle for a run that goes on elsewhere.
    /// So from every state that it finds, the calm runs are searched in depth: each has to come
    /// to an end where everything is settled, and a state that comes again is a livelock.
    fn ends(&self, state: &State) -> bool {
        let mut ending = self.ending.lock().unwrap();
        let hash = self.hashes.hash_one(state);
        if ending.contains(&hash) {
            return true;
        }
        let Some(first) = Branch::at(self, hash, state) else { return false };
        let mut branches = vec![first];
        while let Some(branch) = branches.last_mut() {
            let Some(next) = branch.following.pop() else {
                ending.insert(branch.hash);
                branches.pop();
                continue;
            };
            let hash = self.hashes.hash_one(&next);
            if ending.contains(&hash) {
                continue;
            }
            if branches.iter().any(|branch| branch.hash == hash) {
                return false;
            }
            let Some(next) = Branch::at(self, hash, &next) else { return false };
            branches.push(next);
        }
        true
    }
}

/// A state on the way of a calm run, and what may follow.
struct Branch {
    hash: u64,
    following: Vec<State>,
}

impl Branch {
    /// Nothing if it is a dead end, where nothing follows and not everything is settled.
    fn at(model: &Protocol, hash: u64, state: &State) -> Option<Self> {
        let mut actions = Vec::new();
        action::calm(state, &model.setting, &mut actions);
        let following: Vec<State> =
            actions.into_iter().filter_map(|action| model.next_state(state, action)).collect();
        let goes_on = !following.is_empty() || state.has_ended();
        goes_on.then_some(Self { hash, following })
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.setting)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if one_link(state) && not_lost(state) && no_guess(state) {
            action::all(state, &self.setting, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.act(&mut state, action);
        state.sort(&self.setting);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_LINK, |_, state: &State| one_link(state)),
            Property::always(NOT_LOST, |_, state: &State| not_lost(state)),
            Property::always(NO_GUESS, |_, state: &State| no_guess(state)),
            Property::always(ENDS, |model: &Self, state| model.ends(state)),
        ]
    }
}

fn one_link(state: &State) -> bool {
    state.provider.links.iter().sum::<u8>() < 2
}

/// What the broker does not hold any more was announced. Both copies have one reference, so one
/// event will do for both; that an end is reached by each is for [`ENDS`].
fn not_lost(state: &State) -> bool {
    state.holds_a_copy() || state.announced.any()
}

/// Nothing is failed that has a link, or gets one later, and nothing parked for its age unlooked.
fn no_guess(state: &State) -> bool {
    let linked = state.provider.links.iter().any(|links| *links > 0);
    !(state.announced.unlooked || state.announced.failed && linked)
}

impl Protocol {
    fn act(&self, state: &mut State, action: Action) {
        let setting = &self.setting;
        match action {
            Action::Tick => state.tick(setting),
            Action::Deliver(place) => state.deliver(place),
            Action::Notice(worker) => state.notice(worker, setting),
            Action::Crash(worker) => {
                state.left.deaths -= 1;
                state.crash(worker, setting);
            }
            Action::Cut(worker) => {
                state.left.deaths -= 1;
                state.cut(worker, setting);
            }
            Action::Switch => {
                state.left.deaths -= 1;
                state.switch(setting);
            }
            Action::LandLate(place) => {
                let orphan = state.provider.orphans.remove(place);
                state.land(orphan, super::asked::Heard::Duplicate, setting);
            }
            Action::Vanish(place) => {
                state.provider.orphans.remove(place);
            }
            Action::Limit => state.provider.limited = !state.provider.limited,
            Action::Lower => state.lowered = true,
            Action::Move => state.account = 1,
            Action::Open(worker, _)
            | Action::GiveWay(worker, _)
            | Action::Tire(worker)
            | Action::Lookup(worker, _)
            | Action::Send(worker)
            | Action::Serve(worker, _)
            | Action::Lose(worker)
            | Action::Turn(worker, _)
            | Action::Belie(worker)
            | Action::Wake(worker)
            | Action::Shelve(worker)
            | Action::Stop(worker)
            | Action::GoBack(worker)
            | Action::Publish(worker)
            | Action::Acknowledge(worker)
            | Action::LoseConfirm(worker)
            | Action::Jump(worker) => {
                step(&mut Step { state, setting, oracle: &self.oracle, worker }, action);
            }
        }
    }
}

fn step(step: &mut Step<'_>, action: Action) {
    match action {
        Action::Open(_, place) => step.open(place),
        Action::GiveWay(_, place) => step.give_way(place),
        Action::Tire(_) => step.tire(),
        Action::Lookup(_, sight) => step.lookup(sight),
        Action::Send(_) => step.send(),
        Action::Serve(_, heard) => step.serve(heard),
        Action::Lose(_) => step.lose(),
        Action::Turn(_, heard) => step.turn(heard),
        Action::Belie(_) => step.belie(),
        Action::Wake(_) => step.wake(),
        Action::Shelve(_) => step.shelve(),
        Action::Stop(_) => step.stop(),
        Action::GoBack(_) => step.go_back(),
        Action::Publish(_) => step.publish(),
        Action::Acknowledge(_) => step.acknowledge(),
        Action::LoseConfirm(_) => step.lose_confirm(),
        Action::Jump(_) => step.jump(),
        _ => unreachable!("{action:?} is not a worker's"),
    }
}
