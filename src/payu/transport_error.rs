//! How far a request came before it failed.
//!
//! The danger: a request that arrived, but is taken for one that did not, is sent again and pays
//! twice. So only what hyper and reqwest prove is [`TransportError::NotSent`]; anything else may
//! have arrived.
//!
//! The proofs, in reqwest 0.13 and hyper 1: every failure of the connector (DNS, TCP, TLS, and
//! `connect_timeout` around the three) is `is_connect`, and with redirects off there is no second
//! hop whose connect could fail. And every place in hyper's client that says `is_canceled` returns
//! the request or drops it untouched ("the message was never even started"). hyper's
//! `is_incomplete_message` proves nothing: the server may have read all of it.

use std::error::Error as _;

use crate::domain::call::{CallResult, NoAnswer, NotSent};

/// Why an exchange brought no whole answer, by whether the request can have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// It cannot have arrived.
    #[error("the request was not sent: {0:?}")]
    NotSent(NotSent),
    /// It may have arrived.
    #[error("the request got no answer: {0:?}")]
    NoAnswer(NoAnswer),
}

impl From<TransportError> for CallResult {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(why) => Self::NotSent(why),
            TransportError::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

/// What a failure before the answer's head shows.
pub fn before_head(error: &reqwest::Error) -> TransportError {
    if error.is_builder() {
        return TransportError::NotSent(NotSent::Unbuildable);
    }
    if error.is_connect() {
        return TransportError::NotSent(if error.is_dns() {
            NotSent::Dns
        } else if error.is_timeout() {
            NotSent::ConnectTimeout
        } else {
            NotSent::Connect
        });
    }
    if hyper_error(error).is_some_and(hyper::Error::is_canceled) {
        return TransportError::NotSent(NotSent::Unstarted);
    }
    if error.is_timeout() {
        return TransportError::NoAnswer(NoAnswer::Timeout);
    }
    TransportError::NoAnswer(NoAnswer::Connection)
}

/// What a failure within the answer's body shows: the request arrived.
pub fn after_head(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        return TransportError::NoAnswer(NoAnswer::Timeout);
    }
    TransportError::NoAnswer(NoAnswer::CutBody)
}

/// hyper's own error in the chain of sources. If reqwest used another hyper than this crate, none
/// would ever be found, and every request would count as one that may have arrived: safe, but
/// slow.
pub fn hyper_error(error: &reqwest::Error) -> Option<&hyper::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<hyper::Error>() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// The causes of an error in words, without its address, whose query holds the reference.
pub fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        source = cause.source();
        // hyper's own words say at which step, and what follows says it better.
        if source.is_some() && words.starts_with("client error (") {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&words);
    }
    text
}
