//! How an intent ends.

use crate::domain::classify::CreatedLink;
use crate::domain::codes::Code;
use crate::domain::record::Seen;

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
    /// It has no link, and every copy of it would come to this verdict.
    Failed(Failure),
    /// Only a person can tell; the intent is parked.
    Unresolved(Unresolved),
}

/// Why an intent failed, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its deadline passed before anything was sent, and lookups confirmed that there is no link.
    DeadlinePassed,
    /// Its reference has a link for another amount or customer, and this intent made none.
    DuplicateReference,
    /// The provider rejected it with a code that depends on the intent alone.
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
    /// It is above `max_amount`.
    OverLimit,
    /// Its record names another account or API.
    AccountChanged,
}

impl Verdict {
    /// Whether it is a verdict for want of an answer: time is over, and what a later call could
    /// have shown is not known. While the provider is down that is no verdict to come to.
    pub fn is_for_want_of_an_answer(&self) -> bool {
        match self {
            Self::Created { .. } | Self::Failed(_) => false,
            Self::Unresolved(why) => match why {
                Unresolved::OutcomeUnknown | Unresolved::NotSent => true,
                Unresolved::Refused(_)
                | Unresolved::LinkUnknown
                | Unresolved::LinkClosed
                | Unresolved::LinkHost
                | Unresolved::ReferenceConflict
                | Unresolved::OverLimit
                | Unresolved::AccountChanged => false,
            },
        }
    }
}

impl Verdict {
    /// What makes an intent in doubt that came to this verdict, while nobody takes its event. Where
    /// there is a link, it stays known that there is one, and none is asked for again.
    pub fn if_untold(&self) -> Seen {
        match self {
            Self::Created { .. } => Seen::Duplicate,
            Self::Failed(_) => Seen::Recent,
            Self::Unresolved(why) => match why {
                Unresolved::LinkUnknown
                | Unresolved::LinkClosed
                | Unresolved::LinkHost
                | Unresolved::ReferenceConflict => Seen::Duplicate,
                Unresolved::OutcomeUnknown
                | Unresolved::Refused(_)
                | Unresolved::NotSent
                | Unresolved::OverLimit
                | Unresolved::AccountChanged => Seen::Recent,
            },
        }
    }
}

impl Failure {
    /// The event's `reason.code`.
    pub fn code(self) -> String {
        match self {
            Self::DeadlinePassed => "DEADLINE_PASSED".to_owned(),
            Self::DuplicateReference => "DUPLICATE_REFERENCE".to_owned(),
            Self::Rejected(code) => Code::name_of(code),
        }
    }

    /// The event's `reason.providerCode`.
    pub fn provider_code(self) -> Option<i64> {
        match self {
            Self::DeadlinePassed | Self::DuplicateReference => None,
            Self::Rejected(code) => Some(code),
        }
    }

    /// The event's `reason.message`: our own sentence, since the provider's may name a person.
    pub fn message(self) -> &'static str {
        match self {
            Self::DeadlinePassed => {
                "its deadline passed before anything was sent, and no link was found"
            }
            Self::DuplicateReference => {
                "the reference has a link for another amount or customer; use a new reference"
            }
            Self::Rejected(code) => Code::message_of(code),
        }
    }
}

impl Unresolved {
    /// The event's `reason.code`, and the parked copy's reason.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Refused(_) => "REFUSED",
            Self::NotSent => "NOT_SENT",
            Self::LinkUnknown => "LINK_UNKNOWN",
            Self::LinkClosed => "LINK_CLOSED",
            Self::LinkHost => "LINK_HOST",
            Self::ReferenceConflict => "REFERENCE_CONFLICT",
            Self::OverLimit => "OVER_LIMIT",
            Self::AccountChanged => "ACCOUNT_CHANGED",
        }
    }

    /// The event's `reason.providerCode`.
    pub fn provider_code(self) -> Option<i64> {
        match self {
            Self::Refused(code) => code,
            Self::OutcomeUnknown
            | Self::NotSent
            | Self::LinkUnknown
            | Self::LinkClosed
            | Self::LinkHost
            | Self::ReferenceConflict
            | Self::OverLimit
            | Self::AccountChanged => None,
        }
    }

    /// The event's `reason.message`.
    pub fn message(self) -> &'static str {
        match self {
            Self::OutcomeUnknown => {
                "it may have been sent, no link was found, and it must not be sent again by itself"
            }
            Self::Refused(Some(code)) => Code::message_of(code),
            Self::Refused(None) => "the provider refused it without a code, and no link was found",
            Self::NotSent => "nothing could be sent in time, and no look could rule a link out",
            Self::LinkUnknown => {
                "there is a link, but the provider shows none that can be sent out"
            }
            Self::LinkClosed => "there is a link, but it is expired, cancelled, rejected or failed",
            Self::LinkHost => "the provider gave a link on a host that is not in link_hosts",
            Self::ReferenceConflict => {
                "the reference has a link for another amount or customer, and this intent may have \
                 been sent before"
            }
            Self::OverLimit => "the amount is above the merchant's max_amount; nothing was sent",
            Self::AccountChanged => {
                "its record names another account or API than the configuration does"
            }
        }
    }
}
