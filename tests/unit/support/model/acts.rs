//! What the provider does with one request, and how it answers.

use std::fmt;
use std::time::Duration;

use smartsend::domain::call::{Answer, CallResult, Data, Envelope, NotSent};
use smartsend::ports::TokenError;

/// What the provider does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// What it is asked for.
    Serve,
    /// Nothing: the request is lost on the way, and no answer comes.
    LoseRequest,
    /// What it is asked for, so much later, and the answer is lost.
    LoseAnswer(Duration),
    /// Nothing, and the call shows this.
    Show(CallResult),
    /// What it is asked for, so long after the request, whatever the call shows.
    Mislead(CallResult, Duration),
}

impl Act {
    /// What a token request shows of it.
    pub(super) fn refuses_token(&self) -> Option<TokenError> {
        match self {
            Self::Serve => None,
            Self::LoseRequest | Self::LoseAnswer(_) | Self::Mislead(..) => {
                Some(TokenError::Unavailable(NotSent::NoToken))
            }
            Self::Show(CallResult::NotSent(why)) => Some(TokenError::Unavailable(*why)),
            Self::Show(CallResult::Answered(answer)) if answer.status == 429 => {
                Some(TokenError::Throttled(answer.retry_after))
            }
            Self::Show(_) => Some(TokenError::Unavailable(NotSent::NoToken)),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve => f.write_str("served"),
            Self::LoseRequest => f.write_str("lost on the way"),
            Self::LoseAnswer(late) => write!(f, "served after {late:?}, its answer is lost"),
            Self::Show(result) => write!(f, "answered {}", word(result)),
            Self::Mislead(result, late) => {
                write!(f, "answered {}, served after {late:?}", word(result))
            }
        }
    }
}

/// What a call result is, in the fewest words.
pub(crate) fn word(result: &CallResult) -> String {
    match result {
        CallResult::NotSent(why) => format!("not sent: {why:?}"),
        CallResult::NoAnswer(why) => format!("no answer: {why:?}"),
        CallResult::TokenRefused => "token refused".to_owned(),
        CallResult::TokenThrottled(_) => "token throttled".to_owned(),
        CallResult::Answered(Answer { status, envelope: None, .. }) => status.to_string(),
        CallResult::Answered(Answer { status, envelope: Some(envelope), .. }) => {
            let Envelope { status: flag, codes, data, .. } = envelope;
            let link = if data.link.is_some() { " with a link" } else { "" };
            format!("{status}, status {flag} {codes:?}{link}")
        }
    }
}

/// A success in PayU's envelope.
pub(crate) fn accepted(data: Data) -> CallResult {
    answer(200, Envelope { status: 0, codes: vec![], texts: vec![], data })
}

/// A refusal with a code in PayU's envelope.
pub(crate) fn refusal(code: i64) -> CallResult {
    answer(200, Envelope { status: 1, codes: vec![code], texts: vec![], data: Data::default() })
}

/// An answer.
pub(crate) fn answer(status: u16, envelope: Envelope) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope: Some(envelope) })
}
