//! A worker's part: who runs, what is asked when, and what of it reaches the world. What follows is
//! for the real decisions.

use smartsend::domain::decide::Start;

use super::asked::{Asked, Heard, Oracle, Question, Sight, Why};
use super::known::{End, Known, Next};
use super::setting::{ROUND_TRIP, Setting, With};
use super::state::{Held, Orphan, Running, Stage, State};

/// A step of one worker.
pub(super) struct Step<'a> {
    pub(super) state: &'a mut State,
    pub(super) setting: &'a Setting,
    pub(super) oracle: &'a Oracle,
    pub(super) worker: usize,
}

impl Step<'_> {
    fn running(&mut self) -> &mut Running {
        self.state.workers[self.worker].running.as_mut().expect("a delivery runs")
    }

    /// Ends the delivery's stay; its channel's end has requeued it, or it is settled.
    fn drop_running(&mut self) -> Running {
        self.state.workers[self.worker].running.take().expect("a delivery runs")
    }

    /// This worker's clock.
    fn clock(&self) -> u8 {
        let skew = self.setting.has(With::Skew) && self.worker == 1;
        let ahead = if skew { super::known::skew() } else { 0 };
        if self.setting.deadline.is_some() { self.state.clock + ahead } else { 0 }
    }

    fn ask(&self, known: Option<Known>, held: Held, asked: Asked) -> (Known, Next) {
        let (lowered, account) = (self.state.lowered, self.state.account);
        let held_off = self.state.workers[self.worker].hold_off;
        let age = if held_off > 0 { held.age } else { 0 };
        let clock = self.clock();
        self.oracle.ask(Question { known, asked, clock, lowered, account, held_off, age })
    }

    /// Moves the running delivery on to what follows.
    fn follow(&mut self, asked: Asked) {
        let running = *self.running();
        let (known, next) = self.ask(Some(running.known), running.held, asked);
        let running = self.running();
        running.known = known;
        running.stage = stage(next);
    }

    pub(super) fn open(&mut self, place: usize) {
        let (held, known, next) =
            self.take(place, |redelivered, recent| Asked::Open { redelivered, recent });
        let running = Running { held, known, answered: false, stage: stage(next) };
        self.state.workers[self.worker].running = Some(running);
    }

    pub(super) fn give_way(&mut self, place: usize) {
        let (_, _, next) =
            self.take(place, |redelivered, recent| Asked::GiveWay { redelivered, recent });
        match next {
            Next::Copy { known, delay } => self.state.publish_copy(known, delay),
            Next::Settle(end) => self.state.announced.add(end),
            other => panic!("{other:?}"),
        }
    }

    /// Opens a prefetched delivery. What may have been sent by another process is remembered like
    /// what this one sent.
    fn take(
        &mut self,
        place: usize,
        asked: impl FnOnce(bool, bool) -> Asked,
    ) -> (Held, Known, Next) {
        let it = &mut self.state.workers[self.worker];
        let held = it.prefetched.remove(place);
        let asked = asked(held.copy.redelivered, it.memory > 0);
        let (known, next) = self.ask(held.copy.known, held, asked);
        if !known.is_new() {
            self.state.workers[self.worker].memory = self.setting.keep();
        }
        (held, known, next)
    }

    pub(super) fn lookup(&mut self, sight: Sight) {
        self.count_loss(matches!(sight, Sight::Failed | Sight::Throttled));
        let answered = self.setting.max_age.is_some() && sight != Sight::Throttled;
        if sight == Sight::Throttled && self.setting.lacks(27) {
            self.state.workers[self.worker].memory = 0;
        }
        self.follow(Asked::Lookup(sight));
        self.running().answered |= answered;
        if sight == Sight::Forbidden && self.setting.lacks(17) {
            // The breaker is open, and what was held goes back.
            self.follow(Asked::Interrupted { why: Why::Stopping, waited: 0 });
        }
    }

    /// The last check before the first byte.
    pub(super) fn send(&mut self) {
        let checked = !self.setting.lacks(8);
        let (clock, cut) = (self.clock(), self.state.workers[self.worker].cut);
        let running = *self.running();
        let is_first = running.stage == Stage::Does(Next::First);
        let age = if is_first && checked { running.held.age } else { 0 };
        match self.oracle.start(clock, age) {
            Start::Now => {}
            Start::Overdue => return self.follow(Asked::Start),
            Start::Late => {
                return self.follow(Asked::Interrupted { why: Why::Late, waited: 0 });
            }
        }
        if !is_first && checked && cut && !self.setting.lacks(ROUND_TRIP) {
            self.drop_running(); // the round trip to the broker has shown it
            return;
        }
        let keep = self.setting.keep();
        let it = &mut self.state.workers[self.worker];
        let fresh = it.memory == 0;
        it.memory = keep;
        self.running().stage = Stage::Calls { sent: 0, fresh };
    }

    pub(super) fn serve(&mut self, heard: Heard) {
        let (setting, account) = (self.setting, self.state.account);
        if let Stage::Calls { sent, .. } = self.running().stage {
            let heard = self.state.land(Orphan { sent, account }, heard, setting);
            self.answered(heard);
        }
    }

    /// The call times out, and may still take effect.
    pub(super) fn lose(&mut self) {
        let account = self.state.account;
        if let Stage::Calls { sent, .. } = self.running().stage {
            let dead = self.setting.details.bounded() && sent >= self.setting.quarantine;
            self.count_loss(!dead);
            if !dead {
                self.state.provider.orphans.push(Orphan { sent, account });
            }
            self.answered(Heard::NoAnswer);
        }
    }

    /// It never left, or was turned away: only a create that never left takes its reference out of
    /// the dedup cache again.
    pub(super) fn turn(&mut self, heard: Heard) {
        self.count_loss(true);
        let forgets = heard == Heard::NotSent || self.setting.lacks(29);
        if let Stage::Calls { fresh: true, .. } = self.running().stage
            && forgets
        {
            self.state.workers[self.worker].memory = 0;
        }
        self.answered(heard);
    }

    pub(super) fn belie(&mut self) {
        let (setting, account) = (self.setting, self.state.account);
        if let Stage::Calls { sent, .. } = self.running().stage {
            self.state.land(Orphan { sent, account }, Heard::Duplicate, setting);
            self.turn(Heard::Throttled);
        }
    }

    fn answered(&mut self, heard: Heard) {
        self.follow(Asked::Create(heard));
        self.running().answered |= self.setting.max_age.is_some();
    }

    pub(super) fn wake(&mut self) {
        match self.running().stage {
            Stage::Waits { asked, .. } => self.follow(Asked::Waited(asked)),
            Stage::Pauses { .. } => self.follow(Asked::Start),
            stage => panic!("{stage:?} is not a wait"),
        }
    }

    /// Without the cure of 19: by a clock that has jumped, everything was waited.
    pub(super) fn jump(&mut self) {
        let quarantine = self.setting.quarantine + super::known::skew();
        self.follow(Asked::Waited(quarantine));
    }

    pub(super) fn shelve(&mut self) {
        if let Stage::Waits { asked, .. } = self.running().stage {
            self.follow(Asked::Interrupted { why: Why::NoPlace(asked), waited: 0 });
        }
    }

    /// The delivery is to be handed back; what it waited so far counts.
    pub(super) fn stop(&mut self) {
        self.count_loss(true);
        let waited = match self.running().stage {
            Stage::Waits { left, asked } => asked - left,
            _ => 0,
        };
        self.follow(Asked::Interrupted { why: Why::Stopping, waited });
    }

    /// Without the cure of 22: it was held off for a whole lease.
    pub(super) fn tire(&mut self) {
        self.follow(Asked::Interrupted { why: Why::Late, waited: 0 });
    }

    pub(super) fn go_back(&mut self) {
        if let Stage::Does(Next::Copy { known, delay }) = self.drop_running().stage {
            self.state.publish_copy(known, delay);
        }
    }

    pub(super) fn publish(&mut self) {
        let aged = self.setting.max_age.is_some();
        let running = self.running();
        let Stage::Does(Next::Settle(end)) = running.stage else { return };
        let unlooked = aged && end == End::Unsettled && !running.answered;
        running.stage = Stage::Announced;
        self.state.announced.add(end);
        self.state.announced.unlooked |= unlooked;
    }

    pub(super) fn acknowledge(&mut self) {
        self.drop_running();
    }

    pub(super) fn lose_confirm(&mut self) {
        self.state.left.confirms -= 1;
        if self.setting.lacks(0) {
            self.drop_running(); // acknowledged, though nothing was taken
            return;
        }
        match self.running().stage {
            Stage::Does(Next::Copy { known, delay }) => self.state.publish_copy(known, delay),
            _ => self.publish(),
        }
        self.state.renew_session(self.worker, self.setting);
    }

    fn count_loss(&mut self, counts: bool) {
        if counts {
            self.state.left.losses -= 1;
        }
    }
}

fn stage(next: Next) -> Stage {
    match next {
        Next::Wait(0) | Next::Pause(0) => panic!("a wait takes time"),
        Next::Wait(asked) => Stage::Waits { left: asked, asked },
        Next::Pause(left) => Stage::Pauses { left },
        next => Stage::Does(next),
    }
}
