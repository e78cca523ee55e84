//! The calls that a decision makes, and what must hold when one is sent.

use std::time::Duration;

use jiff::Timestamp;

use super::{Input, Interrupted};
use crate::domain::call::Priority;
use crate::domain::intent::Intent;

/// A call that asks for a link. Only a decision makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreateCall<'a> {
    pub(super) intent: &'a Intent,
    pub(super) kind: CreateKind,
    pub(super) priority: Priority,
    pub(super) must_start_by: Duration,
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
    /// Its intent's deadline has passed.
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

    /// Judges the moment right before the first byte, since a permit can be long in coming.
    pub fn start(&self, now: Timestamp, age: Duration) -> Start {
        if self.intent.deadline.is_some_and(|deadline| now > deadline) {
            return Start::Overdue;
        }
        if age >= self.must_start_by { Start::Late } else { Start::Now }
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
    pub fn interrupted(self, why: Interrupted) -> Input {
        let is_only_late = why == Interrupted::Late && !self.precedes_create;
        if is_only_late { Interrupted::LookupLate.at_once() } else { why.at_once() }
    }
}
