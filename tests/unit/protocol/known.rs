//! Records and decisions as the model's states hold them: what differs in nothing that decides is
//! one.

use jiff::Timestamp;
use smartsend::domain::account::{Account, Api};
use smartsend::domain::decide::{CLOCK_SKEW, CreateKind, Decision};
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::domain::verdict::{Failure, Unresolved, Verdict};
use std::time::Duration;

use super::setting::{LOOKS, Setting, TICK};

/// A record, in ticks. Counters stop where they make no difference any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) attempts: u8,
    pub(super) returns: u8,
    pub(super) lookups: u8,
    pub(super) waited: u8,
    pub(super) age: u8,
    pub(super) account: u8,
}

/// New, or in doubt by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    New,
    Redelivered,
    Recent,
    Duplicate,
    Unknown,
    Refused,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Next {
    First,
    Resend,
    Lookup,
    Wait(u8),
    Return(u8),
    /// Handed back as it is: a decision of the pipeline's.
    Back,
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
        Self { kind: Kind::New, attempts: 0, returns: 0, lookups: 0, waited: 0, age: 0, account }
    }

    pub(super) fn is_new(self) -> bool {
        self.kind == Kind::New
    }

    /// Whether it would be parked as `OUTCOME_UNKNOWN` or `NOT_SENT`, which a later answer could
    /// avert.
    pub(super) fn wants_an_answer(self) -> bool {
        !matches!(self.kind, Kind::Duplicate | Kind::Refused)
    }

    /// What of a record makes a difference: whether it is the first attempt, how many returns
    /// pick a delay, looks and waits up to what is asked of them, the age up to `max_age`. The
    /// time of the last send and the provider's code are for people and decide nothing.
    pub(super) fn of(record: &Record, now: Timestamp, setting: &Setting) -> Self {
        let up_to = |count: u32, most: u8| u8::try_from(count).map_or(most, |n| n.min(most));
        let waited = record.waited.min(TICK * u32::from(setting.quarantine + skew()));
        let age = Duration::try_from(now.duration_since(record.first_seen)).unwrap_or_default();
        let most = TICK * u32::from(setting.max_age.unwrap_or(0));
        Self {
            kind: Kind::of(&record.state),
            attempts: up_to(record.attempts, 2),
            returns: up_to(record.returns, 1),
            lookups: up_to(record.lookups, LOOKS),
            waited: ticks(waited),
            age: ticks(age.min(most)),
            account: u8::from(record.account != account(0)),
        }
    }

    pub(super) fn record(self, now: Timestamp) -> Record {
        let doubted = |seen| State::InDoubt(Doubt { seen, last_sent: None, code: None });
        Record {
            account: account(self.account),
            first_seen: now - TICK * u32::from(self.age),
            attempts: self.attempts.into(),
            returns: self.returns.into(),
            lookups: self.lookups.into(),
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
                Seen::Duplicate => Self::Duplicate,
                Seen::Unknown => Self::Unknown,
                Seen::Refused => Self::Refused,
            },
        }
    }

    fn seen(self) -> Option<Seen> {
        match self {
            Self::New => None,
            Self::Redelivered => Some(Seen::Redelivered),
            Self::Recent => Some(Seen::Recent),
            Self::Duplicate => Some(Seen::Duplicate),
            Self::Unknown => Some(Seen::Unknown),
            Self::Refused => Some(Seen::Refused),
        }
    }
}

impl Next {
    pub(super) fn of(decision: &Decision<'_>) -> Self {
        match decision {
            Decision::Create(call) => match call.kind() {
                CreateKind::First => Self::First,
                CreateKind::Resend => Self::Resend,
            },
            Decision::Lookup => Self::Lookup,
            Decision::Wait(wait) => Self::Wait(ticks(*wait)),
            Decision::Return(delay) => Self::Return(ticks(delay.duration())),
            Decision::TryAgain(_) => panic!("the tries of one delivery are one call here"),
            Decision::Settle(verdict) => Self::Settle(End::of(verdict)),
        }
    }
}

impl End {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Created { .. } => Self::Created,
            Verdict::Failed(
                Failure::DeadlinePassed | Failure::DuplicateReference | Failure::Rejected(_),
            ) => Self::Failed,
            Verdict::Unresolved(
                Unresolved::OutcomeUnknown | Unresolved::NotSent | Unresolved::Refused(_),
            ) => Self::Unsettled,
            Verdict::Unresolved(_) => Self::Parked,
        }
    }
}
