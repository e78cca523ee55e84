//! Sees every step, and holds it to the promises at once.

mod commands;
mod copies;
mod intents;
mod links;
mod outcome;
mod processes;
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use smartsend::domain::event::EventKind;
use smartsend::domain::record::headers::Value;
use smartsend::domain::work::Work;
use smartsend::ports::{Copied, EventMessage, Outgoing, Properties};

use super::announced::Announced;
use super::commands::PlannedCommand;
use super::intents::Planned;
use super::kinds::Kind;
use super::trace::Trace;
use crate::support::model::{Fault, Message, Scene, Settings, Step};
use commands::KnownCommand;
use copies::Copies;
use intents::Known;
use links::Links;
use processes::{Delivery, Processes};

/// What a parked copy may give as its reason.
const REASONS: [&str; 13] = [
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
    "INVALID_COMMAND",
];

/// A promise that was broken, in a sentence.
type Broken = String;

/// What it knows.
pub(super) struct Oracle {
    kind: &'static Kind,
    /// Whether the intents are rows of a file: an event replaces one, and parks it if it says so.
    has_rows: bool,
    /// How late a link can show, at most: by its effect and by details.
    shows_after_max: Duration,
    quarantine: Duration,
    intents: Vec<Known>,
    commands: Vec<KnownCommand>,
    links: Links,
    /// The number of a message: the commands are counted on from the intents.
    by_id: BTreeMap<String, usize>,
    by_reference: BTreeMap<String, usize>,
    processes: Processes,
    /// When each request was sent.
    sent: BTreeMap<usize, Duration>,
    /// When the last step was.
    now: Duration,
    faults: u64,
    trace: Trace,
    broken: Option<Broken>,
}

impl Oracle {
    pub(super) fn new(
        kind: &'static Kind,
        scene: &Scene,
        (settings, of_commands): (&Settings, Option<&Settings>),
        shows_after_max: Duration,
        (intents, commands): (&[Planned], &[PlannedCommand]),
    ) -> Self {
        let numbered = || intents.iter().enumerate();
        let ids = intents.iter().map(|it| &it.id).chain(commands.iter().map(|it| &it.id));
        let references = intents.iter().map(|it| &it.reference);
        let references = references.chain(commands.iter().map(|it| &it.reference));
        let max_age = of_commands.unwrap_or(settings).policy.max_age;
        let is_bounded = shows_after_max <= settings.policy.quarantine;
        Self {
            kind,
            has_rows: false,
            shows_after_max,
            quarantine: settings.policy.quarantine,
            by_id: ids.enumerate().map(|(number, id)| (id.clone(), number)).collect(),
            by_reference: numbered().map(|(number, one)| (one.reference.clone(), number)).collect(),
            intents: intents.iter().map(Known::new).collect(),
            commands: commands.iter().map(KnownCommand::new).collect(),
            links: Links::of(scene, (is_bounded, max_age), references.map(|it| &**it)),
            processes: Processes::new(settings, of_commands),
            sent: BTreeMap::new(),
            now: Duration::ZERO,
            faults: 0,
            trace: Trace::default(),
            broken: None,
        }
    }

    /// The intents are rows of a file.
    pub(super) fn watches_rows(&mut self) {
        self.has_rows = true;
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn break_promise(&mut self, which: Broken) {
        self.broken.get_or_insert(which);
    }

    /// Takes a step in.
    pub(super) fn see(&mut self, at: Duration, step: &Step<'_>) {
        self.now = at;
        self.trace.add(at, step);
        if let Err(broken) = self.check(at, step) {
            self.break_promise(broken);
        }
    }

    fn check(&mut self, at: Duration, step: &Step<'_>) -> Result<(), Broken> {
        match step {
            Step::Queued { message, returned } => self.queued(message, at, *returned),
            Step::Delivered { process, tag, message } => self.delivered(*process, *tag, message),
            Step::Requeued { process, tag } => self.processes.requeued(*process, *tag),
            Step::Cut { process, .. } => self.cut(*process),
            Step::Confirmed { process, outgoing } => self.confirmed(*process, outgoing),
            Step::Answered { process, called, reference, result } => {
                let intent = self.by_reference.get(reference.as_str()).copied();
                self.processes.answered(*process, *called, intent, result);
                self.links.answered(reference.as_str(), at, *called, result);
            }
            Step::Admission { process, work, state } => {
                self.processes.admission((*process, *work), *state, at);
            }
            Step::Fault(_) => self.faults += 1,
            Step::Noted(_) => {}
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
            Step::Sent { process, work, request, called, reference } => {
                self.sent.insert(*request, at);
                let intent = reference.and_then(|it| self.by_reference.get(it.as_str())).copied();
                return self.processes.sent((*process, *work), at, *called, intent);
            }
            Step::CreatedLink { request, reference, url, expires } => {
                let took = at.saturating_sub(self.sent[request]);
                self.links.made(reference.as_str(), at, *expires);
                return self.made(self.by_reference[reference.as_str()], url, took);
            }
            Step::Changed { request, reference, change } => {
                self.links.changed(reference.as_str(), at, *change, request.is_some());
            }
        }
        Ok(())
    }

    fn copies(&mut self, number: usize) -> &mut Copies {
        let intents = self.intents.len();
        match number.checked_sub(intents) {
            Some(command) => &mut self.commands[command].copies,
            None => &mut self.intents[number].copies,
        }
    }

    /// The command of this number, unless it is an intent's.
    fn command(&mut self, number: usize) -> Option<&mut KnownCommand> {
        let number = number.checked_sub(self.intents.len())?;
        self.commands.get_mut(number)
    }

    fn number_of(&self, properties: &Properties) -> usize {
        self.by_id[properties.message_id.as_deref().unwrap()]
    }

    fn number_by(&self, event: &EventMessage) -> usize {
        self.by_id[event.properties.correlation_id.as_deref().unwrap()]
    }

    fn queued(&mut self, message: &Message, at: Duration, returned: bool) {
        let number = self.number_of(&message.properties);
        match self.command(number) {
            Some(command) => command.queued(at, returned),
            None => self.copies(number).queued(returned),
        }
    }

    fn delivered(&mut self, process: u64, tag: u64, message: &Message) {
        let number = self.number_of(&message.properties);
        self.processes.delivered(process, tag, Delivery::of(number, message));
    }

    /// Never lost: what is acknowledged was replaced, and the message is somewhere.
    fn acknowledged(&mut self, process: u64, tag: u64) -> Result<(), Broken> {
        let (number, replaced) = self.processes.acknowledged(process, tag);
        let has_ended = match self.command(number) {
            Some(command) => command.has_ended(),
            None => self.intents[number].has_ended(),
        };
        let copies = self.copies(number);
        copies.here -= 1;
        if !replaced {
            return Err(format!("{} is acknowledged, and nothing replaces it", copies.id));
        }
        if !copies.are_left() && !has_ended {
            return Err(format!("{} is lost", copies.id));
        }
        copies.note_double();
        Ok(())
    }

    fn cut(&mut self, process: u64) {
        for number in self.processes.cut(process) {
            // A copy was published, and what it replaces comes back all the same.
            self.copies(number).note_double();
        }
    }

    fn made(&mut self, number: usize, url: &str, took: Duration) -> Result<(), Broken> {
        let is_excused = self.kind.has_exception()
            && (self.shows_after_max > self.quarantine || self.intents[number].copies.is_doubled);
        let intent = &mut self.intents[number];
        intent.links.push(url.to_owned());
        if let Some(code) = &intent.failed {
            return Err(format!("{} has failed with {code}, and gets a link", intent.copies.id));
        }
        if intent.links.len() > 1 && !is_excused {
            return Err(format!("{} has two links, the last after {took:?}", intent.copies.id));
        }
        Ok(())
    }

    fn published(&mut self, process: u64, at: Duration, outgoing: &Outgoing) -> Result<(), Broken> {
        match outgoing {
            Outgoing::Event(event) => self.announced(process, at, event),
            Outgoing::Checkpoint { .. } => Ok(()),
            Outgoing::DeadLetter(_) => unreachable!("no merchant's worker publishes one"),
            Outgoing::Retry { work, copy, .. } => {
                let number = self.number_of(&copy.properties);
                let is_command = self.command(number).is_some();
                // It has it no more, and does not know it yet: there are two copies now.
                let is_doubled = !self.processes.has(process, number);
                let copies = self.copies(number);
                copies.shelved += 1;
                copies.is_doubled |= is_doubled;
                if is_command != (*work == Work::Commands) {
                    return Err(format!("{} comes back to the other queue", copies.id));
                }
                if is_command {
                    return self.processes.check_command((process, number), &copy.headers);
                }
                self.processes.check_record((process, number), at, &copy.headers)
            }
            Outgoing::Parked(copy) => self.parked(copy),
        }
    }

    fn parked(&mut self, copy: &Copied) -> Result<(), Broken> {
        let number = self.number_of(&copy.properties);
        let text = |name: &str| match copy.headers.get(name) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Number(_)) | None => String::new(),
        };
        let reason = text("reason");
        let is_announced = match self.command(number) {
            Some(command) => command.was_announced_with(&reason),
            None => self.intents[number].was_announced_with(&reason),
        };
        let has_rows = self.has_rows;
        let copies = self.copies(number);
        copies.parked += u32::from(!has_rows);
        let is_invalid = ["INVALID_INTENT", "INVALID_COMMAND"].contains(&&*reason);
        let is_whole = REASONS.contains(&&*reason)
            && !text("parked-at").is_empty()
            && text("merchant") == super::run::MERCHANT
            && (!is_invalid || !text("errors").is_empty());
        if !is_whole || !is_announced {
            let (id, headers) = (&copies.id, &copy.headers);
            return Err(format!("{id} is parked, and does not say why: {headers:?}"));
        }
        Ok(())
    }

    /// A publish that has failed goes out again later, as it is.
    fn tried(&mut self, process: u64, outgoing: &Outgoing) {
        if let Outgoing::Retry { copy, .. } = outgoing {
            self.processes.tried(process, self.number_of(&copy.properties));
        }
    }

    /// An event is published.
    fn announced(
        &mut self,
        process: u64,
        at: Duration,
        event: &EventMessage,
    ) -> Result<(), Broken> {
        let number = self.number_by(event);
        let announced = Announced::of(event);
        if let Some(command) = number.checked_sub(self.intents.len()) {
            let command = &mut self.commands[command];
            let has_link = self.links.get(&command.reference).standing(at).is_some();
            let is_good = self.kind.has_only_good_intents() && command.is_valid() && has_link;
            if is_good && announced.kind == EventKind::CommandUnresolved {
                let id = &command.copies.id;
                return Err(format!("{id} is good, and ends with {}", announced.code));
            }
            return command.announced(event, announced, at, &self.links);
        }
        self.processes.check_attempts(process, number, announced.attempts)?;
        let touched = self.processes.may_have_sent(number);
        let intent = &mut self.intents[number];
        let is_closed = announced.code == "LINK_CLOSED";
        if is_closed && !self.links.is_closed(&intent.reference, at) {
            return Err(format!("{} is answered that its link is closed", intent.copies.id));
        }
        if self.kind.has_only_good_intents() && announced.ends_without_a_link() && !is_closed {
            let is_parked_as_set = self.kind.setting == super::kinds::Setting::Strict
                && announced.code == "OUTCOME_UNKNOWN"
                && touched;
            if !is_parked_as_set {
                return Err(format!(
                    "{} is good, and ends with {}",
                    intent.copies.id, announced.code
                ));
            }
        }
        intent.copies.parked += u32::from(self.has_rows && !announced.is_enough());
        intent.announced(event, announced)
    }

    fn confirmed(&mut self, process: u64, outgoing: &Outgoing) {
        let (id, replaces) = match outgoing {
            Outgoing::Event(event) => {
                let announced = Announced::of(event);
                let is_enough = self.has_rows || announced.is_enough();
                (event.properties.correlation_id.as_deref(), is_enough)
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
}
