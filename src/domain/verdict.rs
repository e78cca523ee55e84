//! How an intent ends.

use crate::domain::classify::CreatedLink;

/// The end of an intent: what its event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It has a link.
    Created {
        /// The link.
        made: CreatedLink,
        /// Whether the link was found by a lookup and not given by a create.
        recovered: bool,
    },
    /// Its reference has no link and gets none.
    Failed(Failure),
    /// This message is not acted on. Its reference may have a link, by another message.
    Rejected(Rejection),
    /// Only a person can tell; the intent is parked.
    Unresolved(Unresolved),
}

/// Why an intent failed, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its deadline passed before anything was sent, and lookups confirmed that there is no link.
    DeadlinePassed,
    /// The provider rejected it with a code that depends on the intent alone.
    Rejected(i64),
}

/// Why a message is not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Its reference has a link for another amount or customer, and this intent made none.
    DuplicateReference,
}

/// Why an intent is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Sent, no answer, not found, and sending again is not allowed or too late.
    OutcomeUnknown,
    /// Refused in a way that may depend on the day; no link was found.
    Refused(Option<i64>),
    /// `max_age` or the deadline was reached, and nothing could be sent.
    NotSent,
    /// There is a link, but no answer holds it, or nothing to compare it by.
    LinkUnknown,
    /// There is a link, but it is dead.
    LinkClosed,
    /// The link is on a host that is not allowed.
    LinkHost,
    /// The reference has a link for another amount or customer, and this intent may have been
    /// sent before.
    ReferenceConflict,
    /// It is above `max_amount`.
    OverLimit,
    /// Its record names another account or API.
    AccountChanged,
}
