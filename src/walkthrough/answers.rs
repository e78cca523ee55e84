//! The answers that are put in, as what is seen on the wire.

use std::fmt;

use crate::domain::amount::Amount;
use crate::domain::call::{self, CallResult, Data, Envelope, NoAnswer, NotSent};
use crate::domain::classify::ClassifyRules;
use crate::domain::classify::create::Outcome;
use crate::domain::codes::{CODES, LINK_NOT_FOUND, Meaning};
use crate::domain::customer::Private;
use crate::domain::intent::Intent;
use crate::domain::link::LinkHosts;

/// The words for a create's answers, and for a lookup's.
const OF_CREATES: &str = "created, timeout, duplicate, rejected:CODE, refused:CODE, not-sent or an \
                          HTTP status such as 429, 403 or 503";
const OF_LOOKUPS: &str = "found, notfound, other, failed, timeout, not-sent or an HTTP status such \
                          as 429 or 503";

/// One answer of PayU's, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A create made a link.
    Created,
    /// No answer came in time.
    Timeout,
    /// There is such a link already.
    Duplicate,
    /// A refusal with a code that depends on the intent alone.
    Rejected(i64),
    /// Any other refusal.
    Refused(Option<i64>),
    /// An HTTP status without PayU's envelope.
    Http(u16),
    /// Nothing could be sent.
    NotSent,
    /// A lookup shows the intent's link.
    Found,
    /// A lookup shows a link for somebody else.
    Other,
    NotFound,
    /// A lookup fails.
    Failed,
}

/// An answer that does not fit what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(String);

impl Answer {
    /// Reads a word of the list.
    pub fn parse(word: &str) -> Result<Self, String> {
        let unknown =
            || format!("is no answer; to a create it is {OF_CREATES}; to a lookup {OF_LOOKUPS}");
        let code = |code: &str| code.parse().map_err(|_| unknown());
        match word.trim() {
            "created" => Ok(Self::Created),
            "timeout" => Ok(Self::Timeout),
            "duplicate" => Ok(Self::Duplicate),
            "refused" => Ok(Self::Refused(None)),
            "not-sent" => Ok(Self::NotSent),
            "found" => Ok(Self::Found),
            "other" => Ok(Self::Other),
            "notfound" => Ok(Self::NotFound),
            "failed" => Ok(Self::Failed),
            word => match word.split_once(':') {
                Some(("rejected", number)) => code(number).map(Self::Rejected),
                Some(("refused", number)) => code(number).map(|code| Self::Refused(Some(code))),
                Some(_) => Err(unknown()),
                None => match word.parse() {
                    // A 2xx without an envelope is an answer too, and makes no sense.
                    Ok(status @ 200..=599) => Ok(Self::Http(status)),
                    Ok(_) | Err(_) => Err(unknown()),
                },
            },
        }
    }

    /// The word of the list.
    pub fn word(self) -> String {
        self.to_string()
    }

    /// What is seen of a create with this answer; `None` if only a lookup is answered so.
    pub(super) fn to_create(self, intent: &Intent, rules: &ClassifyRules) -> Option<CallResult> {
        let duplicate = || CODES.iter().find(|code| code.meaning == Meaning::Duplicate);
        match self {
            Self::Created => Some(envelope(0, Vec::new(), link_data(intent, rules))),
            Self::Duplicate => Some(refusal(duplicate().map(|code| code.number))),
            Self::Rejected(code) => Some(refusal(Some(code))),
            Self::Refused(code) => Some(refusal(code)),
            Self::Timeout | Self::Http(_) | Self::NotSent => self.to_either(),
            Self::Found | Self::Other | Self::NotFound | Self::Failed => None,
        }
    }

    /// What is seen of a lookup with this answer; `None` if only a create is answered so.
    pub(super) fn to_lookup(self, intent: &Intent, rules: &ClassifyRules) -> Option<CallResult> {
        match self {
            Self::Found => Some(envelope(0, Vec::new(), details(intent, rules))),
            Self::Other => Some(envelope(0, Vec::new(), of_another(details(intent, rules)))),
            Self::NotFound => Some(refusal(Some(LINK_NOT_FOUND))),
            Self::Failed => Self::Http(503).to_either(),
            Self::Timeout | Self::Http(_) | Self::NotSent => self.to_either(),
            Self::Created | Self::Duplicate | Self::Rejected(_) | Self::Refused(_) => None,
        }
    }

    fn to_either(self) -> Option<CallResult> {
        match self {
            Self::Timeout => Some(CallResult::NoAnswer(NoAnswer::Timeout)),
            Self::NotSent => Some(CallResult::NotSent(NotSent::Connect)),
            Self::Http(status) => Some(CallResult::Answered(call::Answer {
                status,
                retry_after: None,
                envelope: None,
            })),
            Self::Created
            | Self::Duplicate
            | Self::Rejected(_)
            | Self::Refused(_)
            | Self::Found
            | Self::Other
            | Self::NotFound
            | Self::Failed => None,
        }
    }

    /// The code decides what a refusal is, and not the word before it.
    pub(super) fn check(self, outcome: &Outcome) -> Result<(), Misfit> {
        let is_so = match self {
            Self::Rejected(_) => matches!(outcome, Outcome::Rejected(_)),
            Self::Refused(_) => matches!(outcome, Outcome::Refused(_)),
            Self::Created
            | Self::Timeout
            | Self::Duplicate
            | Self::Http(_)
            | Self::NotSent
            | Self::Found
            | Self::Other
            | Self::NotFound
            | Self::Failed => true,
        };
        if is_so {
            return Ok(());
        }
        let word = outcome.word();
        Err(Misfit(format!(
            "{self}: an answer with that code is {word} for this merchant; write {word}, with the \
             code after it if it is rejected or refused (`smartsend explain --all` lists the codes)"
        )))
    }

    pub(super) fn misfit(self, call: &str) -> Misfit {
        let fitting = if call == "create" { OF_CREATES } else { OF_LOOKUPS };
        Misfit(format!(
            "{self}: the decision before it is a {call}, and that is answered with {fitting}"
        ))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Timeout => f.write_str("timeout"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::Rejected(code) => write!(f, "rejected:{code}"),
            Self::Refused(None) => f.write_str("refused"),
            Self::Refused(Some(code)) => write!(f, "refused:{code}"),
            Self::Http(status) => write!(f, "{status}"),
            Self::NotSent => f.write_str("not-sent"),
            Self::Found => f.write_str("found"),
            Self::Other => f.write_str("other"),
            Self::NotFound => f.write_str("notfound"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

fn envelope(status: i64, codes: Vec<i64>, data: Data) -> CallResult {
    let envelope = Some(Envelope { status, codes, texts: Vec::new(), data });
    CallResult::Answered(call::Answer { status: 200, retry_after: None, envelope })
}

fn refusal(code: Option<i64>) -> CallResult {
    envelope(1, code.into_iter().collect(), Data::default())
}

/// What a create's answer holds.
fn link_data(intent: &Intent, rules: &ClassifyRules) -> Data {
    let host = match &rules.link_hosts {
        LinkHosts::Only(hosts) => hosts.first().map_or("payu.in", String::as_str),
        LinkHosts::Any => "payu.in",
    };
    Data {
        reference: Some(intent.reference.as_str().to_owned()),
        link: Some(Private::new(format!("https://{host}/walkthrough"))),
        ..Data::default()
    }
}

/// What details shows of the intent's own link.
fn details(intent: &Intent, rules: &ClassifyRules) -> Data {
    Data {
        link_status: Some("PENDING".to_owned()),
        amount: Some(intent.amount.to_string()),
        mobile: intent.contact.mobile().map(|mobile| Private::new(mobile.expose())),
        email: intent.contact.email().map(|email| Private::new(email.expose())),
        ..link_data(intent, rules)
    }
}

/// The same of a link for another amount and customer.
fn of_another(ours: Data) -> Data {
    let unlike = |ours: Option<Private>, one: &str, two: &str| {
        ours.map(|ours| Private::new(if ours.expose() == one { two } else { one }))
    };
    let is_one = ours.amount.as_deref().and_then(|text| Amount::parse(text).ok());
    let is_one = is_one.is_some_and(|amount| amount.to_string() == "1.00");
    Data {
        amount: Some(if is_one { "2.00" } else { "1.00" }.to_owned()),
        mobile: unlike(ours.mobile, "6000000001", "6000000002"),
        email: unlike(ours.email, "one@example.com", "two@example.com"),
        ..ours
    }
}
