//! Rows of the deadline and of `max_age`.

use super::*;

#[test]
fn a_new_intent_past_its_deadline_is_looked_up_over_a_quarantine_and_the_skew() {
    let (intent, policy) = (due_in(Duration::ZERO), policy());
    let mut play = Play::first(&intent, &policy);
    assert!(!play.case.is_overdue(start()));
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    play.view.now += Duration::from_millis(1);
    assert!(play.case.is_overdue(play.view.now));
    assert_eq!(play.next(), Decision::Lookup);
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    let record = play.case.record();
    assert_eq!((record.lookups, &record.state, record.attempts), (LOOKS, &State::New, 0));
    assert_eq!(record.waited, QUARANTINE + CLOCK_SKEW);
    assert!(play.view.now >= start() + QUARANTINE + CLOCK_SKEW);
}

#[test]
fn a_deadline_that_passes_while_the_turn_is_awaited_is_looked_up() {
    let (intent, policy) = (due_in(Duration::from_secs(1)), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    play.view.now += Duration::from_secs(2);
    assert!(play.case.is_overdue(play.view.now));
    assert_eq!(play.next(), Decision::Lookup);
}

#[test]
fn under_strict_a_passed_deadline_keeps_the_same_schedule() {
    let (intent, policy) =
        (due_in(Duration::ZERO), Policy { in_doubt: InDoubtPolicy::Strict, ..policy() });
    let mut play = Play::first(&intent, &policy);
    play.view.now += SETTLE;
    assert!(matches!(play.until_look(&Lookup::NotFound), Decision::Wait(_)));
    // A copy that comes back early from a retry queue waits for the rest.
    assert!(matches!(play.next(), Decision::Wait(_)));
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    assert_eq!(play.case.record().lookups, LOOKS);
}

#[test]
fn max_age_parks_what_cannot_be_settled_and_only_after_a_call_was_answered() {
    let (intent, policy) = (intent(), policy());
    let old = |record: Record| {
        let age = policy.max_age + SETTLE;
        Record { first_seen: start() - age, ..record }
    };
    for kind in RESENDABLE {
        for look in [failed_look(), Lookup::NotFound, Lookup::Failed(LookupFailure::Odd)] {
            let mut play = Play::with(&old(unsure(kind)), &intent, &policy);
            assert_eq!(play.until_look(&look), parked(Unresolved::OutcomeUnknown));
        }
        let mut play = Play::with(&old(unsure(kind)), &intent, &policy);
        assert_eq!(play.until_look(&found_vague()), parked(Unresolved::LinkUnknown));
        // What the call cannot say, age does not say either.
        let mut play = Play::with(&old(unsure(kind)), &intent, &policy);
        let unsent = Lookup::Failed(LookupFailure::NotSent(NotSent::Connect));
        assert!(matches!(play.until_look(&unsent), Decision::Wait(_)));
        assert_eq!(play.until_look(&Lookup::Throttled(None)), Decision::Lookup);
        assert_eq!(play.lookup(Lookup::Found(found())), made(true));
    }
    let mut play = Play::with(&old(Record::first(account(), start())), &intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy.clone() };
    let mut play = Play::with(&old(Record::first(account(), start())), &intent, &strict);
    assert_eq!(play.until_look(&failed_look()), parked(Unresolved::NotSent));
}

#[test]
fn time_behind_a_closed_gate_does_not_count_towards_max_age() {
    let (intent, policy) = (intent(), policy());
    let record = Record { first_seen: start() - policy.max_age * 2, ..unsure(Seen::Unknown) };
    let mut play = Play::with(&record, &intent, &policy);
    play.view.closed_for = policy.max_age + SETTLE * 2;
    assert!(matches!(play.until_look(&failed_look()), Decision::Wait(_)));
    play.view.closed_for = Duration::from_hours(23);
    assert_eq!(play.until_look(&failed_look()), parked(Unresolved::OutcomeUnknown));
}
