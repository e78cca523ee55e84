//! What is on the parked queue, beside what was announced.

use std::collections::BTreeSet;

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
    /// Messages that have a link, by the events.
    created: BTreeSet<String>,
}

impl Parked {
    pub(crate) fn gather(parked: &[Message], results: &[Message]) -> Self {
        let told = |types: &[&str]| {
            let events = results.iter().map(Message::event);
            let ours = events.filter(|event| types.iter().any(|one| event["type"] == *one));
            ours.map(|event| event["data"]["intentId"].as_str().unwrap().to_owned()).collect()
        };
        let id = |message: &Message| message.properties.message_id().clone().unwrap().to_string();
        Self {
            copies: parked.len() as u64,
            messages: parked.iter().map(id).collect(),
            announced: told(&["smartsend.link.unresolved", "smartsend.intent.rejected"]),
            created: told(&["smartsend.link.created"]),
        }
    }

    /// Each message that was announced is parked, and no other. A kill between the event and the copy
    /// has the message looked up again, and then its link may be found instead; one between the copy
    /// and the acknowledgement parks it again, so that each kill has so many more copies at most.
    pub(crate) fn assert_as_announced(&self, what: &str, again_max: u64) {
        let unannounced: Vec<_> = self.messages.difference(&self.announced).collect();
        assert!(unannounced.is_empty(), "{what}: parked without an event: {unannounced:?}");
        let missing = self.announced.difference(&self.messages);
        let missing: Vec<_> = missing.filter(|message| !self.created.contains(*message)).collect();
        assert!(missing.is_empty(), "{what}: announced and not parked: {missing:?}");
        let again = self.copies - self.messages.len() as u64;
        assert!(again <= again_max, "{what}: {again} were parked again, {again_max} may be");
    }
}
