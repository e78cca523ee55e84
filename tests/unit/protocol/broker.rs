//! The broker's part: who consumes, and what comes back to the queue.

use super::known::Known;
use super::setting::{HOLD_OFF, Setting};
use super::state::{Copied, Held, Orphan, Queued, Stage, State, Worker};

impl State {
    pub(super) fn deliver(&mut self, place: usize) {
        let copy = self.queued.remove(place).copy;
        let active = self.active.expect("somebody consumes");
        self.workers[active].prefetched.push(Held { copy, age: 0 });
    }

    /// A copy that the broker has confirmed.
    pub(super) fn publish_copy(&mut self, known: Known, delay: u8) {
        let copy = Copied { known: Some(known), redelivered: false };
        self.queued.push(Queued { left: delay, copy });
    }

    /// The broker gives a worker's channel up: what it holds is in the queue again, and the other
    /// worker is the active consumer.
    pub(super) fn cut(&mut self, worker: usize, setting: &Setting) {
        self.requeue(worker);
        self.workers[worker].cut = true;
        if self.active == Some(worker) {
            self.active = None;
        }
        self.elect(setting);
    }

    /// The process is killed, and another one starts in its place.
    pub(super) fn crash(&mut self, worker: usize, setting: &Setting) {
        self.requeue(worker);
        self.orphan(worker, setting);
        self.workers[worker] = Worker::default();
        self.leave(worker, setting);
    }

    /// A worker learns that its channel has ended, drops what it holds, and consumes anew.
    pub(super) fn notice(&mut self, worker: usize, setting: &Setting) {
        self.orphan(worker, setting);
        let it = &mut self.workers[worker];
        it.running = None;
        it.prefetched.clear();
        it.cut = false;
        self.elect(setting);
    }

    /// A worker that does not know whether its publish was taken asks for a new session.
    pub(super) fn renew_session(&mut self, worker: usize, setting: &Setting) {
        self.requeue(worker);
        let it = &mut self.workers[worker];
        it.running = None;
        it.prefetched.clear();
        it.cut = false;
        self.leave(worker, setting);
    }

    /// The consumer is cancelled while its deliveries stay in flight.
    pub(super) fn switch(&mut self, setting: &Setting) {
        let active = self.active.expect("somebody consumes");
        self.leave(active, setting);
    }

    fn leave(&mut self, worker: usize, setting: &Setting) {
        if self.active == Some(worker) && !self.workers[1 - worker].cut {
            self.active = Some(1 - worker);
            self.took_over(1 - worker, setting);
        } else if self.active == Some(worker) {
            self.took_over(worker, setting);
        }
        self.elect(setting);
    }

    fn elect(&mut self, setting: &Setting) {
        if self.active.is_some() {
            return;
        }
        self.active = (0..self.workers.len()).find(|worker| !self.workers[*worker].cut);
        if let Some(active) = self.active {
            self.took_over(active, setting);
        }
    }

    /// Under the strict setting, whoever takes over creates nothing for a while.
    fn took_over(&mut self, worker: usize, setting: &Setting) {
        if setting.strict() {
            self.workers[worker].hold_off = match setting.without {
                Some(6 | HOLD_OFF) => 0,
                Some(23) => setting.quarantine,
                _ => setting.quarantine + setting.hold,
            };
        }
    }

    fn requeue(&mut self, worker: usize) {
        let it = &self.workers[worker];
        if it.cut {
            return; // it was given back before
        }
        let running = it.running.map(|running| running.held);
        let back = running.into_iter().chain(it.prefetched.iter().copied());
        let again =
            back.map(|held| Queued { left: 0, copy: Copied { redelivered: true, ..held.copy } });
        self.queued.extend(again);
    }

    /// A request whose answer will not reach its worker any more.
    fn orphan(&mut self, worker: usize, setting: &Setting) {
        let stage = self.workers[worker].running.map(|running| running.stage);
        if let Some(Stage::Calls { sent, .. }) = stage
            && sent < setting.quarantine
        {
            self.provider.orphans.push(Orphan { sent, account: self.account });
        }
    }
}
