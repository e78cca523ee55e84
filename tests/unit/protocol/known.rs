//! Records and decisions as the model's states hold them: what differs in nothing that decides is
//! one.

use jiff::Timestamp;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::decide::{
    CLOCK_SKEW, CreateKind, Decision, Disposition, IntentCase, IntentDecision,
};
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::domain::verdict::{Failure, Rejection, Unresolved, Verdict};
use std::time::Duration;

use super::asked::LIMIT;
use super::setting::{LOOKS, Setting, TICK};

/// A record, in ticks. Counters stop where they make no difference any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) attempts: u8,
    pub(super) returns: u8,
    pub(super) lookups: u8,
    pub(super) quarantined: u8,
    /// All waits, as far as `max_age` asks.
    pub(super) waited: u8,
    pub(super) account: u8,
}

/// New, or in doubt by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    New,
    Redelivered,
    Recent,
    TurnedAway,
    Duplicate,
    Unknown,
    Refused,
    /// Refused by the limit, whose code depends on the intent alone in some settings.
    Limited,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Next {
    First,
    Resend,
    Lookup,
    Wait(u8),
    /// A wait that is not the intent's own.
    Pause(u8),
    /// A copy with this record goes through the retry queue of this delay.
    Copy {
        delay: u8,
        known: Known,
    },
    Settle(End),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum End {
    Created,
    Failed,
    /// Parked because looks, quarantine or age are over.
    Unsettled,
    /// Parked for another reason.
    Parked,
}

pub(super) fn ticks(duration: Duration) -> u8 {
    let ticks = duration.as_millis() / TICK.as_millis();
    assert_eq!(TICK * u32::try_from(ticks).unwrap(), duration, "no whole number of ticks");
    u8::try_from(ticks).unwrap()
}

pub(super) fn skew() -> u8 {
    ticks(CLOCK_SKEW)
}

pub(super) fn account(number: u8) -> Account {
    Account { payout_merchant_id: format!("111131{number}"), api: Api::V1 }
}

impl Known {
    pub(super) fn first(account: u8) -> Self {
        Self {
            kind: Kind::New,
            attempts: 0,
            returns: 0,
            lookups: 0,
            quarantined: 0,
            waited: 0,
            account,
        }
    }

    pub(super) fn is_new(self) -> bool {
        self.kind == Kind::New
    }

    /// What of a record makes a difference: whether it is the first attempt, how many returns
    /// pick a delay, lookups and waits up to what is asked of them. When it was first seen or last
    /// sent, and the provider's code, are for people and decide nothing.
    pub(super) fn of(record: &Record, setting: &Setting) -> Self {
        let up_to = |count: u32, most: u8| u8::try_from(count).map_or(most, |n| n.min(most));
        let quarantined = record.quarantined.min(TICK * u32::from(setting.quarantine + skew()));
        let waited = record.waited.min(TICK * u32::from(setting.max_age.unwrap_or(0)));
        Self {
            kind: Kind::of(&record.state),
            attempts: up_to(record.attempts, 2),
            returns: up_to(record.returns, 1),
            lookups: up_to(record.lookups, LOOKS),
            quarantined: ticks(quarantined),
            waited: ticks(waited),
            account: u8::from(record.account != account(0)),
        }
    }

    pub(super) fn record(self, now: Timestamp) -> Record {
        let code = (self.kind == Kind::Limited).then_some(LIMIT);
        let doubted = |seen| State::InDoubt(Doubt { seen, last_sent: None, code });
        Record {
            account: account(self.account),
            first_seen: now,
            attempts: self.attempts.into(),
            returns: self.returns.into(),
            singled_out: 0,
            turned_away_at: None,
            lookups: self.lookups.into(),
            quarantined: TICK * u32::from(self.quarantined),
            waited: TICK * u32::from(self.waited),
            state: self.kind.seen().map_or(State::New, doubted),
        }
    }
}

impl Kind {
    fn of(state: &State) -> Self {
        match state {
            State::New => Self::New,
            State::InDoubt(doubt) => match doubt.seen {
                Seen::Redelivered => Self::Redelivered,
                Seen::Recent => Self::Recent,
                Seen::TurnedAway => Self::TurnedAway,
                Seen::Duplicate => Self::Duplicate,
                Seen::Unknown => Self::Unknown,
                Seen::Refused if doubt.code == Some(LIMIT) => Self::Limited,
                Seen::Refused => Self::Refused,
                Seen::Accepted => panic!("no create is accepted"),
            },
        }
    }

    fn seen(self) -> Option<Seen> {
        match self {
            Self::New => None,
            Self::Redelivered => Some(Seen::Redelivered),
            Self::Recent => Some(Seen::Recent),
            Self::TurnedAway => Some(Seen::TurnedAway),
            Self::Duplicate => Some(Seen::Duplicate),
            Self::Unknown => Some(Seen::Unknown),
            Self::Refused | Self::Limited => Some(Seen::Refused),
        }
    }
}

impl Next {
    pub(super) fn of(
        decision: &IntentDecision<'_>,
        case: &IntentCase<'_>,
        setting: &Setting,
    ) -> Self {
        match decision {
            Decision::Attempt(call) => match call.kind() {
                CreateKind::First => Self::First,
                CreateKind::Resend => Self::Resend,
            },
            Decision::Lookup(_) => Self::Lookup,
            Decision::Wait(wait) => Self::Wait(ticks(*wait)),
            Decision::Pause(pause) => Self::Pause(ticks(*pause)),
            Decision::Dispose(Disposition::RetryLater(later)) => Self::Copy {
                delay: ticks(later.delay.duration()),
                known: Known::of(&case.record_after(*later), setting),
            },
            Decision::Dispose(Disposition::Settle(verdict)) => Self::Settle(End::of(verdict)),
            Decision::PauseUpTo(_) => panic!("the tries of one delivery are one call here"),
            Decision::Dispose(Disposition::Requeue | Disposition::Abandon) => {
                panic!("nobody asks what follows the end of a channel")
            }
        }
    }
}

impl End {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Created { .. } => Self::Created,
            Verdict::Failed(Failure::DeadlinePassed | Failure::Rejected(_))
            | Verdict::Rejected(Rejection::DuplicateReference) => Self::Failed,
            Verdict::Unresolved(
                Unresolved::OutcomeUnknown
                | Unresolved::NotSent
                | Unresolved::Refused(_)
                | Unresolved::LinkUnknown,
            ) => Self::Unsettled,
            Verdict::Rejected(Rejection::Rejected(_)) | Verdict::Unresolved(_) => Self::Parked,
        }
    }
}
