//! What follows a lookup, and when the next one is due.

use std::time::Duration;

use super::{
    Decision, InDoubtPolicy, IntentCase, IntentDecision, Requests, Surroundings, park, settle,
};
use crate::domain::classify::comparison::{Comparison, Match};
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use crate::domain::record::{Doubt, Seen, State};
use crate::domain::verdict::{Failure, LinkSource, Rejection, Unresolved, Verdict};

impl<'a> IntentCase<'a> {
    pub(super) fn after_lookup(
        &mut self,
        lookup: Lookup,
        around: &Surroundings,
    ) -> IntentDecision<'a> {
        match lookup {
            Lookup::Found(details) => self.after_found(&details, around),
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
            Lookup::NoToken(_) => self.next(around),
            Lookup::Throttled(_) | Lookup::Denied(_) => self.after_lookup_turned_away(around),
        }
    }

    fn after_found(&mut self, details: &Details, around: &Surroundings) -> IntentDecision<'a> {
        if details.status.is_closed() {
            return park(Unresolved::LinkClosed);
        }
        let compared = Comparison::new(details, self.subject.amount, &self.subject.contact);
        let vague = match (compared.judge(around.readback.faithful), &details.link) {
            (likeness @ (Match::Other | Match::Conflict), _) => return self.conflict(likeness),
            (_, DetailsLink::Foreign) => return park(Unresolved::LinkHost),
            (Match::Same(contact), DetailsLink::Here(made)) => {
                let source = LinkSource::Lookup(contact);
                return settle(Verdict::Created { made: made.clone(), source });
            }
            (_, DetailsLink::Repeated) => Unresolved::LinkRepeated,
            (Match::Unknown, _) if compared.looks_different() => Unresolved::ReferenceConflict,
            (Match::Same(_) | Match::Unknown, _) => Unresolved::LinkUnknown,
        };
        self.after_vague_lookup(vague)
    }

    /// The reference has a link for something else. If this intent's first and only create was
    /// answered "duplicate" or "rejected", that link is not its own.
    fn conflict(&self, likeness: Match) -> IntentDecision<'a> {
        if likeness == Match::Other && self.is_first_answer(Seen::Duplicate) {
            return settle(Verdict::Rejected(Rejection::DuplicateReference));
        }
        match self.first_rejection() {
            Some(code) => settle(Verdict::Rejected(Rejection::Rejected(code))),
            None => park(Unresolved::ReferenceConflict),
        }
    }

    /// Whether the record is in doubt only because this intent's first create was answered so.
    fn is_first_answer(&self, seen: Seen) -> bool {
        match &self.record.state {
            State::InDoubt(doubt) => doubt.seen == seen && self.record.attempts == 1,
            State::New => false,
        }
    }

    /// The code with which the last create was rejected.
    fn rejection(&self) -> Option<i64> {
        let State::InDoubt(Doubt { seen: Seen::Refused, code, .. }) = &self.record.state else {
            return None;
        };
        code.filter(|code| self.policy.rules.is_rejection(*code))
    }

    /// The same, if that create was the first.
    fn first_rejection(&self) -> Option<i64> {
        self.rejection().filter(|_| self.is_first_answer(Seen::Refused))
    }

    /// There is a link, but none that can be sent out yet. Nothing may be created any more.
    fn after_vague_lookup(&mut self, why: Unresolved) -> IntentDecision<'a> {
        if self.record.state == State::New {
            self.record.quarantined = Duration::ZERO;
        }
        self.rule_out_creates();
        if self.record.quarantined < self.policy.quarantine && !self.is_too_old() {
            return self.after_failed_lookup();
        }
        park(why)
    }

    /// Sets the kind of doubt that leads to no create. A link that was shown once stays known, even
    /// if a later lookup does not find it.
    fn rule_out_creates(&mut self) {
        let last_sent = match &self.record.state {
            State::New => None,
            // A rejection would end in `link.failed` as soon as a lookup does not find it.
            State::InDoubt(doubt) if doubt.seen.may_resend() || self.rejection().is_some() => {
                doubt.last_sent
            }
            State::InDoubt(_) => return,
        };
        if self.record.attempts > 0 {
            self.count_attempt(); // two may have left, so neither is a clean first one
        }
        self.record.state = State::InDoubt(Doubt { seen: Seen::Duplicate, last_sent, code: None });
    }

    fn after_not_found(&mut self, around: &Surroundings) -> IntentDecision<'a> {
        self.failed_lookups = 0;
        let is_new = self.record.state == State::New;
        if is_new && !self.is_overdue(around) && !self.is_too_old() {
            return self.create_first(); // the lookup that the strict policy asks for
        }
        if let Some(code) = self.first_rejection() {
            return settle(Verdict::Failed(Failure::Rejected(code)));
        }
        self.record.lookups = self.record.lookups.saturating_add(1);
        if self.is_too_old() {
            return park(self.unsettled());
        }
        if !self.are_lookups_over() {
            return self.lookup_later();
        }
        self.conclude(around)
    }

    /// The lookups are over, and none has found a link.
    fn conclude(&self, around: &Surroundings) -> IntentDecision<'a> {
        let readback = &around.readback;
        match (&self.record.state, self.rejection()) {
            // It was turned away: that nothing was made is the provider's word only.
            (State::New, _) if self.record.attempts > 0 => park(self.unsettled()),
            (State::New, _) => match self.subject.deadline {
                Some(deadline) if readback.is_newer_than(deadline) => {
                    settle(Verdict::Failed(Failure::DeadlinePassed))
                }
                Some(_) | None => self.until_readback(around),
            },
            (State::InDoubt(doubt), None) if !self.may_resend(doubt, around) => {
                park(self.unsettled())
            }
            (State::InDoubt(_), _) if !readback.is_given => self.until_readback(around),
            (State::InDoubt(_), Some(code)) => settle(Verdict::Failed(Failure::Rejected(code))),
            (State::InDoubt(_), None) => self.resend(around),
        }
    }

    /// Without readback "not found" proves nothing. A link may be made, and shown, any minute;
    /// until `max_age` the intent is looked up again now and then.
    fn until_readback(&self, around: &Surroundings) -> IntentDecision<'a> {
        let delay = self.policy.delays.longest();
        self.retry_later(delay, "no lookup has shown a link yet", around)
    }

    /// A create that was turned away may be sent again under every policy, as if it were the first.
    fn may_resend(&self, doubt: &Doubt, around: &Surroundings) -> bool {
        let allowed = match self.policy.in_doubt {
            InDoubtPolicy::Resend => doubt.seen.may_resend(),
            InDoubtPolicy::Park | InDoubtPolicy::Strict => doubt.seen == Seen::TurnedAway,
        };
        allowed && !self.is_overdue(around) && !self.is_over_limit()
    }

    /// Why an intent that cannot be settled is parked.
    pub(super) fn unsettled(&self) -> Unresolved {
        match &self.record.state {
            State::New if self.record.attempts == 0 => Unresolved::NotSent,
            State::New => Unresolved::Refused(None),
            State::InDoubt(doubt) => match doubt.seen {
                Seen::Redelivered | Seen::Recent | Seen::Unknown | Seen::Accepted => {
                    Unresolved::OutcomeUnknown
                }
                // A lookup has shown a link, or a create was answered that there is one.
                Seen::Duplicate if doubt.code.is_none() => Unresolved::LinkUnknown,
                Seen::TurnedAway | Seen::Duplicate | Seen::Refused => {
                    Unresolved::Refused(doubt.code)
                }
            },
        }
    }

    pub(super) fn lookup_when_due(&self, around: &Surroundings) -> IntentDecision<'a> {
        match self.time_to_lookup() {
            Duration::ZERO => self.lookup(around),
            wait => Decision::Wait(wait),
        }
    }
}
