//! Why a question brought nothing, and what to do.

use super::words::words;
use crate::domain::call::{Answer, CallResult, NotSent};
use crate::domain::classify::lookup::{Lookup, LookupFailure};
use crate::domain::classify::{Denial, NoToken};
use crate::payu::Asked;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NothingLearnt {
    NotSent(NotSent),
    NoAnswer,
    /// An HTTP status that says nothing.
    Status(u16),
    /// An answer of another shape, or about something else.
    Odd,
    /// The credentials are refused.
    Credentials,
    /// Too many requests.
    Throttled,
    /// PayU does not know the merchant.
    Merchant,
    /// The account is turned away.
    TurnedAway,
    /// PayU's own words for a failure.
    Refused(String),
}

/// PayU's code for a payout merchant id that it does not know.
const INVALID_MERCHANT: i64 = 1100;

impl NothingLearnt {
    /// What was asked for, unless the answer does not have it.
    pub fn unless<T>(asked: Asked<T>) -> Result<T, Self> {
        match (asked.result, asked.data) {
            (CallResult::Answered(Answer { status: 200..=299, .. }), Some(data)) => Ok(data),
            (result, _) => Err(Self::of(&result)),
        }
    }

    /// `result` is that of a call without what was asked for, or of its token.
    pub(super) fn of(result: &CallResult) -> Self {
        let Answer { status, envelope, .. } = match result {
            CallResult::NotSent(why) => return Self::NotSent(*why),
            CallResult::NoAnswer(_) => return Self::NoAnswer,
            CallResult::TokenRefused => return Self::Credentials,
            CallResult::TokenThrottled(_) => return Self::Throttled,
            CallResult::Answered(answer) => answer,
        };
        match (status, envelope) {
            (429, _) => Self::Throttled,
            (401 | 403, _) => Self::TurnedAway,
            (200..=299 | 400..=499, Some(it)) if it.status == 1 => {
                let is_unknown = it.codes.contains(&INVALID_MERCHANT);
                if is_unknown { Self::Merchant } else { Self::Refused(words(it, false)) }
            }
            (200..=299, _) => Self::Odd,
            (status, _) => Self::Status(*status),
        }
    }

    /// `None` if it says whether there is a link.
    pub fn of_lookup(lookup: &Lookup) -> Option<Self> {
        Some(match lookup {
            Lookup::Found(_) | Lookup::NotFound => return None,
            Lookup::Failed(LookupFailure::NotSent(why)) => Self::NotSent(*why),
            Lookup::Failed(LookupFailure::NoAnswer(_)) => Self::NoAnswer,
            Lookup::Failed(LookupFailure::Status(status)) => Self::Status(*status),
            Lookup::Failed(LookupFailure::Odd) => Self::Odd,
            Lookup::NoToken(NoToken::Refused) => Self::Credentials,
            Lookup::NoToken(NoToken::Throttled(_)) | Lookup::Throttled(_) => Self::Throttled,
            Lookup::Denied(Denial::Merchant) => Self::Merchant,
            Lookup::Denied(Denial::Credentials | Denial::Unauthorized | Denial::Forbidden) => {
                Self::TurnedAway
            }
        })
    }

    /// A sentence without a full stop.
    pub fn why(&self) -> String {
        let why = match self {
            Self::NotSent(NotSent::NoSecret) => {
                "nothing was sent, since a secret cannot be read; check the merchant's secret files"
            }
            Self::NotSent(NotSent::NoToken) => {
                "no token came, so nothing was asked; check the network and auth_url, or try again later"
            }
            Self::NotSent(_) => {
                "nothing was sent, since PayU cannot be reached; check the network, api_url and \
                 auth_url"
            }
            Self::NoAnswer => "PayU did not answer; try again later",
            Self::Status(status) => {
                return format!(
                    "PayU answered with HTTP {status}, which says nothing of what was asked; \
                     `smartsend explain http {status}` says more"
                );
            }
            Self::Odd => "PayU's answer makes no sense; check that api_url is PayU's",
            Self::Credentials => {
                "PayU refused the credentials; check client_id and the secrets of the merchant"
            }
            Self::Throttled => "PayU asks for fewer requests for this account; try again later",
            Self::Merchant => "PayU does not know the merchant; check payout_merchant_id",
            Self::TurnedAway => {
                "PayU turned the account away; check its credentials, and ask PayU whether this \
                 machine's address is allowed"
            }
            Self::Refused(words) => return format!("PayU refused it: {words}"),
        };
        why.to_owned()
    }

    /// Whether no answer came, so that asking again may bring one.
    pub fn is_unanswered(&self) -> bool {
        match self {
            Self::NotSent(why) => *why != NotSent::NoSecret,
            Self::NoAnswer => true,
            Self::Status(_)
            | Self::Odd
            | Self::Credentials
            | Self::Throttled
            | Self::Merchant
            | Self::TurnedAway
            | Self::Refused(_) => false,
        }
    }

    /// Whether what was asked for may have been done all the same.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::NoAnswer | Self::Status(_) | Self::Odd => true,
            Self::NotSent(_)
            | Self::Credentials
            | Self::Throttled
            | Self::Merchant
            | Self::TurnedAway
            | Self::Refused(_) => false,
        }
    }
}
