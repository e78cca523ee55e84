//! What follows a lookup, and when the next one is due.

use std::time::Duration;

use super::{CLOCK_SKEW, Case, Decision, InDoubtPolicy, Requests, Surroundings, park, settle};
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure, Match};
use crate::domain::record::{Doubt, Seen, State};
use crate::domain::verdict::{Failure, Rejection, Unresolved, Verdict};

impl<'a> Case<'a> {
    pub(super) fn after_lookup(&mut self, lookup: Lookup, around: &Surroundings) -> Decision<'a> {
        match lookup {
            Lookup::Found(details) => self.after_found(&details),
            Lookup::NotFound => self.after_not_found(around),
            Lookup::Failed(LookupFailure::NotSent(_)) => self.after_failed_lookup(),
            Lookup::Failed(
                LookupFailure::NoAnswer(_) | LookupFailure::Status(_) | LookupFailure::Odd,
            ) => {
                // A provider that is down answers nothing, so its silence does not end an intent.
                if self.is_too_old() && around.requests == Requests::Flow {
                    park(self.unsettled())
                } else {
                    self.after_failed_lookup()
                }
            }
            Lookup::Throttled(_) | Lookup::Denied(_) => self.next(around),
        }
    }

    fn after_found(&mut self, details: &Details) -> Decision<'a> {
        if details.is_closed {
            return park(Unresolved::LinkClosed);
        }
        match (details.compare(self.intent), &details.link) {
            (Match::Different, _) if self.is_clean_duplicate() => {
                settle(Verdict::Rejected(Rejection::DuplicateReference))
            }
            (Match::Different, _) => park(Unresolved::ReferenceConflict),
            (_, DetailsLink::Foreign) => park(Unresolved::LinkHost),
            (Match::Same, DetailsLink::Here(made)) => {
                settle(Verdict::Created { made: made.clone(), recovered: true })
            }
            (Match::Same, DetailsLink::Absent)
            | (Match::Unknown, DetailsLink::Here(_) | DetailsLink::Absent) => {
                self.after_vague_lookup()
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

    /// There is a link, but none that can be sent out yet. Nothing may be created any more.
    fn after_vague_lookup(&mut self) -> Decision<'a> {
        if self.record.state == State::New {
            self.record.quarantined = Duration::ZERO;
        }
        self.rule_out_creates();
        if self.record.quarantined >= self.policy.quarantine || self.is_too_old() {
            return park(Unresolved::LinkUnknown);
        }
        self.after_failed_lookup()
    }

    /// Sets the kind of doubt that leads to no create. A link that was shown once stays known, even
    /// if a later lookup does not find it.
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

    fn after_not_found(&mut self, around: &Surroundings) -> Decision<'a> {
        self.failed_lookups = 0;
        let is_new = self.record.state == State::New;
        if is_new && !self.is_overdue(around.now) && !self.is_too_old() {
            return self.create_first(); // the lookup that the strict policy asks for
        }
        self.record.lookups = self.record.lookups.saturating_add(1);
        if self.is_too_old() {
            return park(self.unsettled());
        }
        if self.record.lookups < self.policy.lookups || self.record.quarantined < self.quarantine()
        {
            return self.lookup_later();
        }
        match &self.record.state {
            State::InDoubt(doubt) if !self.may_resend(doubt, around) => park(self.unsettled()),
            _ if !around.readback => self.until_readback(around),
            State::New => settle(Verdict::Failed(Failure::DeadlinePassed)),
            State::InDoubt(_) => self.resend(around),
        }
    }

    /// Without readback "not found" proves nothing. A link may be made, and shown, any minute;
    /// until `max_age` the intent is looked up again now and then.
    fn until_readback(&self, around: &Surroundings) -> Decision<'a> {
        let delay = self.policy.delays.longest();
        self.retry_later(delay, "no lookup has shown a link yet", around)
    }

    fn may_resend(&self, doubt: &Doubt, around: &Surroundings) -> bool {
        doubt.seen.may_resend()
            && self.policy.in_doubt == InDoubtPolicy::Resend
            && !self.is_overdue(around.now)
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

    /// The quarantine that has to be over.
    fn quarantine(&self) -> Duration {
        match self.record.state {
            State::New => self.policy.quarantine.saturating_add(CLOCK_SKEW),
            State::InDoubt(_) => self.policy.quarantine,
        }
    }

    /// How long until the next lookup is due: the first after `first_lookup`, the last when the
    /// quarantine is over, the others evenly between. A new intent's first lookup is due at once.
    fn time_to_lookup(&self) -> Duration {
        let quarantine = self.quarantine();
        let due = match (&self.record.state, self.record.lookups) {
            (State::New, 0) => return Duration::ZERO,
            (State::New | State::InDoubt(_), lookups) => {
                let steps = self.policy.lookups.saturating_sub(1).max(1);
                let step = quarantine.saturating_sub(self.policy.first_lookup).checked_div(steps);
                let step = step.unwrap_or(quarantine).saturating_mul(lookups.min(steps));
                self.policy.first_lookup.saturating_add(step).min(quarantine)
            }
        };
        due.saturating_sub(self.record.quarantined)
    }

    pub(super) fn lookup_when_due(&self, around: &Surroundings) -> Decision<'a> {
        match self.time_to_lookup() {
            Duration::ZERO => self.lookup(around),
            wait => Decision::Wait(wait),
        }
    }

    fn lookup_later(&self) -> Decision<'a> {
        Decision::Wait(self.time_to_lookup().max(self.policy.first_lookup))
    }

    /// A failed lookup does not count. Each one in a row waits twice as long.
    fn after_failed_lookup(&mut self) -> Decision<'a> {
        let wait = self.policy.first_lookup.saturating_mul(1 << self.failed_lookups.min(6));
        self.failed_lookups = self.failed_lookups.saturating_add(1);
        Decision::Wait(wait.max(self.time_to_lookup()))
    }
}
