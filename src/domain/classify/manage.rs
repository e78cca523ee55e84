//! What the result of a cancel or an extend means.
//!
//! No answer of either is the truth: PayU's own page prints a cancel's success under its failures,
//! and has no sample of an extend's. So an outcome only says whether the call may have been
//! processed, and a lookup says what came of it.

use super::{Denial, NoToken, UnknownReason, is_of_another, says, table};
use crate::domain::call::{Answer, CallResult, Envelope, NotSent, RetryAfter};
use crate::domain::codes::{Code, Meaning};
use crate::domain::reference::Reference;

/// What a cancel or an extend came to.
#[derive(Clone, Debug, PartialEq)]
pub enum ManageOutcome {
    /// It was accepted.
    Done,
    /// It was refused, with this code if there was one.
    Refused(Option<i64>),
    /// Nothing can have reached the provider.
    NotSent(NotSent),
    /// There is no token for it, so it was never begun.
    NoToken(NoToken),
    /// It was turned away: too many requests.
    Throttled(Option<RetryAfter>),
    /// It was turned away, with an answer about the whole merchant.
    Denied(Denial),
    /// It may or may not have been processed.
    Unknown(UnknownReason),
}

impl ManageOutcome {
    /// Classifies the result of a cancel or an extend. `reference` is the one that was sent.
    pub fn classify(result: CallResult, reference: &Reference) -> Self {
        match result {
            CallResult::NotSent(why) => Self::NotSent(why),
            CallResult::TokenRefused => Self::NoToken(NoToken::Refused),
            CallResult::TokenThrottled(retry_after) => {
                Self::NoToken(NoToken::Throttled(retry_after))
            }
            CallResult::NoAnswer(why) => Self::Unknown(UnknownReason::NoAnswer(why)),
            CallResult::Answered(answer) => Self::of_answer(answer, reference),
        }
    }

    /// Whether the provider has judged it, whatever it said.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Done | Self::Refused(_))
    }

    /// The word in metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(_) => "refused",
            Self::NotSent(_) => "not_sent",
            Self::NoToken(_) => "no_token",
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
            Self::Unknown(_) => "unknown",
        }
    }

    fn of_answer(answer: Answer, reference: &Reference) -> Self {
        let speaks_of_another = |envelope: &Envelope| is_of_another(&envelope.data, reference);
        match (table::by_status(answer.status), answer.envelope) {
            (table::ByStatus::Throttled, _) => Self::Throttled(answer.retry_after),
            (table::ByStatus::Denied(why), _) => Self::Denied(why),
            (_, Some(envelope)) if speaks_of_another(&envelope) => {
                Self::Unknown(UnknownReason::OtherReference)
            }
            (table::ByStatus::Body, Some(envelope)) if envelope.status == 0 => Self::Done,
            // PayU prints no HTTP status for its refusals, so a 4xx with an envelope is one too.
            (table::ByStatus::Body | table::ByStatus::Unknown(_), Some(envelope))
                if envelope.status == 1 && matches!(answer.status, 200..=299 | 400..=499) =>
            {
                Self::of_refusal(&envelope, answer.retry_after)
            }
            (table::ByStatus::Body, _) => Self::Unknown(UnknownReason::NoEnvelope),
            (table::ByStatus::Unknown(why), _) => Self::Unknown(why),
        }
    }

    fn of_refusal(envelope: &Envelope, retry_after: Option<RetryAfter>) -> Self {
        let meaning = |code: &i64| Code::find(*code).map(|code| code.meaning);
        if envelope.codes.iter().any(|code| meaning(code) == Some(Meaning::Denies)) {
            return Self::Denied(Denial::Merchant);
        }
        let code = envelope.codes.first().copied();
        if code.is_none() && says(envelope, &table::THROTTLE_WORDS) {
            return Self::Throttled(retry_after);
        }
        Self::Refused(code)
    }
}
