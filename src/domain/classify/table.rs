//! The parts of the classification that are a table: HTTP statuses and words.

use super::{Denial, UnknownReason};

/// What an HTTP status says before the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByStatus {
    /// The body decides.
    Body,
    /// Turned away: too many requests.
    Throttled,
    /// The whole merchant is turned away.
    Denied(Denial),
    /// It shows nothing, unless a 4xx comes with a refusal in PayU's envelope.
    Unknown(UnknownReason),
}

/// One line of the table of statuses.
#[derive(Clone, Copy, Debug)]
pub struct StatusRow {
    /// The first status that the line is about.
    pub from: u16,
    /// The last.
    pub to: u16,
    /// What follows on a create.
    pub means: &'static str,
}

/// The table, for display. It describes [`by_status`]; a test compares the two.
pub const STATUS_ROWS: &[StatusRow] = &[
    StatusRow { from: 200, to: 299, means: "the body decides; without PayU's envelope: Unknown" },
    StatusRow { from: 300, to: 399, means: "Unknown: no redirect is followed" },
    StatusRow { from: 400, to: 400, means: "a refusal in PayU's envelope decides; else Unknown" },
    StatusRow { from: 401, to: 401, means: "Denied, after one new token and one more try" },
    StatusRow { from: 402, to: 402, means: "a refusal in PayU's envelope decides; else Unknown" },
    StatusRow { from: 403, to: 403, means: "Denied" },
    StatusRow {
        from: 404,
        to: 405,
        means: "a refusal in PayU's envelope decides; else Unknown, and the circuit breaker opens",
    },
    StatusRow { from: 406, to: 414, means: "a refusal in PayU's envelope decides; else Unknown" },
    StatusRow {
        from: 415,
        to: 415,
        means: "a refusal in PayU's envelope decides; else Unknown, and the circuit breaker opens",
    },
    StatusRow { from: 416, to: 428, means: "a refusal in PayU's envelope decides; else Unknown" },
    StatusRow { from: 429, to: 429, means: "Throttled for at least Retry-After" },
    StatusRow { from: 430, to: 499, means: "a refusal in PayU's envelope decides; else Unknown" },
    StatusRow { from: 500, to: 599, means: "Unknown: a gateway may have lost the answer" },
];

/// Texts that say that a reference is taken, in lower case.
pub const DUPLICATE_WORDS: [&str; 2] = ["duplicate", "already"];

/// Texts that say that there were too many requests, in lower case. PayU lists "Requests limit
/// reached", without a code, for its other APIs.
pub const THROTTLE_WORDS: [&str; 2] = ["requests limit reached", "too many requests"];

/// Texts of a lookup that say that there is no such link, in lower case. PayU's sample: "Smart Send
/// Record not found with merchant reference id".
pub const NOT_FOUND_WORDS: [&str; 1] = ["not found"];

/// What an HTTP status says before the body is read.
pub fn by_status(status: u16) -> ByStatus {
    match status {
        200..=299 => ByStatus::Body,
        401 => ByStatus::Denied(Denial::Unauthorized),
        403 => ByStatus::Denied(Denial::Forbidden),
        404 | 405 | 415 => ByStatus::Unknown(UnknownReason::Misdirected(status)),
        429 => ByStatus::Throttled,
        _ => ByStatus::Unknown(UnknownReason::Status(status)),
    }
}
