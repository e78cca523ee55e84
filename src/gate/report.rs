//! What an outcome says about the whole merchant.

use super::Closure;
use crate::domain::call::{NoAnswer, NotSent, RetryAfter};
use crate::domain::classify::UnknownReason;
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::{Lookup, LookupFailure};

/// What a call says about the whole merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Nothing.
    Nothing,
    /// A create was answered, whatever the answer: the account works.
    Answered,
    /// A create came to nothing, in a way that is not its intent's fault.
    Failed(Trouble),
    /// A lookup was answered in a way that makes sense.
    Looked,
    /// A lookup came to nothing.
    LookFailed(Trouble),
    /// Too many requests.
    Throttled(Option<RetryAfter>),
    /// Nothing may be sent.
    Shut(Closure),
}

/// In which way calls come to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection comes about, or no token.
    Unreachable,
    /// No answer comes.
    Silent,
    /// The answers are errors, or make no sense.
    Broken,
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
            Outcome::Unknown(UnknownReason::Misdirected(status)) => {
                Self::Shut(Closure::Misdirected(*status))
            }
            Outcome::Unknown(why) => Trouble::of_unclear(*why).map_or(Self::Nothing, Self::Failed),
            Outcome::NotSent(why) => Trouble::of_unsent(*why).map_or(Self::Nothing, Self::Failed),
        }
    }

    /// What a lookup says. A failed one says nothing of the account: providers answer 403 and 5xx
    /// for a reference that they do not know.
    pub fn of_look(look: &Lookup) -> Self {
        match look {
            Lookup::Throttled(retry_after) => Self::Throttled(*retry_after),
            Lookup::Denied(why) => Self::Shut(Closure::Denied(*why)),
            Lookup::Found(_) | Lookup::NotFound => Self::Looked,
            Lookup::Failed(LookupFailure::Status(_) | LookupFailure::Odd) => {
                Self::LookFailed(Trouble::Broken)
            }
            Lookup::Failed(LookupFailure::NoAnswer(why)) => {
                Self::LookFailed(Trouble::of_silence(*why))
            }
            Lookup::Failed(LookupFailure::NotSent(why)) => {
                Trouble::of_unsent(*why).map_or(Self::Nothing, Self::LookFailed)
            }
        }
    }

    /// Whether it speaks against the provider.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed(_) | Self::LookFailed(_))
    }
}

impl Trouble {
    /// A status of 4xx may be about one intent, and so may a success without a link.
    fn of_unclear(why: UnknownReason) -> Option<Self> {
        match why {
            UnknownReason::NoAnswer(why) => Some(Self::of_silence(why)),
            UnknownReason::Status(400..=407 | 409..=499)
            | UnknownReason::Misdirected(_)
            | UnknownReason::NoLink => None,
            UnknownReason::Status(_)
            | UnknownReason::NoEnvelope
            | UnknownReason::OtherReference => Some(Self::Broken),
        }
    }

    fn of_silence(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Timeout | NoAnswer::Connection => Self::Silent,
            NoAnswer::CutBody | NoAnswer::TooLarge => Self::Broken,
        }
    }

    /// What cannot be built is a defect of ours, and no provider's trouble.
    fn of_unsent(why: NotSent) -> Option<Self> {
        match why {
            NotSent::Dns
            | NotSent::Connect
            | NotSent::ConnectTimeout
            | NotSent::Unstarted
            | NotSent::NoToken => Some(Self::Unreachable),
            NotSent::Unbuildable => None,
        }
    }
}

impl std::fmt::Display for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::domain::classify::Denial;
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
            Self::Down(Trouble::Unreachable) => f.write_str(
                "the provider is down: no connection comes about, or no token; check the network, \
                 api_url and auth_url",
            ),
            Self::Down(Trouble::Silent) => {
                f.write_str("the provider is down: it answers nothing within `timeout`")
            }
            Self::Down(Trouble::Broken) => {
                f.write_str("the provider is down: its answers are errors or make no sense")
            }
        }
    }
}
