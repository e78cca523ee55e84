//! Sees every step, and holds it to the promises at once.

mod intents;
mod processes;
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use smartsend::domain::record::headers::Value;
use smartsend::ports::{EventMessage, Outgoing, Properties};

use super::intents::Planned;
use super::kinds::Kind;
use super::run::Played;
use super::tally::Tally;
use super::trace::Trace;
use crate::support::model::{Fault, Message, Settings, Step};
use intents::{Known, Told};
use processes::{Hand, Processes};

/// What a parked copy may give as its reason.
const REASONS: [&str; 12] = [
    "OUTCOME_UNKNOWN",
    "REFUSED",
    "NOT_SENT",
    "LINK_UNKNOWN",
    "LINK_CLOSED",
    "LINK_HOST",
    "REFERENCE_CONFLICT",
    "LINK_REPEATED",
    "OVER_LIMIT",
    "ACCOUNT_CHANGED",
    "INVALID_INTENT",
    "DUPLICATE_REFERENCE",
];

/// A promise that was broken, in a sentence.
type Broken = String;

/// What it knows.
pub(super) struct Oracle {
    kind: &'static Kind,
    /// How late a link can show, at most: by its effect and by details.
    shows_after_max: Duration,
    quarantine: Duration,
    intents: Vec<Known>,
    by_id: BTreeMap<String, usize>,
    by_reference: BTreeMap<String, usize>,
    processes: Processes,
    /// When each request was sent.
    sent: BTreeMap<usize, Duration>,
    faults: u64,
    trace: Trace,
    broken: Option<Broken>,
}

impl Oracle {
    pub(super) fn new(
        kind: &'static Kind,
        settings: &Settings,
        shows_after_max: Duration,
        intents: &[Planned],
    ) -> Self {
        let numbered = || intents.iter().enumerate();
        Self {
            kind,
            shows_after_max,
            quarantine: settings.policy.quarantine,
            by_id: numbered().map(|(number, one)| (one.id.clone(), number)).collect(),
            by_reference: numbered().map(|(number, one)| (one.reference.clone(), number)).collect(),
            intents: intents.iter().map(Known::new).collect(),
            processes: Processes::new(settings),
            sent: BTreeMap::new(),
            faults: 0,
            trace: Trace::default(),
            broken: None,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn break_promise(&mut self, which: Broken) {
        self.broken.get_or_insert(which);
    }

    /// Takes a step in.
    pub(super) fn see(&mut self, at: Duration, step: &Step<'_>) {
        self.trace.add(at, step);
        if let Err(broken) = self.check(at, step) {
            self.break_promise(broken);
        }
    }

    fn check(&mut self, at: Duration, step: &Step<'_>) -> Result<(), Broken> {
        match step {
            Step::Queued { message, returned } => self.queued(message, *returned),
            Step::Delivered { process, tag, message } => self.delivered(*process, *tag, message),
            Step::Requeued { process, tag } => self.processes.requeued(*process, *tag),
            Step::Cut { process, .. } => self.cut(*process),
            Step::Confirmed { process, outgoing } => self.confirmed(*process, outgoing),
            Step::Answered { process, called, reference, result } => {
                let intent = self.by_reference.get(reference.as_str()).copied();
                self.processes.answered(*process, *called, intent, result);
            }
            Step::Admission { process, state } => self.processes.admission(*process, *state, at),
            Step::Fault(_) => self.faults += 1,
            Step::Told(_) => {}
            Step::Acknowledged { process, tag } => return self.acknowledged(*process, *tag),
            Step::Published { process, outgoing, fault } => {
                self.faults += u64::from(fault.is_some());
                match fault {
                    None | Some(Fault::ConfirmLost) => {
                        return self.published(*process, at, outgoing);
                    }
                    Some(Fault::Unroutable | Fault::Refused | Fault::Lost) => {
                        self.tried(*process, outgoing);
                    }
                }
            }
            Step::Sent { process, request, called, reference } => {
                self.sent.insert(*request, at);
                let intent = reference.and_then(|it| self.by_reference.get(it.as_str())).copied();
                return self.processes.sent(*process, at, *called, intent);
            }
            Step::CreatedLink { request, reference, url } => {
                let took = at.saturating_sub(self.sent[request]);
                return self.made(self.by_reference[reference.as_str()], url, took);
            }
        }
        Ok(())
    }

    fn number_of(&self, properties: &Properties) -> usize {
        self.by_id[properties.message_id.as_deref().unwrap()]
    }

    fn number_by(&self, event: &EventMessage) -> usize {
        self.by_id[event.properties.correlation_id.as_deref().unwrap()]
    }

    fn queued(&mut self, message: &Message, returned: bool) {
        let number = self.number_of(&message.properties);
        self.intents[number].queued(returned);
    }

    fn delivered(&mut self, process: u64, tag: u64, message: &Message) {
        let number = self.number_of(&message.properties);
        self.processes.delivered(process, tag, Hand::of(number, message));
    }

    /// Never lost: what is acknowledged was replaced, and the intent is somewhere.
    fn acknowledged(&mut self, process: u64, tag: u64) -> Result<(), Broken> {
        let (number, replaced) = self.processes.acknowledged(process, tag);
        let intent = &mut self.intents[number];
        intent.here -= 1;
        if !replaced {
            return Err(format!("{} is acknowledged, and nothing replaces it", intent.id));
        }
        if !intent.is_somewhere() {
            return Err(format!("{} is lost", intent.id));
        }
        // What replaces it is one copy. A second one is of a delivery that had come back meanwhile.
        intent.is_doubled |= intent.here + intent.shelved > 1;
        Ok(())
    }

    fn cut(&mut self, process: u64) {
        for number in self.processes.cut(process) {
            let intent = &mut self.intents[number];
            // A copy was published, and what it replaces comes back all the same.
            intent.is_doubled |= intent.here + intent.shelved > 1;
        }
    }

    fn made(&mut self, number: usize, url: &str, took: Duration) -> Result<(), Broken> {
        let is_excused = self.kind.has_exception()
            && (self.shows_after_max > self.quarantine || self.intents[number].is_doubled);
        let intent = &mut self.intents[number];
        intent.links.push(url.to_owned());
        if let Some(code) = &intent.failed {
            return Err(format!("{} has failed with {code}, and gets a link", intent.id));
        }
        if intent.links.len() > 1 && !is_excused {
            return Err(format!("{} has two links, the last after {took:?}", intent.id));
        }
        Ok(())
    }

    fn published(&mut self, process: u64, at: Duration, outgoing: &Outgoing) -> Result<(), Broken> {
        match outgoing {
            Outgoing::Event(event) => self.told(process, event),
            Outgoing::Checkpoint { .. } => Ok(()),
            Outgoing::DeadLetter(_) => unreachable!("no merchant's worker publishes one"),
            Outgoing::Retry { copy, .. } => {
                let number = self.number_of(&copy.properties);
                let intent = &mut self.intents[number];
                intent.shelved += 1;
                // It has it no more, and does not know it yet: there are two copies now.
                intent.is_doubled |= !self.processes.has(process, number);
                self.processes.check_record((process, number), at, &copy.headers)
            }
            Outgoing::Parked(copy) => {
                let number = self.number_of(&copy.properties);
                let text = |name: &str| match copy.headers.get(name) {
                    Some(Value::Text(text)) => text.clone(),
                    Some(Value::Number(_)) | None => String::new(),
                };
                let (reason, intent) = (text("reason"), &mut self.intents[number]);
                intent.parked += 1;
                let is_whole = REASONS.contains(&&*reason)
                    && !text("parked-at").is_empty()
                    && text("merchant") == super::run::MERCHANT
                    && (reason != "INVALID_INTENT" || !text("errors").is_empty());
                if !is_whole || !intent.was_announced_with(&reason) {
                    let (id, headers) = (&intent.id, &copy.headers);
                    return Err(format!("{id} is parked, and does not say why: {headers:?}"));
                }
                Ok(())
            }
        }
    }

    /// A publish that has failed goes out again later, as it is.
    fn tried(&mut self, process: u64, outgoing: &Outgoing) {
        if let Outgoing::Retry { copy, .. } = outgoing {
            self.processes.tried(process, self.number_of(&copy.properties));
        }
    }

    /// An event is published.
    fn told(&mut self, process: u64, event: &EventMessage) -> Result<(), Broken> {
        let number = self.number_by(event);
        let told = Told::of(event);
        self.processes.check_attempts(process, number, told.attempts)?;
        let touched = self.processes.may_have_sent(number);
        let intent = &mut self.intents[number];
        if self.kind.has_only_good_intents() && told.ends_without_a_link() {
            let is_parked_as_set = self.kind.setting == super::kinds::Setting::Strict
                && told.code == "OUTCOME_UNKNOWN"
                && touched;
            if !is_parked_as_set {
                return Err(format!("{} is good, and ends with {}", intent.id, told.code));
            }
        }
        intent.told(event, told)
    }

    fn confirmed(&mut self, process: u64, outgoing: &Outgoing) {
        let (id, replaces) = match outgoing {
            Outgoing::Event(event) => {
                let told = Told::of(event);
                (event.properties.correlation_id.as_deref(), told.is_enough())
            }
            Outgoing::Retry { copy, .. } | Outgoing::Parked(copy) => {
                (copy.properties.message_id.as_deref(), true)
            }
            Outgoing::Checkpoint { .. } => (None, false),
            Outgoing::DeadLetter(_) => unreachable!("no merchant's worker publishes one"),
        };
        if replaces {
            self.processes.replaced(process, self.by_id[id.unwrap()]);
        }
    }

    /// The last judgement: each intent has ended, whatever came before.
    pub(super) fn judge(&mut self) {
        if self.is_broken() {
            return;
        }
        let lost = self.intents.iter().find(|intent| !intent.has_ended());
        if let Some(lost) = lost {
            self.broken = Some(format!("{} has no end", lost.id));
        }
    }

    pub(super) fn played(&mut self) -> Played {
        let count = |is: fn(&Known) -> bool| self.intents.iter().filter(|one| is(one)).count();
        let doubled = count(|intent| intent.links.len() > 1) as u64;
        let has_exception = self.kind.has_exception() && !self.is_broken();
        let tally = Tally {
            intents: self.intents.len() as u64,
            faults: self.faults,
            links: self.intents.iter().map(|intent| intent.links.len() as u64).sum(),
            doubles: if has_exception { 0 } else { doubled },
            excused: if has_exception { doubled } else { 0 },
            lost: count(|intent| !intent.has_ended()) as u64,
            wrong_failed: count(|one| one.failed.is_some() && !one.links.is_empty()) as u64,
            unresolved: count(Known::is_with_a_person) as u64,
        };
        let (trace, broken) = (std::mem::take(&mut self.trace), self.broken.take());
        Played { tally, trace, broken }
    }
}
