//! The protocol, searched through by a model checker: `stateright`, over the real decisions.
//!
//! Two workers, one or two copies of one intent, the broker and Smart Send. Every decision is
//! `IntentCase::open` and `IntentCase::decide`, asked with records that have gone through their
//! headers and with answers that the real classification has judged (`asked`). What sequences them
//! is written again here, as the worker does it: the last check before a create, the memory of
//! references, the hold-off, event before acknowledgement. A process is killed, or cut off from
//! the broker without knowing and goes on (a zombie), or loses its place as the active consumer
//! with deliveries in flight; answers, confirms and turns are lost; a request that nobody waits
//! for lands late or never; details lags, is blind, or masks. The numbers of such faults are
//! bounded by each setting, and within them every order of events is searched.
//!
//! **Time** goes in ticks of 2.5 s, half the stated clock skew. `settle` is one tick, the quarantine
//! three to five. It passes as an action of its own, before or after any other one, so that every
//! process can be slow at every step; in the settings that are `Brisk` only one that is cut off can
//! be, and the others do at once what they can. Whatever ages is counted only as far as it makes a
//! difference: a request that may land until the end of its quarantine, a delivery until `hold`, a
//! record until `max_age`, the clock until the deadline is over. Where effects have no bound
//! (`Whenever`, `Blind`), a request lands at any time. A record's counters stop where no decision
//! asks further. What only a delivery's case remembers is left out: its quick tries are one call,
//! and a failed lookup waits `settle` each time. Details is proven from the start unless it is blind,
//! which allows more than the program does. The memory forgets after its time under the strict
//! setting, where it is safety, and else when its process ends. Equal workers are interchangeable,
//! so a trace may name one by the other's number. Hashes of 64 bits stand for the states, as
//! always with `stateright`.
//!
//! **Held in every state:** never two links (over a provider that refuses a second link, whatever
//! details shows and whenever requests land; over one that makes a link for every create, in the
//! strict setting); never lost; no `failed` beside a link, be it made before or later; and from
//! every state, if nothing goes wrong any more, every run ends with an event and without a copy
//! left (`promises`: a search of our own, since `stateright` sees no livelock).
//!
//! **The ablation.** Each test of a trace first holds the promises over the whole space of its
//! setting, and then takes the one cure out and has the trace found again:
//!
//! | trace | shown by | how the cure is taken out |
//! |---|---|---|
//! | 1 | `traces::trace_01` | details counts as proven though it is blind, and a refusal that is not found fails |
//! | 2, 3 | `traces::trace_02`, `_03` | the limit's code is listed in `reject_codes` |
//! | 4 | `traces::trace_04` | `redelivered` is not passed on. Seen only where details may never show the link: looks before a deadline are a second cure |
//! | 5 | `traces::trace_05` | a passed deadline fails without looks |
//! | 6 | `traces::trace_06` | `redelivered` is not passed on, and nobody holds off: either alone is enough |
//! | 7 | `traces::trace_07` | a hand-back carries a first record |
//! | 8 | `traces::trace_08` | no age check before a first create, no round trip before a resend. The second half is not needed for the promises over these providers |
//! | 9 | `traces::trace_09` | an amount above `max_amount` fails on any delivery |
//! | 10 | `traces::trace_10` | the record's account is overwritten with the configured one |
//! | 11, 32 | `traces::trace_11` | details counts as faithful though it masks |
//! | 12 | `pauses::trace_12` | a pause cancels the consumer, and the next one starts with an open gate |
//! | 13 | `traces::trace_13` | `max_age` is judged on arrival |
//! | 14 | `broker_protocol::trace_14` | on a broker: the intents exchange without its alternate exchange |
//! | 15 | `beside::trace_15` | the delivery count is reported as if it stayed below half |
//! | 16 | `traces::trace_16` | a lookup is judged as if the doubt were not by a duplicate |
//! | 17 | `traces::trace_17` | a lookup's 403 is taken for a denial |
//! | 18 | `beside::trace_18` | the id is made of something that both bodies have |
//! | 19 | `traces::trace_19` | a wait is measured by a clock that jumps |
//! | 20 | `broker_protocol::trace_20` | on a broker: the copy keeps upstream's headers. That ours does not is for `end_to_end::bodies` |
//! | 21 | `traces::trace_21` | a new record counts its trips through retry queues as waited |
//! | 22 | `traces::trace_22` | looks of new intents are made inside the hold-off |
//! | 23 | `traces::trace_23` | the hold-off is the quarantine alone |
//! | 24 | `traces::trace_24` | an amount above `max_amount` fails on a clean first delivery |
//! | 25 | `traces::trace_25` | the skew is not waited out |
//! | 26 | `traces::trace_26` | a refusal leaves the kind of an earlier doubt |
//! | 27 | `traces::trace_27` | a throttled look empties the memory |
//! | 29 | `traces::trace_29` | a create that was turned away counts for nothing |
//!
//! `SMARTSEND_MODEL_STEPS` bounds each search, the nearest states first; one that was bounded says
//! so. The default ends within a minute, and searches two spaces of three to their end; `.ci/run`
//! searches all of them. In the long form, `SMARTSEND_MODEL_FAULTS=1`, each space is searched to its
//! end, and then again with one more death, one more loss and one more lost confirm.
#![expect(clippy::wildcard_enum_match_arm, reason = "a step names the cases that it is for")]

mod setting;
mod known;
mod asked;
mod cures;
mod state;
mod action;
mod worker;
mod broker;
mod provider;
mod promises;
mod spaces;
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
use setting::{Faults, Setting, With};

/// How many steps are searched by default, and how many in the long form.
const SHORT: u64 = 300_000;
const LONG: u64 = 10_000_000;

/// So many faults are searched beyond a setting's own.
fn more_faults() -> u8 {
    u8::try_from(size("SMARTSEND_MODEL_FAULTS", 0)).unwrap()
}

/// The setting's own faults; and in the long form so many more of each sort, one sort at a time,
/// since one more of every sort is more than can be searched.
fn budgets(setting: &Setting) -> Vec<Faults> {
    let (own, more) = (setting.faults, more_faults());
    let answers_are_lost = Faults { losses: own.losses + more, ..own };
    let intents_come_again = [
        Faults { deaths: own.deaths + more, ..own },
        Faults { confirms: own.confirms + more, ..own },
    ];
    // A provider that takes back what it says of the intent alone: no worker can foresee it, once
    // link.failed is out and the intent comes again.
    let takes_back = setting.has(With::Limits) && setting.has(With::StaticLimit);
    let raised = intents_come_again.into_iter().filter(|_| !takes_back);
    let raised = raised.chain([answers_are_lost]).filter(|_| more > 0);
    std::iter::once(own).chain(raised).collect()
}

/// A space, searched through once however many tests ask.
type Once = Arc<OnceLock<()>>;
type Space = (&'static str, Option<u8>);
static SEARCHED: LazyLock<Mutex<BTreeMap<Space, Once>>> = LazyLock::new(Mutex::default);

/// Every promise holds in every state.
fn holds(setting: Setting) {
    let space = (setting.name, setting.without);
    let once = Once::clone(SEARCHED.lock().unwrap().entry(space).or_default());
    once.get_or_init(|| {
        for faults in budgets(&setting) {
            search(Setting { faults, ..setting }, faults != setting.faults);
        }
    });
}

/// Searches one space, to its end or to the bound. Only in the short form may the bound cut off a
/// part of what a setting's own faults can do.
fn search(setting: Setting, has_more_faults: bool) {
    let default = if more_faults() > 0 { LONG } else { SHORT };
    let most = size("SMARTSEND_MODEL_STEPS", default);
    let may_be_bounded = has_more_faults || most == SHORT;
    let most = usize::try_from(most).unwrap();
    let model = Protocol::new(setting);
    let checker = model.checker().threads(2).target_state_count(most).spawn_bfs().join();
    if let Some((promise, path)) = checker.discoveries().into_iter().next() {
        let actions = path.into_actions();
        panic!("{}: {promise} is broken in {} steps: {actions:?}", setting.name, actions.len());
    }
    let bounded = checker.state_count() >= most;
    assert!(!bounded || may_be_bounded, "{}: the space is not searched through", setting.name);
    let how_far = if bounded { "BOUNDED at" } else { "all of" };
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    let (calm, questions) = (checker.model().calm_states(), checker.model().oracle.questions());
    let Faults { deaths, losses, confirms } = setting.faults;
    let name = format!("{} ({deaths} deaths, {losses} losses, {confirms} confirms)", setting.name);
    say(&format!(
        "{name}: {how_far} {states} states to a depth of {depth}, {questions} questions to the \
         decisions, calm runs through {calm} states"
    ));
    let layer = if bounded { format!("{name}, bounded") } else { name };
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

/// With one cure out, the promise is broken again, and the checker gives a trace (a short one, if
/// not the shortest: it looks up only after a block of states).
fn breaks(setting: Setting, cure: u8, promise: &'static str) {
    let actions = counterexample(setting.without(cure), promise);
    say_broken(&format!("without the cure of {cure}"), promise, &actions);
}

/// What no cure is for.
fn breaks_with_every_cure(setting: Setting, promise: &'static str) {
    say_broken(setting.name, promise, &counterexample(setting, promise));
}

fn counterexample(setting: Setting, promise: &'static str) -> Vec<Action> {
    let enough = HasDiscoveries::AnyOf(BTreeSet::from([promise]));
    let checker = Protocol::new(setting).checker().finish_when(enough).spawn_bfs().join();
    let states = checker.unique_state_count();
    let path = checker.discovery(promise);
    path.unwrap_or_else(|| panic!("not found in {states} states: {setting:?}")).into_actions()
}

fn say_broken(how: &str, promise: &str, actions: &[impl Debug]) {
    let steps = actions.len();
    say(&format!("{how}: {promise:?} breaks in {steps} steps: {actions:?}"));
}

fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "model: {line}").unwrap();
}
