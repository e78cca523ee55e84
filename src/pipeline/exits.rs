//! Which ways out to the broker are shut.

use tokio::sync::watch;

use crate::ports::{Clock, Outgoing};
use crate::turns::Turns;

/// A way out to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The results exchange.
    Results,
    /// The retry exchanges.
    Retries,
    /// The parked exchange.
    Parked,
    /// The checkpoint exchange. Nothing waits for what goes there.
    Checkpoint,
}

impl Exit {
    pub(super) fn of(outgoing: &Outgoing) -> Self {
        match outgoing {
            Outgoing::Event(_) => Self::Results,
            Outgoing::Retry { .. } => Self::Retries,
            Outgoing::Parked(_) => Self::Parked,
            Outgoing::Checkpoint { .. } => Self::Checkpoint,
        }
    }
}

/// The ways out that are shut: what goes there has no queue, or the queue refuses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutExits {
    // How many publishes are being refused. One that succeeds says nothing of the others: a queue
    // may be bound for `link.created` alone.
    results: usize,
    retries: usize,
    parked: usize,
    checkpoint: usize,
    blocked: bool,
}

impl ShutExits {
    /// Whether this one is.
    pub fn has(self, exit: Exit) -> bool {
        match exit {
            Exit::Results => self.results > 0,
            Exit::Retries => self.retries > 0,
            Exit::Parked => self.parked > 0,
            Exit::Checkpoint => self.checkpoint > 0,
        }
    }

    /// Whether any is, if only because RabbitMQ takes no publishes.
    pub fn any(self) -> bool {
        self.each().contains(&true)
    }

    fn each(self) -> [bool; 4] {
        [self.has(Exit::Results), self.has(Exit::Retries), self.has(Exit::Parked), self.blocked]
    }

    fn refused(&mut self, exit: Exit) -> &mut usize {
        match exit {
            Exit::Results => &mut self.results,
            Exit::Retries => &mut self.retries,
            Exit::Parked => &mut self.parked,
            Exit::Checkpoint => &mut self.checkpoint,
        }
    }
}

/// Keeps the account of it, and stalls the line while any is shut: a link that cannot be told to
/// anyone must not be made.
#[derive(Debug, Default)]
pub struct Exits(watch::Sender<ShutExits>);

/// A publish that is being refused: its way out is shut as long as there is one. When it is given
/// up nobody tries that way any more, so the next one must find it open.
pub(super) struct Refused<'a, C: Clock> {
    exits: &'a Exits,
    exit: Exit,
    turns: &'a Turns<C>,
}

impl Exits {
    /// What is shut, and each change of it.
    pub fn watch(&self) -> watch::Receiver<ShutExits> {
        self.0.subscribe()
    }

    pub(super) fn refuse<'a, C: Clock>(
        &'a self,
        exit: Exit,
        turns: &'a Turns<C>,
    ) -> Refused<'a, C> {
        self.change(turns, |exits| {
            let refused = exits.refused(exit);
            *refused = refused.saturating_add(1);
        });
        Refused { exits: self, exit, turns }
    }

    /// Shuts all of them, or opens them again, because of the broker.
    pub fn block<C: Clock>(&self, blocked: bool, turns: &Turns<C>) {
        self.change(turns, |exits| exits.blocked = blocked);
    }

    fn change<C: Clock>(&self, turns: &Turns<C>, change: impl FnOnce(&mut ShutExits)) {
        // The line is told under the same lock, or two changes at once could leave it stalled
        // with every way out open.
        self.0.send_if_modified(|exits| {
            let before = exits.each();
            change(exits);
            let changed = exits.each() != before;
            if changed {
                turns.stall(exits.any());
            }
            changed // one refusal more or less is nothing to tell of
        });
    }
}

impl<C: Clock> Drop for Refused<'_, C> {
    fn drop(&mut self) {
        self.exits.change(self.turns, |exits| {
            let refused = exits.refused(self.exit);
            *refused = refused.saturating_sub(1);
        });
    }
}
