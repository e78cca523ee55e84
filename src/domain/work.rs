//! The two kinds of messages that a merchant is sent.
//!
//! Each has an exchange, queues and limits of its own, so that a backlog of intents delays no
//! command, and a worker that knows no commands never takes one for an intent.

/// What a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Wishes for new links.
    Intents,
    /// What is to be done to links that exist: cancel, extend.
    Commands,
}

impl Work {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Intents, Self::Commands];

    /// What one of them is called.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Intents => "intent",
            Self::Commands => "command",
        }
    }
}
