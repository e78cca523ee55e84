//! What came of one call, with nothing private in it.

use std::fmt;

use crate::domain::call::{Answer, CallResult, NoAnswer};
use crate::domain::codes::Code;
use crate::payu::trial::Tried;

/// What may be shown of one call. PayU's texts may not: they can name a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub came: Came,
    /// PayU's codes, wherever the answer has them.
    pub codes: Vec<i64>,
    /// The keys and types of the answer.
    pub shape: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// To an answer with this HTTP status.
    Status(u16),
    NoAnswer(NoAnswer),
    NotSent,
    /// No token came for it.
    NoToken,
}

impl Called {
    pub fn of(tried: &Tried) -> Self {
        let shape = tried.shape.clone();
        let (came, codes) = match &tried.result {
            CallResult::Answered(Answer { status, envelope, .. }) => {
                let codes = envelope.as_ref().map(|envelope| envelope.codes.clone());
                (Came::Status(*status), codes.unwrap_or_default())
            }
            CallResult::NoAnswer(why) => (Came::NoAnswer(*why), Vec::new()),
            CallResult::NotSent(_) => (Came::NotSent, Vec::new()),
            CallResult::TokenRefused | CallResult::TokenThrottled(_) => (Came::NoToken, Vec::new()),
        };
        Self { came, codes, shape }
    }

    pub fn has_status(&self, status: u16) -> bool {
        self.came == Came::Status(status)
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.came {
            Came::Status(status) => write!(f, "HTTP {status}")?,
            Came::NoAnswer(NoAnswer::Timeout) => f.write_str("no answer in time")?,
            Came::NoAnswer(NoAnswer::Connection | NoAnswer::CutBody) => {
                f.write_str("a connection that ended before the answer did")?;
            }
            Came::NoAnswer(NoAnswer::TooLarge) => f.write_str("an answer that is too large")?,
            Came::NotSent => f.write_str("nothing, since it could not be sent")?,
            Came::NoToken => f.write_str("nothing, since no token came")?,
        }
        for code in &self.codes {
            let name = Code::find(*code).map_or("which PayU does not list", |code| code.name);
            write!(f, ", code {code} {name}")?;
        }
        Ok(())
    }
}
