//! A parsed wish to change a link that exists: what is published to the commands queue, validated.

pub mod wire;

use jiff::Timestamp;

use super::object::FieldError;
use super::reference::Reference;

/// A wish to cancel or extend a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The reference of the link.
    pub reference: Reference,
    /// What is to be done to it.
    pub action: Action,
}

/// What is to be done to a link. Both can be sent again without harm: a link is cancelled once, and
/// ends at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nobody may claim it any more.
    Cancel,
    /// It can be claimed until this time.
    Extend(Timestamp),
}

/// A body that is not a valid command: every error, and the reference if that is valid all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCommand {
    /// Every error, in the order of the fields; never empty.
    pub errors: Vec<FieldError>,
    /// The reference, for the event.
    pub reference: Option<Reference>,
    /// Whether it looks like an intent, which belongs on another queue.
    pub is_intent: bool,
    /// Whether the body is larger than any command. It is not published again.
    pub is_too_large: bool,
}
