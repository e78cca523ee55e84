//! What the provider does with one request, and how it answers.

use std::fmt;
use std::time::Duration;

use smartsend::payout::sighting::{Answer, Data, Envelope, Sighting, Unsent};
use smartsend::ports::NoToken;

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
    Show(Sighting),
    /// What it is asked for, so long after the request, whatever the call shows.
    Mislead(Sighting, Duration),
}

impl Act {
    /// What a token request shows of it.
    pub(super) fn refuses_token(&self) -> Option<NoToken> {
        match self {
            Self::Serve => None,
            Self::LoseRequest | Self::LoseAnswer(_) | Self::Mislead(..) => {
                Some(NoToken::Unavailable(Unsent::NoToken))
            }
            Self::Show(Sighting::NotSent(why)) => Some(NoToken::Unavailable(*why)),
            Self::Show(Sighting::Answered(answer)) if answer.status == 429 => {
                Some(NoToken::Throttled(answer.retry_after))
            }
            Self::Show(_) => Some(NoToken::Unavailable(Unsent::NoToken)),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve => f.write_str("served"),
            Self::LoseRequest => f.write_str("lost on the way"),
            Self::LoseAnswer(late) => write!(f, "served after {late:?}, its answer is lost"),
            Self::Show(sighting) => write!(f, "answered {}", word(sighting)),
            Self::Mislead(sighting, late) => {
                write!(f, "answered {}, served after {late:?}", word(sighting))
            }
        }
    }
}

/// What a sighting is, in the fewest words.
pub(crate) fn word(sighting: &Sighting) -> String {
    match sighting {
        Sighting::NotSent(why) => format!("not sent: {why:?}"),
        Sighting::NoAnswer(why) => format!("no answer: {why:?}"),
        Sighting::TokenRefused => "token refused".to_owned(),
        Sighting::TokenThrottled(_) => "token throttled".to_owned(),
        Sighting::Answered(Answer { status, envelope: None, .. }) => status.to_string(),
        Sighting::Answered(Answer { status, envelope: Some(envelope), .. }) => {
            let Envelope { status: told, codes, data, .. } = envelope;
            let link = if data.link.is_some() { " with a link" } else { "" };
            format!("{status}, status {told} {codes:?}{link}")
        }
    }
}

/// A success in PayU's envelope.
pub(crate) fn accepted(data: Data) -> Sighting {
    answer(200, Envelope { status: 0, codes: vec![], texts: vec![], data })
}

/// A refusal with a code in PayU's envelope.
pub(crate) fn refusal(code: i64) -> Sighting {
    answer(200, Envelope { status: 1, codes: vec![code], texts: vec![], data: Data::default() })
}

/// An answer.
pub(crate) fn answer(status: u16, envelope: Envelope) -> Sighting {
    Sighting::Answered(Answer { status, retry_after: None, envelope: Some(envelope) })
}
