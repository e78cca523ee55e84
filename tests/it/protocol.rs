//! The protocol, searched through by a model checker.

mod setting;
mod known;
mod asked;
mod state;
mod action;
mod worker;
mod broker;
mod provider;
mod promises;
mod traces;
mod pauses;
mod beside;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use stateright::{Checker, HasDiscoveries, Model};

use crate::support::proof::{Row, size};
use action::Action;
use promises::Protocol;
use setting::{Faults, Setting};

/// So many steps are searched at most; only the long form comes so far.
const STATES_MAX: u64 = 10_000_000;

/// How many more faults of each sort a setting gets in the long form.
fn more_faults() -> u8 {
    u8::try_from(size("SMARTSEND_MODEL_FAULTS", 0)).unwrap()
}

/// A space, searched through once however many tests ask.
type Once = Arc<OnceLock<()>>;
static SEARCHED: LazyLock<Mutex<BTreeMap<&str, Once>>> = LazyLock::new(Mutex::default);

/// With every cure in, every promise holds in every state.
fn holds(setting: Setting) {
    let once = Once::clone(SEARCHED.lock().unwrap().entry(setting.name).or_default());
    once.get_or_init(|| search(setting));
}

fn search(mut setting: Setting) {
    let more = more_faults();
    let Faults { deaths, losses, confirms } = setting.faults;
    setting.faults =
        Faults { deaths: deaths + more, losses: losses + more, confirms: confirms + more };
    let most = size("SMARTSEND_MODEL_STATES", STATES_MAX).try_into().unwrap();
    let model = Protocol::new(setting);
    let checker = model.checker().threads(2).target_state_count(most).spawn_bfs().join();
    if let Some((promise, path)) = checker.discoveries().into_iter().next() {
        let actions = path.into_actions();
        panic!("{}: {promise} is broken in {} steps: {actions:?}", setting.name, actions.len());
    }
    let bounded = checker.state_count() >= most;
    assert!(!bounded || more > 0, "{}: the space is not searched through", setting.name);
    let how_far = if bounded { "BOUNDED at" } else { "all of" };
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let (calm, questions) = (checker.model().calm_states(), checker.model().oracle.questions());
    let name = setting.name;
    say(&format!(
        "{name}: {how_far} {states} states to a depth of {depth}, {questions} questions to the \
         decisions, calm runs through {calm} states"
    ));
    let Faults { deaths, losses, confirms } = setting.faults;
    let layer = if bounded { format!("{name} (bounded)") } else { name.to_owned() };
    show(&layer, states, deaths + losses + confirms);
}

/// The proof's row for a space.
fn show(name: &str, states: usize, faults: u8) {
    Row {
        layer: format!("model: {name}"),
        runs: u64::try_from(states).unwrap(),
        unit: "states",
        intents: 1,
        faults: faults.into(),
        ..Row::default()
    }
    .show();
}

/// With one cure out, the promise is broken again, and the checker tells a trace (a short one, if
/// not the shortest: it looks up only after a block of states).
fn breaks(setting: Setting, cure: u8, promise: &'static str) {
    let actions = counterexample(setting.without(cure), promise);
    tell_broken(&format!("without the cure of {cure}"), promise, &actions);
}

/// What no cure is for.
fn breaks_with_every_cure(setting: Setting, promise: &'static str) {
    tell_broken(setting.name, promise, &counterexample(setting, promise));
}

fn counterexample(setting: Setting, promise: &'static str) -> Vec<Action> {
    let enough = HasDiscoveries::AnyOf(BTreeSet::from([promise]));
    let checker = Protocol::new(setting).checker().finish_when(enough).spawn_bfs().join();
    let states = checker.unique_state_count();
    let path = checker.discovery(promise);
    path.unwrap_or_else(|| panic!("not found in {states} states: {setting:?}")).into_actions()
}

fn tell_broken(how: &str, promise: &str, actions: &[impl Debug]) {
    let steps = actions.len();
    say(&format!("{how}: {promise:?} breaks in {steps} steps: {actions:?}"));
}

fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "model: {line}").unwrap();
}
