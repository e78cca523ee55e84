//! What follows a lookup, and when the next one is due.

use std::time::Duration;

use super::{CLOCK_SKEW, Case, CreateKind, Decision, InDoubtPolicy, Surroundings, park, settle};
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure, Match};
use crate::domain::record::{Doubt, Seen, State};
use crate::domain::verdict::{Failure, Unresolved, Verdict};

impl<'a> Case<'a> {
    pub(super) fn after_look(&mut self, look: Lookup, view: Surroundings) -> Decision<'a> {
        match look {
            Lookup::Found(details) => self.after_found(&details, view),
            Lookup::NotFound => self.after_not_found(view),
            Lookup::Failed(LookupFailure::NotSent(_)) => self.after_failed_look(),
            Lookup::Failed(
                LookupFailure::NoAnswer(_) | LookupFailure::Status(_) | LookupFailure::Odd,
            ) => {
                if self.is_too_old(view) {
                    park(self.unsettled())
                } else {
                    self.after_failed_look()
                }
            }
            Lookup::Throttled(_) | Lookup::Denied(_) => self.next(view),
        }
    }

    fn after_found(&mut self, details: &Details, view: Surroundings) -> Decision<'a> {
        if details.is_closed {
            return park(Unresolved::LinkClosed);
        }
        match (details.compare(self.intent), &details.link) {
            (Match::Different, _) if self.is_clean_duplicate() => {
                settle(Verdict::Failed(Failure::DuplicateReference))
            }
            (Match::Different, _) => park(Unresolved::ReferenceConflict),
            (_, DetailsLink::Foreign) => park(Unresolved::LinkHost),
            (Match::Same, DetailsLink::Here(made)) => {
                settle(Verdict::Created { made: made.clone(), recovered: true })
            }
            (Match::Same, DetailsLink::Absent)
            | (Match::Unknown, DetailsLink::Here(_) | DetailsLink::Absent) => {
                self.after_vague_look(view)
            }
        }
    }

    /// This intent's first and only create, of a record that was never in doubt, was answered
    /// "duplicate": so whatever link there is, this intent did not make it.
    fn is_clean_duplicate(&self) -> bool {
        match &self.record.state {
            State::InDoubt(doubt) => doubt.seen == Seen::Duplicate && self.record.attempts == 1,
            State::New => false,
        }
    }

    /// There is a link, but not one to send out yet. Nothing may be created any more.
    fn after_vague_look(&mut self, view: Surroundings) -> Decision<'a> {
        if self.record.state == State::New {
            self.record.waited = Duration::ZERO;
        }
        self.rule_out_creates();
        if self.record.waited >= self.policy.quarantine || self.is_too_old(view) {
            return park(Unresolved::LinkUnknown);
        }
        self.after_failed_look()
    }

    /// Takes the kind that leads to no create. A link that details has shown once stays known, also
    /// when a later lookup does not find it.
    fn rule_out_creates(&mut self) {
        let last_sent = match &self.record.state {
            State::New => None,
            State::InDoubt(doubt) if doubt.seen.may_resend() => doubt.last_sent,
            State::InDoubt(_) => return,
        };
        if self.record.is_in_doubt() {
            self.count_attempt(); // two may have left, so neither is a clean first one
        }
        self.record.state = State::InDoubt(Doubt { seen: Seen::Duplicate, last_sent, code: None });
    }

    fn after_not_found(&mut self, view: Surroundings) -> Decision<'a> {
        self.failed_looks = 0;
        let new = self.record.state == State::New;
        if new && !self.is_overdue(view.now) {
            return self.create(CreateKind::First); // the lookup that `strict` asks for
        }
        self.record.lookups = self.record.lookups.saturating_add(1);
        if self.is_too_old(view) {
            return park(self.unsettled());
        }
        if self.record.lookups < self.policy.lookups || self.record.waited < self.quarantine() {
            return self.look_later();
        }
        match &self.record.state {
            State::New if view.readback => settle(Verdict::Failed(Failure::DeadlinePassed)),
            State::New => park(Unresolved::NotSent),
            State::InDoubt(doubt) if self.may_resend(doubt, view) => {
                self.create(CreateKind::Resend)
            }
            State::InDoubt(_) => park(self.unsettled()),
        }
    }

    fn may_resend(&self, doubt: &Doubt, view: Surroundings) -> bool {
        doubt.seen.may_resend()
            && view.readback
            && self.policy.in_doubt == InDoubtPolicy::Resend
            && !self.is_overdue(view.now)
            && !self.is_over_limit()
    }

    /// Why an intent that cannot be settled is parked.
    fn unsettled(&self) -> Unresolved {
        match &self.record.state {
            State::New => Unresolved::NotSent,
            State::InDoubt(doubt) if doubt.seen.may_resend() => Unresolved::OutcomeUnknown,
            State::InDoubt(doubt) => Unresolved::Refused(doubt.code),
        }
    }

    fn is_too_old(&self, view: Surroundings) -> bool {
        let age = view.now.duration_since(self.record.first_seen);
        let age = Duration::try_from(age).unwrap_or_default();
        age.saturating_sub(view.closed_for) >= self.policy.max_age
    }

    /// The quarantine that has to be over.
    fn quarantine(&self) -> Duration {
        match self.record.state {
            State::New => self.policy.quarantine.saturating_add(CLOCK_SKEW),
            State::InDoubt(_) => self.policy.quarantine,
        }
    }

    /// How long until the next lookup is due: the first after `settle`, the last when the
    /// quarantine is over, the others evenly between. A new intent's first lookup is due at once.
    pub(super) fn time_to_look(&self) -> Duration {
        let quarantine = self.quarantine();
        let due = match (&self.record.state, self.record.lookups) {
            (State::New, 0) => return Duration::ZERO,
            (State::New | State::InDoubt(_), lookups) => {
                let steps = self.policy.lookups.saturating_sub(1).max(1);
                let step = quarantine.saturating_sub(self.policy.settle).checked_div(steps);
                let step = step.unwrap_or(quarantine).saturating_mul(lookups.min(steps));
                self.policy.settle.saturating_add(step).min(quarantine)
            }
        };
        due.saturating_sub(self.record.waited)
    }

    fn look_later(&self) -> Decision<'a> {
        Decision::Wait(self.time_to_look().max(self.policy.settle))
    }

    /// A failed lookup does not count. Each one in a row waits twice as long.
    fn after_failed_look(&mut self) -> Decision<'a> {
        let wait = self.policy.settle.saturating_mul(1 << self.failed_looks.min(6));
        self.failed_looks = self.failed_looks.saturating_add(1);
        Decision::Wait(wait.max(self.time_to_look()))
    }
}
