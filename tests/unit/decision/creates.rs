//! Rows of new intents, and of how a create can end.

use super::*;

#[test]
fn a_new_intent_is_created_and_its_link_is_the_end() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    let Some(Decision::Attempt(call)) = &play.decision else { panic!() };
    assert_eq!(call.intent(), &intent);
    assert_eq!(play.create(Outcome::Created(link())), made(false));
    assert_eq!(play.case.record().attempts, 1);
}

#[test]
fn an_amount_above_max_amount_parks_a_clean_first_delivery_and_judges_nothing_that_may_be_sent() {
    let (over, policy) = (intent_of("200000.01"), policy());
    assert_eq!(Play::first(&over, &policy).next(), parked(Unresolved::OverLimit));
    let most = intent_of("200000.00");
    assert!(kind(&Play::first(&most, &policy).next()).is_some());
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy.clone() };
    assert_eq!(Play::first(&over, &strict).next(), parked(Unresolved::OverLimit));
    for seen in RESENDABLE.into_iter().chain([Seen::Duplicate, Seen::Refused]) {
        let mut play = Play::with(&unsure(seen), &over, &policy);
        assert_eq!(play.next(), Next::Wait(SETTLE), "{seen:?}");
    }
}

// After a hand-back it is not a first delivery, and still nothing was sent.
#[test]
fn an_amount_above_max_amount_is_judged_also_after_a_hand_back() {
    let (over, policy) = (intent_of("999999"), policy());
    let record = Play::first(&over, &policy).handed_back();
    assert_eq!(Play::with(&record, &over, &policy).next(), parked(Unresolved::OverLimit));
}

#[test]
fn an_amount_above_max_amount_is_looked_up_when_in_doubt_but_never_sent_again() {
    let (over, policy) = (intent_of("999999"), policy());
    let mut play = Play::redelivered(&over, &policy);
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
}

#[test]
fn under_strict_one_lookup_comes_before_a_first_create_and_a_failed_one_creates_nothing() {
    let (intent, policy) = (intent(), Policy { in_doubt: InDoubtPolicy::Strict, ..policy() });
    let mut play = Play::first(&intent, &policy);
    assert_eq!(play.next(), Next::Lookup);
    for failure in [
        failed_look(),
        Lookup::Failed(LookupFailure::Odd),
        Lookup::Failed(LookupFailure::NotSent(NotSent::Dns)),
    ] {
        let Next::Wait(wait) = play.lookup(failure) else { panic!() };
        play.wait(wait);
        assert_eq!(play.next(), Next::Lookup);
    }
    assert_eq!(play.lookup(Lookup::NoToken(NoToken::Refused)), Next::Lookup);
    assert_eq!(kind(&play.lookup(Lookup::NotFound)), Some(CreateKind::First));
    // What was not sent is looked up anew.
    let Next::TryAgain(_) = play.create(Outcome::NotSent(NotSent::Connect)) else { panic!() };
    assert_eq!(play.next(), Next::Lookup);
}

#[test]
fn under_strict_a_link_that_is_found_is_the_end() {
    let (intent, policy) = (intent(), Policy { in_doubt: InDoubtPolicy::Strict, ..policy() });
    let mut play = Play::first(&intent, &policy);
    assert_eq!(play.lookup(Lookup::Found(found())), made(true));
    assert_eq!(play.lookup(found_other()), parked(Unresolved::ReferenceConflict));
    assert_eq!(play.lookup(found_conflict()), parked(Unresolved::ReferenceConflict));
}

// Another message with the reference may have made a link, and then it has not failed.
#[test]
fn a_first_create_that_is_rejected_is_looked_up_once() {
    let (intent, policy) = (intent(), policy());
    let rejected = || {
        let mut play = Play::first(&intent, &policy);
        assert_eq!(play.create(Outcome::Rejected(1105)), Next::Lookup);
        play
    };
    assert_eq!(rejected().lookup(Lookup::NotFound), failed(Failure::Rejected(1105)));
    assert_eq!(rejected().lookup(Lookup::Found(found())), made(true));
    let otherwise = Next::Settle(Verdict::Rejected(Rejection::Rejected(1105)));
    assert_eq!(rejected().lookup(found_other()), otherwise);
    assert_eq!(rejected().lookup(found_conflict()), otherwise);
    // What was shown once is there, also if a later lookup does not find it.
    let mut play = rejected();
    assert!(matches!(play.lookup(found_vague()), Next::Wait(_)));
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::LinkUnknown));
    let mut play = rejected();
    assert!(matches!(play.lookup(found_vague()), Next::Wait(_)));
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
    assert_eq!(rejected().lookups(&found_vague()), parked(Unresolved::LinkUnknown));
    assert!(matches!(rejected().lookup(failed_look()), Next::Wait(_)));
    // Another process goes on from there.
    let record = rejected().handed_back();
    let mut play = Play::with(&record, &intent, &policy);
    assert_eq!(play.until_look(&Lookup::NotFound), failed(Failure::Rejected(1105)));
    let headers = record.to_headers(None);
    let back = DeliveryInfo { redelivered: true, delivery_count: 1, ..arrival(&headers) };
    let mut play = Play::open(&intent, &policy, &back);
    assert_eq!(play.until_look(&Lookup::NotFound), failed(Failure::Rejected(1105)));
}

/// A reference counts once, however often it is sent; but what was never seen to leave is not counted
/// yet, whatever it counts as otherwise.
#[test]
fn the_guards_on_money_count_a_create_that_none_before_it_is_known_of() {
    let (intent, policy) = (intent(), policy());
    let is_new = |play: &Play<'_>| {
        let Some(Decision::Attempt(call)) = &play.decision else { panic!("no create is decided") };
        call.is_new_spending()
    };
    let mut play = Play::first(&intent, &policy);
    play.next();
    assert!(is_new(&play));
    play.create(Outcome::NotSent(NotSent::Connect));
    play.next();
    assert!(is_new(&play), "the one before was not sent");
    play.create(Outcome::Unknown(UnknownReason::NoEnvelope));
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    assert!(!is_new(&play));

    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    assert!(is_new(&play), "nobody has counted what a killed process may have sent");

    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Throttled(None));
    let mut play = Play::with(&play.handed_back(), &intent, &policy);
    play.next();
    assert!(!is_new(&play), "it left, whatever the answer says");
}

// Trace 36: killed between the answer and its event, it comes back as one that may have been sent.
#[test]
fn a_later_create_that_is_rejected_is_looked_up_over_a_quarantine() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    assert_eq!(play.create(Outcome::Rejected(1105)), Next::Wait(SETTLE));
    assert!(matches!(play.until_look(&Lookup::NotFound), Next::Wait(_)));
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::Rejected(1105)));
    assert_eq!(play.case.record().quarantined, QUARANTINE);
    // Its own first create may be what the other answer hides.
    play.create(Outcome::Rejected(1105));
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
    assert_eq!(play.until_look(&found_other()), parked(Unresolved::ReferenceConflict));
    // Without readback it waits for it, until it is too old.
    play.around.readback = Readback::default();
    assert_eq!(play.lookups(&Lookup::NotFound), Next::Return(Duration::from_mins(10)));
    let old = Record { waited: policy.max_age, ..play.handed_back() };
    let mut play = Play::with(&old, &intent, &policy);
    play.around.readback = Readback::default();
    assert_eq!(play.until_look(&Lookup::NotFound), parked(Unresolved::Refused(Some(1105))));
}

#[test]
fn what_was_not_sent_is_tried_twice_quickly_and_then_goes_through_a_retry_queue_unchanged() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    let before = play.case.record().clone();
    for _ in 0..2 {
        let decision = play.create(Outcome::NotSent(NotSent::Connect));
        assert!(matches!(decision, Next::TryAgain(wait) if wait < SETTLE), "{decision:?}");
        assert_eq!(kind(&play.next()), Some(CreateKind::First));
    }
    let decision = play.create(Outcome::NotSent(NotSent::Connect));
    assert_eq!(decision, Next::Return(Duration::from_secs(1)));
    assert_eq!(play.case.record(), &before);
    let record = play.returned(Duration::from_secs(1));
    assert_eq!(record, Record { returns: 1, waited: Duration::from_secs(1), ..before });
}

#[test]
fn each_trip_through_a_retry_queue_is_longer_up_to_the_longest() {
    let (intent, policy) = (intent(), policy());
    let mut record = Record::first(account(), start());
    for (returns, seconds) in (0..).zip([1, 5, 30, 120, 600, 600, 600]) {
        let delay = policy.delays.after(returns);
        assert_eq!(delay.duration(), Duration::from_secs(seconds));
        let mut play = Play::with(&record, &intent, &policy);
        let mut decision = play.next();
        while !matches!(decision, Next::Return(_)) {
            decision = play.create(Outcome::NotSent(NotSent::Dns));
        }
        assert_eq!(decision, Next::Return(Duration::from_secs(seconds)));
        record = play.returned(Duration::from_secs(seconds));
    }
    assert_eq!((record.returns, record.attempts, record.state), (7, 0, State::New));
}

#[test]
fn a_create_without_a_token_changes_nothing() {
    let (intent, policy) = (intent(), policy());
    for outcome in [NoToken::Refused, NoToken::Throttled(None)].map(Outcome::NoToken) {
        let mut play = Play::first(&intent, &policy);
        let before = play.case.record().clone();
        for _ in 0..10 {
            assert_eq!(kind(&play.create(outcome.clone())), Some(CreateKind::First));
            assert_eq!(play.case.record(), &before);
        }
    }
}

#[test]
fn a_duplicate_an_unknown_and_a_refusal_make_it_in_doubt_and_say_why() {
    let (intent, policy) = (intent(), policy());
    for (outcome, kind, code) in [
        (Outcome::Duplicate(Some(1103)), Seen::Duplicate, Some(1103)),
        (Outcome::Duplicate(None), Seen::Duplicate, None),
        (Outcome::Refused(Some(1128)), Seen::Refused, Some(1128)),
        (Outcome::Refused(None), Seen::Refused, None),
        (unknown(), Seen::Unknown, None),
        (Outcome::Unknown(UnknownReason::NoLink), Seen::Unknown, None),
        (Outcome::Unknown(UnknownReason::Status(502)), Seen::Unknown, None),
    ] {
        let mut play = Play::first(&intent, &policy);
        assert_eq!(play.create(outcome), Next::Wait(SETTLE));
        let record = play.case.record();
        let doubt = Doubt { seen: kind, last_sent: Some(start()), code };
        assert_eq!(record.state, State::InDoubt(doubt));
        assert_eq!((record.attempts, record.lookups, record.quarantined), (1, 0, Duration::ZERO));
    }
}

#[test]
fn an_intent_in_doubt_has_no_way_to_a_create_but_through_lookups() {
    let (intent, policy) = (intent(), policy());
    for kind in RESENDABLE.into_iter().chain([Seen::Duplicate, Seen::Refused]) {
        let record = Record { lookups: LOOKS, quarantined: QUARANTINE, ..unsure(kind) };
        let mut play = Play::with(&record, &intent, &policy);
        assert_eq!(play.next(), Next::Lookup, "{kind:?}");
        assert!(matches!(play.lookup(Lookup::Throttled(None)), Next::HandBack(_)));
        assert!(matches!(play.lookup(Lookup::Denied(Denial::Unauthorized)), Next::HandBack(_)));
        assert_eq!(play.lookup(Lookup::NoToken(NoToken::Refused)), Next::Lookup);
        assert!(matches!(play.lookup(failed_look()), Next::Wait(_)));
    }
}

#[test]
fn a_resend_that_creates_is_link_created_and_not_recovered() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    assert_eq!(play.create(Outcome::Created(link())), made(false));
    assert_eq!(play.case.record().attempts, 2);
}

#[test]
fn a_created_link_on_a_foreign_host_is_parked() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(play.create(Outcome::ForeignLink), parked(Unresolved::LinkHost));
}
