//! Who waits, by class, and within a class in the order of coming.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::{Class, Turn};
use crate::ports::Clock;

/// Gets its turn; dropping it says that the gate is closed.
pub(super) type Waiter<C> = oneshot::Sender<Turn<C>>;

const LOOKS_FIRST: [Class; Class::COUNT] =
    [Class::Probe, Class::Token, Class::Lookup, Class::Retry, Class::New, Class::FirstLook];
const CREATES_FIRST: [Class; Class::COUNT] =
    [Class::Probe, Class::Token, Class::Retry, Class::New, Class::Lookup, Class::FirstLook];

/// In which order they go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// The usual one: a lookup may end an intent.
    LooksFirst,
    /// Where only a create helps.
    CreatesFirst,
}

/// Who may go now. Probes and tokens always may.
#[derive(Clone, Copy, Debug)]
pub(super) struct May {
    /// Looks may.
    pub(super) lookups: bool,
    /// Retries may.
    pub(super) retries: bool,
    /// First creates may.
    pub(super) news: bool,
    /// Who of them goes first.
    pub(super) order: Order,
}

impl May {
    fn go(self, class: Class) -> bool {
        match class {
            Class::Probe | Class::Token => true,
            Class::Lookup | Class::FirstLook => self.lookups,
            Class::Retry => self.retries,
            Class::New => self.news,
        }
    }
}

/// A queue for each class.
#[derive(Debug)]
pub(super) struct Line<C: Clock> {
    probes: VecDeque<Waiter<C>>,
    tokens: VecDeque<Waiter<C>>,
    lookups: VecDeque<Waiter<C>>,
    retries: VecDeque<Waiter<C>>,
    news: VecDeque<Waiter<C>>,
    first_looks: VecDeque<Waiter<C>>,
}

impl<C: Clock> Line<C> {
    pub(super) fn new() -> Self {
        Self {
            probes: VecDeque::new(),
            tokens: VecDeque::new(),
            lookups: VecDeque::new(),
            retries: VecDeque::new(),
            news: VecDeque::new(),
            first_looks: VecDeque::new(),
        }
    }

    fn queue(&mut self, class: Class) -> &mut VecDeque<Waiter<C>> {
        match class {
            Class::Probe => &mut self.probes,
            Class::Token => &mut self.tokens,
            Class::Lookup => &mut self.lookups,
            Class::Retry => &mut self.retries,
            Class::New => &mut self.news,
            Class::FirstLook => &mut self.first_looks,
        }
    }

    pub(super) fn push(&mut self, class: Class, waiter: Waiter<C>) {
        let queue = self.queue(class);
        // Those who have given up stay in line until their class may go, and in a long stall none
        // may.
        while queue.front().is_some_and(Waiter::is_closed) {
            queue.pop_front();
        }
        queue.push_back(waiter);
    }

    pub(super) fn put_back(&mut self, class: Class, waiter: Waiter<C>) {
        self.queue(class).push_front(waiter);
    }

    pub(super) fn is_empty(&self) -> bool {
        !LOOKS_FIRST.into_iter().any(|class| self.has(class))
    }

    /// Whether anyone of this class waits.
    pub(super) fn has(&self, class: Class) -> bool {
        match class {
            Class::Probe => !self.probes.is_empty(),
            Class::Token => !self.tokens.is_empty(),
            Class::Lookup => !self.lookups.is_empty(),
            Class::Retry => !self.retries.is_empty(),
            Class::New => !self.news.is_empty(),
            Class::FirstLook => !self.first_looks.is_empty(),
        }
    }

    /// Takes out who is next of those who may go, and still waiting.
    pub(super) fn first(&mut self, may: May) -> Option<(Class, Waiter<C>)> {
        let order = match may.order {
            Order::LooksFirst => LOOKS_FIRST,
            Order::CreatesFirst => CREATES_FIRST,
        };
        for class in order.into_iter().filter(|class| may.go(*class)) {
            while let Some(waiter) = self.queue(class).pop_front() {
                if !waiter.is_closed() {
                    return Some((class, waiter));
                }
            }
        }
        None
    }

    /// Tells everyone but the probes that the gate is closed.
    pub(super) fn turn_away_all_but_probes(&mut self) {
        for class in LOOKS_FIRST.into_iter().filter(|class| *class != Class::Probe) {
            self.queue(class).clear();
        }
    }
}
