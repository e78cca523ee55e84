//! Rows of what a lookup can show, and when lookups are due.

use super::*;

fn duplicate_reference() -> Next {
    Next::Settle(Verdict::Rejected(Rejection::DuplicateReference))
}

#[test]
fn a_found_link_for_the_same_amount_and_customer_is_link_created_recovered() {
    let (intent, policy) = (intent(), policy());
    for kind in RESENDABLE.into_iter().chain([Seen::Duplicate, Seen::Refused]) {
        let mut play = Play::with(&unsure(kind), &intent, &policy);
        assert_eq!(play.until_look(&Lookup::Found(found())), made(true), "{kind:?}");
    }
    let overdue = Intent { deadline: Some(start() - SETTLE), ..intent.clone() };
    assert_eq!(Play::first(&overdue, &policy).until_look(&Lookup::Found(found())), made(true));
}

#[test]
fn another_amount_and_customer_after_a_clean_first_duplicate_is_a_duplicate_reference() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Duplicate(Some(1125)));
    assert_eq!(play.until_look(&found_other()), duplicate_reference());
    // Another amount is another intent too, and a crash in between changes nothing.
    let record = play.handed_back();
    let headers = record.to_headers(None);
    let back = DeliveryInfo { redelivered: true, delivery_count: 1, ..arrival(&headers) };
    let mut play = Play::open(&intent, &policy, &back);
    assert_eq!(play.until_look(&found_other()), duplicate_reference());
}

// Details may print a field in another way than it was sent. `DUPLICATE_REFERENCE` invites a second
// payout, so it takes two fields, each of which was seen to come back as it was sent.
#[test]
fn a_difference_that_may_be_one_of_presentation_is_a_conflict() {
    let (intent, policy) = (intent(), policy());
    let amount = Amount::parse("7").ok();
    let conflict = parked(Unresolved::ReferenceConflict);
    for look in [found_conflict(), Lookup::Found(Details { amount, ..found() })] {
        let mut play = Play::first(&intent, &policy);
        play.create(Outcome::Duplicate(Some(1125)));
        assert_eq!(play.until_look(&look), conflict);
    }
    for faithful in [
        Fields::default(),
        Fields { amount: true, ..Fields::default() },
        Fields { mobile: true, ..Fields::default() },
    ] {
        let mut play = Play::first(&intent, &policy);
        play.around.readback.faithful = faithful;
        play.create(Outcome::Duplicate(Some(1125)));
        assert_eq!(play.lookups(&found_other()), conflict, "{faithful:?}");
    }
    // What looks different, and is not known to be, is looked up again first.
    let mut play = Play::first(&intent, &policy);
    play.around.readback.faithful = Fields::default();
    play.create(Outcome::Duplicate(Some(1125)));
    assert!(matches!(play.until_look(&found_other()), Next::Wait(_)));
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
}

#[test]
fn a_link_that_was_given_for_another_reference_is_looked_up_again_and_then_parked() {
    let (intent, policy) = (intent(), policy());
    let repeated = Lookup::Found(Details { link: DetailsLink::Repeated, ..found() });
    let mut play = Play::first(&intent, &policy);
    assert_eq!(play.create(Outcome::Unknown(UnknownReason::RepeatedLink)), Next::Wait(SETTLE));
    assert!(matches!(play.until_look(&repeated), Next::Wait(_)));
    assert_eq!(play.lookups(&repeated), parked(Unresolved::LinkRepeated));
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Unknown(UnknownReason::RepeatedLink));
    play.until_look(&repeated);
    assert_eq!(play.until_look(&Lookup::Found(found())), made(true));
}

#[test]
fn another_customer_in_any_other_case_is_parked() {
    let (intent, policy) = (intent(), policy());
    let conflict = parked(Unresolved::ReferenceConflict);
    for kind in RESENDABLE.into_iter().chain([Seen::Refused]) {
        let mut play = Play::with(&unsure(kind), &intent, &policy);
        assert_eq!(play.until_look(&found_other()), conflict, "{kind:?}");
    }
    // A duplicate that answers a resend: the first create may be what it is a duplicate of.
    let mut play = Play::first(&intent, &policy);
    play.create(unknown());
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    play.create(Outcome::Duplicate(Some(1103)));
    assert_eq!(play.until_look(&found_other()), conflict);
    // The same after a delivery that was cut short.
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    play.create(Outcome::Duplicate(Some(1103)));
    assert_eq!(play.until_look(&found_other()), conflict);
}

#[test]
fn a_link_that_cannot_be_identified_is_looked_up_again_and_then_parked() {
    let (intent, policy) = (intent(), policy());
    let anonymous = Lookup::Found(Details { mobile: None, ..found() });
    for vague in [found_vague(), anonymous] {
        for kind in RESENDABLE.into_iter().chain([Seen::Duplicate, Seen::Refused]) {
            let mut play = Play::with(&unsure(kind), &intent, &policy);
            assert!(matches!(play.until_look(&vague), Next::Wait(_)), "{kind:?}");
            assert_eq!(play.lookups(&vague), parked(Unresolved::LinkUnknown), "{kind:?}");
            assert!(play.case.record().quarantined >= QUARANTINE);
            // Until then a better answer is welcome.
            let mut play = Play::with(&unsure(kind), &intent, &policy);
            play.until_look(&vague);
            assert_eq!(play.lookups(&Lookup::Found(found())), made(true));
        }
    }
}

#[test]
fn the_quarantine_of_a_link_that_cannot_be_identified_is_over_when_it_has_lasted_that_long() {
    let (intent, policy) = (intent(), policy());
    for (quarantined, is_over) in [(Duration::from_secs(299), false), (QUARANTINE, true)] {
        let record = Record { quarantined, ..unsure(Seen::Duplicate) };
        let next = Play::with(&record, &intent, &policy).lookup(found_vague());
        assert_eq!(next == parked(Unresolved::LinkUnknown), is_over, "{next:?}");
    }
}

// Details may show a link once and not the next time. What was shown is known to exist.
#[test]
fn a_link_that_details_has_shown_once_is_never_created_again() {
    let (intent, policy) = (intent(), policy());
    for kind in RESENDABLE {
        let mut play = Play::with(&unsure(kind), &intent, &policy);
        play.until_look(&found_vague());
        let record = play.handed_back();
        let mut play = Play::with(&record, &intent, &policy);
        let end = play.lookups(&Lookup::NotFound);
        assert!(matches!(end, Next::Settle(Verdict::Unresolved(_))), "{kind:?}: {end:?}");
        // Nor does it look as if its own create had been the one that was a duplicate.
        let mut play = Play::with(&record, &intent, &policy);
        assert_eq!(play.until_look(&found_other()), parked(Unresolved::ReferenceConflict));
    }
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy };
    let mut play = Play::first(&intent, &strict);
    assert!(matches!(play.lookup(found_vague()), Next::Wait(_)));
    let end = play.lookups(&Lookup::NotFound);
    assert!(matches!(end, Next::Settle(Verdict::Unresolved(_))), "{end:?}");
}

// It was answered by a create, and says more than a lookup without a link.
#[test]
fn a_lookup_that_shows_nothing_takes_no_kind_no_code_and_no_attempt_from_a_duplicate_or_a_refusal()
{
    let (intent, policy) = (intent(), policy());
    for outcome in [Outcome::Duplicate(Some(1103)), Outcome::Refused(Some(1128))] {
        let mut play = Play::first(&intent, &policy);
        play.create(outcome);
        let before = play.case.record().clone();
        assert!(matches!(play.lookup(found_vague()), Next::Wait(_)));
        assert_eq!(play.case.record(), &before);
    }
    let mut play = Play::first(&intent, &policy);
    play.create(Outcome::Duplicate(Some(1103)));
    play.until_look(&found_vague());
    assert_eq!(play.until_look(&found_other()), duplicate_reference());
}

#[test]
fn a_dead_link_is_parked_and_never_sent_out() {
    let (intent, policy) = (intent(), policy());
    let dead = Lookup::Found(Details { status: LinkStatus::Expired, ..found() });
    for kind in RESENDABLE.into_iter().chain([Seen::Duplicate, Seen::Refused]) {
        let mut play = Play::with(&unsure(kind), &intent, &policy);
        assert_eq!(play.until_look(&dead), parked(Unresolved::LinkClosed), "{kind:?}");
    }
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy };
    assert_eq!(Play::first(&intent, &strict).lookup(dead), parked(Unresolved::LinkClosed));
}

#[test]
fn a_found_link_on_a_foreign_host_is_parked() {
    let (intent, policy) = (intent(), policy());
    let foreign = Lookup::Found(Details { link: DetailsLink::Foreign, ..found() });
    let mut play = Play::with(&unsure(Seen::Unknown), &intent, &policy);
    assert_eq!(play.until_look(&foreign), parked(Unresolved::LinkHost));
    let anonymous = Lookup::Found(Details { link: DetailsLink::Foreign, mobile: None, ..found() });
    let mut play = Play::with(&unsure(Seen::Duplicate), &intent, &policy);
    assert_eq!(play.until_look(&anonymous), parked(Unresolved::LinkHost));
}

#[test]
fn a_failed_lookup_does_not_count_and_waits_longer_each_time() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::with(
        &Record { quarantined: QUARANTINE, lookups: 9, ..unsure(Seen::Unknown) },
        &intent,
        &policy,
    );
    let mut waits = Vec::new();
    for _ in 0..9 {
        let Next::Wait(wait) = play.lookup(failed_look()) else { panic!() };
        waits.push(wait.as_secs());
        assert_eq!(play.case.record().lookups, 9);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 320, 320]);
}

#[test]
fn lookups_go_from_the_first_in_even_steps_to_the_end_of_the_quarantine() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(unknown());
    let mut at = Vec::new();
    loop {
        match play.next() {
            Next::Wait(wait) => {
                play.wait(wait);
            }
            Next::Lookup => {
                at.push(play.case.record().quarantined.as_millis());
                match play.lookup(Lookup::NotFound) {
                    Next::Wait(wait) => {
                        play.wait(wait);
                    }
                    other => break assert_eq!(kind(&other), Some(CreateKind::Resend)),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(at, [5_000, 152_500, 300_000]);
}

#[test]
fn with_any_number_of_lookups_the_last_is_at_the_end_of_the_quarantine() {
    for lookups in 1..=12 {
        let (intent, policy) = (intent(), Policy { lookups, ..policy() });
        let mut play = Play::with(&unsure(Seen::Unknown), &intent, &policy);
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
        let record = play.case.record();
        assert!(
            record.lookups >= lookups && record.lookups <= lookups.max(2) + 1,
            "{lookups}: {record:?}"
        );
        assert!(record.quarantined >= QUARANTINE && record.quarantined <= QUARANTINE + SETTLE);
    }
}

#[test]
fn too_few_lookups_or_a_quarantine_that_is_not_over_mean_another_lookup() {
    let (intent, policy) = (intent(), policy());
    let almost = Duration::from_millis(299_999);
    for (lookups, waited) in [(0, QUARANTINE), (LOOKS - 2, QUARANTINE * 2), (99, almost)] {
        let record = Record { lookups, waited, ..unsure(Seen::Unknown) };
        let mut play = Play::with(&record, &intent, &policy);
        assert!(matches!(play.lookup(Lookup::NotFound), Next::Wait(_)), "{lookups} {waited:?}");
        assert_eq!(play.case.record().lookups, lookups + 1);
    }
}

#[test]
fn in_doubt_by_duplicate_or_refused_and_not_found_parks_with_the_code() {
    let (intent, policy) = (intent(), policy());
    for outcome in [Outcome::Duplicate(Some(1103)), Outcome::Refused(Some(1103))] {
        let mut play = Play::first(&intent, &policy);
        play.create(outcome);
        assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::Refused(Some(1103))));
        assert!(play.case.record().quarantined >= QUARANTINE);
        assert_eq!(play.case.record().lookups, LOOKS);
    }
}

#[test]
fn in_doubt_by_anything_else_and_not_found_is_sent_again_or_parked_as_the_policy_says() {
    let (intent, resend) = (intent(), policy());
    let park = Policy { in_doubt: InDoubtPolicy::Park, ..policy() };
    for seen in RESENDABLE {
        let mut play = Play::with(&unsure(seen), &intent, &resend);
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend), "{seen:?}");
        let mut play = Play::with(&unsure(seen), &intent, &park);
        assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown), "{seen:?}");
    }
}

#[test]
fn a_resend_comes_at_most_once_per_quarantine() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    play.create(unknown());
    for resend in 1..5 {
        assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
        let since = play.around.now;
        assert_eq!(play.create(unknown()), Next::Wait(SETTLE));
        assert_eq!(play.case.record().attempts, resend + 1);
        assert_eq!(
            (play.case.record().lookups, play.case.record().quarantined),
            (0, Duration::ZERO)
        );
        assert!(since >= start() + QUARANTINE * resend);
    }
}

#[test]
fn a_resend_that_was_not_sent_is_looked_up_once_more_before_the_next() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::redelivered(&intent, &policy);
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    assert!(matches!(play.create(Outcome::NotSent(NotSent::Dns)), Next::TryAgain(_)));
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(kind(&play.lookup(Lookup::NotFound)), Some(CreateKind::Resend));
    assert_eq!(play.create(Outcome::Throttled(None)), Next::HandBack(Duration::from_secs(1)));
}

#[test]
fn past_the_deadline_nothing_is_sent_again() {
    let (intent, policy) = (due_in(Duration::from_mins(2)), policy());
    let mut play = Play::first(&intent, &policy);
    assert_eq!(kind(&play.next()), Some(CreateKind::First));
    play.create(unknown());
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
}

#[test]
fn not_found_counts_for_nothing_final_until_details_has_shown_a_link() {
    let (intent, policy) = (intent(), policy());
    let mut play = Play::redelivered(&intent, &policy);
    play.around.readback = Readback::default();
    // It goes through the longest retry queue, and looks again, until `max_age`.
    assert_eq!(play.lookups(&Lookup::NotFound), Next::Return(Duration::from_mins(10)));
    assert_eq!(play.case.record().lookups, LOOKS);
    let record = play.returned(Duration::from_mins(10));
    assert_eq!(record.waited, record.quarantined);
    let mut play = Play::with(&record, &intent, &policy);
    assert_eq!(kind(&play.until_look(&Lookup::NotFound)), Some(CreateKind::Resend));
    let mut play = Play::with(&Record { waited: policy.max_age, ..record }, &intent, &policy);
    play.around.readback = Readback::default();
    assert_eq!(play.until_look(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
    // Whoever would never send again does not wait for it.
    let park = Policy { in_doubt: InDoubtPolicy::Park, ..policy.clone() };
    let mut play = Play::redelivered(&intent, &park);
    play.around.readback = Readback::default();
    assert_eq!(play.lookups(&Lookup::NotFound), parked(Unresolved::OutcomeUnknown));
    let overdue = Intent { deadline: Some(start() - SETTLE), ..intent };
    let mut play = Play::first(&overdue, &policy);
    play.around.readback = Readback::default();
    assert_eq!(play.lookups(&Lookup::NotFound), Next::Return(Duration::from_mins(10)));
    let old = Record { waited: policy.max_age, ..play.handed_back() };
    let mut play = Play::with(&old, &overdue, &policy);
    play.around.readback = Readback::default();
    assert_eq!(play.until_look(&Lookup::NotFound), parked(Unresolved::NotSent));
    // They are counted all the same: a link that is seen at the end is enough.
    let mut play = Play::first(&overdue, &policy);
    play.around.readback = Readback::default();
    while play.case.record().lookups < LOOKS - 1 {
        let Next::Wait(wait) = play.until_look(&Lookup::NotFound) else { panic!() };
        play.wait(wait);
    }
    play.around.readback = shown();
    assert_eq!(play.until_look(&Lookup::NotFound), failed(Failure::DeadlinePassed));
}
