//! The requests that wait, by priority, and in the order of arrival within a priority.

use std::collections::BTreeSet;

use crate::domain::call::Priority;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    // Compared first: the order of the fields is the order of the queue.
    priority: Priority,
    number: u64,
}

impl Ticket {
    pub fn priority(self) -> Priority {
        self.priority
    }
}

/// The requests that wait for a permit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct WaitQueue {
    tickets: BTreeSet<Ticket>,
    last_number: u64,
}

impl WaitQueue {
    pub(super) fn push(&mut self, priority: Priority) -> Ticket {
        self.last_number = self.last_number.saturating_add(1);
        let ticket = Ticket { priority, number: self.last_number };
        self.tickets.insert(ticket);
        ticket
    }

    pub(super) fn remove(&mut self, ticket: Ticket) {
        self.tickets.remove(&ticket);
    }

    /// The first of a priority.
    pub(super) fn first(&self, priority: Priority) -> Option<Ticket> {
        let from = Ticket { priority, number: 0 };
        self.tickets.range(from..).next().copied().filter(|first| first.priority == priority)
    }

    /// The first that is not a probe.
    pub(super) fn first_but_probes(&self) -> Option<Ticket> {
        self.tickets.range(Ticket { priority: Priority::Token, number: 0 }..).next().copied()
    }

    pub(super) fn has(&self, priority: Priority) -> bool {
        self.first(priority).is_some()
    }
}
