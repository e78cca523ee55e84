//! What follows for one row from what FILE, the events and PayU say of it.
//!
//! "Not found" is believed only when the link would be shown by now if there were one. So a payout
//! that is younger than that is neither missing nor matched, but too early to tell.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::difference::{Difference, differences, is_contact_compared};
use super::events::Announced;
use super::row::{Claim, Payout, Row, Says};
use super::seen::{AtPayu, Seen, Unlearnt};
use crate::domain::amount::Amount;

/// What is found of a row.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// All who say anything agree.
    Matched(Agreement),
    Differing(Vec<Difference>),
    /// It is to be paid, or said to have a link, and PayU shows none.
    Missing {
        /// How FILE puts it.
        word: &'static str,
        said_by: Option<Speaker>,
        /// Whether it is known to be old enough for PayU to show a link that exists.
        is_aged: bool,
    },
    /// PayU shows no link, which says something only from then on.
    TooEarly {
        until: Timestamp,
    },
    /// There is a link, and FILE says that there is none.
    Unknown(Stray),
    NotLookedAt(Unlearnt),
}

/// On what all agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    Link {
        /// Whether a contact is in FILE, and PayU shows it whole.
        contact_compared: bool,
    },
    /// FILE says that there is no link.
    NoLinkByFile,
    /// An event says that there is no link and will be none.
    NoLinkByEvent,
}

/// Who says that there is a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    File,
    Event,
}

/// A link of which FILE does not know.
#[derive(Clone, Debug)]
pub struct Stray {
    /// How FILE says that there is none; `None` if it has no such row.
    pub word: Option<&'static str>,
    /// As PayU shows it, else as an event gives it.
    pub amount: Option<Amount>,
    pub at_payu: AtPayuIs,
    pub is_announced: bool,
}

/// Whether PayU shows a link of which FILE does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtPayuIs {
    /// With this word for its state.
    Shown(String),
    NotShown,
    NotAsked,
}

impl AtPayuIs {
    fn of(at_payu: &AtPayu) -> Self {
        Self::Shown(at_payu.link.status.as_deref().unwrap_or("without a status").to_owned())
    }
}

/// The kinds of verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Class {
    Matched,
    Differing,
    MissingAtPayu,
    TooEarly,
    UnknownToUs,
    NotLookedAt,
}

/// What decides whether it is too early to tell.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long after it was sent PayU may take to show a link.
    pub grace: Duration,
    /// When the last row of FILE was sent at the latest, if that is known.
    pub sent_by: Option<Timestamp>,
}

impl Verdict {
    pub fn class(&self) -> Class {
        match self {
            Self::Matched(_) => Class::Matched,
            Self::Differing(_) => Class::Differing,
            Self::Missing { .. } => Class::MissingAtPayu,
            Self::TooEarly { .. } => Class::TooEarly,
            Self::Unknown(_) => Class::UnknownToUs,
            Self::NotLookedAt(_) => Class::NotLookedAt,
        }
    }

    /// Why it is so, in words that name nobody unless `reveal` is asked for.
    pub fn evidence(&self, reveal: bool) -> String {
        match self {
            Self::Matched(_) => String::new(),
            Self::Differing(differences) => {
                let texts: Vec<_> = differences.iter().map(|it| it.text(reveal)).collect();
                texts.join("; ")
            }
            Self::Missing { word, said_by, is_aged } => {
                let said = match said_by {
                    Some(Speaker::File) => "FILE says that it has a link".to_owned(),
                    Some(Speaker::Event) => "an event says that it has a link".to_owned(),
                    None => format!("by FILE it is {word}"),
                };
                let age = if *is_aged { "" } else { "; how old it is, nobody says" };
                format!("{said}, and PayU shows none{age}")
            }
            Self::TooEarly { until } => {
                format!("PayU shows no link, which says something only after {until:.0}")
            }
            Self::Unknown(stray) => stray.text(),
            Self::NotLookedAt(why) => why.why(),
        }
    }
}

impl Stray {
    /// A link that events announce, of which FILE has no row.
    pub(super) fn announced(announced: &Announced, seen: Option<&Seen>) -> Self {
        let (shown, at_payu) = match seen {
            Some(Seen::Link(at_payu)) => (at_payu.details.amount, AtPayuIs::of(at_payu)),
            Some(Seen::Nothing { .. }) => (None, AtPayuIs::NotShown),
            Some(Seen::Unlearnt(_)) | None => (None, AtPayuIs::NotAsked),
        };
        let amount = shown.or_else(|| amount_of(Some(announced)));
        Self { word: None, amount, at_payu, is_announced: true }
    }

    /// Who says that there is a link.
    pub fn text(&self) -> String {
        let file = self.word.map(|word| format!("by FILE it is {word}; ")).unwrap_or_default();
        let event = if self.is_announced { "an event says that it has a link, and " } else { "" };
        let payu = match &self.at_payu {
            AtPayuIs::Shown(status) => format!("PayU shows a link, {status}"),
            AtPayuIs::NotShown => "PayU shows none".to_owned(),
            AtPayuIs::NotAsked => "PayU was not asked, or gave no answer".to_owned(),
        };
        format!("{file}{event}{payu}")
    }
}

impl Class {
    /// What a person reads.
    pub fn title(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Differing => "differing",
            Self::MissingAtPayu => "missing at PayU",
            Self::TooEarly => "too early to tell",
            Self::UnknownToUs => "unknown to us",
            Self::NotLookedAt => "not looked at",
        }
    }

    pub fn is_difference(self) -> bool {
        matches!(self, Self::Differing | Self::MissingAtPayu | Self::UnknownToUs)
    }

    pub fn is_undecided(self) -> bool {
        matches!(self, Self::TooEarly | Self::NotLookedAt)
    }
}

impl Timing {
    /// Until when a link that was sent for may still be invisible; `None` if nobody says when that
    /// was.
    fn invisible_until(&self, announced: Option<&Announced>) -> Option<Timestamp> {
        let last = self.sent_by.max(announced.and_then(|announced| announced.last_at))?;
        let grace = SignedDuration::try_from(self.grace).unwrap_or(SignedDuration::MAX);
        Some(last.saturating_add(grace).unwrap_or(Timestamp::MAX))
    }
}

/// Judges one row.
pub fn judge(row: &Row, announced: Option<&Announced>, seen: &Seen, timing: &Timing) -> Verdict {
    match (&row.says, seen) {
        (_, Seen::Unlearnt(why)) => Verdict::NotLookedAt(why.clone()),
        (Says::Pays(payout), Seen::Link(at_payu)) => compared(payout, announced, at_payu),
        (Says::Pays(payout), Seen::Nothing { at }) => absent(payout, announced, *at, timing),
        (Says::NoLink { word, .. }, Seen::Link(at_payu)) => Verdict::Unknown(Stray {
            word: Some(*word),
            amount: at_payu.details.amount.or_else(|| amount_of(announced)),
            at_payu: AtPayuIs::of(at_payu),
            is_announced: announced.is_some_and(Announced::has_link),
        }),
        (Says::NoLink { word, .. }, Seen::Nothing { .. }) => {
            match announced.filter(|it| it.has_link()) {
                Some(announced) => Verdict::Unknown(Stray {
                    word: Some(*word),
                    amount: amount_of(Some(announced)),
                    at_payu: AtPayuIs::NotShown,
                    is_announced: true,
                }),
                None => Verdict::Matched(Agreement::NoLinkByFile),
            }
        }
    }
}

/// The amount of the link that events announce, if they agree on one.
pub(super) fn amount_of(announced: Option<&Announced>) -> Option<Amount> {
    let announced = announced.filter(|announced| announced.amounts.len() == 1)?;
    announced.amounts.first().copied()
}

fn compared(payout: &Payout, announced: Option<&Announced>, at_payu: &AtPayu) -> Verdict {
    let differences = differences(payout, announced, at_payu);
    if !differences.is_empty() {
        return Verdict::Differing(differences);
    }
    match at_payu.details.amount {
        Some(_) => {
            let contact_compared = is_contact_compared(payout, at_payu);
            Verdict::Matched(Agreement::Link { contact_compared })
        }
        None => Verdict::NotLookedAt(Unlearnt::NoAmount),
    }
}

fn absent(
    payout: &Payout,
    announced: Option<&Announced>,
    at: Timestamp,
    timing: &Timing,
) -> Verdict {
    let said_by = match (&payout.claim, announced) {
        (Claim::Link(_), _) => Some(Speaker::File),
        (_, Some(announced)) if announced.has_link() => Some(Speaker::Event),
        (_, Some(announced)) if announced.has_no_link() => {
            return Verdict::Matched(Agreement::NoLinkByEvent);
        }
        (_, Some(_) | None) => None,
    };
    match timing.invisible_until(announced) {
        Some(until) if at < until => Verdict::TooEarly { until },
        known => {
            let (word, is_aged) = (payout.claim.word(), known.is_some());
            Verdict::Missing { word, said_by, is_aged }
        }
    }
}
