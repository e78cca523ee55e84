//! How an intent or a command ends.

use jiff::Timestamp;

use super::amount::Amount;
use super::classify::CreatedLink;
use super::customer::{ConfirmedContact, Private};

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
    /// Only a person can decide; the intent is parked.
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

/// The end of a command: what its event says. A lookup has shown it, never the call's own answer.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandVerdict {
    /// The link is cancelled, whoever did it.
    Cancelled(LinkView),
    /// The link expires when it was asked to.
    Extended(LinkView),
    /// It was not done, and will not be.
    Failed {
        /// Why.
        why: CommandFailure,
        /// The link, unless none was found.
        shown: Option<LinkView>,
    },
    /// Only a person can decide; the command is parked.
    Unresolved(CommandUnresolved),
}

/// What a lookup shows of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkView {
    /// Its amount, where it can be read.
    pub amount: Option<Amount>,
    /// Its id.
    pub link_id: Option<Private>,
    /// When it expires.
    pub expiry: Option<Timestamp>,
}

/// Why a command was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFailure {
    /// The customer has claimed the link, and a payment is on its way.
    Claimed,
    /// The customer was paid.
    Paid,
    /// The link has expired.
    Expired,
    /// The link is cancelled.
    Cancelled,
    /// The approver has said no to the link.
    Rejected,
    /// There is no link for the reference yet; it may still be made.
    LinkNotFound,
    /// The expiry that was asked for is not possible, or would shorten the link's life.
    ExpiryInvalid,
    /// The provider refused it, with this code if there was one, and the link is as it was.
    Refused(Option<i64>),
}

/// Why a command is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandUnresolved {
    /// It was accepted or may have been sent, and lookups do not show that anything came of it.
    OutcomeUnknown,
    /// `max_age` was reached, and nothing could be sent.
    NotSent,
    /// Its record names another account or API.
    AccountChanged,
}
