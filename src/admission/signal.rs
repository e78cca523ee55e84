//! What an answer, or the lack of one, says about the whole merchant.

use std::fmt;

use crate::domain::call::{NoAnswer, NotSent, RetryAfter};
use crate::domain::classify::create::Outcome;
use crate::domain::classify::lookup::{Lookup, LookupFailure};
use crate::domain::classify::manage::ManageOutcome;
use crate::domain::classify::{Denial, NoToken, UnknownReason};

/// What a call says about the whole merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    Nothing,
    /// A create was answered, whatever the answer: the account works.
    Answered,
    /// A create failed in a way that is not its intent's fault.
    Failed(FailureKind),
    /// A lookup was answered in a way that makes sense.
    LookedUp,
    LookupFailed(FailureKind),
    Throttled(Option<RetryAfter>),
    Trip(TripReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No connection, or no token.
    Unreachable,
    /// No token can be asked for.
    NoSecret,
    Silent,
    /// An answer that is an error or makes no sense.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TripReason {
    /// The provider turns the merchant away.
    Denied(Denial),
    /// The API's address is wrong: 404, 405 or 415 on a create.
    Misdirected(u16),
    /// The provider gave a link on a host that is not allowed.
    ForeignLink,
    Down(FailureKind),
}

impl Signal {
    /// Whether the call was answered in a way that makes sense; `None` if that is not known. To be
    /// asked for fewer requests is no answer: a provider can say so for hours.
    pub fn is_answer(self) -> Option<bool> {
        match self {
            Self::Nothing => None,
            Self::Throttled(_) | Self::Failed(_) | Self::LookupFailed(_) => Some(false),
            Self::Answered | Self::LookedUp | Self::Trip(_) => Some(true),
        }
    }

    pub fn of_create(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Created(_)
            | Outcome::Rejected(_)
            | Outcome::Duplicate(_)
            | Outcome::Refused(_) => Self::Answered,
            Outcome::ForeignLink => Self::Trip(TripReason::ForeignLink),
            Outcome::StaleToken => Self::Nothing,
            Outcome::NoToken(why) => Self::of_no_token(*why),
            Outcome::Throttled(retry_after) => Self::Throttled(*retry_after),
            Outcome::Denied(why) => Self::Trip(TripReason::Denied(*why)),
            Outcome::Unknown(UnknownReason::Misdirected(status)) => {
                Self::Trip(TripReason::Misdirected(*status))
            }
            Outcome::Unknown(why) => {
                FailureKind::of_unknown(*why).map_or(Self::Nothing, Self::Failed)
            }
            Outcome::NotSent(why) => {
                FailureKind::of_not_sent(*why).map_or(Self::Nothing, Self::Failed)
            }
        }
    }

    /// What a cancel or an extend says. For commands it is what a create is for intents.
    pub fn of_manage(outcome: &ManageOutcome) -> Self {
        match outcome {
            ManageOutcome::Done | ManageOutcome::Refused(_) => Self::Answered,
            ManageOutcome::NoToken(why) => Self::of_no_token(*why),
            ManageOutcome::Throttled(retry_after) => Self::Throttled(*retry_after),
            ManageOutcome::Denied(why) => Self::Trip(TripReason::Denied(*why)),
            ManageOutcome::Unknown(UnknownReason::Misdirected(status)) => {
                Self::Trip(TripReason::Misdirected(*status))
            }
            ManageOutcome::Unknown(why) => {
                FailureKind::of_unknown(*why).map_or(Self::Nothing, Self::Failed)
            }
            ManageOutcome::NotSent(why) => {
                FailureKind::of_not_sent(*why).map_or(Self::Nothing, Self::Failed)
            }
        }
    }

    /// What a lookup says. A failed one says nothing of the account: providers answer 403 and 5xx
    /// for a reference that they do not know.
    pub fn of_lookup(lookup: &Lookup) -> Self {
        match lookup {
            Lookup::NoToken(why) => Self::of_no_token(*why),
            Lookup::Throttled(retry_after) => Self::Throttled(*retry_after),
            Lookup::Denied(why) => Self::Trip(TripReason::Denied(*why)),
            // Providers answer 403 for a reference that they do not know.
            Lookup::Found(_)
            | Lookup::NotFound
            | Lookup::Failed(LookupFailure::Status(400..=499)) => Self::LookedUp,
            Lookup::Failed(LookupFailure::Status(_) | LookupFailure::Odd) => {
                Self::LookupFailed(FailureKind::Broken)
            }
            Lookup::Failed(LookupFailure::NoAnswer(why)) => {
                Self::LookupFailed(FailureKind::of_no_answer(*why))
            }
            Lookup::Failed(LookupFailure::NotSent(why)) => {
                FailureKind::of_not_sent(*why).map_or(Self::Nothing, Self::LookupFailed)
            }
        }
    }

    fn of_no_token(why: NoToken) -> Self {
        match why {
            NoToken::Refused => Self::Trip(TripReason::Denied(Denial::Credentials)),
            NoToken::Throttled(retry_after) => Self::Throttled(retry_after),
        }
    }

    /// Whether it counts against the provider.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed(_) | Self::LookupFailed(_))
    }
}

impl FailureKind {
    /// `None` if the intent may be at fault: a status of 4xx, or a success without a link.
    fn of_unknown(why: UnknownReason) -> Option<Self> {
        match why {
            UnknownReason::NoAnswer(why) => Some(Self::of_no_answer(why)),
            UnknownReason::Status(400..=407 | 409..=499)
            | UnknownReason::Misdirected(_)
            | UnknownReason::NoLink => None,
            UnknownReason::Status(_)
            | UnknownReason::NoEnvelope
            | UnknownReason::OtherReference
            | UnknownReason::RepeatedLink => Some(Self::Broken),
        }
    }

    fn of_no_answer(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Timeout | NoAnswer::Connection => Self::Silent,
            NoAnswer::CutBody | NoAnswer::TooLarge => Self::Broken,
        }
    }

    /// `None` for a request that cannot be built: that is a bug here.
    pub(super) fn of_not_sent(why: NotSent) -> Option<Self> {
        match why {
            NotSent::Dns
            | NotSent::Connect
            | NotSent::ConnectTimeout
            | NotSent::Unstarted
            | NotSent::NoToken => Some(Self::Unreachable),
            NotSent::NoSecret => Some(Self::NoSecret),
            NotSent::Unbuildable => None,
        }
    }
}

impl fmt::Display for TripReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Misdirected(status) => {
                return write!(f, "the API answered {status} to a create; check api_url");
            }
            Self::Denied(Denial::Credentials) => {
                "the token endpoint refuses the credentials; check client_id and client_secret"
            }
            Self::Denied(Denial::Unauthorized) => {
                "the API answers 401 to a new token; check payout_merchant_id and the account's \
                 rights"
            }
            Self::Denied(Denial::Forbidden) => {
                "the API answers 403; check the account's rights and its allowed addresses"
            }
            Self::Denied(Denial::Merchant) => {
                "the provider does not know this payout_merchant_id (code 1100)"
            }
            Self::ForeignLink => {
                "the provider gave a link on a host that is not in link_hosts; check who answers \
                 at api_url, then restart"
            }
            Self::Down(FailureKind::Unreachable) => {
                "the provider is down: no connection, or no token; check the network, api_url and \
                 auth_url"
            }
            Self::Down(FailureKind::NoSecret) => {
                "no token can be asked for, since the file of a secret cannot be used"
            }
            Self::Down(FailureKind::Silent) => {
                "the provider is down: it answers nothing within `timeout`"
            }
            Self::Down(FailureKind::Broken) => {
                "the provider is down: its answers are errors or make no sense"
            }
        };
        f.write_str(text)
    }
}
