//! The table of reason codes, one for each verdict without a link.
//!
//! The messages are our own sentences, since the provider's may name a person.

use std::borrow::Cow;

use super::wire::Reason;
use crate::domain::codes::Code;
use crate::domain::dead_letter::PutAside;
use crate::domain::object::FieldError;
use crate::domain::publisher_guard::GuardRefusal;
use crate::domain::verdict::{CommandFailure, CommandUnresolved, Failure, Rejection, Unresolved};

/// The code of a body that cannot be read or breaks a rule of an intent.
pub const INVALID_INTENT: &str = "INVALID_INTENT";

impl Reason {
    fn new(code: impl Into<Cow<'static, str>>, message: &'static str) -> Self {
        Self { code: code.into(), provider_code: None, message: message.into(), errors: Vec::new() }
    }

    /// The reason of a body that is not a valid intent.
    pub fn invalid_intent(errors: Vec<FieldError>) -> Self {
        let message = "it is not a valid intent, and nothing was sent for it; correct the fields, \
                       and use the reference again only if it has no link yet";
        Self { errors, ..Self::new(INVALID_INTENT, message) }
    }

    /// The reason of a body that is not a valid command.
    pub fn invalid_command(errors: Vec<FieldError>) -> Self {
        let message = "it is not a valid command, and nothing was sent for it; correct the fields";
        Self { errors, ..Self::new("INVALID_COMMAND", message) }
    }

    /// The reason of an intent among commands, or of a command among intents.
    pub fn wrong_queue() -> Self {
        Self::new(
            "WRONG_QUEUE",
            "nothing was sent for it: intents are published to the intents exchange, and commands \
             to the commands exchange",
        )
    }

    /// Every code that a merchant's message is parked with.
    pub fn parked_codes() -> impl Iterator<Item = Cow<'static, str>> {
        let rejected = Rejection::ALL.into_iter().map(|why| why.reason().code);
        let unresolved = Unresolved::ALL.into_iter().map(|why| why.reason().code);
        let put_aside = PutAside::DeadLettered.reason().code;
        let wrong_queue = Self::wrong_queue().code;
        let guard = GuardRefusal::ALL.into_iter().map(|why| why.reason().code);
        let own = [INVALID_INTENT.into(), wrong_queue, put_aside];
        own.into_iter().chain(guard).chain(rejected).chain(unresolved)
    }

    /// Every code that a merchant's command is parked with.
    pub fn parked_codes_of_commands() -> impl Iterator<Item = Cow<'static, str>> {
        let not_signed = GuardRefusal::NotSigned.reason().code;
        let own = [Self::invalid_command(Vec::new()).code, Self::wrong_queue().code, not_signed];
        own.into_iter().chain(CommandUnresolved::ALL.into_iter().map(|why| why.reason().code))
    }

    /// Whether its code is one of those that `link.failed` goes out with. A code of a later
    /// version is not: what it asks of a reader is not known here.
    pub(super) fn is_of_failed(&self) -> bool {
        let failure = self.provider_code.map_or(Failure::DeadlinePassed, Failure::Rejected);
        self.code == failure.reason().code
    }

    /// Whether its code is one of those that a command fails with, for the same cause.
    pub(super) fn is_of_failed_command(&self) -> bool {
        CommandFailure::ALL.into_iter().any(|why| why.reason().code == self.code)
    }
}

impl Failure {
    /// The reason that the event gives.
    pub fn reason(self) -> Reason {
        match self {
            Self::DeadlinePassed => Reason::new(
                "DEADLINE_PASSED",
                "its deadline passed before anything was sent, and no link was found",
            ),
            Self::Rejected(number) => {
                let reason = Reason::new(Code::name_of(number), Code::message_of(number));
                Reason { provider_code: Some(number), ..reason }
            }
        }
    }
}

impl GuardRefusal {
    /// Both.
    pub const ALL: [Self; 2] = [Self::NotAllowed, Self::NotSigned];

    /// The reason that the event and the parked copy give.
    pub fn reason(self) -> Reason {
        match self {
            Self::NotAllowed => Reason::new(
                "NOT_ALLOWED",
                "its user_id is not one of the merchant's publishers, and nothing was sent for it",
            ),
            Self::NotSigned => Reason::new(
                "NOT_SIGNED",
                "it has no signature by one of the merchant's signing keys, and nothing was sent \
                 for it",
            ),
        }
    }
}

impl Rejection {
    /// Every one with a code of ours.
    pub const ALL: [Self; 1] = [Self::DuplicateReference];

    /// The reason that the event and the parked copy give.
    pub fn reason(self) -> Reason {
        match self {
            Self::DuplicateReference => Reason::new(
                "DUPLICATE_REFERENCE",
                "the reference has a link for another amount and customer, and this message made \
                 none; find out which of the two is right",
            ),
            Self::Rejected(number) => {
                let reason = Reason::new(
                    Code::name_of(number),
                    "the provider rejected this message, and its reference has, or may have, a link \
                     by another one; find out which of the two is right",
                );
                Reason { provider_code: Some(number), ..reason }
            }
        }
    }
}

impl PutAside {
    /// The reason that the event and the parked copy give.
    pub fn reason(self) -> Reason {
        match self {
            Self::DeadLettered => Reason::new(
                "DEAD_LETTERED",
                "RabbitMQ put it aside: it expired, came back too often, or its merchant has no \
                 queue; it may have been sent",
            ),
            Self::UnknownMerchant => Reason::new(
                "UNKNOWN_MERCHANT",
                "no queue is bound for its routing key, and nothing was sent for this message; \
                 publish it with a merchant's name as its routing key",
            ),
        }
    }
}

impl Unresolved {
    /// Every one, whatever the provider's code.
    pub const ALL: [Self; 10] = [
        Self::OutcomeUnknown,
        Self::Refused(None),
        Self::NotSent,
        Self::LinkUnknown,
        Self::LinkClosed,
        Self::LinkHost,
        Self::ReferenceConflict,
        Self::LinkRepeated,
        Self::OverLimit,
        Self::AccountChanged,
    ];

    /// The reason that the event and the parked copy give.
    pub fn reason(self) -> Reason {
        let (code, message) = match self {
            Self::OutcomeUnknown => (
                "OUTCOME_UNKNOWN",
                "it may have been sent, no link was found, and it must not be sent again automatically",
            ),
            Self::Refused(Some(number)) => {
                let reason = Reason::new("REFUSED", Code::message_of(number));
                return Reason { provider_code: Some(number), ..reason };
            }
            Self::Refused(None) => (
                "REFUSED",
                "the provider refused it without a code, or turned it away while it answered others; \
                 no link was found",
            ),
            Self::NotSent => {
                ("NOT_SENT", "nothing could be sent in time, and no lookup could rule out a link")
            }
            Self::LinkUnknown => (
                "LINK_UNKNOWN",
                "there is a link, but the provider does not show it, or not for whom",
            ),
            Self::LinkClosed => {
                ("LINK_CLOSED", "there is a link, but it is expired, cancelled, rejected or failed")
            }
            Self::LinkHost => {
                ("LINK_HOST", "the provider gave a link on a host that is not in link_hosts")
            }
            Self::ReferenceConflict => (
                "REFERENCE_CONFLICT",
                "the reference has a link for another amount or customer, and this intent may have \
                 been sent before",
            ),
            Self::LinkRepeated => (
                "LINK_REPEATED",
                "the provider answered with a link that it has given for another reference",
            ),
            Self::OverLimit => {
                ("OVER_LIMIT", "the amount is above the merchant's max_amount; nothing was sent")
            }
            Self::AccountChanged => (
                "ACCOUNT_CHANGED",
                "its record names another account or API than the configuration does",
            ),
        };
        Reason::new(code, message)
    }
}

impl CommandFailure {
    /// Every one, whatever the provider's code.
    pub const ALL: [Self; 8] = [
        Self::Claimed,
        Self::Paid,
        Self::Expired,
        Self::Cancelled,
        Self::Rejected,
        Self::LinkNotFound,
        Self::ExpiryInvalid,
        Self::Refused(None),
    ];

    /// The reason that the event gives.
    pub fn reason(self) -> Reason {
        let (code, message) = match self {
            Self::Claimed => ("CLAIMED", "the customer has claimed the link, and is being paid"),
            Self::Paid => ("PAID", "the customer was paid"),
            Self::Expired => ("EXPIRED", "the link has expired"),
            Self::Cancelled => ("CANCELLED", "the link is cancelled"),
            Self::Rejected => ("REJECTED", "the approver has rejected the link"),
            Self::LinkNotFound => {
                ("LINK_NOT_FOUND", "no link was found for the reference, and it may still be made")
            }
            Self::ExpiryInvalid => (
                "EXPIRY_INVALID",
                "the provider does not accept this expiry, or the link lives longer already",
            ),
            Self::Refused(Some(number)) => {
                let reason = Reason::new("REFUSED", Code::message_of(number));
                return Reason { provider_code: Some(number), ..reason };
            }
            Self::Refused(None) => {
                ("REFUSED", "the provider refused it, and the link is as it was")
            }
        };
        Reason::new(code, message)
    }
}

impl CommandUnresolved {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::OutcomeUnknown, Self::NotSent, Self::AccountChanged];

    /// The reason that the event and the parked copy give.
    pub fn reason(self) -> Reason {
        let (code, message) = match self {
            Self::OutcomeUnknown => (
                "OUTCOME_UNKNOWN",
                "it was accepted or may have been sent, and no lookup shows that it was done",
            ),
            Self::NotSent => ("NOT_SENT", "nothing could be sent in time"),
            Self::AccountChanged => (
                "ACCOUNT_CHANGED",
                "its record names another account or API than the configuration does",
            ),
        };
        Reason::new(code, message)
    }
}
