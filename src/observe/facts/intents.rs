//! What became of intents: one `info` line per settlement.

use std::time::Duration;

use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use crate::domain::event::{Event, EventResult, INVALID_INTENT};
use crate::domain::record::Record;
use crate::domain::reference::Reference;
use crate::gate::State;
use crate::observe::board::Consumer;
use crate::observe::meters::Meters;

/// An intent was settled: its event is confirmed.
#[derive(Debug)]
pub struct IntentSettled<'a> {
    /// The merchant's series.
    pub meters: &'a Meters,
    /// The event.
    pub event: &'a Event<'a>,
    /// Creates that may have left.
    pub attempts: u32,
    /// From publish to result.
    pub age: Option<Duration>,
}

impl IntentSettled<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let outcome = self.event.kind().outcome();
        self.meters.intents.of([outcome, ""]).increment(1);
        if let Some(age) = self.age {
            self.meters.intent_age.record(age);
        }
        let reference = self.event.subject.reference.as_ref().map_or("", |r| r.as_str());
        let reason = self.event.reason().map_or("", |reason| &*reason.code);
        if self.is_parked() {
            counter!("smartsend_parked_total", "merchant" => self.meters.merchant().to_owned(),
                "reason" => reason.to_owned())
            .increment(1);
        }
        info!(
            merchant = self.meters.merchant(),
            intent.reference = reference,
            intent.id = self.event.intent_id,
            event.id = %self.event.id,
            outcome,
            reason,
            recovered = matches!(self.event.result, EventResult::Created { recovered: true, .. }),
            attempts = self.attempts,
            "the intent is settled",
        );
    }

    fn is_parked(&self) -> bool {
        match &self.event.result {
            EventResult::Created { .. } => false,
            EventResult::Failed(reason) => reason.code == INVALID_INTENT,
            EventResult::Unresolved { .. } => true,
        }
    }
}

/// An intent goes through a retry queue.
#[derive(Debug)]
pub struct IntentReturned<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// The intent's reference.
    pub reference: &'a Reference,
    /// What is known of it.
    pub record: &'a Record,
    /// The queue's delay.
    pub delay: Duration,
}

impl IntentReturned<'_> {
    /// Tells it.
    pub fn tell(&self) {
        debug!(
            merchant = self.merchant,
            intent.reference = %self.reference,
            unsure = self.record.is_in_doubt(),
            attempts = self.record.attempts,
            lookups = self.record.lookups,
            delay_s = self.delay.as_secs(),
            "the intent goes through a retry queue",
        );
    }
}

/// An intent is handed back as it is.
#[derive(Debug)]
pub struct IntentHandedBack<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// The intent's reference, if it has one.
    pub reference: Option<&'a Reference>,
    /// Why.
    pub why: &'static str,
}

impl IntentHandedBack<'_> {
    /// Tells it.
    pub fn tell(&self) {
        counter!("smartsend_handed_back_total", "merchant" => self.merchant.to_owned())
            .increment(1);
        debug!(
            merchant = self.merchant,
            intent.reference = self.reference.map_or("", |r| r.as_str()),
            why = self.why,
            "the intent is handed back",
        );
    }
}

/// A delivery is let go: it stays unacknowledged and comes back.
#[derive(Debug)]
pub struct IntentLetGo<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// The intent's reference, if it has one.
    pub reference: Option<&'a Reference>,
    /// Whether the worker stops, and leaves it behind.
    pub stopping: bool,
}

impl IntentLetGo<'_> {
    /// Tells it.
    pub fn tell(&self) {
        const TEXT: &str = "the delivery is let go; the broker will deliver it again";
        let (merchant, reference) = (self.merchant, self.reference.map_or("", |r| r.as_str()));
        if self.stopping {
            warn!(merchant, intent.reference = reference, "{TEXT}");
        } else {
            debug!(merchant, intent.reference = reference, "{TEXT}");
        }
    }
}

/// A fresh link was looked up, to see whether details shows links of this API.
#[derive(Debug)]
pub struct LinkProven<'a> {
    /// The merchant's series.
    pub meters: &'a Meters,
    /// The link's reference.
    pub reference: &'a Reference,
    /// The lookup's word.
    pub look: &'static str,
}

impl LinkProven<'_> {
    /// Tells it.
    pub fn tell(&self) {
        self.meters.calls.of(["look", self.look]).increment(1);
        self.meters.lookups.of([self.look, ""]).increment(1);
        if self.look == "found" {
            debug!(merchant = self.meters.merchant(), intent.reference = %self.reference,
                "details shows the links of this API");
        } else {
            warn!(merchant = self.meters.merchant(), intent.reference = %self.reference,
                look = self.look,
                "details does not show a link that was just made; until it does, nothing that \
                 may have been sent is sent again");
        }
    }
}

/// The gate has changed.
#[derive(Debug)]
pub struct GateChanged<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// What it is now.
    pub state: State,
    /// The same as a sentence.
    pub text: &'a str,
}

impl GateChanged<'_> {
    /// Tells it: a closed gate is something that a person should know of.
    pub fn tell(&self) {
        self.tell_state();
        let (merchant, gate, text) = (self.merchant, self.word(), self.text);
        match self.state {
            State::Closed { .. } => warn!(merchant, gate, "the gate is {text}"),
            State::Open | State::Paused { .. } | State::Probing => {
                info!(merchant, gate, "the gate is {text}");
            }
        }
    }

    /// Tells the metrics alone.
    pub fn tell_state(&self) {
        for state in ["open", "paused", "closed", "probing"] {
            gauge!("smartsend_gate_state", "merchant" => self.merchant.to_owned(), "state" => state)
                .set(if state == self.word() { 1.0 } else { 0.0 });
        }
    }

    fn word(&self) -> &'static str {
        match self.state {
            State::Open => "open",
            State::Paused { .. } => "paused",
            State::Closed { .. } => "closed",
            State::Probing => "probing",
        }
    }
}

/// Whether a merchant's deliveries come to this process has changed.
#[derive(Debug)]
pub struct ConsumerChanged<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// What it is now.
    pub consumer: Consumer,
}

impl ConsumerChanged<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let merchant = self.merchant;
        match self.consumer {
            Consumer::Stopped => info!(merchant, "the queue is not consumed any more"),
            Consumer::Standby => {
                info!(
                    merchant,
                    "the queue is consumed; the first delivery will say that we are active"
                );
            }
            Consumer::Active => info!(merchant, "this process is the active consumer"),
        }
    }
}

/// How many calls of a merchant are in flight.
#[derive(Debug)]
pub struct MerchantSeen<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// Calls in flight.
    pub in_flight: u64,
}

impl MerchantSeen<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let in_flight = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        gauge!("smartsend_in_flight", "merchant" => self.merchant.to_owned()).set(in_flight);
    }
}

/// A delivery's task panicked: a defect of ours. The delivery comes back.
#[derive(Debug)]
pub struct TaskPanicked<'a> {
    /// The merchant.
    pub merchant: &'a str,
}

impl TaskPanicked<'_> {
    /// Tells it, without the panic's text: it may hold what must not be told.
    pub fn tell(&self) {
        error!(
            merchant = self.merchant,
            "a delivery's task panicked, which is a defect of smartsend; the delivery comes back",
        );
    }
}

/// The time to stop was over before everything was settled.
#[derive(Debug)]
pub struct DrainTimedOut<'a> {
    /// The merchant.
    pub merchant: &'a str,
    /// Deliveries that were left unacknowledged.
    pub left: usize,
    /// Their references, as far as they have one. Deliveries with the same one share it.
    pub references: &'a [Reference],
}

/// How many references one line names.
const NAMED_MAX: usize = 100;

impl DrainTimedOut<'_> {
    /// Tells it.
    pub fn tell(&self) {
        let named: Vec<_> = self.references.iter().take(NAMED_MAX).map(Reference::as_str).collect();
        warn!(
            merchant = self.merchant,
            left = self.left,
            references = named.join(" "),
            "the drain is over; what is left stays unacknowledged and comes back",
        );
    }
}
