//! What is known of an intent when it arrives, and what it takes along.

use smartsend::domain::record::headers::Value;

use super::*;

#[test]
fn what_is_known_of_a_delivery_makes_it_new_or_in_doubt() {
    let (intent, policy) = (intent(), policy());
    let opened = |arrival: DeliveryInfo<'_, Verdict>| {
        Play::open(&intent, &policy, &arrival).case.record().clone()
    };
    let none = Headers::new();
    let new = Record::first(account(), start()).to_headers(None);
    let mut torn = new.clone();
    torn.remove("waited");
    let mut headless = new.clone();
    headless.remove("record");
    for (arrival, expected) in [
        (arrival(&none), None),
        (arrival(&new), None),
        (DeliveryInfo { redelivered: true, ..arrival(&none) }, Some(Seen::Redelivered)),
        (DeliveryInfo { redelivered: true, ..arrival(&new) }, Some(Seen::Redelivered)),
        (DeliveryInfo { delivery_count: 1, ..arrival(&none) }, Some(Seen::Redelivered)),
        (DeliveryInfo { recent: true, ..arrival(&none) }, Some(Seen::Recent)),
        (DeliveryInfo { recent: true, ..arrival(&new) }, Some(Seen::Recent)),
        (
            DeliveryInfo { redelivered: true, recent: true, ..arrival(&none) },
            Some(Seen::Redelivered),
        ),
        (arrival(&torn), Some(Seen::Redelivered)),
        (arrival(&headless), Some(Seen::Redelivered)),
        // Nobody vouches for it: it is not believed, and not forgotten either.
        (DeliveryInfo { own: false, ..arrival(&new) }, Some(Seen::Redelivered)),
        (DeliveryInfo { own: true, ..arrival(&none) }, None),
    ] {
        assert_eq!(seen(&opened(arrival.clone())), expected, "{arrival:?}");
    }
}

#[test]
fn a_record_that_nobody_vouches_for_is_not_believed() {
    let (intent, policy) = (intent(), policy());
    let almost_done = Record { lookups: LOOKS, quarantined: QUARANTINE, ..unsure(Seen::Unknown) };
    let headers = almost_done.to_headers(None);
    let forged = DeliveryInfo { own: false, ..arrival(&headers) };
    let play = Play::open(&intent, &policy, &forged);
    assert_eq!((play.case.record().lookups, play.case.record().quarantined), (0, Duration::ZERO));
    assert_eq!(play.case.record().attempts, 1);
}

#[test]
fn a_record_that_names_another_account_or_api_is_parked() {
    let (intent, policy) = (intent(), policy());
    for account in [
        Account { payout_merchant_id: "42".to_owned(), ..account() },
        Account { api: Api::V2, ..account() },
    ] {
        for redelivered in [false, true] {
            for record in [
                Record::first(account.clone(), start()),
                Record { account: account.clone(), ..unsure(Seen::Duplicate) },
            ] {
                let headers = record.to_headers(None);
                let arrival = DeliveryInfo { redelivered, delivery_count: 99, ..arrival(&headers) };
                let mut play = Play::open(&intent, &policy, &arrival);
                assert_eq!(play.next(), parked(Unresolved::AccountChanged));
                // What was waited for before it was opened changes nothing.
                assert_eq!(
                    play.interrupted(Interrupted::Stopping),
                    parked(Unresolved::AccountChanged)
                );
                assert_eq!(play.case.parked_headers(&headers), headers);
                assert_eq!(play.case.retry_headers(later(true), &headers, start()), headers);
            }
        }
    }
}

/// A trip of five seconds.
fn later(counted: bool) -> RetryLater {
    let delay = RetryDelays::new(&[SETTLE]).unwrap().shortest();
    RetryLater { delay, counted, ages: counted, why: "" }
}

#[test]
fn a_copy_says_what_is_known_and_when_it_is_due() {
    let (intent, policy) = (intent(), policy());
    let play = Play::first(&intent, &policy);
    let received = Headers::new();
    for counted in [true, false] {
        let headers = play.case.retry_headers(later(counted), &received, start());
        let record = play.case.record_after(later(counted));
        assert_eq!(headers, record.to_headers(Some(start() + SETTLE)));
        assert_eq!(record.returns, u32::from(counted));
    }
    assert_eq!(play.case.parked_headers(&received), play.case.record().to_headers(None));
}

/// A copy goes out under the worker's login: what strangers have named like a header of ours stays
/// behind, and what people have said of the message goes with it.
#[test]
fn a_copy_takes_along_what_belongs_to_it_and_nothing_else() {
    let (intent, policy) = (intent(), policy());
    let text = |text: &str| Value::Text(text.to_owned());
    let history = Headers::from([
        ("actor".to_owned(), text("asha")),
        ("note".to_owned(), text("once more")),
        ("replays".to_owned(), Value::Number(1)),
    ]);
    let strange = [("reason", text("mine")), ("x", Value::Number(7)), ("merchant", text("other"))];
    for id in ["1111312", "42"] {
        let account = Account { payout_merchant_id: id.to_owned(), ..account() };
        let record = Record::first(account, start()).to_headers(None);
        let mut received: Headers = record.into_iter().chain(history.clone()).collect();
        let whole = received.clone();
        received.extend(strange.clone().map(|(name, value)| (name.to_owned(), value)));
        let play = Play::open(&intent, &policy, &arrival(&received));
        assert_eq!(play.case.parked_headers(&received), whole);
        let mut retried = play.case.retry_headers(later(false), &received, start());
        retried.remove("due");
        assert_eq!(retried, whole);
    }
}

#[test]
fn trace_10_another_account_is_parked_also_by_a_record_that_is_torn_or_not_believed() {
    let (intent, policy) = (intent(), policy());
    let foreign = Account { payout_merchant_id: "42".to_owned(), ..account() };
    let whole = Record::first(foreign, start()).to_headers(None);
    let mut torn = whole.clone();
    torn.remove("waited");
    for arrival in [arrival(&torn), DeliveryInfo { own: false, ..arrival(&whole) }] {
        let mut play = Play::open(&intent, &policy, &arrival);
        assert_eq!(play.next(), parked(Unresolved::AccountChanged));
    }
}

#[test]
fn a_handed_back_or_returned_copy_carries_its_record_as_it_was_derived() {
    let (intent, policy) = (intent(), policy());
    let play = Play::redelivered(&intent, &policy);
    let record = play.handed_back();
    assert_eq!((seen(&record), record.returns), (Some(Seen::Redelivered), 0));
    let again = Play::with(&record, &intent, &policy).handed_back();
    assert_eq!(again, record);
    let play = Play::with(&record, &intent, &policy);
    let minute = Duration::from_mins(1);
    let returned = play.returned(minute);
    assert_eq!(returned, Record { waited: minute, quarantined: minute, returns: 1, ..record });
}

#[test]
fn an_intent_that_was_decided_and_not_published_is_settled_by_the_same_verdict() {
    let (intent, policy) = (intent(), policy());
    let headers = Headers::new();
    let verdict = Verdict::Failed(Failure::Rejected(1105));
    let back = DeliveryInfo {
        redelivered: true,
        delivery_count: RETURNS_MAX,
        verdict: Some(verdict.clone()),
        ..arrival(&headers)
    };
    let mut play = Play::open(&intent, &policy, &back);
    assert_eq!(play.next(), Next::Settle(verdict));
}

#[test]
fn what_cannot_go_on_goes_back_as_it_is_unless_its_channel_has_ended() {
    let (intent, policy) = (intent(), policy());
    let second = Next::HandBack(Duration::from_secs(1));
    for (why, expected) in [
        (Interrupted::Stopping, second.clone()),
        (Interrupted::BreakerOpen, second.clone()),
        (Interrupted::Late, second.clone()),
        (Interrupted::CacheFull, second),
        (Interrupted::ChannelEnded, Next::Abandon),
    ] {
        let mut play = Play::first(&intent, &policy);
        play.next();
        assert_eq!(play.interrupted(why), expected, "{why:?}");
        assert_eq!(play.handed_back(), Record::first(account(), start()), "{why:?}");
    }
}

/// Whether a message is acted on, and what only a person can decide, is not the same for each copy.
#[test]
fn another_copy_takes_over_a_link_or_a_failure_and_no_other_verdict() {
    let created = Verdict::Created { made: link(), source: LinkSource::Create };
    for verdict in [created, Verdict::Failed(Failure::Rejected(1105))] {
        assert!(verdict.is_final(), "{verdict:?}");
    }
    for verdict in [
        Verdict::Rejected(Rejection::DuplicateReference),
        Verdict::Unresolved(Unresolved::OutcomeUnknown),
    ] {
        assert!(!verdict.is_final(), "{verdict:?}");
    }
}

// The other copy may stay for a whole quarantine, and there may be thousands of them.
#[test]
fn a_copy_that_finds_another_one_waits_longer_each_time_and_grows_no_older() {
    let (intent, policy) = (intent(), policy());
    let mut record = Record::first(account(), start());
    for seconds in [1, 5, 30, 120, 600, 600] {
        let mut play = Play::with(&record, &intent, &policy);
        let delay = Duration::from_secs(seconds);
        assert_eq!(play.interrupted(Interrupted::ReferenceBusy), Next::Return(delay));
        let Some(Decision::Dispose(Disposition::RetryLater(later))) = play.decision else {
            panic!()
        };
        record = play.case.record_after(later);
    }
    assert_eq!(record, Record { returns: 6, ..Record::first(account(), start()) });
}

#[test]
fn a_wait_without_a_place_goes_through_the_retry_queue_that_fits() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::with(&Record { lookups: 1, ..unsure(Seen::Unknown) }, &intent, &policy);
    let Next::Wait(wait) = play.next() else { panic!() };
    assert!(wait > Duration::from_mins(2) && wait < Duration::from_mins(10));
    let no_place = Interrupted::NoPlace(wait);
    assert_eq!(play.interrupted(no_place), Next::Return(Duration::from_mins(2)));
    // While nothing is sent nothing is waited for either.
    play.around.requests = Requests::Stopped;
    play.next();
    assert_eq!(play.interrupted(no_place), Next::HandBack(Duration::from_secs(1)));
}

#[test]
fn a_lookup_that_cannot_start_within_the_lease_waits_in_a_retry_queue() {
    let (intent, policy) = (intent(), policy());
    let due = Record { quarantined: SETTLE, returns: 2, ..unsure(Seen::Unknown) };
    let mut play = Play::with(&due, &intent, &policy);
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookup_is_late(), Next::Return(Duration::from_secs(30)));
    play.around.requests = Requests::Unanswered;
    play.next();
    assert_eq!(play.lookup_is_late(), Next::HandBack(Duration::from_secs(1)));
    // One that comes before a first create is as a create.
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy };
    let mut play = Play::first(&intent, &strict);
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookup_is_late(), Next::HandBack(Duration::from_secs(1)));
}

#[test]
fn after_a_takeover_nothing_leads_to_a_first_create_before_its_time() {
    let intent = intent();
    let policy = Policy { in_doubt: InDoubtPolicy::Strict, ..policy() };
    let mut play = Play::first(&intent, &policy);
    play.around.no_create_for = QUARANTINE;
    assert_eq!(play.next(), Next::Pause(LEASE));
    assert_eq!(play.lookup(Lookup::NotFound), Next::Pause(LEASE));
    play.around.age = LEASE;
    assert_eq!(play.next(), Next::HandBack(Duration::from_secs(1)));
    play.around = Surroundings { age: SETTLE, no_create_for: SETTLE, ..play.around };
    assert_eq!(play.next(), Next::Pause(SETTLE));
    play.around.no_create_for = Duration::ZERO;
    assert_eq!(play.next(), Next::Lookup);
    // What is in doubt is looked up meanwhile.
    let due = Record { quarantined: SETTLE, ..unsure(Seen::Unknown) };
    let mut play = Play::with(&due, &intent, &policy);
    play.around.no_create_for = QUARANTINE;
    assert_eq!(play.next(), Next::Lookup);
}
