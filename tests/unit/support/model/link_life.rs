//! How a link changes, and when: the truth, which details may show late.

use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::command::Action;

use super::clock::wall_at;

/// How a link has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The customer has claimed it, and is being paid.
    Claimed,
    /// The payment has arrived.
    Paid,
    /// The payment has not, and the customer may claim again.
    PaymentFailed,
    Cancelled,
    /// The approver has said no.
    Rejected,
    Extended(Timestamp),
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It can be claimed.
    Open,
    /// A payment is under way.
    Claimed,
    Paid,
    Cancelled,
    Rejected,
    Expired,
}

/// One link.
#[derive(Clone, Debug)]
pub(crate) struct LinkLife {
    pub(crate) made_at: Duration,
    /// When it expires, unless it is extended.
    expires: Option<Timestamp>,
    changes: Vec<(Duration, Change)>,
}

impl LinkLife {
    pub(crate) fn new(made_at: Duration, expires: Option<Timestamp>) -> Self {
        Self { made_at, expires, changes: Vec::new() }
    }

    pub(crate) fn add(&mut self, at: Duration, change: Change) {
        self.changes.push((at, change));
    }

    /// How it has changed until then.
    pub(crate) fn changes(&self, at: Duration) -> impl Iterator<Item = Change> {
        self.changes.iter().filter(move |(when, _)| *when <= at).map(|(_, change)| *change)
    }

    /// When it expires, by the changes until then.
    pub(crate) fn expiry(&self, at: Duration) -> Option<Timestamp> {
        let extended = self.changes(at).filter_map(|change| match change {
            Change::Extended(expiry) => Some(expiry),
            Change::Claimed
            | Change::Paid
            | Change::PaymentFailed
            | Change::Cancelled
            | Change::Rejected => None,
        });
        extended.last().or(self.expires)
    }

    /// What it is then. While a customer is being paid it is claimed, whatever else was done to it.
    pub(crate) fn standing(&self, at: Duration) -> Standing {
        let mut standing = Standing::Open;
        let mut closed = None;
        for change in self.changes(at) {
            match change {
                Change::Claimed => standing = Standing::Claimed,
                Change::Paid => standing = Standing::Paid,
                Change::PaymentFailed => standing = Standing::Open,
                Change::Cancelled => closed = Some(Standing::Cancelled),
                Change::Rejected => closed = Some(Standing::Rejected),
                Change::Extended(_) => {}
            }
        }
        let is_over = self.expiry(at).is_some_and(|expiry| expiry <= wall_at(at));
        match (standing, closed) {
            (Standing::Open, Some(closed)) => closed,
            (Standing::Open, None) if is_over => Standing::Expired,
            (standing, _) => standing,
        }
    }

    /// Everything that it is between two moments, both included.
    pub(crate) fn standings(&self, from: Duration, to: Duration) -> Vec<Standing> {
        let changed = self.changes.iter().map(|(at, _)| *at);
        let expires = self.changes.iter().map(|(at, _)| *at).chain([self.made_at]);
        let expires = expires.filter_map(|at| {
            let left = self.expiry(at)?.duration_since(wall_at(Duration::ZERO));
            Duration::try_from(left).ok()
        });
        let moments = changed.chain(expires).filter(|at| (from..=to).contains(at));
        moments.chain([from, to]).map(|at| self.standing(at)).collect()
    }

    /// Every expiry that it has between two moments.
    pub(crate) fn expiries(&self, from: Duration, to: Duration) -> Vec<Timestamp> {
        let changed = self.changes.iter().map(|(at, _)| *at);
        let moments = changed.filter(|at| (from..=to).contains(at)).chain([from, to]);
        moments.filter_map(|at| self.expiry(at)).collect()
    }

    /// What a command makes of it, or the code with which it is refused.
    pub(super) fn carry_out(
        &self,
        action: Action,
        at: Duration,
        careless: bool,
    ) -> Result<Change, i64> {
        match (self.standing(at), action) {
            (Standing::Open, Action::Cancel) => Ok(Change::Cancelled),
            (Standing::Claimed, Action::Cancel) if careless => Ok(Change::Cancelled),
            (Standing::Open, Action::Extend(asked)) => {
                let is_later = asked > wall_at(at) && self.expiry(at).is_none_or(|it| asked > it);
                if is_later { Ok(Change::Extended(asked)) } else { Err(1121) }
            }
            (Standing::Claimed | Standing::Paid, _) => Err(1118),
            (Standing::Cancelled, _) => Err(1122),
            (Standing::Rejected, _) => Err(1123),
            (Standing::Expired, _) => Err(1111),
        }
    }

    /// Whether it can change so by itself, without a command.
    pub(super) fn allows(&self, change: Change, at: Duration) -> bool {
        let needed = match change {
            Change::Paid | Change::PaymentFailed => Standing::Claimed,
            Change::Claimed | Change::Cancelled | Change::Rejected | Change::Extended(_) => {
                Standing::Open
            }
        };
        self.standing(at) == needed
    }

    /// How details writes what it was then: the link's status, and the payment's. `live` is its word
    /// for a link that can be claimed.
    pub(super) fn words(
        &self,
        at: Duration,
        live: &'static str,
    ) -> (&'static str, Option<&'static str>) {
        let has_failed = self.changes(at).any(|change| change == Change::PaymentFailed);
        let is_cancelled = self.changes(at).any(|change| change == Change::Cancelled);
        let failed = has_failed.then_some("FAILED");
        match self.standing(at) {
            Standing::Open if has_failed => ("FAILED", failed),
            Standing::Open => (live, None),
            Standing::Claimed if is_cancelled => ("CANCELLED", Some("PENDING")),
            Standing::Claimed if has_failed => ("INITIATED", Some("PENDING")),
            Standing::Claimed => ("INITIATED", None),
            Standing::Paid if is_cancelled => ("CANCELLED", Some("SUCCESS")),
            Standing::Paid => ("SUCCESS", Some("SUCCESS")),
            Standing::Cancelled => ("CANCELLED", failed),
            Standing::Rejected => ("REJECTED", failed),
            Standing::Expired => ("EXPIRED", failed),
        }
    }
}
