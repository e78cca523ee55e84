//! Which ways out to the broker are shut.

use tokio::sync::watch;

use crate::ports::Clock;
use crate::turns::Turns;

/// A way out to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// The results exchange.
    Results,
    /// The retry exchanges.
    Retries,
    /// The parked exchange.
    Parked,
}

/// The ways out that are shut: what goes there has no queue, or the queue refuses it.
#[expect(clippy::struct_excessive_bools, reason = "four ways out, each open or shut by itself")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutExits {
    /// The results exchange is.
    pub results: bool,
    /// A retry exchange is.
    pub retries: bool,
    /// The parked exchange is.
    pub parked: bool,
    /// All of them are: RabbitMQ takes no publishes.
    pub broker: bool,
}

impl ShutExits {
    /// Whether any is.
    pub fn any(self) -> bool {
        self.results || self.retries || self.parked || self.broker
    }
}

/// Keeps the account of it, and stalls the line while any is shut: a link that cannot be told to
/// anyone must not be made.
#[derive(Debug, Default)]
pub struct Exits(watch::Sender<ShutExits>);

impl Exits {
    /// What is shut, and each change of it.
    pub fn watch(&self) -> watch::Receiver<ShutExits> {
        self.0.subscribe()
    }

    pub(super) fn open<C: Clock>(&self, exit: Exit, turns: &Turns<C>) {
        self.set(exit, false, turns);
    }

    pub(super) fn shut<C: Clock>(&self, exit: Exit, turns: &Turns<C>) {
        self.set(exit, true, turns);
    }

    /// Shuts all of them, or opens them again, because of the broker.
    pub fn block<C: Clock>(&self, blocked: bool, turns: &Turns<C>) {
        self.change(turns, |exits| &mut exits.broker, blocked);
    }

    fn set<C: Clock>(&self, exit: Exit, shut: bool, turns: &Turns<C>) {
        match exit {
            Exit::Results => self.change(turns, |exits| &mut exits.results, shut),
            Exit::Retries => self.change(turns, |exits| &mut exits.retries, shut),
            Exit::Parked => self.change(turns, |exits| &mut exits.parked, shut),
        }
    }

    fn change<C: Clock>(
        &self,
        turns: &Turns<C>,
        which: impl FnOnce(&mut ShutExits) -> &mut bool,
        shut: bool,
    ) {
        // The line is told under the same lock, or two changes at once could leave it stalled
        // with every way out open.
        self.0.send_if_modified(|exits| {
            let changed = std::mem::replace(which(exits), shut) != shut;
            if changed {
                turns.stall(exits.any());
            }
            changed
        });
    }
}
