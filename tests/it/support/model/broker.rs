//! The broker's side: queues with one active consumer, redelivery, and a log of what happened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use smartsend::ports::{
    Copied, Delivered, EventMessage, Headers, Moment, Outgoing, Properties, Unpublished,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::Chance;
use super::shelves::{Consumer, State};

/// A message in a merchant's queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) body: Bytes,
    pub(crate) properties: Properties,
    pub(crate) headers: Headers,
    /// Whether our own login wrote it.
    pub(crate) own: bool,
    pub(crate) redelivered: bool,
    /// How often it came back.
    pub(crate) count: u64,
}

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Results,
    Retries,
    Parked,
}

/// What goes wrong with one publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No queue is bound.
    Unroutable,
    /// It is refused.
    Refused,
    /// It arrives, and the confirm is lost.
    ConfirmLost,
    /// It is lost on the way.
    Lost,
}

/// The broker. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Broker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Broker {
    /// An intent from upstream.
    pub(crate) fn publish_intent(&self, merchant: &str, body: impl Into<Bytes>, at: Moment) {
        let properties = Properties { message_id: Some("m-1".to_owned()), ..Properties::default() };
        let (body, headers) = (body.into(), Headers::new());
        let message =
            Message { body, properties, headers, own: false, redelivered: false, count: 0 };
        self.push(merchant, message, at);
    }

    /// Puts a message at the end of a merchant's queue.
    pub(crate) fn push(&self, merchant: &str, message: Message, at: Moment) {
        let mut state = self.lock();
        state.queues.entry(merchant.to_owned()).or_default().ready.push_back(message);
        state.send(merchant, at);
        self.0.changed.notify_waiters();
    }

    /// What goes wrong with the next publishes through a door.
    pub(crate) fn on_publish(&self, door: Door, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.entry(door).or_default().extend(faults);
    }

    /// So many publishes out of a hundred go wrong, each in its own way.
    pub(crate) fn weather(&self, chance: Chance, share: u64) {
        self.lock().weather = Some((chance, share));
    }

    /// From here on nothing goes wrong.
    pub(crate) fn calm(&self) {
        self.lock().weather = None;
    }

    /// Leaves a door without a queue, or binds one.
    pub(crate) fn set_shut(&self, door: Door, shut: bool) {
        let mut state = self.lock();
        if shut {
            state.shut.insert(door)
        } else {
            state.shut.remove(&door)
        };
    }

    /// Ends a process's connection. What it had in hand comes back at once.
    pub(crate) fn cut(&self, process: u64, at: Moment) {
        let mut state = self.lock();
        let Some(session) = state.sessions.remove(&process) else { return };
        session.cancel();
        let names: Vec<String> = state.queues.keys().cloned().collect();
        for name in names {
            let queue = state.queues.get_mut(&name).unwrap();
            queue.consumers.retain(|consumer| consumer.process != process);
            let back: Vec<u64> = queue
                .unacked
                .iter()
                .filter(|(_, (owner, _))| *owner == process)
                .map(|(tag, _)| *tag)
                .collect();
            for tag in back.into_iter().rev() {
                let (_, mut message) = queue.unacked.remove(&tag).unwrap();
                message.redelivered = true;
                message.count += 1;
                queue.ready.push_front(message);
            }
            state.send(&name, at);
        }
        self.0.changed.notify_waiters();
    }

    /// Every event so far.
    pub(crate) fn results(&self) -> Vec<EventMessage> {
        self.lock().results.clone()
    }

    /// Every copy that went through a retry queue.
    pub(crate) fn retried(&self) -> Vec<(Duration, Copied)> {
        self.lock().retried.clone()
    }

    /// Every copy that was parked.
    pub(crate) fn parked(&self) -> Vec<Copied> {
        self.lock().parked.clone()
    }

    /// What happened, in order, in the fewest words.
    pub(crate) fn story(&self) -> Vec<String> {
        self.lock().story.clone()
    }

    /// Messages of a merchant that are not acknowledged, in its queue or in hand.
    pub(crate) fn left(&self, merchant: &str) -> usize {
        let state = self.lock();
        state.queues.get(merchant).map_or(0, |queue| queue.ready.len() + queue.unacked.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub(super) async fn changed_after<T>(&self, mut ask: impl FnMut(&Self) -> Poll<T>) -> T {
        loop {
            let changed = self.0.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if let Poll::Ready(answer) = ask(self) {
                return answer;
            }
            changed.await;
        }
    }

    /// A consumer of a process, and the process's session.
    pub(super) fn consume(
        &self,
        (merchant, process, prefetch): (&str, u64, usize),
        at: Moment,
    ) -> (u64, CancellationToken) {
        let mut state = self.lock();
        let session = state.sessions.entry(process).or_default().clone();
        let number = state.next_number();
        let queue = state.queues.entry(merchant.to_owned()).or_default();
        queue.consumers.push_back(Consumer { number, process, prefetch });
        state.sent.insert(number, VecDeque::new());
        state.story.push("consuming".to_owned());
        state.send(merchant, at);
        (number, session)
    }

    pub(super) fn cancel(&self, merchant: &str, consumer: u64, at: Moment) {
        let mut state = self.lock();
        let queue = state.queues.get_mut(merchant).unwrap();
        queue.consumers.retain(|one| one.number != consumer);
        state.story.push("cancelled".to_owned());
        state.send(merchant, at);
        self.0.changed.notify_waiters();
    }

    /// What was sent to a consumer next; nothing when it was cancelled and nothing will be.
    pub(super) fn next_sent(
        &self,
        merchant: &str,
        consumer: u64,
    ) -> Poll<Option<(u64, Delivered)>> {
        let mut state = self.lock();
        if let Some(next) = state.sent.get_mut(&consumer).unwrap().pop_front() {
            return Poll::Ready(Some(next));
        }
        let consumers = &state.queues[merchant].consumers;
        let is_there = consumers.iter().any(|one| one.number == consumer);
        if is_there { Poll::Pending } else { Poll::Ready(None) }
    }

    /// Whether a process still has a delivery.
    pub(super) fn has(&self, merchant: &str, tag: u64) -> bool {
        self.lock().queues.get(merchant).is_some_and(|queue| queue.unacked.contains_key(&tag))
    }

    pub(super) fn acknowledge(&self, merchant: &str, tag: u64, at: Moment) -> bool {
        let mut state = self.lock();
        let queue = state.queues.get_mut(merchant).unwrap();
        let was_there = queue.unacked.remove(&tag).is_some();
        if was_there {
            state.story.push("acknowledged".to_owned());
        }
        state.send(merchant, at);
        self.0.changed.notify_waiters();
        was_there
    }

    /// Takes a publish in. A retried copy comes back as a message of our own.
    pub(super) fn take_in(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Option<(Duration, Message)>, Fault> {
        let mut state = self.lock();
        let door = match outgoing {
            Outgoing::Event(_) => Door::Results,
            Outgoing::Retry { .. } => Door::Retries,
            Outgoing::Parked(_) => Door::Parked,
        };
        let fault = match state.faults.get_mut(&door).and_then(VecDeque::pop_front) {
            None if state.shut.contains(&door) => Some(Fault::Unroutable),
            None => state.weather.as_ref().and_then(|(chance, share)| Fault::by(chance, *share)),
            fault => fault,
        };
        if let Some(fault @ (Fault::Unroutable | Fault::Refused | Fault::Lost)) = fault {
            state.story.push(format!("{door:?} {fault:?}"));
            return Err(fault);
        }
        let back = state.keep(outgoing);
        match fault {
            Some(fault) => Err(fault),
            None => Ok(back),
        }
    }
}

impl Fault {
    fn by(chance: &Chance, share: u64) -> Option<Self> {
        let all = [Self::Unroutable, Self::Refused, Self::ConfirmLost, Self::Lost];
        chance.percent(share).then(|| all[usize::try_from(chance.below(4)).unwrap()])
    }

    pub(super) fn seen(self) -> Unpublished {
        match self {
            Self::Unroutable => Unpublished::Unroutable,
            Self::Refused => Unpublished::Refused,
            Self::ConfirmLost | Self::Lost => Unpublished::Unconfirmed,
        }
    }
}
