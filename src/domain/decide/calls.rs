//! The calls that a decision makes, and what must hold when one is sent.

use std::time::Duration;

use super::{Decision, Input, IntentCase, IntentDecision, Interrupted, Surroundings};
use crate::domain::call::Priority;
use crate::domain::intent::Intent;
use crate::domain::record::State;

/// A call that asks for a link. Only a decision makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreateCall<'a> {
    pub(super) intent: &'a Intent,
    pub(super) kind: CreateKind,
    pub(super) priority: Priority,
    pub(super) must_start_by: Duration,
    pub(super) may_renew_token: bool,
    pub(super) is_new_spending: bool,
}

/// Whether a create is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKind {
    /// Nothing was sent before, by all that is known. Its delivery has to be young: an old one
    /// may have been delivered to another process by now.
    First,
    /// Lookups found nothing after an earlier create. The broker has to confirm that the delivery
    /// is still ours.
    Resend,
}

/// Whether a create may start at the very moment of its send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It may.
    Now,
    /// Its delivery is too old.
    Late,
    /// Its intent's deadline has passed, or cannot be judged.
    Overdue,
}

impl<'a> CreateCall<'a> {
    /// The intent whose link is asked for.
    pub fn intent(&self) -> &'a Intent {
        self.intent
    }

    /// Who it goes before.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The age of the delivery by which it has to start.
    pub fn must_start_by(&self) -> Duration {
        self.must_start_by
    }

    /// Whether it is the first.
    pub fn kind(&self) -> CreateKind {
        self.kind
    }

    /// Whether the broker has to confirm first that the delivery is still ours.
    pub fn needs_vouching(&self) -> bool {
        self.kind == CreateKind::Resend
    }

    /// Whether a 401 is blamed on the token, and a new one is worth another try.
    pub fn may_renew_token(&self) -> bool {
        self.may_renew_token
    }

    /// Whether the guards on money have to count its amount: a reference counts once, however often
    /// it is sent. What a killed process had in flight may not have been sent, and counts when it is.
    pub fn is_new_spending(&self) -> bool {
        self.is_new_spending
    }

    /// Judges the moment right before the first byte, since a permit can be long in coming.
    pub fn start(&self, around: &Surroundings) -> Start {
        match self.intent.deadline {
            Some(deadline) if !around.clocks_agree || around.now > deadline => Start::Overdue,
            _ if around.age >= self.must_start_by => Start::Late,
            _ => Start::Now,
        }
    }
}

/// A lookup. Only a decision makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupCall {
    /// Who it goes before.
    pub priority: Priority,
    /// The age of the delivery by which it has to start.
    pub must_start_by: Duration,
    /// Whether a first create follows if nothing is found.
    pub precedes_create: bool,
}

impl LookupCall {
    /// What it means that the lookup did not start.
    pub fn interrupted<O>(self, why: Interrupted) -> Input<O> {
        let is_only_late = why == Interrupted::Late && !self.precedes_create;
        if is_only_late { Interrupted::LookupLate.at_once() } else { why.at_once() }
    }
}

impl<'a> IntentCase<'a> {
    /// Once, and not for an intent that was turned away before: that may be why it gets a 401. Nor if
    /// a create that was turned away has to be looked up first.
    fn may_renew_token(&self) -> bool {
        self.record.turned_away_at.is_none() && !self.policy.is_strict()
    }

    pub(super) fn create_first(&self) -> IntentDecision<'a> {
        // A create whose lookup was answered must not wait behind the lookups of all others.
        let is_retry = self.was_tried() || self.policy.is_strict();
        Decision::Attempt(CreateCall {
            intent: self.subject,
            kind: CreateKind::First,
            priority: if is_retry { Priority::Retry } else { Priority::New },
            must_start_by: self.policy.lease,
            may_renew_token: self.may_renew_token(),
            is_new_spending: !self.record.was_sent(),
        })
    }

    pub(super) fn resend(&self, around: &Surroundings) -> IntentDecision<'a> {
        Decision::Attempt(CreateCall {
            intent: self.subject,
            kind: CreateKind::Resend,
            priority: Priority::Retry,
            must_start_by: around.age.saturating_add(self.policy.lease),
            may_renew_token: self.may_renew_token(),
            is_new_spending: !self.record.was_sent(),
        })
    }

    pub(super) fn lookup(&self, around: &Surroundings) -> IntentDecision<'a> {
        let precedes_create =
            self.record.state == State::New && !self.is_overdue(around) && !self.is_too_old();
        let lease = self.policy.lease;
        Decision::Lookup(LookupCall {
            // If such a lookup went before creates, all held intents would look up before the first
            // of them could create, and be too old for it by then.
            priority: if self.record.is_in_doubt() { Priority::Lookup } else { Priority::New },
            // Of the lease that is left the create needs its part too.
            must_start_by: around.age.saturating_add(if precedes_create {
                lease.saturating_sub(around.age) / 2
            } else {
                lease
            }),
            precedes_create,
        })
    }
}
