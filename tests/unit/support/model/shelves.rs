//! What the broker holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use smartsend::ports::{Clock, Copied, Delivered, EventMessage, Outgoing};
use tokio_util::sync::CancellationToken;

use super::clock::{Chance, ModelClock};
use super::journal::{Journal, Step};
use super::life::Life;
use super::message::{Door, Fault, Message};

pub(super) struct State {
    pub(super) journal: Journal,
    pub(super) queues: BTreeMap<String, Queue>,
    /// The live session of each process.
    pub(super) sessions: BTreeMap<u64, Session>,
    /// What was sent to a consumer, and not taken out of its inbox yet.
    pub(super) sent: BTreeMap<u64, VecDeque<(u64, Delivered)>>,
    /// Consumers that were cancelled by their process.
    pub(super) cancelled: BTreeSet<u64>,
    /// Copies on retry queues.
    pub(super) shelved: usize,
    pub(super) numbers: u64,
    pub(super) faults: BTreeMap<Door, VecDeque<Fault>>,
    pub(super) shut: BTreeSet<Door>,
    /// The process whose connection ends right before its next acknowledgement.
    pub(super) cut_at_acknowledgement: Option<u64>,
    /// How many publishes out of a hundred go wrong.
    pub(super) weather: Option<(Chance, u64)>,
    pub(super) results: Vec<EventMessage>,
    pub(super) retried: Vec<(Duration, Copied)>,
    pub(super) parked: Vec<Copied>,
    /// The last checkpoint of each merchant.
    pub(super) checkpoints: BTreeMap<String, Bytes>,
    /// The merchants whose checkpoint a stranger has replaced.
    pub(super) forged_checkpoints: BTreeSet<String>,
    pub(super) story: Vec<String>,
}

/// A process's connection, as the broker sees it.
pub(super) struct Session {
    /// Ends when the process has noticed.
    pub(super) noticed: CancellationToken,
    pub(super) life: Life,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) ready: VecDeque<Message>,
    pub(super) unacked: BTreeMap<u64, (u64, Message)>,
    /// The first is the active one.
    pub(super) consumers: VecDeque<Consumer>,
}

pub(super) struct Consumer {
    pub(super) number: u64,
    pub(super) process: u64,
    pub(super) prefetch: usize,
    /// The process's.
    pub(super) clock: ModelClock,
}

impl State {
    pub(super) fn new(journal: Journal) -> Self {
        Self {
            journal,
            queues: BTreeMap::new(),
            sessions: BTreeMap::new(),
            sent: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            shelved: 0,
            numbers: 0,
            faults: BTreeMap::new(),
            shut: BTreeSet::new(),
            cut_at_acknowledgement: None,
            weather: None,
            results: Vec::new(),
            retried: Vec::new(),
            parked: Vec::new(),
            checkpoints: BTreeMap::new(),
            forged_checkpoints: BTreeSet::new(),
            story: Vec::new(),
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn keep(&mut self, outgoing: &Outgoing) -> Option<(Duration, Message)> {
        match outgoing {
            Outgoing::Event(event) => {
                self.story.push(event.kind.routing_word().to_owned());
                self.results.push(event.clone());
                None
            }
            Outgoing::Parked(copy) => {
                self.story.push("parked".to_owned());
                self.parked.push(copy.clone());
                None
            }
            Outgoing::Checkpoint { merchant, body } => {
                self.checkpoints.insert(merchant.clone(), body.clone());
                self.forged_checkpoints.remove(merchant);
                None
            }
            Outgoing::DeadLetter(_) => unreachable!("no merchant's worker publishes one"),
            Outgoing::Retry { delay, copy, .. } => {
                self.story.push(format!("retry {}s", delay.duration().as_secs()));
                self.retried.push((delay.duration(), copy.clone()));
                self.shelved += 1;
                let Copied { body, properties, headers, .. } = copy.clone();
                let copy = Message::from_upstream(body, properties);
                let user_id = Some("worker".to_owned());
                Some((delay.duration(), Message { headers, user_id, own: true, ..copy }))
            }
        }
    }

    /// Puts a message at the end of a merchant's queue.
    pub(super) fn put(&mut self, merchant: &str, message: Message, returned: bool) {
        self.journal.note(&Step::Queued { message: &message, returned });
        self.queues.entry(merchant.to_owned()).or_default().ready.push_back(message);
        self.send(merchant);
    }

    /// Takes back what a process had in flight, in the order that it had.
    pub(super) fn take_back(&mut self, process: u64) {
        let names: Vec<String> = self.queues.keys().cloned().collect();
        for name in names {
            let queue = self.queues.get_mut(&name).unwrap();
            queue.consumers.retain(|consumer| consumer.process != process);
            let ours = queue.unacked.iter().filter(|(_, (owner, _))| *owner == process);
            let back: Vec<u64> = ours.map(|(tag, _)| *tag).collect();
            for tag in back.iter().rev() {
                let (_, mut message) = queue.unacked.remove(tag).unwrap();
                message.redelivered = true;
                message.count += 1;
                queue.ready.push_front(message);
            }
            self.journal.note(&Step::Cut { process, back: &back });
            self.send(&name);
        }
    }

    /// As `basic.nack` with `requeue` does on RabbitMQ before 4.3, it counts.
    pub(super) fn requeue(&mut self, merchant: &str, tag: u64) {
        let queue = self.queues.get_mut(merchant).unwrap();
        let Some((process, mut message)) = queue.unacked.remove(&tag) else { return };
        message.redelivered = true;
        message.count += 1;
        queue.ready.push_front(message);
        self.journal.note(&Step::Requeued { process, tag });
        self.story.push("requeued".to_owned());
    }

    /// Sends what is ready to the active consumer, up to its prefetch.
    pub(super) fn send(&mut self, merchant: &str) {
        let Some(queue) = self.queues.get_mut(merchant) else { return };
        let Some(active) = queue.consumers.front() else { return };
        let sent = self.sent.get_mut(&active.number).unwrap();
        let process = active.process;
        // A consumer that was cancelled may still have some of these.
        let in_flight =
            |queue: &Queue| queue.unacked.values().filter(|(p, _)| *p == process).count();
        let mut room = active.prefetch.saturating_sub(in_flight(queue));
        while room > 0 {
            let Some(message) = queue.ready.pop_front() else { return };
            room -= 1;
            self.numbers += 1;
            let tag = self.numbers;
            self.journal.note(&Step::Delivered { process, tag, message: &message });
            let delivered = Delivered {
                exchange: "smartsend.intents".to_owned(),
                body: message.body.clone(),
                properties: message.properties.clone(),
                headers: message.headers.clone(),
                user_id: message.user_id.clone(),
                own: message.own,
                redelivered: message.redelivered,
                delivery_count: message.count,
                received: active.clock.now(),
                routing_key: merchant.to_owned(),
                deaths: Vec::new(),
                is_alone: active.prefetch == 1,
            };
            queue.unacked.insert(tag, (process, message));
            sent.push_back((tag, delivered));
        }
    }
}
