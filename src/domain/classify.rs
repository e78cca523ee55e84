//! What a call result means: one of a closed set, judged once and here.
//!
//! Transient is not the same as safe. A timeout, a reset and a 502 are all "temporary", and after
//! each of them the link may exist. So a call that is not *certain* to have made nothing is
//! [`create::Outcome::Unknown`], and an unknown is looked up before anything is sent again.

pub mod comparison;
pub mod create;
pub mod link_status;
pub mod lookup;
pub mod manage;
pub mod table;

use jiff::Timestamp;

use self::link_status::Approval;
use super::call::{Data, Envelope, NoAnswer, RetryAfter};
use super::customer::Private;
use super::link::{Link, LinkHosts};
use super::reference::Reference;

/// A link and the provider's name for it.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatedLink {
    /// The link.
    pub link: Link,
    /// The link's id.
    pub link_id: Option<Private>,
    /// When it expires, where the answer says so.
    pub expiry: Option<Timestamp>,
    /// Whether it waits for the merchant's approver.
    pub approval: Approval,
}

/// Why the whole merchant is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The token endpoint refused the credentials.
    Credentials,
    /// 401 with a fresh token.
    Unauthorized,
    /// 403.
    Forbidden,
    /// Code 1100: the payout merchant id is not known.
    Merchant,
}

/// Why no token was obtained, so that the call was never begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoToken {
    /// The token endpoint refused the credentials.
    Refused,
    /// The token endpoint asked for fewer requests.
    Throttled(Option<RetryAfter>),
}

/// Why an outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownReason {
    /// No whole answer came.
    NoAnswer(NoAnswer),
    /// An HTTP status that shows nothing about the intent.
    Status(u16),
    /// 404, 405 or 415: the address is wrong, and so the configuration.
    Misdirected(u16),
    /// An HTTP 2xx whose body is not PayU's envelope.
    NoEnvelope,
    /// `status 0`, and no link.
    NoLink,
    /// An answer about another reference.
    OtherReference,
    /// A link that was given for another reference, such as a gateway's cached answer.
    RepeatedLink,
}

/// What a merchant's configuration adds to the classification.
#[derive(Clone, Debug)]
pub struct ClassifyRules {
    /// Further codes that mean that this intent failed, whatever the day.
    pub rejects: Vec<i64>,
    /// Where links may be.
    pub link_hosts: LinkHosts,
}

/// Whether an answer names a reference other than the one that was asked for.
fn is_of_another(data: &Data, reference: &Reference) -> bool {
    data.reference.as_deref().is_some_and(|it| !it.trim().is_empty() && it != reference.as_str())
}

/// Whether a text is present: PayU's samples write an absent one as null and as `""`.
fn is_filled(text: &Private) -> bool {
    !text.expose().trim().is_empty()
}

fn says(envelope: &Envelope, words: &[&str]) -> bool {
    envelope.texts.iter().any(|text| {
        let text = text.expose().to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    })
}
