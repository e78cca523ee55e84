//! Rows of what is turned away: 401, 403, 429, and what says so.

use super::*;

const TURNED_AWAY: [Outcome; 4] = [
    Outcome::Throttled(None),
    Outcome::Denied(Denial::Unauthorized),
    Outcome::Denied(Denial::Forbidden),
    Outcome::Denied(Denial::Merchant),
];

// "Not processed" is the provider's word: the link may have been made, and the answer come from a
// gateway.
#[test]
fn a_create_that_is_turned_away_counts_as_an_attempt_and_is_sent_again_without_a_lookup() {
    let (intent, policy) = (intent(), policy());
    for outcome in TURNED_AWAY {
        let mut play = Play::first(&intent, &policy);
        assert_eq!(play.create(outcome), Next::HandBack(Duration::from_secs(1)));
        let record = play.handed_back();
        assert_eq!((record.attempts, &record.state), (1, &State::New));
        // The process remembers the reference for this one's sake.
        let headers = record.to_headers(None);
        let back = DeliveryInfo { recent: true, ..arrival(&headers) };
        let mut play = Play::open(&intent, &policy, &back);
        assert_eq!(kind(&play.next()), Some(CreateKind::First));
        // A later answer is not the first, whatever it is.
        play.create(Outcome::Duplicate(Some(1103)));
        assert_eq!(play.until_look(&found_other()), parked(Unresolved::ReferenceConflict));
        let mut play = Play::open(&intent, &policy, &back);
        assert_eq!(play.create(Outcome::Rejected(1105)), Next::Wait(SETTLE));
    }
}

#[test]
fn another_message_with_its_reference_is_in_doubt() {
    let (intent, policy) = (intent(), policy());
    let headers = Headers::new();
    let other = DeliveryInfo { recent: true, ..arrival(&headers) };
    assert_eq!(Play::open(&intent, &policy, &other).next(), Next::Wait(SETTLE));
}

#[test]
fn past_its_deadline_one_that_was_turned_away_is_looked_up_and_parked() {
    let (intent, policy) = (due_in(SETTLE), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Throttled(None));
    play.around.now += SETTLE * 2;
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::Refused(None)));
    assert_eq!(play.case.record().quarantined, QUARANTINE + CLOCK_SKEW);
}

#[test]
fn a_stale_token_is_worth_one_more_try_at_once() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    let may_renew = |play: &Play<'_>| {
        let Some(Decision::Attempt(call)) = &play.decision else { panic!() };
        call.may_renew_token()
    };
    play.next();
    assert!(may_renew(&play));
    assert_eq!(kind(&play.create(Outcome::StaleToken)), Some(CreateKind::First));
    assert!(!may_renew(&play));
    assert_eq!(play.case.record().attempts, 1);
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy };
    let mut play = Play::first(&intent, &strict);
    assert_eq!(kind(&play.lookup(Lookup::NotFound)), Some(CreateKind::First));
    assert!(!may_renew(&play), "under the strict policy it is looked up first");
}

#[test]
fn under_strict_one_that_is_turned_away_is_looked_up_over_a_quarantine_before_it_is_sent_again() {
    let (intent, policy) = (intent(), Policy { in_doubt: InDoubtPolicy::Strict, ..policy() });
    for outcome in TURNED_AWAY {
        let mut play = Play::first(&intent, &policy);
        assert_eq!(kind(&play.until_look(&Lookup::NotFound)), Some(CreateKind::First));
        assert!(matches!(play.create(outcome), Next::HandBack(_)));
        let record = play.handed_back();
        assert_eq!(seen(&record), Some(Seen::TurnedAway));
        let mut play = Play::with(&record, &intent, &policy);
        assert!(matches!(play.until_look(&Lookup::NotFound), Next::Wait(_)));
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
        assert_eq!(play.case.record().quarantined, QUARANTINE);
        // Without readback it waits for it.
        let mut play = Play::with(&record, &intent, &policy);
        play.around.readback = Readback::default();
        assert_eq!(play.lookups(&Lookup::NotFound), Next::Return(Duration::from_mins(10)));
        // Another copy may have been sent meanwhile: each delivery waits for itself.
        let late = Record { lookups: LOOKS, quarantined: QUARANTINE, ..record.clone() };
        let back = Play::with(&late, &intent, &policy).returned(Duration::from_mins(10));
        assert_eq!((back.lookups, back.quarantined), (0, Duration::ZERO));
        // Of one that may have been sent otherwise, that is not enough.
        let headers = record.to_headers(None);
        let back = DeliveryInfo { redelivered: true, delivery_count: 1, ..arrival(&headers) };
        let mut play = Play::open(&intent, &policy, &back);
        assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
    }
}

/// A call of another intent was answered just now.
fn answered(play: &mut Play<'_>) {
    let now = Some(play.around.now);
    play.around.last_answers = LastAnswers { attempt: now, lookup: now };
    play.around.now += Duration::from_secs(1);
}

/// The record of the copy that was decided on last.
fn copied(play: &Play<'_>) -> Record {
    let Some(Decision::Dispose(Disposition::RetryLater(later))) = play.decision else { panic!() };
    play.case.record_after(later)
}

// By another policy it would have been sent again without a lookup.
#[test]
fn one_that_was_turned_away_before_the_policy_became_strict_is_in_doubt() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Throttled(None));
    let record = play.handed_back();
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy };
    let play = Play::with(&record, &intent, &strict);
    assert_eq!(seen(play.case.record()), Some(Seen::TurnedAway));
}

// A firewall that dislikes its text, say.
#[test]
fn one_that_alone_is_turned_away_waits_longer_each_time_and_ends_at_max_age() {
    let (intent, policy) = (intent(), policy());
    let (mut headers, mut now) = (Headers::new(), start());
    let mut delays = Vec::new();
    let mut deliver = |headers: &Headers, waited: Duration| {
        now += waited + SETTLE;
        let mut play = Play::open(&intent, &policy, &DeliveryInfo { now, ..arrival(headers) });
        answered(&mut play);
        play
    };
    for _ in 0..200 {
        let mut play = deliver(&headers, Duration::from_secs(delays.last().copied().unwrap_or(0)));
        let Next::Create(_) = play.next() else { break };
        // While the breaker that it has opened is open it counts all the same.
        play.around.requests = Requests::Stopped;
        play.create(Outcome::Denied(Denial::Forbidden));
        let Some(Decision::Dispose(Disposition::RetryLater(later))) = play.decision else {
            panic!()
        };
        headers = play.case.record_after(later).to_headers(None);
        delays.push(later.delay.duration().as_secs());
    }
    // The first time it is not known to be alone.
    assert_eq!(delays[..5], [1, 1, 5, 600, 600]);
    let total: u64 = delays[1..].iter().sum();
    assert!(total >= policy.max_age.as_secs() && total < policy.max_age.as_secs() + 600);
    let refused = parked(Unresolved::Refused(None));
    let mut play = deliver(&headers, Duration::from_mins(10));
    assert_eq!(play.until_look(&Lookup::NotFound), refused);
    // Its lookup may be turned away like its create.
    let mut play = deliver(&headers, Duration::from_mins(10));
    assert_eq!(play.until_look(&Lookup::Denied(Denial::Unauthorized)), refused);
    // But where others are turned away as well, it says nothing of this one.
    let mut play = deliver(&headers, Duration::from_mins(10));
    play.around.last_answers = LastAnswers::default();
    assert!(matches!(play.until_look(&Lookup::Throttled(None)), Next::HandBack(_)));
}

#[test]
fn an_outage_in_which_everyone_is_turned_away_makes_no_intent_older() {
    let (intent, policy) = (intent(), policy());
    let mut headers = Headers::new();
    let mut now = start();
    for _ in 0..10_000 {
        now += Duration::from_secs(1);
        let mut play = Play::open(&intent, &policy, &DeliveryInfo { now, ..arrival(&headers) });
        play.around.last_answers = LastAnswers { attempt: Some(start()), lookup: Some(start()) };
        assert_eq!(kind(&play.next()), Some(CreateKind::First));
        assert!(matches!(play.create(Outcome::Throttled(None)), Next::HandBack(_)));
        headers = copied(&play).to_headers(None);
    }
    let record = Record::from_headers(&headers).unwrap();
    assert_eq!((record.waited, record.returns, record.singled_out), (Duration::ZERO, 0, 0));
}

#[test]
fn an_answer_of_the_same_moment_singles_nobody_out() {
    let (intent, policy) = (intent(), policy());
    let before = Record { turned_away_at: Some(start()), ..unsure(Seen::Unknown) };
    for (answered, singled_out) in [(start(), 0), (start() + Duration::from_millis(1), 1)] {
        let mut play = Play::with(&before, &intent, &policy);
        play.around.last_answers = LastAnswers { attempt: None, lookup: Some(answered) };
        play.until_look(&Lookup::Throttled(None));
        assert_eq!(copied(&play).singled_out, singled_out);
    }
}

#[test]
fn a_lookup_that_alone_is_turned_away_steps_aside_too() {
    let (intent, policy) = (intent(), policy());
    let before = Record { turned_away_at: Some(start() - SETTLE), ..unsure(Seen::Unknown) };
    let mut play = Play::with(&before, &intent, &policy);
    answered(&mut play);
    let first = Duration::from_secs(1);
    assert_eq!(play.until_look(&Lookup::Throttled(None)), Next::Return(first));
    let record = copied(&play);
    assert_eq!((record.singled_out, record.attempts, seen(&record)), (1, 1, Some(Seen::Unknown)));
    assert!(record.turned_away_at > before.turned_away_at);
}
