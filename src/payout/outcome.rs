//! What a sighting means: one of a closed set, judged once and here.
//!
//! Transient is not the same as safe. A timeout, a reset and a 502 are all "temporary", and after
//! each of them the link may exist. So a call that is not *certain* to have made nothing is
//! [`Outcome::Unknown`], and an unknown is looked up before anything is sent again.

pub mod look;
pub mod table;

use super::codes::{Code, Meaning};
use super::customer::Private;
use super::link::{Link, LinkHosts};
use super::reference::Reference;
use super::sighting::{Answer, Data, Envelope, RetryAfter, Sighting, Silence, Unsent};

/// What a create call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It made a link.
    Created(Made),
    /// It made a link on a host that is not allowed.
    ForeignLink,
    /// It was rejected with a code that depends on the intent alone.
    Rejected(i64),
    /// There is a link for the reference; whose is not known.
    Duplicate(Option<i64>),
    /// It was refused with any other code or shape: that may depend on the day, or hide a duplicate.
    Refused(Option<i64>),
    /// Nothing can have arrived.
    NotSent(Unsent),
    /// It was turned away unprocessed: too many requests.
    Throttled(Option<RetryAfter>),
    /// The whole merchant is turned away, unprocessed.
    Denied(Denial),
    /// It may or may not have made a link.
    Unknown(Unclear),
}

/// A link and the provider's name for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The link.
    pub link: Link,
    /// The link's id.
    pub link_id: Option<Private>,
}

/// Why the whole merchant is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why an outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// No whole answer came.
    Silence(Silence),
    /// An HTTP status that tells nothing of the intent.
    Status(u16),
    /// 404, 405 or 415: the address is wrong, and so the configuration.
    Misdirected(u16),
    /// An HTTP 2xx whose body is not PayU's envelope.
    NoEnvelope,
    /// `status 0`, and no link.
    NoLink,
    /// An answer about another reference.
    OtherReference,
}

/// What a merchant's configuration adds to the classification.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Further codes that mean that this intent failed, whatever the day.
    pub rejects: Vec<i64>,
    /// Where links may be.
    pub link_hosts: LinkHosts,
}

impl Outcome {
    /// Says what a create's sighting means. `reference` is the one that was asked for.
    pub fn classify(sighting: Sighting, reference: &Reference, terms: &Terms) -> Self {
        match sighting {
            Sighting::NotSent(why) => Self::NotSent(why),
            Sighting::TokenRefused => Self::Denied(Denial::Credentials),
            Sighting::TokenThrottled(retry_after) => Self::Throttled(retry_after),
            Sighting::NoAnswer(why) => Self::Unknown(Unclear::Silence(why)),
            Sighting::Answered(answer) => Self::of_answer(answer, reference, terms),
        }
    }

    /// Whether the provider certainly did nothing with it, so that it may go again as it is.
    pub fn is_unprocessed(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Throttled(_) | Self::Denied(_) => true,
            Self::Created(_)
            | Self::ForeignLink
            | Self::Rejected(_)
            | Self::Duplicate(_)
            | Self::Refused(_)
            | Self::Unknown(_) => false,
        }
    }

    /// The word in metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::ForeignLink => "foreign_link",
            Self::Rejected(_) => "rejected",
            Self::Duplicate(_) => "duplicate",
            Self::Refused(_) => "refused",
            Self::NotSent(_) => "not_sent",
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
            Self::Unknown(_) => "unknown",
        }
    }

    fn of_answer(answer: Answer, reference: &Reference, terms: &Terms) -> Self {
        let speaks_of_another = |envelope: &Envelope| is_of_another(&envelope.data, reference);
        let by_status = table::by_status(answer.status);
        match (by_status, answer.envelope) {
            // These say that nothing was processed, whatever the body may be.
            (table::ByStatus::Throttled, _) => Self::Throttled(answer.retry_after),
            (table::ByStatus::Denied(why), _) => Self::Denied(why),
            (table::ByStatus::Body, Some(envelope)) if speaks_of_another(&envelope) => {
                Self::Unknown(Unclear::OtherReference)
            }
            (table::ByStatus::Body, Some(envelope)) if envelope.status == 0 => {
                Self::of_success(envelope, terms)
            }
            // PayU prints no HTTP status for its refusals, so a 4xx with an envelope is one too.
            (table::ByStatus::Body | table::ByStatus::Unknown(_), Some(envelope))
                if envelope.status == 1
                    && matches!(answer.status, 200..=299 | 400..=499)
                    && !speaks_of_another(&envelope) =>
            {
                Self::of_refusal(&envelope, answer.retry_after, terms)
            }
            (table::ByStatus::Body, _) => Self::Unknown(Unclear::NoEnvelope),
            (table::ByStatus::Unknown(why), _) => Self::Unknown(why),
        }
    }

    fn of_success(envelope: Envelope, terms: &Terms) -> Self {
        let data = envelope.data;
        let Some(text) = data.link.filter(is_filled) else {
            return Self::Unknown(Unclear::NoLink);
        };
        let Some(link) = terms.link_hosts.admit(&text) else {
            return Self::ForeignLink;
        };
        Self::Created(Made {
            link_id: link.own_id().or_else(|| data.link_id.filter(is_filled)),
            link,
        })
    }

    /// A refusal whose text says "duplicate" is one, also with a code that would reject: a look
    /// tells, and a wrong "failed" makes someone pay again by hand.
    fn of_refusal(envelope: &Envelope, retry_after: Option<RetryAfter>, terms: &Terms) -> Self {
        let codes = &envelope.codes;
        let first = codes.first().copied();
        let meaning = |wanted| codes.iter().copied().find(|c| meaning_of(*c, terms) == wanted);
        if let Some(code) = meaning(Meaning::Duplicate) {
            return Self::Duplicate(Some(code));
        }
        if says(envelope, &table::DUPLICATE_WORDS) {
            return Self::Duplicate(first);
        }
        if meaning(Meaning::Denies).is_some() {
            return Self::Denied(Denial::Merchant);
        }
        if first.is_none() && says(envelope, &table::THROTTLE_WORDS) {
            return Self::Throttled(retry_after);
        }
        // Of several codes the one that may depend on the day decides, and is the one to tell.
        match (meaning(Meaning::Refuses), first) {
            (None, Some(code)) if !envelope.data.link.as_ref().is_some_and(is_filled) => {
                Self::Rejected(code)
            }
            (refuses, first) => Self::Refused(refuses.or(first)),
        }
    }
}

/// What a code means for a merchant. `rejects` cannot make a duplicate or a denial harmless.
fn meaning_of(code: i64, terms: &Terms) -> Meaning {
    match Code::find(code).map_or(Meaning::Refuses, |code| code.meaning) {
        Meaning::Refuses if terms.rejects.contains(&code) => Meaning::Rejects,
        meaning @ (Meaning::Rejects | Meaning::Duplicate | Meaning::Denies | Meaning::Refuses) => {
            meaning
        }
    }
}

/// Whether an answer names a reference other than the one that was asked for.
fn is_of_another(data: &Data, reference: &Reference) -> bool {
    data.reference.as_deref().is_some_and(|it| !it.trim().is_empty() && it != reference.as_str())
}

/// Whether a text holds anything: PayU's samples write "nothing" as null and as `""`.
fn is_filled(text: &Private) -> bool {
    !text.expose().trim().is_empty()
}

fn says(envelope: &Envelope, words: &[&str]) -> bool {
    envelope.texts.iter().any(|text| {
        let text = text.expose().to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    })
}
