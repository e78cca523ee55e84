//! What is on the parked queue, beside what was announced.

use std::collections::BTreeSet;

use serde_json::Value;

use super::results::Message;

/// The two, by the messages that they are about.
#[derive(Debug)]
pub(crate) struct Parked {
    /// Copies on the parked queue.
    pub(crate) copies: u64,
    /// Messages that have such a copy.
    pub(crate) messages: BTreeSet<String>,
    /// Messages whose end is left to a person, by the events.
    announced: BTreeSet<String>,
    /// Messages that came to another end, by the events.
    settled: BTreeSet<String>,
}

/// The id of the message that an event is about. A command's event has it in its envelope only.
fn id_of(message: &Message, event: &Value) -> String {
    let of_intent = event["data"]["intentId"].as_str().map(str::to_owned);
    of_intent.unwrap_or_else(|| message.correlation_id())
}

impl Parked {
    pub(crate) fn gather(parked: &[Message], results: &[Message]) -> Self {
        let announced_as = |types: &[&str]| {
            let events = results.iter().map(|message| (message, message.event()));
            let ours = events.filter(|(_, event)| types.iter().any(|one| event["type"] == *one));
            ours.map(|(message, event)| id_of(message, &event)).collect()
        };
        let id = |message: &Message| message.properties.message_id().clone().unwrap().to_string();
        Self {
            copies: parked.len() as u64,
            messages: parked.iter().map(id).collect(),
            announced: announced_as(&[
                "smartsend.link.unresolved",
                "smartsend.intent.rejected",
                "smartsend.command.unresolved",
            ]),
            settled: announced_as(&[
                "smartsend.link.created",
                "smartsend.link.cancelled",
                "smartsend.link.extended",
                "smartsend.link.cancel_failed",
                "smartsend.link.extend_failed",
            ]),
        }
    }

    /// Each message that was announced is parked, and no other. A kill between the event and the copy
    /// has the message looked up again, and then its link may be found instead; one between the copy
    /// and the acknowledgement parks it again, so that each kill has so many more copies at most.
    pub(crate) fn assert_as_announced(&self, what: &str, again_max: u64) {
        let unannounced: Vec<_> = self.messages.difference(&self.announced).collect();
        assert!(unannounced.is_empty(), "{what}: parked without an event: {unannounced:?}");
        let missing = self.announced.difference(&self.messages);
        let missing: Vec<_> = missing.filter(|message| !self.settled.contains(*message)).collect();
        assert!(missing.is_empty(), "{what}: announced and not parked: {missing:?}");
        let again = self.copies - self.messages.len() as u64;
        assert!(again <= again_max, "{what}: {again} were parked again, {again_max} may be");
    }
}
