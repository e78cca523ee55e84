//! What a create call's result means.

use super::link_status::Approval;
use super::{
    ClassifyRules, CreatedLink, Denial, NoToken, UnknownReason, is_filled, is_of_another, says,
    table,
};
use crate::domain::call::{Answer, CallResult, Envelope, NotSent, RetryAfter};
use crate::domain::codes::{Code, Meaning};
use crate::domain::link::Link;
use crate::domain::reference::Reference;

/// What a create call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It made a link.
    Created(CreatedLink),
    /// It made a link on a host that is not allowed.
    ForeignLink,
    /// It was rejected with a code that depends on the intent alone.
    Rejected(i64),
    /// There is a link for the reference; whose is not known.
    Duplicate(Option<i64>),
    /// It was refused with any other code or shape: that may depend on the day, or hide a
    /// duplicate.
    Refused(Option<i64>),
    /// Nothing can have reached the provider.
    NotSent(NotSent),
    /// There is no token for it, so it was never begun.
    NoToken(NoToken),
    /// It was turned away for its token, which is replaced.
    StaleToken,
    /// It was turned away: too many requests.
    Throttled(Option<RetryAfter>),
    /// It was turned away, with an answer about the whole merchant.
    Denied(Denial),
    /// It may or may not have made a link.
    Unknown(UnknownReason),
}

impl Outcome {
    /// Classifies the result of a create. `reference` is the one that was sent.
    pub fn classify(result: CallResult, reference: &Reference, rules: &ClassifyRules) -> Self {
        match result {
            CallResult::NotSent(why) => Self::NotSent(why),
            CallResult::TokenRefused => Self::NoToken(NoToken::Refused),
            CallResult::TokenThrottled(retry_after) => {
                Self::NoToken(NoToken::Throttled(retry_after))
            }
            CallResult::NoAnswer(why) => Self::Unknown(UnknownReason::NoAnswer(why)),
            CallResult::Answered(answer) => Self::of_answer(answer, reference, rules),
        }
    }

    /// Whether nothing can have reached the provider. One that was turned away has: that nothing
    /// was done with it is only the provider's word.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NoToken(_))
    }

    /// Whether the create may have spent something: it may have left, and it was not the reference's
    /// second one.
    pub fn may_have_spent(&self) -> bool {
        !self.is_unsent() && !matches!(self, Self::Duplicate(_))
    }

    /// Whether the provider has judged this intent's create, whatever it said: the account works.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Created(_) | Self::Rejected(_) | Self::Duplicate(_) | Self::Refused(_))
    }

    /// The same, but for a link that was given for another reference: whoever cached that answer
    /// says nothing of this create.
    #[must_use]
    pub fn unless_repeated(self, is_of_another: impl FnOnce(&Link) -> bool) -> Self {
        if let Self::Created(made) = &self
            && is_of_another(&made.link)
        {
            return Self::Unknown(UnknownReason::RepeatedLink);
        }
        self
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
            Self::NoToken(_) => "no_token",
            Self::StaleToken => "stale_token",
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
            Self::Unknown(_) => "unknown",
        }
    }

    fn of_answer(answer: Answer, reference: &Reference, rules: &ClassifyRules) -> Self {
        let speaks_of_another = |envelope: &Envelope| is_of_another(&envelope.data, reference);
        let by_status = table::by_status(answer.status);
        match (by_status, answer.envelope) {
            (table::ByStatus::Throttled, _) => Self::Throttled(answer.retry_after),
            (table::ByStatus::Denied(why), _) => Self::Denied(why),
            (table::ByStatus::Body, Some(envelope)) if speaks_of_another(&envelope) => {
                Self::Unknown(UnknownReason::OtherReference)
            }
            (table::ByStatus::Body, Some(envelope)) if envelope.status == 0 => {
                Self::of_success(envelope, rules)
            }
            // PayU prints no HTTP status for its refusals, so a 4xx with an envelope is one too.
            (table::ByStatus::Body | table::ByStatus::Unknown(_), Some(envelope))
                if envelope.status == 1
                    && matches!(answer.status, 200..=299 | 400..=499)
                    && !speaks_of_another(&envelope) =>
            {
                Self::of_refusal(&envelope, answer.retry_after, rules)
            }
            (table::ByStatus::Body, _) => Self::Unknown(UnknownReason::NoEnvelope),
            (table::ByStatus::Unknown(why), _) => Self::Unknown(why),
        }
    }

    fn of_success(envelope: Envelope, rules: &ClassifyRules) -> Self {
        let data = envelope.data;
        let Some(text) = data.link.filter(is_filled) else {
            return Self::Unknown(UnknownReason::NoLink);
        };
        let Some(link) = rules.link_hosts.admit(&text) else {
            return Self::ForeignLink;
        };
        Self::Created(CreatedLink {
            link_id: link.own_id().or_else(|| data.link_id.filter(is_filled)),
            expiry: data.expiry,
            approval: Approval::Unknown,
            link,
        })
    }

    /// A refusal whose text says "duplicate" is one, also with a code that would reject: a lookup
    /// tells, and a wrong "failed" makes someone pay again by hand.
    fn of_refusal(
        envelope: &Envelope,
        retry_after: Option<RetryAfter>,
        rules: &ClassifyRules,
    ) -> Self {
        let codes = &envelope.codes;
        let first = codes.first().copied();
        let meaning = |wanted| codes.iter().copied().find(|c| meaning_of(*c, rules) == wanted);
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
        // Of several codes the one that may depend on the day decides, and is reported. A code that
        // rejects is not believed beside a link, and then no later decision may rest on it.
        match (meaning(Meaning::Refuses), first) {
            (None, Some(code)) if !envelope.data.link.as_ref().is_some_and(is_filled) => {
                Self::Rejected(code)
            }
            (refuses, _) => Self::Refused(refuses),
        }
    }
}

impl ClassifyRules {
    /// Whether a code depends on the intent alone, so that every copy would get it.
    pub fn is_rejection(&self, code: i64) -> bool {
        meaning_of(code, self) == Meaning::Rejects
    }
}

/// What a code means for a merchant. `rejects` cannot make a duplicate or a denial harmless.
fn meaning_of(code: i64, rules: &ClassifyRules) -> Meaning {
    match Code::find(code).map_or(Meaning::Refuses, |code| code.meaning) {
        Meaning::Refuses if rules.rejects.contains(&code) => Meaning::Rejects,
        meaning @ (Meaning::Rejects | Meaning::Duplicate | Meaning::Denies | Meaning::Refuses) => {
            meaning
        }
    }
}
