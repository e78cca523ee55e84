//! What was seen on the wire during one call, before anyone has judged it.
//!
//! The edge reports the phase that was reached, the status and the envelope; it knows no codes
//! and no policy. [`super::classify`] is the one place that says what a call result means.

use std::time::Duration;

use jiff::Timestamp;

use super::customer::Private;

/// What a request is for; the first in this order goes first, as far as that is fair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A probe while the circuit breaker is open.
    Probe,
    /// A token: without one nothing else goes.
    Token,
    /// A lookup: it may end an intent, and never moves money.
    Lookup,
    /// A create that follows a lookup or a try that was not sent.
    Retry,
    /// A first create, or the lookup that comes before one. Such lookups must not pass creates: if
    /// all of them went first, every delivery would be too old for its create.
    New,
    /// A lookup that nothing waits for, to learn how late lookups show links.
    Spare,
}

impl Priority {
    /// Whether it counts as a call in flight.
    pub fn is_call(self) -> bool {
        match self {
            Self::Probe | Self::Token => false,
            Self::Lookup | Self::Retry | Self::New | Self::Spare => true,
        }
    }

    /// Whether it is about an intent that was called for before.
    pub fn is_repeat(self) -> bool {
        matches!(self, Self::Lookup | Self::Retry)
    }
}

/// What one call showed.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and most are answers")]
#[derive(Clone, Debug, PartialEq)]
pub enum CallResult {
    /// No byte of the request can have reached the provider.
    NotSent(NotSent),
    /// The request, or a part of it, may have arrived; no whole answer came back.
    NoAnswer(NoAnswer),
    /// A whole answer came back.
    Answered(Answer),
    /// The token endpoint refused our credentials, so the call was never begun.
    TokenRefused,
    /// The token endpoint asked us to slow down, so the call was never begun.
    TokenThrottled(Option<RetryAfter>),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum NotSent {
    /// The host name has no address.
    Dns,
    /// TCP or TLS could not be set up.
    Connect,
    /// TCP or TLS took longer than `connect_timeout`.
    ConnectTimeout,
    /// hyper handed the request back unstarted.
    Unstarted,
    /// The request could not be built: a defect of ours or of the configuration.
    Unbuildable,
    /// No token could be obtained, for a reason other than our credentials.
    NoToken,
    /// No token could be asked for: a secret's file cannot be used.
    NoSecret,
}

/// Why there is no answer to a request that may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum NoAnswer {
    /// No answer within `timeout`.
    Timeout,
    /// The connection ended or broke before the answer's head.
    Connection,
    /// The answer's body ended early or could not be decoded.
    CutBody,
    /// The answer's body was too large.
    TooLarge,
}

/// A whole HTTP answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The `Retry-After` header, where it can be read (RFC 9110, 10.2.3).
    pub retry_after: Option<RetryAfter>,
    /// The body as PayU's envelope; `None` when it is not one.
    pub envelope: Option<Envelope>,
}

/// When the provider asks to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryAfter {
    /// After this long.
    In(Duration),
    /// At a time; one in the past means at once.
    At(Timestamp),
}

/// PayU's envelope `{"status", "msg", "code", "data"}` in any of its documented shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// `status`: 0 is success and 1 is failure, as a number or a string.
    pub status: i64,
    /// Every code in it: top-level, or of the entries of `data`, a number or a list of them.
    pub codes: Vec<i64>,
    /// Every text for a person: `msg`, and `message` and `error` of the entries of `data`.
    pub texts: Vec<Private>,
    /// The fields of `data` where it is an object.
    pub data: Data,
}

/// The fields that a create's or a lookup's `data` may hold. Nulls and missing keys are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// `merchantRefId`.
    pub reference: Option<String>,
    /// `link`.
    pub link: Option<Private>,
    /// `linkId`: base64 from create, a UUID from details.
    pub link_id: Option<Private>,
    /// `expiryDate`.
    pub expiry: Option<Timestamp>,
    /// `smartSendStatus`, of details only.
    pub link_status: Option<String>,
    /// `txnStatus`, of details only: the payout that the customer asked for by the link.
    pub payment_status: Option<String>,
    /// `amount`, the text of the number or string.
    pub amount: Option<String>,
    /// `custMobile`, perhaps masked.
    pub mobile: Option<Private>,
    /// `custEmail`, perhaps masked.
    pub email: Option<Private>,
}
