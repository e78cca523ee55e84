//! What follows for an intent from each outcome of a create.

use crate::domain::classify::table::{ByStatus, by_status};
use crate::domain::classify::{Denial, UnknownReason};
use crate::domain::codes::Meaning;

/// An outcome of a create, for a person.
pub(super) struct Explained {
    pub(super) name: &'static str,
    pub(super) follows: &'static str,
    /// Whether money is at risk.
    pub(super) money: &'static str,
    pub(super) to_do: &'static str,
}

pub(super) const CREATED: Explained = Explained {
    name: "Created",
    follows: "link.created. On a host outside link_hosts: parked, and the circuit breaker opens.",
    money: "no: the link is the payout that was asked for.",
    to_do: "nothing.",
};
const REJECTED: Explained = Explained {
    name: "Rejected",
    follows: "looked up, since another message may have made a link. None: link.failed with the \
              code, which depends on the intent alone. The same link: link.created. Another: \
              intent.rejected with the code.",
    money: "no, once link.failed is out: the reference has no link and gets none.",
    to_do: "correct the field that the code is about. After link.failed publish it under a new \
            reference; after intent.rejected only if the reference has no link yet.",
};
const NOT_SENT: Explained = Explained {
    name: "NotSent",
    follows: "two quick tries, then a retry queue; the record stays as it was.",
    money: "no: nothing has reached the provider.",
    to_do: "nothing for the intent; /readyz says what cannot be reached.",
};
const THROTTLED: Explained = Explained {
    name: "Throttled",
    follows: "the merchant's requests pause, and the intent is tried again; it counts as sent.",
    money: "not by what the provider says. That is no proof, so a duplicate after it is looked up.",
    to_do: "if it goes on, lower rate_per_second, or ask PayU what the account allows.",
};
const DENIED: Explained = Explained {
    name: "Denied",
    follows: "the merchant's circuit breaker opens, and probes go out until they are let in. No \
              intent fails; the one that met it is tried again, and counts as sent.",
    money: "not by what the provider says. That is no proof, so a duplicate after it is looked up.",
    to_do: "check client_id, client_secret and payout_merchant_id, and ask PayU whether this \
            machine's address is allowed and Smart Send is active for the account.",
};
const DUPLICATE: Explained = Explained {
    name: "Duplicate",
    follows: "looked up. The same amount and customer: link.created. Another amount and customer: \
              intent.rejected DUPLICATE_REFERENCE after a clean first create, else parked \
              REFERENCE_CONFLICT. Not found: parked. Never sent again.",
    money: "yes: the reference has a link, and a payout under another reference may be the second.",
    to_do: "wait for the event. If it is parked, look the reference up at PayU before anything \
            else.",
};
const REFUSED: Explained = Explained {
    name: "Refused",
    follows: "looked up: it may depend on the day, or hide a duplicate. Not found: parked with the \
              code. Never sent again.",
    money: "perhaps: until the lookups are over nobody knows whether there is a link.",
    to_do: "if it is parked, look the reference up at PayU. If it has no link, remove what the \
            code is about (a limit, an approval), and publish the parked message again with its \
            headers.",
};
const UNKNOWN: Explained = Explained {
    name: "Unknown",
    follows: "looked up: it may have made a link. Not found after all lookups and the quarantine: \
              sent again with the same reference, or parked, as in_doubt.policy says.",
    money: "yes: it may have made a link that nobody knows of.",
    to_do: "wait for the event, and pay nobody under a new reference meanwhile.",
};

/// The certain ones first.
pub(super) const OUTCOMES: [Explained; 8] =
    [CREATED, REJECTED, NOT_SENT, THROTTLED, DENIED, DUPLICATE, REFUSED, UNKNOWN];

pub(super) fn of_code(meaning: Meaning) -> Explained {
    match meaning {
        Meaning::Rejects => REJECTED,
        Meaning::Duplicate => DUPLICATE,
        Meaning::Denies => DENIED,
        Meaning::Refuses => REFUSED,
    }
}

pub(super) fn of_status(status: u16) -> Explained {
    match by_status(status) {
        ByStatus::Body => Explained {
            name: "the body decides",
            follows: "what PayU's envelope in the body says; without one: Unknown.",
            money: "as the envelope says; without one yes: it may have made a link.",
            to_do: "if the envelope has a code: smartsend explain with that code.",
        },
        ByStatus::Throttled => THROTTLED,
        ByStatus::Denied(Denial::Forbidden) => Explained {
            to_do: "ask PayU whether this machine's address is allowed, and whether Smart Send is \
                    active for the account.",
            ..DENIED
        },
        ByStatus::Denied(Denial::Unauthorized | Denial::Credentials | Denial::Merchant) => DENIED,
        ByStatus::Unknown(UnknownReason::Misdirected(_)) => Explained {
            to_do: "check api_url: the circuit breaker stays open until a probe is answered well. \
                    Pay nobody under a new reference meanwhile.",
            ..UNKNOWN
        },
        ByStatus::Unknown(_) => UNKNOWN,
    }
}
