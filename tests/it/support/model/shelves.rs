//! What the broker holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use smartsend::ports::{Copied, Delivered, EventMessage, Moment, Outgoing};
use tokio_util::sync::CancellationToken;

use super::broker::{Door, Fault, Message};
use super::clock::Chance;

#[derive(Default)]
pub(super) struct State {
    pub(super) queues: BTreeMap<String, Queue>,
    /// The live session of each process.
    pub(super) sessions: BTreeMap<u64, CancellationToken>,
    /// What was sent to a consumer, and not taken out of its inbox yet.
    pub(super) sent: BTreeMap<u64, VecDeque<(u64, Delivered)>>,
    pub(super) numbers: u64,
    pub(super) faults: BTreeMap<Door, VecDeque<Fault>>,
    pub(super) shut: BTreeSet<Door>,
    /// How many publishes out of a hundred go wrong.
    pub(super) weather: Option<(Chance, u64)>,
    pub(super) results: Vec<EventMessage>,
    pub(super) retried: Vec<(Duration, Copied)>,
    pub(super) parked: Vec<Copied>,
    pub(super) story: Vec<String>,
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
}

impl State {
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
            Outgoing::Retry { delay, copy } => {
                self.story.push(format!("retry {}s", delay.as_secs()));
                self.retried.push((*delay, copy.clone()));
                let Copied { body, properties, headers, .. } = copy.clone();
                let (own, redelivered, count) = (true, false, 0);
                let message = Message { body, properties, headers, own, redelivered, count };
                Some((*delay, message))
            }
        }
    }

    /// Sends what is ready to the active consumer, up to its prefetch.
    pub(super) fn send(&mut self, merchant: &str, at: Moment) {
        let Some(queue) = self.queues.get_mut(merchant) else { return };
        let Some(active) = queue.consumers.front() else { return };
        let sent = self.sent.get_mut(&active.number).unwrap();
        while queue.unacked.len() < active.prefetch {
            let Some(message) = queue.ready.pop_front() else { return };
            self.numbers += 1;
            let tag = self.numbers;
            let delivered = Delivered {
                body: message.body.clone(),
                properties: message.properties.clone(),
                headers: message.headers.clone(),
                own: message.own,
                redelivered: message.redelivered,
                delivery_count: message.count,
                received: at,
            };
            queue.unacked.insert(tag, (active.process, message));
            sent.push_back((tag, delivered));
        }
    }
}
