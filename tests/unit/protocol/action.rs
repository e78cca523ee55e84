//! What can happen next.

use super::asked::{Heard, Sight};
use super::known::Next;
use super::setting::{Details, Setting, With};
use super::state::{Running, Stage, State, WORKERS};

/// One step. A worker is named by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Tick,
    /// The broker gives a copy to the active consumer, by its place in the queue.
    Deliver(usize),
    /// A prefetched delivery is opened.
    Open(usize, usize),
    /// One that waits behind the running one goes back, to come after it.
    GiveWay(usize, usize),
    Lookup(usize, Sight),
    /// A create passes the last check and leaves.
    Send(usize),
    /// It takes effect at the provider, and is answered.
    Serve(usize, Heard),
    /// The call is over without an answer; it takes effect later, or never.
    Lose(usize),
    /// It is not sent, or turned away.
    Turn(usize, Heard),
    /// It takes effect, and is answered as if it had been turned away.
    Belie(usize),
    /// A wait is over.
    Wake(usize),
    /// A wait goes through a retry queue.
    Shelve(usize),
    /// A stop, an open circuit breaker: the delivery is handed back.
    Stop(usize),
    /// One that was held off for a whole lease goes back: without the cure of trace 22 nobody asks
    /// for a pause.
    Tire(usize),
    /// A copy is published to a retry queue, confirmed, and the delivery acknowledged.
    GoBack(usize),
    /// The event is published and confirmed.
    Publish(usize),
    Acknowledge(usize),
    /// What is published is taken, and its confirm never comes.
    LoseConfirm(usize),
    /// A worker learns that its channel has ended.
    Notice(usize),
    Crash(usize),
    Cut(usize),
    /// The other worker becomes the active consumer.
    Switch,
    /// A request that nobody waits for takes effect.
    LandLate(usize),
    /// It never does.
    Vanish(usize),
    Limit,
    Lower,
    Move,
    /// A wall clock jumps over a wait and back: without the cure of trace 19 that ends the wait.
    Jump(usize),
}

/// Everything that can happen.
pub(super) fn all(state: &State, setting: &Setting, actions: &mut Vec<Action>) {
    if !setting.has(With::Brisk) || may_pass(state, setting) {
        actions.push(Action::Tick);
    }
    delivers(state, actions);
    late(state, actions);
    for worker in 0..WORKERS {
        does(state, setting, worker, actions);
        fails(state, setting, worker, actions);
    }
    let other_can = state.active.is_some_and(|active| !state.workers[1 - active].cut);
    if state.left.deaths > 0 && other_can && !setting.has(With::KilledOnly) {
        actions.push(Action::Switch);
    }
    if setting.has(With::Limits) {
        actions.push(Action::Limit);
    }
    if setting.has(With::Lowering) && !state.lowered {
        actions.push(Action::Lower);
    }
    if may_move(state, setting) {
        actions.push(Action::Move);
    }
}

/// What happens when nothing goes wrong any more, in one order: whoever can do something does it
/// at once, and time passes only when nobody can.
pub(super) fn calm(state: &State, setting: &Setting, actions: &mut Vec<Action>) {
    for worker in 0..WORKERS {
        does(state, setting, worker, actions);
        if !actions.is_empty() {
            return;
        }
    }
    delivers(state, actions);
    if actions.is_empty() {
        late(state, actions);
    }
    if actions.is_empty() {
        actions.push(Action::Tick);
    }
}

/// Whether no worker has anything to do at once, but for one that is cut off.
fn may_pass(state: &State, setting: &Setting) -> bool {
    let mut to_do = Vec::new();
    for worker in (0..WORKERS).filter(|worker| !state.workers[*worker].cut) {
        does(state, setting, worker, &mut to_do);
    }
    to_do.iter().all(|action| matches!(action, Action::Shelve(_)))
}

fn delivers(state: &State, actions: &mut Vec<Action>) {
    let Some(active) = state.active else { return };
    // A prefetched delivery waits behind the running one; more of them would only wait too.
    if state.workers[active].prefetched.is_empty() {
        let equal = |place: usize| place > 0 && state.queued[place] == state.queued[place - 1];
        let ready = (0..state.queued.len()).filter(|place| state.queued[*place].left == 0);
        actions.extend(ready.filter(|place| !equal(*place)).map(Action::Deliver));
    }
}

fn late(state: &State, actions: &mut Vec<Action>) {
    for place in 0..state.provider.orphans.len() {
        actions.extend([Action::LandLate(place), Action::Vanish(place)]);
    }
}

fn does(state: &State, setting: &Setting, worker: usize, actions: &mut Vec<Action>) {
    let it = &state.workers[worker];
    if it.cut {
        actions.push(Action::Notice(worker));
    }
    let Some(running) = &it.running else {
        actions.extend((0..it.prefetched.len()).map(|place| Action::Open(worker, place)));
        return;
    };
    actions.extend((0..it.prefetched.len()).map(|place| Action::GiveWay(worker, place)));
    match running.stage {
        Stage::Does(next) => does_next(state, setting, (worker, running, next), actions),
        Stage::Waits { left: 0, .. } | Stage::Pauses { left: 0 } => {
            actions.push(Action::Wake(worker));
        }
        Stage::Pauses { .. } => {}
        Stage::Waits { left, asked } => {
            if left == asked && setting.has(With::Shelves) {
                actions.push(Action::Shelve(worker));
            }
        }
        Stage::Calls { sent, .. } if sent >= setting.quarantine => {
            actions.push(Action::Lose(worker));
        }
        Stage::Calls { .. } => {
            actions.extend(answers(state, setting).map(|heard| Action::Serve(worker, heard)));
        }
        Stage::Announced => actions.push(Action::Acknowledge(worker)),
    }
}

fn does_next(
    state: &State,
    setting: &Setting,
    (worker, running, next): (usize, &Running, Next),
    actions: &mut Vec<Action>,
) {
    let held_off = setting.lacks(22) && state.workers[worker].hold_off > 0;
    match next {
        Next::First if held_off => {
            if running.held.age >= setting.hold {
                actions.push(Action::Tire(worker));
            }
        }
        Next::First | Next::Resend => actions.push(Action::Send(worker)),
        Next::Lookup => {
            actions.extend(sights(state, setting).map(|sight| Action::Lookup(worker, sight)));
        }
        Next::Copy { .. } => actions.push(Action::GoBack(worker)),
        Next::Settle(_) => actions.push(Action::Publish(worker)),
        Next::Wait(_) | Next::Pause(_) => panic!("a wait begins at once"),
    }
}

/// How a create may be answered.
fn answers(state: &State, setting: &Setting) -> impl Iterator<Item = Heard> + use<> {
    let provider = &state.provider;
    let there = provider.links[usize::from(state.account)] > 0 && !setting.strict();
    let answers: &[Heard] = match (provider.limited, there) {
        (true, _) => &[Heard::Limit],
        (false, true) => &[Heard::Duplicate, Heard::Odd],
        (false, false) => &[Heard::Created],
    };
    answers.iter().copied()
}

/// What a lookup may show.
fn sights(state: &State, setting: &Setting) -> impl Iterator<Item = Sight> + use<> {
    let there = state.provider.links[usize::from(state.account)] > 0;
    let (hides, shows) = match setting.details {
        _ if !there => (true, false),
        Details::Lag => (state.provider.hidden > 0, true),
        Details::Whenever => (true, true),
        Details::Blind => (true, false),
    };
    let nothing = if setting.has(With::Forbids) { Sight::Forbidden } else { Sight::NotFound };
    let vague = there && hides && setting.has(With::Vague);
    let sights =
        [hides.then_some(nothing), shows.then_some(Sight::Found), vague.then_some(Sight::Vague)];
    sights.into_iter().flatten()
}

fn fails(state: &State, setting: &Setting, worker: usize, actions: &mut Vec<Action>) {
    let it = &state.workers[worker];
    if state.left.deaths > 0 {
        if it.holds() || it.memory > 0 {
            actions.push(Action::Crash(worker));
        }
        if it.holds() && !it.cut && !setting.has(With::KilledOnly) {
            actions.push(Action::Cut(worker));
        }
    }
    let Some(running) = &it.running else { return };
    if setting.lacks(19) && matches!(running.stage, Stage::Waits { left: 1.., .. }) {
        actions.push(Action::Jump(worker));
    }
    if state.left.losses > 0 {
        match running.stage {
            Stage::Does(Next::Lookup) => {
                let sights = [Sight::Failed, Sight::Throttled];
                actions.extend(sights.map(|sight| Action::Lookup(worker, sight)));
                actions.push(Action::Stop(worker));
            }
            Stage::Does(Next::First | Next::Resend)
            | Stage::Waits { .. }
            | Stage::Pauses { .. } => {
                actions.push(Action::Stop(worker));
            }
            Stage::Calls { .. } => {
                actions.push(Action::Lose(worker));
                let turned = [Heard::NotSent, Heard::Throttled];
                actions.extend(turned.map(|heard| Action::Turn(worker, heard)));
                if setting.has(With::Belies) {
                    actions.push(Action::Belie(worker));
                }
            }
            Stage::Does(_) | Stage::Announced => {}
        }
    }
    let publishes = matches!(running.stage, Stage::Does(Next::Copy { .. } | Next::Settle(_)));
    if state.left.confirms > 0 && publishes {
        actions.push(Action::LoseConfirm(worker));
    }
}

/// An operator changes the account when both workers have stopped. Every copy that may have been
/// sent says in its record to which account, unless its worker was killed.
fn may_move(state: &State, setting: &Setting) -> bool {
    let idle = state.workers.iter().all(|worker| !worker.holds());
    let recorded = |copy: super::state::Copied| copy.known.is_some() && !copy.redelivered;
    let allowed = setting.has(With::MovingAtAnyTime)
        || setting.has(With::Moving) && state.queued.iter().all(|queued| recorded(queued.copy));
    allowed && idle && state.account == 0
}
