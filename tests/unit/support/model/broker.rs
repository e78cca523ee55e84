//! The broker's side: queues with one active consumer, redelivery, and a log of what happened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use smartsend::ports::{Copied, Delivered, EventMessage, Outgoing, Properties};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::clock::{Chance, ModelClock};
use super::journal::{Journal, Step};
use super::life::Life;
use super::message::{Door, Fault, Message};
use super::scene::queue_name;
use super::shelves::{Consumer, Session, State};

/// How long a process that was frozen takes to read that its connection has ended.
const SOCKET_READ: Duration = Duration::from_millis(20);

/// The broker. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Broker(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Broker {
    pub(super) fn new(journal: Journal) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State::new(journal)), changed: Notify::new() }))
    }

    /// An intent from upstream.
    pub(crate) fn publish_intent(&self, merchant: &str, body: impl Into<Bytes>) {
        let properties = Properties { message_id: Some("m-1".to_owned()), ..Properties::default() };
        self.push(merchant, Message::from_upstream(body, properties));
    }

    /// Puts a message at the end of a merchant's queue.
    pub(crate) fn push(&self, merchant: &str, message: Message) {
        self.lock().put(merchant, message, false);
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

    /// Ends a process's connection. What it had in flight comes back at once, and the process
    /// knows at once, unless it is frozen.
    pub(crate) fn cut(&self, process: u64) {
        self.cut_unseen(process, Duration::ZERO);
    }

    /// Ends a process's connection, and the process notices only so much later.
    pub(crate) fn cut_unseen(&self, process: u64, unseen: Duration) {
        let mut state = self.lock();
        let Some(Session { noticed, life }) = state.sessions.remove(&process) else { return };
        if unseen.is_zero() && !life.is_frozen() {
            noticed.cancel();
        } else {
            tokio::spawn(async move {
                tokio::time::sleep(unseen).await;
                if life.is_frozen() {
                    life.thawed().await;
                    tokio::time::sleep(SOCKET_READ).await;
                }
                noticed.cancel();
            });
        }
        state.take_back(process);
        drop(state);
        self.nudge();
    }

    /// Ends a process's connection right before its next acknowledgement.
    pub(crate) fn cut_at_next_acknowledgement(&self, process: u64) {
        self.lock().cut_at_acknowledgement = Some(process);
    }

    pub(super) fn cut_if_asked(&self, process: u64) {
        let asked = self.lock().cut_at_acknowledgement.take_if(|asked| *asked == process);
        if asked.is_some() {
            self.cut(process);
        }
    }

    /// Lets everyone who waits look again.
    pub(super) fn nudge(&self) {
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

    /// Ends when nothing is in any queue, in flight, or on its way back.
    pub(crate) async fn emptied(&self) {
        self.changed_after(
            |broker| {
                if broker.unsettled() == 0 { Poll::Ready(()) } else { Poll::Pending }
            },
        )
        .await;
    }

    /// Messages in any queue, in flight, or on their way back.
    pub(crate) fn unsettled(&self) -> usize {
        let state = self.lock();
        let queued = state.queues.values().map(|queue| queue.ready.len() + queue.unacked.len());
        queued.sum::<usize>() + state.shelved
    }

    /// Messages of a merchant that are not acknowledged, in its queue or in flight.
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

    /// A consumer of a process, and the end of the process's session as the process sees it.
    pub(super) fn consume(
        &self,
        (merchant, process, prefetch): (&str, u64, usize),
        clock: &ModelClock,
        life: &Life,
    ) -> (u64, CancellationToken) {
        let mut state = self.lock();
        let session = state
            .sessions
            .entry(process)
            .or_insert_with(|| Session { noticed: CancellationToken::new(), life: life.clone() });
        let noticed = session.noticed.clone();
        let number = state.next_number();
        let queue = state.queues.entry(merchant.to_owned()).or_default();
        queue.consumers.push_back(Consumer { number, process, prefetch, clock: clock.clone() });
        state.sent.insert(number, VecDeque::new());
        state.story.push("consuming".to_owned());
        state.send(merchant);
        (number, noticed)
    }

    pub(super) fn cancel(&self, merchant: &str, consumer: u64) {
        let mut state = self.lock();
        let queue = state.queues.get_mut(merchant).unwrap();
        queue.consumers.retain(|one| one.number != consumer);
        state.cancelled.insert(consumer);
        state.story.push("cancelled".to_owned());
        state.send(merchant);
        drop(state);
        self.nudge();
    }

    /// What was sent to a consumer next; nothing when it was cancelled and nothing will be.
    pub(super) fn next_sent(&self, consumer: u64) -> Poll<Option<(u64, Delivered)>> {
        let mut state = self.lock();
        if let Some(next) = state.sent.get_mut(&consumer).unwrap().pop_front() {
            return Poll::Ready(Some(next));
        }
        if state.cancelled.contains(&consumer) { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Whether a process still has a delivery.
    pub(super) fn has(&self, merchant: &str, tag: u64) -> bool {
        self.lock().queues.get(merchant).is_some_and(|queue| queue.unacked.contains_key(&tag))
    }

    /// What the merchant's checkpoint queue holds.
    pub(crate) fn checkpoint(&self, merchant: &str) -> Option<Bytes> {
        self.lock().checkpoints.get(merchant).cloned()
    }

    /// A stranger publishes a checkpoint, which replaces the merchant's.
    pub(crate) fn forge_checkpoint(&self, merchant: &str, body: Bytes) {
        let mut state = self.lock();
        state.checkpoints.insert(merchant.to_owned(), body);
        state.forged_checkpoints.insert(merchant.to_owned());
    }

    /// Whether the worker's own login wrote it.
    pub(super) fn vouches_for_checkpoint(&self, merchant: &str) -> bool {
        !self.lock().forged_checkpoints.contains(merchant)
    }

    pub(super) fn acknowledge(&self, merchant: &str, tag: u64) {
        let mut state = self.lock();
        let queue = state.queues.get_mut(merchant).unwrap();
        if let Some((process, _)) = queue.unacked.remove(&tag) {
            state.journal.note(&Step::Acknowledged { process, tag });
            state.story.push("acknowledged".to_owned());
        }
        state.send(merchant);
        drop(state);
        self.nudge();
    }

    /// Puts one delivery aside, out of every worker's reach.
    pub(super) fn reject(&self, merchant: &str, tag: u64) {
        let mut state = self.lock();
        let queue = state.queues.get_mut(merchant).unwrap();
        if queue.unacked.remove(&tag).is_some() {
            state.story.push("rejected".to_owned());
        }
        state.send(merchant);
        drop(state);
        self.nudge();
    }

    /// Takes one delivery back to the front of its queue.
    pub(super) fn requeue(&self, merchant: &str, tag: u64) {
        let mut state = self.lock();
        state.requeue(merchant, tag);
        state.send(merchant);
        drop(state);
        self.nudge();
    }

    /// Takes a publish in. A retried copy comes back as a message of our own, whether its confirm
    /// was lost or not.
    pub(super) fn take_in(&self, process: u64, outgoing: &Outgoing) -> Result<(), Fault> {
        let mut state = self.lock();
        let door = match outgoing {
            Outgoing::Event(_) => Door::Results,
            Outgoing::Retry { .. } => Door::Retries,
            Outgoing::Parked(_) => Door::Parked,
            Outgoing::Checkpoint { .. } => Door::Checkpoint,
            Outgoing::DeadLetter(_) => unreachable!("no merchant's worker publishes one"),
        };
        let fault = match state.faults.get_mut(&door).and_then(VecDeque::pop_front) {
            None if state.shut.contains(&door) => Some(Fault::Unroutable),
            None => state.weather.as_ref().and_then(|(chance, share)| Fault::by(chance, *share)),
            fault => fault,
        };
        state.journal.note(&Step::Published { process, outgoing, fault });
        if let Some(fault @ (Fault::Unroutable | Fault::Refused | Fault::Lost)) = fault {
            state.story.push(format!("{door:?} {fault:?}"));
            return Err(fault);
        }
        if let (Some((delay, message)), Outgoing::Retry { work, copy, .. }) =
            (state.keep(outgoing), outgoing)
        {
            let queue = queue_name(*work, &copy.merchant);
            tokio::spawn(self.clone().return_after(delay, queue, message));
        }
        fault.map_or(Ok(()), Err)
    }

    async fn return_after(self, delay: Duration, merchant: String, message: Message) {
        tokio::time::sleep(delay).await;
        let mut state = self.lock();
        state.shelved -= 1;
        state.put(&merchant, message, true);
        drop(state);
        self.nudge();
    }
}
