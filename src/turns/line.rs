//! Who waits, by class, and within a class in the order of coming.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::{Class, Turn};
use crate::ports::Clock;

/// Gets its turn; dropping it says that the gate is closed.
pub(super) type Waiter<C> = oneshot::Sender<Turn<C>>;

const ORDER: [Class; Class::COUNT] =
    [Class::Probe, Class::Token, Class::Look, Class::Retry, Class::New];
const CREATES_FIRST: [Class; Class::COUNT] =
    [Class::Probe, Class::Token, Class::Retry, Class::New, Class::Look];

/// Five queues.
#[derive(Debug)]
pub(super) struct Line<C: Clock> {
    probes: VecDeque<Waiter<C>>,
    tokens: VecDeque<Waiter<C>>,
    looks: VecDeque<Waiter<C>>,
    retries: VecDeque<Waiter<C>>,
    news: VecDeque<Waiter<C>>,
}

impl<C: Clock> Line<C> {
    pub(super) fn new() -> Self {
        Self {
            probes: VecDeque::new(),
            tokens: VecDeque::new(),
            looks: VecDeque::new(),
            retries: VecDeque::new(),
            news: VecDeque::new(),
        }
    }

    fn queue(&mut self, class: Class) -> &mut VecDeque<Waiter<C>> {
        match class {
            Class::Probe => &mut self.probes,
            Class::Token => &mut self.tokens,
            Class::Look => &mut self.looks,
            Class::Retry => &mut self.retries,
            Class::New => &mut self.news,
        }
    }

    pub(super) fn push(&mut self, class: Class, waiter: Waiter<C>) {
        self.queue(class).push_back(waiter);
    }

    pub(super) fn put_back(&mut self, class: Class, waiter: Waiter<C>) {
        self.queue(class).push_front(waiter);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.probes.is_empty()
            && self.tokens.is_empty()
            && self.looks.is_empty()
            && self.retries.is_empty()
            && self.news.is_empty()
    }

    /// Takes out who is next and still waiting. Without room for calls, only probes and tokens go.
    pub(super) fn first(&mut self, room: bool, creates_first: bool) -> Option<(Class, Waiter<C>)> {
        for class in if creates_first { CREATES_FIRST } else { ORDER } {
            if class.is_call() && !room {
                return None;
            }
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
        for class in ORDER.into_iter().filter(|class| *class != Class::Probe) {
            self.queue(class).clear();
        }
    }
}
