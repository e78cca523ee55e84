//! Rows of the deadline and of `max_age`.

use super::*;

#[test]
fn a_new_intent_past_its_deadline_is_looked_up_over_a_quarantine_and_the_skew() {
    let (intent, policy) = (due_in(Duration::ZERO), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    assert!(!play.is_overdue());
    play.around.now += Duration::from_millis(1);
    assert!(play.is_overdue());
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    let record = play.case.record();
    assert_eq!((record.lookups, &record.state, record.attempts), (LOOKS, &State::New, 0));
    assert_eq!(record.quarantined, QUARANTINE + CLOCK_SKEW);
    assert!(play.around.now >= start() + QUARANTINE + CLOCK_SKEW);
}

#[test]
fn a_deadline_that_passes_while_the_turn_is_awaited_is_looked_up() {
    let (intent, policy) = (due_in(Duration::from_secs(1)), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    play.around.now += Duration::from_secs(2);
    assert!(play.is_overdue());
    assert_eq!(play.next(), Next::Lookup);
}

#[test]
fn under_strict_a_passed_deadline_keeps_the_same_schedule() {
    let (intent, policy) =
        (due_in(Duration::ZERO), Policy { in_doubt: InDoubtPolicy::Strict, ..policy() });
    let mut play = Play::first(&intent, &policy);
    play.around.now += SETTLE;
    assert!(matches!(play.until_look(&Lookup::NotFound), Next::Wait(_)));
    // A copy that comes back early from a retry queue waits for the rest.
    assert!(matches!(play.next(), Next::Wait(_)));
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    assert_eq!(play.case.record().lookups, LOOKS);
}

#[test]
fn max_age_parks_what_cannot_be_settled_and_only_after_a_call_was_answered() {
    let (intent, policy) = (intent(), policy());
    let old = |record: Record| Record { waited: policy.max_age, ..record };
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
        assert!(matches!(play.until_look(&unsent), Next::Wait(_)));
        assert!(matches!(play.until_look(&Lookup::Throttled(None)), Next::HandBack(_)));
        assert_eq!(play.lookup(Lookup::Found(found())), made(true));
    }
    let mut play = Play::with(&old(Record::first(account(), start())), &intent, &policy);
    assert_eq!(play.next(), Next::Lookup, "nothing is created any more");
    assert_eq!(play.lookup(Lookup::NotFound), parked(Unresolved::NotSent));
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy.clone() };
    let mut play = Play::with(&old(Record::first(account(), start())), &intent, &strict);
    assert_eq!(play.until_look(&failed_look()), parked(Unresolved::NotSent));
}

#[test]
fn only_waits_make_an_intent_older_and_a_hand_back_is_not_a_wait() {
    let (intent, policy) = (intent(), policy());
    let record = Record { first_seen: start() - policy.max_age * 2, ..unsure(Seen::Unknown) };
    let mut play = Play::with(&record, &intent, &policy);
    play.around.now += policy.max_age;
    assert!(matches!(play.until_look(&failed_look()), Next::Wait(_)));
    let waited = play.case.record().waited;
    assert!(waited > Duration::ZERO);
    assert_eq!(play.handed_back().waited, waited);
    assert_eq!(play.returned(SETTLE).waited, waited + SETTLE);
    let almost = policy.max_age.saturating_sub(SETTLE);
    let old = Record { waited: almost, ..record };
    let mut play = Play::with(&old, &intent, &policy);
    assert_eq!(play.until_look(&failed_look()), parked(Unresolved::OutcomeUnknown));
}

#[test]
fn a_provider_that_is_down_ends_nothing_by_its_silence() {
    let (intent, policy) = (intent(), policy());
    let old = Record { waited: policy.max_age, ..unsure(Seen::Unknown) };
    for requests in [Requests::Unanswered, Requests::Stopped] {
        let mut play = Play::with(&old, &intent, &policy);
        play.around.requests = requests;
        assert!(matches!(play.until_look(&failed_look()), Next::Wait(_)), "{requests:?}");
        assert_eq!(play.case.record().waited, policy.max_age, "{requests:?} makes nothing older");
        assert_eq!(play.until_look(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
    }
}

// Trace 31: an index that froze long ago shows old links, and none of today's.
#[test]
fn a_deadline_has_passed_for_good_only_once_a_later_link_was_shown() {
    let (intent, policy) = (due_in(Duration::ZERO), policy());
    let deadline = start();
    for newest in [None, Some(deadline - SETTLE), Some(deadline)] {
        let mut play = Play::first(&intent, &policy);
        play.around.now += SETTLE;
        play.around.readback = Readback { newest, ..shown() };
        assert_eq!(play.lookups(&Lookup::NotFound), Next::Return(Duration::from_mins(10)));
        let record = play.returned(Duration::from_mins(10));
        let mut play = Play::with(&record, &intent, &policy);
        play.around.now += Duration::from_mins(20);
        play.around.readback = Readback { newest: Some(deadline + SETTLE), ..shown() };
        assert_eq!(play.until_look(&Lookup::NotFound), failed(Failure::DeadlinePassed));
        // Until then it waits, and at `max_age` a person has to decide.
        let old = Record { waited: policy.max_age, ..record };
        let mut play = Play::with(&old, &intent, &policy);
        play.around.now += Duration::from_hours(30);
        play.around.readback = Readback { newest, ..shown() };
        assert_eq!(play.until_look(&Lookup::NotFound), parked(Unresolved::NotSent));
    }
}

#[test]
fn while_the_wall_clock_cannot_be_believed_no_deadline_is_judged() {
    let due = due_in(Duration::from_mins(10));
    let wait = Next::HandBack(Duration::from_mins(2));
    for in_doubt in [InDoubtPolicy::Resend, InDoubtPolicy::Strict] {
        let policy = Policy { in_doubt, ..policy() };
        for hour in [0, 1] {
            let mut play = Play::first(&due, &policy);
            play.around.clocks_agree = false;
            play.around.now += Duration::from_hours(hour);
            assert_eq!(play.until_look(&Lookup::NotFound), wait);
            assert_eq!(play.handed_back(), Record::first(account(), start()));
        }
        // What has no deadline goes on.
        let intent = intent();
        let mut play = Play::first(&intent, &policy);
        play.around.clocks_agree = false;
        assert!(kind(&play.until_look(&Lookup::NotFound)).is_some());
    }
    // In doubt, its link can be found; whether it may be sent again is for later.
    let policy = policy();
    let mut play = Play::with(&unsure(Seen::Unknown), &due, &policy);
    play.around.clocks_agree = false;
    play.around.now += Duration::from_hours(1);
    assert_eq!(play.lookups(&Lookup::NotFound), wait);
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
}
