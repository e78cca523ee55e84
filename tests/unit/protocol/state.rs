//! The state of the model's world.

use super::known::{End, Known, Next};
use super::setting::{Faults, Setting, With};

pub(super) const WORKERS: usize = 2;

/// The world. Copies with equal records are equal, and are kept in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// Ticks since the start, as long as they make a difference.
    pub(super) clock: u8,
    /// What may still go wrong.
    pub(super) left: Faults,
    pub(super) provider: Provider,
    /// What waits at the broker.
    pub(super) queued: Vec<Queued>,
    /// Who is the active consumer.
    pub(super) active: Option<usize>,
    pub(super) workers: [Worker; WORKERS],
    pub(super) announced: Announced,
    /// Whether `max_amount` was lowered.
    pub(super) lowered: bool,
    /// The account that is configured.
    pub(super) account: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Provider {
    /// Links that were made for the reference, in each account; 2 is many.
    pub(super) links: [u8; 2],
    /// For how long details may still say "not found".
    pub(super) hidden: u8,
    /// Whether a limit refuses everything.
    pub(super) limited: bool,
    /// Requests that nobody waits for any more.
    pub(super) orphans: Vec<Orphan>,
}

/// A request, by how long ago it was sent, and to which account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Orphan {
    pub(super) sent: u8,
    pub(super) account: u8,
}

/// A copy of the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Copied {
    /// Its record; what upstream published has none.
    pub(super) known: Option<Known>,
    pub(super) redelivered: bool,
}

/// A copy at the broker, in the merchant's queue or for so long in a retry queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Queued {
    pub(super) left: u8,
    pub(super) copy: Copied,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Worker {
    /// Whether the broker has given its channel up, which it does not know. What it holds is in
    /// the queue again.
    pub(super) cut: bool,
    /// The delivery that runs; others of the same reference wait.
    pub(super) running: Option<Running>,
    pub(super) prefetched: Vec<Held>,
    /// For how long it still remembers the reference. Where that is only a cache, only the
    /// end of its process makes it forget.
    pub(super) memory: u8,
    /// For how long it still creates nothing, under the strict setting.
    pub(super) hold_off: u8,
}

/// A delivery, and how old it is, up to `hold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Held {
    pub(super) copy: Copied,
    pub(super) age: u8,
}

/// A delivery that runs, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Running {
    pub(super) held: Held,
    pub(super) known: Known,
    /// Whether a call of this delivery was answered, where that is asked.
    pub(super) answered: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    /// This is to be done next.
    Does(Next),
    Waits {
        left: u8,
        asked: u8,
    },
    /// It waits for something that is not its own.
    Pauses {
        left: u8,
    },
    /// A create is under way, sent so long ago. `fresh`: the memory did not know the reference.
    Calls {
        sent: u8,
        fresh: bool,
    },
    /// The event is confirmed, and the delivery not yet acknowledged.
    Announced,
}

/// The events that were published.
#[expect(clippy::struct_excessive_bools, reason = "any of them can be announced beside the others")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Announced {
    pub(super) created: bool,
    pub(super) failed: bool,
    pub(super) unresolved: bool,
    /// Something was parked for its age before any call of its delivery was answered.
    pub(super) unlooked: bool,
}

impl State {
    pub(super) fn first(setting: &Setting) -> Self {
        let copy = Copied { known: None, redelivered: false };
        Self {
            clock: 0,
            left: setting.faults,
            provider: Provider::default(),
            queued: vec![Queued { left: 0, copy }; setting.copies.into()],
            active: Some(0),
            workers: [Worker::default(), Worker::default()],
            announced: Announced::default(),
            lowered: false,
            account: 0,
        }
    }

    /// Worlds that differ in nothing are written the same way. Workers with one clock are alike,
    /// and the age of a delivery counts only as long as it may lead to a first create.
    pub(super) fn sort(&mut self, setting: &Setting) {
        self.queued.sort_unstable();
        self.provider.orphans.sort_unstable();
        for worker in &mut self.workers {
            if let Some(running) = &mut worker.running
                && !running.may_create_first()
            {
                running.held.age = setting.hold;
            }
        }
        let [one, other] = &self.workers;
        if one > other && !setting.has(With::Skew) {
            self.workers.swap(0, 1);
            self.active = self.active.map(|active| 1 - active);
        }
    }

    /// A step of time.
    pub(super) fn tick(&mut self, setting: &Setting) {
        let count_down = |left: &mut u8| *left = left.saturating_sub(1);
        self.clock = setting.clock_max().min(self.clock + 1);
        for queued in &mut self.queued {
            count_down(&mut queued.left);
        }
        for worker in &mut self.workers {
            if setting.strict() {
                count_down(&mut worker.memory);
            }
            count_down(&mut worker.hold_off);
            let running = worker.running.as_mut();
            let held = running.map(|running| &mut running.held).into_iter();
            for held in held.chain(&mut worker.prefetched) {
                held.age = setting.hold.min(held.age + 1);
            }
            if let Some(running) = &mut worker.running {
                match &mut running.stage {
                    Stage::Waits { left, .. } | Stage::Pauses { left } => count_down(left),
                    Stage::Calls { sent, .. } => *sent = grown(*sent, setting),
                    Stage::Does(_) | Stage::Announced => {}
                }
            }
        }
        let provider = &mut self.provider;
        count_down(&mut provider.hidden);
        for orphan in &mut provider.orphans {
            orphan.sent = grown(orphan.sent, setting);
        }
        provider.orphans.retain(|orphan| orphan.sent < setting.quarantine);
    }

    /// Whether the broker or a delivery that is still a worker's holds a copy.
    pub(super) fn holds_a_copy(&self) -> bool {
        !self.queued.is_empty() || self.workers.iter().any(|worker| !worker.cut && worker.holds())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.queued.is_empty()
            && self.workers.iter().all(|worker| !worker.holds())
            && self.announced.any()
    }
}

impl Running {
    fn may_create_first(&self) -> bool {
        let done = matches!(
            self.stage,
            Stage::Announced | Stage::Does(Next::Copy { .. } | Next::Settle(_))
        );
        self.known.is_new() && !done
    }
}

impl Worker {
    pub(super) fn holds(&self) -> bool {
        self.running.is_some() || !self.prefetched.is_empty()
    }
}

impl Announced {
    pub(super) fn any(self) -> bool {
        self.created || self.failed || self.unresolved
    }

    pub(super) fn add(&mut self, end: End) {
        match end {
            End::Created => self.created = true,
            End::Failed => self.failed = true,
            End::Unsettled | End::Parked => self.unresolved = true,
        }
    }
}

/// How long ago a request was sent, where that bounds its effect.
fn grown(sent: u8, setting: &Setting) -> u8 {
    if setting.details.bounded() { setting.quarantine.min(sent + 1) } else { 0 }
}
