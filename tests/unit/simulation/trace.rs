//! What happened, line by line.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use smartsend::domain::record::headers::Value;
use smartsend::domain::work::Work;
use smartsend::ports::{Copied, Headers, Outgoing};

use super::announced::Announced;
use crate::support::model::{Step, word};

/// Every step of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Vec<String>);

impl Trace {
    pub(super) fn add(&mut self, at: Duration, step: &Step<'_>) {
        let mut line = format!("{:>8}.{:03} ", at.as_secs(), at.subsec_millis());
        write_step(&mut line, step).unwrap();
        self.0.push(line);
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.0
    }

    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new(); // its keys are always the same
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn first_difference(&self, other: &Self) -> String {
        let longest = self.0.len().max(other.0.len());
        let differs = (0..longest).find(|line| self.0.get(*line) != other.0.get(*line));
        differs.map_or_else(String::new, |line| {
            format!("line {line}: {:?} and {:?}", self.0.get(line), other.0.get(line))
        })
    }
}

fn write_step(line: &mut String, step: &Step<'_>) -> std::fmt::Result {
    match step {
        Step::Queued { message, returned } => {
            let from = if *returned { "a retry queue" } else { "upstream" };
            let id = message.properties.message_id.as_deref().unwrap_or("?");
            write!(line, "{id} comes from {from}{}", record(&message.headers))
        }
        Step::Delivered { process, tag, message } => {
            let id = message.properties.message_id.as_deref().unwrap_or("?");
            let again = if message.redelivered { ", again" } else { "" };
            write!(line, "p{process} is given {id} as {tag}{again}{}", record(&message.headers))
        }
        Step::Acknowledged { process, tag } => write!(line, "p{process} acknowledges {tag}"),
        Step::Requeued { process, tag } => write!(line, "p{process} requeues {tag}"),
        Step::Cut { process, back } => {
            write!(line, "p{process} has lost its connection, back go {back:?}")
        }
        Step::Published { process, outgoing, fault } => {
            write!(line, "p{process} publishes {}", what(outgoing))?;
            fault.map_or(Ok(()), |fault| write!(line, ": {fault:?}"))
        }
        Step::Confirmed { process, outgoing } => {
            write!(line, "p{process} hears the confirm of {}", what(outgoing))
        }
        Step::Sent { process, request, called, reference, .. } => {
            let reference = reference.map_or("", |reference| reference.as_str());
            write!(line, "p{process} sends request {request}: {called:?} {reference}")
        }
        Step::Answered { process, called, reference, result } => {
            let word = word(result);
            write!(line, "p{process} sees of {called:?} {reference}: {word}")
        }
        Step::CreatedLink { request, reference, url, expires } => {
            write!(line, "request {request} makes a link for {reference}: {url}")?;
            expires.map_or(Ok(()), |expires| write!(line, " until {expires}"))
        }
        Step::Changed { request: Some(request), reference, change } => {
            write!(line, "request {request} makes of {reference}: {change:?}")
        }
        Step::Changed { request: None, reference, change } => {
            write!(line, "{reference} becomes {change:?}")
        }
        Step::Admission { process, work: Work::Intents, state } => {
            write!(line, "p{process} has {state:?}")
        }
        Step::Admission { process, work: Work::Commands, state } => {
            write!(line, "p{process} has {state:?} for commands")
        }
        Step::Fault(what) => write!(line, "fault: {what}"),
        Step::Noted(what) => write!(line, "{what}"),
    }
}

fn what(outgoing: &Outgoing) -> String {
    let id = |copy: &Copied| copy.properties.message_id.clone().unwrap_or_default();
    match outgoing {
        Outgoing::Event(event) => {
            let of = event.properties.correlation_id.as_deref().unwrap_or("?");
            let id = event.properties.message_id.as_deref().unwrap_or("?");
            let announced = Announced::of(event);
            let why = if announced.code.is_empty() {
                String::new()
            } else {
                format!(" for {}", announced.code)
            };
            format!("{}{why} of {of}, {id}", event.kind.routing_word())
        }
        Outgoing::Retry { delay, copy, .. } => {
            format!("{} for {:?}{}", id(copy), delay.duration(), record(&copy.headers))
        }
        Outgoing::Checkpoint { merchant, .. } => format!("the checkpoint of {merchant}"),
        Outgoing::DeadLetter(copy) => format!("{} put back", id(copy)),
        Outgoing::Parked(copy) => format!("{} parked{}", id(copy), record(&copy.headers)),
    }
}

/// The parts of a record that decide something.
fn record(headers: &Headers) -> String {
    let mut parts = String::new();
    for name in ["state", "seen", "attempts", "lookups", "quarantined", "waited", "reason"] {
        let part = match headers.get(name) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Number(number)) => format!("{name} {number}"),
            None => continue,
        };
        parts.push_str(if parts.is_empty() { " (" } else { ", " });
        parts.push_str(&part);
    }
    if !parts.is_empty() {
        parts.push(')');
    }
    parts
}
