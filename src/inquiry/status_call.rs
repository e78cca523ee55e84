//! What the status call of an API says of a link.
//!
//! PayU's page on V2's is no longer in its index and V1's is deprecated; each has a single sample,
//! and no word of it is believed against details. So it is shown, and decides nothing.

use super::words::words;
use crate::domain::account::Api;
use crate::domain::call::{Answer, CallResult};

#[derive(Clone, Debug)]
pub struct StatusCall {
    pub api: Api,
    /// `None` where it was not asked, since details did not answer.
    pub result: Option<CallResult>,
}

impl StatusCall {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        format!("{} status", self.api.as_str())
    }

    /// What it says, in PayU's words.
    pub(super) fn cell(&self, reveal: bool) -> String {
        match &self.result {
            Some(CallResult::Answered(Answer { status, envelope, .. })) => match envelope {
                Some(envelope) if (200..=299).contains(status) => words(envelope, reveal),
                Some(envelope) => format!("{}, HTTP {status}", words(envelope, reveal)),
                None => format!("HTTP {status}, and nothing that can be read"),
            },
            Some(CallResult::NoAnswer(_)) => "no answer".to_owned(),
            Some(
                CallResult::NotSent(_) | CallResult::TokenRefused | CallResult::TokenThrottled(_),
            )
            | None => "not asked".to_owned(),
        }
    }
}
