//! What a decision has to know of the world.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::readback::Readback;

/// What the world looks like at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The wall clock.
    pub now: Timestamp,
    /// How long the delivery has been here, by the clock that shows more.
    pub age: Duration,
    /// Whether requests go out.
    pub requests: Requests,
    /// Whether the wall clock can be believed: it has run evenly with the steady clock. While it
    /// has not, no deadline is judged.
    pub clocks_agree: bool,
    /// What lookups have shown of links that this API made for this merchant. Until they have shown
    /// one, "not found" may only mean that they do not show its links.
    pub readback: Readback,
    /// When calls were last answered, those of other intents included.
    pub last_answers: LastAnswers,
    /// How long nothing may be created yet, because another process may just have sent.
    pub no_create_for: Duration,
}

/// When the provider last judged a call, instead of turning it away, by the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastAnswers {
    /// A create, or a command's call.
    pub attempt: Option<Timestamp>,
    /// A lookup.
    pub lookup: Option<Timestamp>,
}

/// What the circuit breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// They flow.
    Flow,
    /// They go out, but the last few were not answered, or after an outage no create was.
    Unanswered,
    /// None.
    Stopped,
}

impl Requests {
    /// Whether waiting makes an intent older: an outage may last for hours, and makes none older.
    pub(super) fn age_intents(self) -> bool {
        self == Self::Flow
    }
}
