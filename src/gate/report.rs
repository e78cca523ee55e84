//! What an outcome says about the whole merchant.

use super::Closure;
use crate::payout::outcome::look::Look;
use crate::payout::outcome::{Outcome, Unclear};
use crate::payout::sighting::RetryAfter;

/// What a call says about the whole merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Nothing.
    Nothing,
    /// A create was answered, whatever the answer: the account works.
    Answered,
    /// Too many requests.
    Throttled(Option<RetryAfter>),
    /// Nothing may be sent.
    Shut(Closure),
}

impl Report {
    /// What a create says.
    pub fn of_create(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Created(_)
            | Outcome::Rejected(_)
            | Outcome::Duplicate(_)
            | Outcome::Refused(_) => Self::Answered,
            Outcome::ForeignLink => Self::Shut(Closure::ForeignLink),
            Outcome::Throttled(retry_after) => Self::Throttled(*retry_after),
            Outcome::Denied(why) => Self::Shut(Closure::Denied(*why)),
            Outcome::Unknown(Unclear::Misdirected(status)) => {
                Self::Shut(Closure::Misdirected(*status))
            }
            Outcome::Unknown(
                Unclear::Silence(_)
                | Unclear::Status(_)
                | Unclear::NoEnvelope
                | Unclear::NoLink
                | Unclear::OtherReference,
            )
            | Outcome::NotSent(_) => Self::Nothing,
        }
    }

    /// What a look says. A failed one says nothing: providers answer 403 and 5xx for a reference
    /// that they do not know, and one odd answer must not close a gate.
    pub fn of_look(look: &Look) -> Self {
        match look {
            Look::Throttled(retry_after) => Self::Throttled(*retry_after),
            Look::Denied(why) => Self::Shut(Closure::Denied(*why)),
            Look::Found(_) | Look::NotFound | Look::Failed(_) => Self::Nothing,
        }
    }
}

impl std::fmt::Display for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::payout::outcome::Denial;
        match self {
            Self::Denied(Denial::Credentials) => f.write_str(
                "the token endpoint refuses the credentials; check client_id and client_secret",
            ),
            Self::Denied(Denial::Unauthorized) => {
                f.write_str("the API answers 401 to a new token; check payout_merchant_id and the account's rights")
            }
            Self::Denied(Denial::Forbidden) => {
                f.write_str("the API answers 403; check the account's rights and its allowed addresses")
            }
            Self::Denied(Denial::Merchant) => {
                f.write_str("the provider does not know this payout_merchant_id (code 1100)")
            }
            Self::Misdirected(status) => {
                write!(f, "the API answers {status} to a create; check api_url")
            }
            Self::ForeignLink => f.write_str(
                "the provider gave a link on a host that is not in link_hosts; check who answers at \
                 api_url, then restart",
            ),
        }
    }
}
