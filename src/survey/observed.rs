//! What a survey has seen, before anyone has judged it. `None` is what was not asked, or got no
//! answer to judge by.

use std::time::Duration;

use super::called::Called;
use crate::config::CancelAs;
use crate::domain::classify::link_status::Approval;

#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// How long the first token is to live.
    pub token_life: Option<Duration>,
    pub refresh: Option<Refresh>,
    pub second_token: Option<SecondToken>,
    pub link_host: Option<LinkHost>,
    pub fresh: Option<Fresh>,
    /// The answer to a create without a contact.
    pub refusal: Option<Refusal>,
    /// A create with a reference that has a link.
    pub second: Option<Repeat>,
    pub extended: Option<Extended>,
    pub cancelled: Option<Cancelled>,
    /// A create with a reference whose link was cancelled.
    pub again: Option<Repeat>,
    pub rate: Option<RateSeen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// No refresh token came.
    Without,
    Refused,
    Granted {
        /// The same token came again.
        is_same: bool,
        /// Another refresh token came with it.
        rotates: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondToken {
    /// It is the first one, with this life left.
    Same(Duration),
    /// It is another one, and both are accepted.
    Both,
    /// It is another one, and the first is no longer accepted.
    EndsFirst,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHost {
    /// `None` if it cannot be read.
    pub host: Option<String>,
    pub is_allowed: bool,
}

/// How late something showed in details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// A lookup that was sent so late did not show it yet; zero if every one showed it.
    pub not_before: Duration,
    /// A lookup that was answered so late showed it.
    pub by: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Seen(Lateness),
    /// No lookup showed it for so long.
    Unseen(Duration),
    /// The lookups got this instead.
    Unanswered(Called),
}

/// What details showed of a fresh link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub sight: Sight,
    /// What it said once it showed the link.
    pub shown: Option<Shown>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether the link itself was there.
    pub has_link: bool,
    pub mobile: Printed,
    pub email: Printed,
    pub approval: Approval,
}

/// How details prints a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// The create named none.
    Unasked,
    InFull,
    Masked,
    /// As something else.
    Otherwise,
    Absent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub called: Called,
    /// Whether it made a link all the same.
    pub made_link: bool,
    /// Whether the worker can read it as a refusal.
    pub is_read: bool,
}

/// A create with a reference that was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub called: Called,
    pub end: RepeatEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatEnd {
    /// It was refused, and details shows the same link as before.
    Refused,
    /// It was refused, and details shows too little to compare.
    RefusedUnseen,
    /// It was answered with the link that there was.
    SameLink,
    /// It made another link.
    OtherLink,
    /// It got no answer to judge by.
    Unclear,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    pub called: Called,
    pub is_accepted: bool,
    /// Whether details shows the new date.
    pub sight: Sight,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// Each call, and how it named the reference.
    pub tries: Vec<(CancelAs, Called)>,
    pub end: CancelEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelEnd {
    /// Details shows that the link is cancelled.
    Shown(CancelAs, Lateness),
    /// PayU accepted it, and details did not show it for so long.
    Accepted(CancelAs, Duration),
    /// None of the calls cancelled it.
    Not,
}

/// How lookups went at growing pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSeen {
    /// The highest pace, per second, at which every lookup was answered; 0 if there is none.
    pub quiet: u32,
    pub end: RateEnd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateEnd {
    /// The ceiling was reached.
    Ceiling,
    /// At this pace PayU asked for fewer, perhaps with a time to wait.
    Throttled { at: u32, retry_after: bool },
    /// At this pace a lookup got this instead of an answer.
    Stopped { at: u32, called: Called },
}
