//! A worker's part. It sequences what the real decisions decide, as `pipeline` does: the turn's
//! last check before a create, the memory of references, one delivery of a reference at a time.

use super::asked::{Asked, Heard, Oracle, Question, Sight};
use super::known::{End, Known, Next};
use super::setting::{ROUND_TRIP, Setting};
use super::state::{Hand, Held, Orphan, Stage, State};

/// A step of one worker.
pub(super) struct Step<'a> {
    pub(super) state: &'a mut State,
    pub(super) setting: &'a Setting,
    pub(super) oracle: &'a Oracle,
    pub(super) worker: usize,
}

impl Step<'_> {
    fn hand(&mut self) -> &mut Hand {
        self.state.workers[self.worker].running.as_mut().expect("a delivery runs")
    }

    /// Ends the delivery's stay in hand; its channel's end has requeued it, or it is settled.
    fn drop_hand(&mut self) -> Hand {
        self.state.workers[self.worker].running.take().expect("a delivery runs")
    }

    /// This worker's clock.
    fn clock(&self) -> u8 {
        let skew = self.setting.has(super::setting::With::Skew) && self.worker == 1;
        let ahead = if skew { super::known::skew() } else { 0 };
        if self.setting.deadline.is_some() { self.state.clock + ahead } else { 0 }
    }

    fn ask(&self, known: Option<Known>, asked: Asked) -> (Known, Next) {
        let (lowered, account) = (self.state.lowered, self.state.account);
        self.oracle.ask(Question { known, asked, clock: self.clock(), lowered, account })
    }

    /// Puts the running delivery to what follows.
    fn follow(&mut self, asked: Asked) {
        let known = self.hand().known;
        let (known, next) = self.ask(Some(known), asked);
        let hand = self.hand();
        hand.known = known;
        hand.stage = stage(next);
    }

    pub(super) fn open(&mut self, place: usize) {
        let (held, known, next) = self.take(place);
        let hand = Hand { held, known, answered: false, stage: stage(next) };
        self.state.workers[self.worker].running = Some(hand);
    }

    /// It goes back with its record as it is derived now, for as long as a quarantine if a delay
    /// fits into that.
    pub(super) fn give_way(&mut self, place: usize) {
        let (_, known, _) = self.take(place);
        self.state.publish_copy(known, self.delay_within(self.setting.quarantine));
    }

    /// Opens a prefetched delivery. What may have been sent by another process is remembered like
    /// what this one sent.
    fn take(&mut self, place: usize) -> (Held, Known, Next) {
        let it = &mut self.state.workers[self.worker];
        let held = it.prefetched.remove(place);
        let (redelivered, recent) = (held.copy.redelivered, it.memory > 0);
        let (known, next) = self.ask(held.copy.known, Asked::Open { redelivered, recent });
        if !known.is_new() {
            self.state.workers[self.worker].memory = self.setting.keep();
        }
        (held, known, next)
    }

    fn delay_within(&self, left: u8) -> u8 {
        let fits = self.setting.delays.iter().copied().filter(|delay| *delay <= left).max();
        fits.unwrap_or(self.setting.delays[0])
    }

    pub(super) fn lookup(&mut self, sight: Sight) {
        self.count_loss(matches!(sight, Sight::Failed | Sight::Throttled));
        let answered = self.setting.max_age.is_some() && sight != Sight::Throttled;
        if sight == Sight::Throttled && self.setting.lacks(27) {
            self.state.workers[self.worker].memory = 0;
        }
        self.follow(Asked::Lookup(sight));
        let denied = sight == Sight::Forbidden && self.setting.lacks(17);
        let hand = self.hand();
        hand.answered |= answered;
        if denied {
            hand.stage = Stage::Does(Next::Back); // the gate is closed, and what it held goes back
        }
    }

    /// The last check before the first byte.
    pub(super) fn send(&mut self) {
        let overdue = self.setting.deadline.is_some() && self.oracle.is_overdue(self.clock());
        if overdue {
            return self.follow(Asked::Nothing);
        }
        let checked = !self.setting.lacks(8);
        let (cut, hold) = (self.state.workers[self.worker].cut, self.setting.hold);
        let hand = self.hand();
        let first = hand.stage == Stage::Does(Next::First);
        if first && checked && hand.held.age >= hold {
            hand.stage = Stage::Does(Next::Back);
            return;
        }
        if !first && checked && cut && !self.setting.lacks(ROUND_TRIP) {
            self.drop_hand(); // the round trip to the broker has told
            return;
        }
        let keep = self.setting.keep();
        let it = &mut self.state.workers[self.worker];
        let fresh = it.memory == 0;
        it.memory = keep;
        self.hand().stage = Stage::Calls { sent: 0, fresh };
    }

    pub(super) fn serve(&mut self, heard: Heard) {
        let (setting, account) = (self.setting, self.state.account);
        if let Stage::Calls { sent, .. } = self.hand().stage {
            let heard = self.state.land(Orphan { sent, account }, heard, setting);
            self.answered(heard);
        }
    }

    /// The call times out, and may still take effect.
    pub(super) fn lose(&mut self) {
        let account = self.state.account;
        if let Stage::Calls { sent, .. } = self.hand().stage {
            let dead = self.setting.details.bounded() && sent >= self.setting.quarantine;
            self.count_loss(!dead);
            if !dead {
                self.state.provider.orphans.push(Orphan { sent, account });
            }
            self.answered(Heard::NoAnswer);
        }
    }

    /// It never left, or was turned away: only a create's own answer takes a reference out of the
    /// memory again.
    pub(super) fn turn(&mut self, heard: Heard) {
        self.count_loss(true);
        if let Stage::Calls { fresh: true, .. } = self.hand().stage {
            self.state.workers[self.worker].memory = 0;
        }
        self.answered(heard);
    }

    fn answered(&mut self, heard: Heard) {
        self.follow(Asked::Create(heard));
        self.hand().answered |= self.setting.max_age.is_some();
    }

    pub(super) fn wake(&mut self) {
        if let Stage::Waits { asked, .. } = self.hand().stage {
            self.follow(Asked::Waited(asked));
        }
    }

    /// Without the cure of 19: by a clock that has jumped, everything was waited.
    pub(super) fn jump(&mut self) {
        let quarantine = self.setting.quarantine + super::known::skew();
        self.follow(Asked::Waited(quarantine));
    }

    pub(super) fn shelve(&mut self) {
        if let Stage::Waits { asked, .. } = self.hand().stage {
            let delay = self.delay_within(asked);
            self.hand().stage = Stage::Does(Next::Return(delay));
        }
    }

    pub(super) fn postpone(&mut self) {
        self.count_loss(true);
        let delay = self.delay_within(u8::MAX);
        self.hand().stage = Stage::Does(Next::Return(delay));
    }

    /// The delivery is to be handed back; what it waited so far counts.
    pub(super) fn stop(&mut self) {
        self.count_loss(self.state.workers[self.worker].hold_off == 0);
        let hand = *self.hand();
        if let Stage::Waits { left, asked } = hand.stage {
            let (known, _) = self.ask(Some(hand.known), Asked::Waited(asked - left));
            self.hand().known = known;
        }
        self.hand().stage = Stage::Does(Next::Back);
    }

    pub(super) fn go_back(&mut self) {
        let (known, delay) = self.copy_out();
        self.drop_hand();
        self.state.publish_copy(known, delay);
    }

    /// What is handed back carries its record as it was derived here.
    fn copy_out(&mut self) -> (Known, u8) {
        let hand = *self.hand();
        match hand.stage {
            Stage::Does(Next::Return(delay)) => {
                (self.ask(Some(hand.known), Asked::Returned(delay)).0, delay)
            }
            _ if self.setting.lacks(7) => {
                (Known::first(hand.known.account), self.setting.delays[0])
            }
            _ => (hand.known, self.setting.delays[0]),
        }
    }

    pub(super) fn publish(&mut self) {
        let aged = self.setting.max_age.is_some();
        let hand = self.hand();
        let Stage::Does(Next::Settle(end)) = hand.stage else { return };
        let unlooked = aged && end == End::Unsettled && !hand.answered;
        hand.stage = Stage::Told;
        self.state.told.tell(end);
        self.state.told.unlooked |= unlooked;
    }

    pub(super) fn acknowledge(&mut self) {
        self.drop_hand();
    }

    pub(super) fn lose_confirm(&mut self) {
        self.state.left.confirms -= 1;
        if self.setting.lacks(0) {
            self.drop_hand(); // acknowledged, though nothing was taken
            return;
        }
        if let Stage::Does(Next::Settle(_)) = self.hand().stage {
            self.publish();
        } else {
            let (known, delay) = self.copy_out();
            self.state.publish_copy(known, delay);
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
        Next::Wait(0) => panic!("a wait takes time"),
        Next::Wait(asked) => Stage::Waits { left: asked, asked },
        next => Stage::Does(next),
    }
}
