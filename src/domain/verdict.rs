//! How an intent ends.

use super::classify::CreatedLink;
use super::customer::ConfirmedContact;

/// The end of an intent: what its event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It has a link.
    Created {
        /// The link.
        made: CreatedLink,
        /// Which call gave it.
        source: LinkSource,
    },
    /// Its reference has no link and gets none.
    Failed(Failure),
    /// This message is not acted on. Its reference may have a link, by another message.
    Rejected(Rejection),
    /// Only a person can tell; the intent is parked.
    Unresolved(Unresolved),
}

/// Which call gave a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSource {
    /// The intent's create.
    Create,
    /// A lookup, which showed it to be for these contacts. It is sent to no other: the reference may
    /// have been used before, for somebody else.
    Lookup(ConfirmedContact),
}

impl Verdict {
    /// Whether another copy of the intent may take it over without a lookup.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Failed(_))
    }
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
    /// Its reference has a link for another amount and customer, and this intent made none.
    DuplicateReference,
    /// The provider rejected it with this code, and the reference has a link by another message.
    Rejected(i64),
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
    /// The provider gave the link that it has given for another reference.
    LinkRepeated,
    /// It is above `max_amount`.
    OverLimit,
    /// Its record names another account or API.
    AccountChanged,
}
