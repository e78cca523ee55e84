//! The traces that broke earlier drafts of the design, decision by decision. That each comes back
//! without its cure is shown in `protocol`.

use super::*;

#[test]
fn trace_01_a_link_that_details_is_blind_to_is_never_called_failed() {
    let (intent, policy) = (intent(), policy());
    for refusal in [Outcome::Refused(None), Outcome::Refused(Some(9999))] {
        let mut play = Play::redelivered(&intent, &policy);
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
        play.create(refusal);
        let end = play.lookups(&Lookup::NotFound);
        assert!(matches!(end, Next::Settle(Verdict::Unresolved(Unresolved::Refused(_)))));
    }
    let mut play = Play::redelivered(&intent, &policy);
    play.around.readback = Readback::default();
    assert!(matches!(play.lookups(&Lookup::NotFound), Next::Return(_)));
}

#[test]
fn trace_02_and_03_a_limit_parks_and_never_fails() {
    let (intent, policy) = (intent(), policy());
    for code in [1104, 1110, 1121, 1126, 1128, 4711] {
        let mut play = Play::first(&intent, &policy);
        play.create(Outcome::Refused(Some(code)));
        assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::Refused(Some(code))));
        // An upstream duplicate of a linked intent finds its link behind the limit.
        let mut play = Play::first(&intent, &policy);
        play.create(Outcome::Refused(Some(code)));
        assert_eq!(play.lookups(&Lookup::Found(found())), made(true));
    }
}

#[test]
fn trace_04_a_redelivered_copy_whose_record_says_new_is_in_doubt_and_no_deadline_fails_it() {
    let (intent, policy) = (due_in(Duration::ZERO), policy());
    let headers = Record::first(account(), start()).to_headers(None);
    let now = start() + Duration::from_mins(1);
    let back = DeliveryInfo { redelivered: true, now, ..arrival(&headers) };
    let mut play = Play::open(&intent, &policy, &back);
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
}

#[test]
fn trace_05_an_upstream_repeat_after_the_deadline_finds_the_link() {
    let (intent, policy) = (due_in(Duration::ZERO), policy());
    let headers = Headers::new();
    let late = DeliveryInfo { now: start() + Duration::from_hours(1), ..arrival(&headers) };
    let mut play = Play::open(&intent, &policy, &late);
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookup(Lookup::Found(found())), made(true));
}

#[test]
fn trace_06_strict_a_redelivered_new_copy_is_never_created_on_one_look() {
    let intent = intent();
    let policy = Policy { in_doubt: InDoubtPolicy::Strict, ..policy() };
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
    assert!(play.around.now >= start() + QUARANTINE);
}

#[test]
fn trace_07_a_hand_back_does_not_launder_doubt() {
    let (intent, policy) = (intent(), policy());
    let record = Play::redelivered(&intent, &policy).handed_back();
    let mut play = Play::with(&record, &intent, &policy);
    assert_eq!(play.next(), Next::Wait(SETTLE));
}

#[test]
fn trace_08_a_create_says_which_check_it_needs_against_a_frozen_process() {
    let (intent, policy) = (intent(), policy());
    assert_eq!(kind(&Play::first(&intent, &policy).next()), Some(CreateKind::First));
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
}

#[test]
fn trace_09_and_24_a_lowered_max_amount_fails_nothing() {
    let (over, policy) = (intent_of("300000"), policy());
    let mut play = Play::redelivered(&over, &policy);
    let theirs = Details { amount: Amount::parse("300000").ok(), ..found() };
    assert_eq!(play.lookups(&Lookup::Found(theirs)), made(true));
    // An upstream duplicate is a clean first delivery: parked, not failed.
    assert_eq!(Play::first(&over, &policy).next(), parked(Unresolved::OverLimit));
}

#[test]
fn trace_11_masked_or_absent_fields_do_not_make_another_customer() {
    let (intent, policy) = (intent(), policy());
    for mobile in [None, Some(Private::new("XXXXXX9999")), Some(Private::new("******0000"))] {
        let mut play = Play::first(&intent, &policy);
        play.create(Outcome::Duplicate(Some(1103)));
        let look = Lookup::Found(Details { mobile, ..found() });
        assert_eq!(play.lookups(&look), parked(Unresolved::LinkUnknown));
    }
}

#[test]
fn trace_13_an_intent_that_comes_back_after_28_hours_is_looked_up_before_its_age_is_judged() {
    let (intent, policy) = (intent(), policy());
    let record = Record { waited: Duration::from_hours(28), ..unsure(Seen::Unknown) };
    let mut play = Play::with(&record, &intent, &policy);
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
}

#[test]
fn trace_15_what_came_back_too_often_is_published_anew_as_in_doubt() {
    let (intent, policy) = (intent(), policy());
    let headers = Headers::new();
    for (count, renewed) in [(0, false), (RETURNS_MAX - 1, false), (RETURNS_MAX, true), (99, true)]
    {
        let arrival = DeliveryInfo { delivery_count: count, ..arrival(&headers) };
        let mut play = Play::open(&intent, &policy, &arrival);
        let is_renewed = play.next() == Next::HandBack(Duration::from_secs(1));
        assert_eq!(is_renewed, renewed, "{count}");
        assert_eq!(play.case.record().is_in_doubt(), count > 0);
        assert_eq!(play.handed_back().returns, 0);
    }
}

#[test]
fn trace_16_a_duplicate_that_is_not_found_ends() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Duplicate(Some(1103)));
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::Refused(Some(1103))));
}

#[test]
fn trace_19_a_clock_that_jumps_ends_no_quarantine() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(unknown());
    play.wait(SETTLE);
    play.around.now += Duration::from_hours(5);
    for _ in 0..LOOKS {
        assert!(matches!(play.lookup(Lookup::NotFound), Next::Wait(_)));
    }
    play.around.now = start() - Duration::from_hours(5);
    assert!(matches!(play.lookup(Lookup::NotFound), Next::Wait(_)));
    assert_eq!(play.case.record().quarantined, SETTLE);
}

#[test]
fn trace_21_waits_before_the_deadline_are_not_quarantine() {
    let (intent, policy) = (due_in(Duration::from_mins(10)), policy());
    let mut play = Play::first(&intent, &policy);
    play.wait(Duration::from_mins(11)); // in a retry queue, say
    let record = play.returned(Duration::from_mins(10));
    assert_eq!(record.quarantined, Duration::ZERO);
    let headers = record.to_headers(None);
    let now = start() + Duration::from_mins(21);
    let mut play = Play::open(&intent, &policy, &DeliveryInfo { now, ..arrival(&headers) });
    play.wait(Duration::from_mins(10)); // before its first look: still none
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    assert_eq!(play.case.record().quarantined, QUARANTINE + CLOCK_SKEW);
}

// A replica whose clock is ahead has looked; by ours the deadline is still to come.
#[test]
fn trace_25_lookups_before_the_deadline_by_this_clock_are_forgotten() {
    let (intent, policy) = (due_in(Duration::from_mins(10)), policy());
    let record =
        Record { lookups: 2, quarantined: QUARANTINE, ..Record::first(account(), start()) };
    let mut play = Play::with(&record, &intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    assert_eq!((play.case.record().lookups, play.case.record().quarantined), (0, Duration::ZERO));
    play.create(Outcome::NotSent(NotSent::Dns));
    play.around.now += Duration::from_mins(11);
    assert!(matches!(play.until_look(&Lookup::NotFound), Next::Wait(_)));
    assert_eq!(play.lookups(&Lookup::NotFound), failed(Failure::DeadlinePassed));
    assert_eq!(play.case.record().quarantined, QUARANTINE + CLOCK_SKEW);
}

#[test]
fn trace_26_an_unknown_that_is_then_a_duplicate_or_refused_takes_that_kind_and_ends() {
    let (intent, policy) = (intent(), policy());
    for outcome in [Outcome::Duplicate(Some(1103)), Outcome::Refused(Some(1103))] {
        let mut play = Play::first(&intent, &policy);
        play.create(unknown());
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
        play.create(outcome);
        assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::Refused(Some(1103))));
    }
}
