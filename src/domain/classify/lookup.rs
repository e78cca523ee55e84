//! What a lookup's result means. It has outcomes of its own, because a failed lookup says nothing
//! of the intent.

use jiff::Timestamp;

use super::comparison::Comparison;
use super::link_status::{Approval, LinkStatus, Payment};
use super::{ClassifyRules, CreatedLink, Denial, NoToken, is_filled, is_of_another, says, table};
use crate::domain::amount::Amount;
use crate::domain::call::{Answer, CallResult, Data, Envelope, NoAnswer, NotSent, RetryAfter};
use crate::domain::codes::LINK_NOT_FOUND;
use crate::domain::customer::Private;
use crate::domain::intent::Intent;
use crate::domain::link::Link;
use crate::domain::reference::Reference;

/// What a lookup came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// There is a link for the reference.
    Found(Details),
    /// PayU shows no link. PayU: "to be considered unidentified or PENDING", so this is not
    /// "there is none".
    NotFound,
    /// It says nothing of the intent.
    Failed(LookupFailure),
    /// There is no token for it, so it was never begun.
    NoToken(NoToken),
    /// Too many requests.
    Throttled(Option<RetryAfter>),
    /// It was turned away, with an answer about the whole merchant.
    Denied(Denial),
}

/// Why a lookup says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupFailure {
    /// Nothing was sent.
    NotSent(NotSent),
    /// No whole answer came.
    NoAnswer(NoAnswer),
    /// An HTTP status that shows nothing; 403 among them, which providers also answer for an
    /// unknown reference.
    Status(u16),
    /// A body that makes no sense.
    Odd,
}

/// What details shows of a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// What has become of the link.
    pub status: LinkStatus,
    /// What has become of the money.
    pub payment: Payment,
    /// The link.
    pub link: DetailsLink,
    /// The link's id, which create writes otherwise.
    pub link_id: Option<Private>,
    /// When it expires.
    pub expiry: Option<Timestamp>,
    /// The amount, where it can be read.
    pub amount: Option<Amount>,
    /// The customer's mobile, perhaps masked.
    pub mobile: Option<Private>,
    /// The customer's e-mail, perhaps masked.
    pub email: Option<Private>,
}

/// The link that details shows.
#[derive(Clone, Debug, PartialEq)]
pub enum DetailsLink {
    /// None.
    Absent,
    /// One on a host that is not allowed.
    Foreign,
    /// One that was given for another reference.
    Repeated,
    /// One on an allowed host.
    Here(CreatedLink),
}

impl Lookup {
    /// Classifies the result of a lookup. `reference` is the one that was sent.
    pub fn classify(result: CallResult, reference: &Reference, rules: &ClassifyRules) -> Self {
        match result {
            CallResult::NotSent(why) => Self::Failed(LookupFailure::NotSent(why)),
            CallResult::NoAnswer(why) => Self::Failed(LookupFailure::NoAnswer(why)),
            CallResult::TokenRefused => Self::NoToken(NoToken::Refused),
            CallResult::TokenThrottled(retry_after) => {
                Self::NoToken(NoToken::Throttled(retry_after))
            }
            CallResult::Answered(answer) => Self::of_answer(answer, reference, rules),
        }
    }

    /// The word in metrics and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Found(_) => "found",
            Self::NotFound => "not_found",
            Self::Failed(_) => "failed",
            Self::NoToken(_) => "no_token",
            Self::Throttled(_) => "throttled",
            Self::Denied(_) => "denied",
        }
    }

    /// What it shows of the link that this intent made; `None` if it shows none, or perhaps another
    /// intent's, which may have been made in any other way.
    pub fn shows_link_of(&self, intent: &Intent) -> Option<Comparison> {
        let Self::Found(details) = self else { return None };
        let compared = Comparison::new(details, intent.amount, &intent.contact);
        compared.is_ours().then_some(compared)
    }

    /// Whether it was answered in a way that makes sense.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Found(_) | Self::NotFound)
    }

    /// The same, but a link that was given for another reference is called that.
    #[must_use]
    pub fn unless_repeated(self, is_of_another: impl FnOnce(&Link) -> bool) -> Self {
        let Self::Found(mut details) = self else { return self };
        if let DetailsLink::Here(made) = &details.link
            && is_of_another(&made.link)
        {
            details.link = DetailsLink::Repeated;
        }
        Self::Found(details)
    }

    fn of_answer(answer: Answer, reference: &Reference, rules: &ClassifyRules) -> Self {
        match (answer.status, answer.envelope) {
            (429, _) => Self::Throttled(answer.retry_after),
            (401, _) => Self::Denied(Denial::Unauthorized),
            (200..=299 | 404, Some(envelope)) => {
                Self::of_envelope(envelope, answer.retry_after, reference, rules)
            }
            (200..=299, None) => Self::Failed(LookupFailure::Odd),
            (status, _) => Self::Failed(LookupFailure::Status(status)),
        }
    }

    fn of_envelope(
        envelope: Envelope,
        retry_after: Option<RetryAfter>,
        reference: &Reference,
        rules: &ClassifyRules,
    ) -> Self {
        if is_of_another(&envelope.data, reference) {
            return Self::Failed(LookupFailure::Odd);
        }
        match envelope.status {
            0 => Self::of_data(envelope.data, rules),
            1 => Self::of_refusal(&envelope, retry_after),
            // Spring's own errors have the HTTP status here, and say nothing of a reference.
            _ => Self::Failed(LookupFailure::Odd),
        }
    }

    /// PayU's not-found has no code of its own: `status 1`, a text that says so, and data whose
    /// fields are null except for the reference. A failure without any of these is another failure.
    fn of_refusal(envelope: &Envelope, retry_after: Option<RetryAfter>) -> Self {
        if says(envelope, &table::THROTTLE_WORDS) {
            return Self::Throttled(retry_after);
        }
        let Envelope { codes, data, .. } = envelope;
        let no_other_code = codes.iter().all(|code| *code == LINK_NOT_FOUND);
        let says_not_found = !codes.is_empty()
            || data.reference.is_some()
            || says(envelope, &table::NOT_FOUND_WORDS);
        if no_other_code && says_not_found && !shows_a_link(data) {
            Self::NotFound
        } else {
            Self::Failed(LookupFailure::Odd)
        }
    }

    fn of_data(data: Data, rules: &ClassifyRules) -> Self {
        if !shows_a_link(&data) {
            return Self::Failed(LookupFailure::Odd);
        }
        let link_id = data.link_id.filter(is_filled);
        let link = match data.link.filter(is_filled) {
            None => DetailsLink::Absent,
            Some(text) => match rules.link_hosts.admit(&text) {
                None => DetailsLink::Foreign,
                Some(link) => DetailsLink::Here(CreatedLink {
                    link_id: link.own_id().or_else(|| link_id.clone()),
                    expiry: data.expiry,
                    approval: Approval::read(data.link_status.as_deref()),
                    link,
                }),
            },
        };
        Self::Found(Details {
            status: LinkStatus::read(data.link_status.as_deref()),
            payment: Payment::read(data.payment_status.as_deref()),
            link,
            link_id,
            expiry: data.expiry,
            amount: data.amount.as_deref().and_then(Amount::parse_echo),
            mobile: data.mobile,
            email: data.email,
        })
    }
}

fn shows_a_link(data: &Data) -> bool {
    let has_status = data.link_status.as_deref().is_some_and(|status| !status.trim().is_empty());
    has_status || data.link.as_ref().is_some_and(is_filled)
}
