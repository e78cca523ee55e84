//! What follows for one row, by a table.

use smartsend::domain::classify::lookup::DetailsLink;
use smartsend::domain::event::Fact;
use smartsend::reconcile::events::Announced;
use smartsend::reconcile::findings::{Next, Outcome};
use smartsend::reconcile::seen::Unlearnt;
use smartsend::reconcile::verdict::{Agreement, Class, Verdict, judge};

use super::*;
use crate::support::canary::OTHER_MOBILE;

/// What events have announced, each at nine o'clock and over 100 rupees.
fn announced(facts: &[Fact]) -> Announced {
    let mut announced = Announced::default();
    for fact in facts {
        announced.add(*fact, Some(amount("100")), Some(at("2026-11-24T09:00:00Z")));
    }
    announced
}

fn class(row: &Row, facts: &[Fact], seen: &Seen) -> Class {
    let announced = (!facts.is_empty()).then(|| announced(facts));
    judge(row, announced.as_ref(), seen, &undated()).class()
}

fn claims() -> [Claim; 4] {
    let link = Claim::Link(Private::new(LINK));
    [Claim::Wanted(None), link, Claim::Open, Claim::Parked]
}

#[test]
fn what_is_to_be_paid_and_is_there_matches_unless_somebody_says_otherwise() {
    use Class::{Differing, Matched};
    // FILE: to be paid, has a link, open, parked.
    for (facts, expected) in [
        (&[][..], [Matched, Matched, Differing, Differing]),
        (&[Fact::Nothing], [Matched, Matched, Differing, Differing]),
        (&[Fact::Link], [Matched; 4]),
        (&[Fact::Parked, Fact::Link], [Matched; 4]),
        (&[Fact::Parked], [Differing; 4]),
        (&[Fact::NoLink], [Differing; 4]),
        (&[Fact::Link, Fact::NoLink], [Differing; 4]),
        (&[Fact::Cancelled], [Differing; 4]),
    ] {
        for (claim, expected) in claims().into_iter().zip(expected) {
            let row = pays(2, "a", "100", claim);
            assert_eq!(class(&row, facts, &link(|_| ())), expected, "{facts:?}");
        }
    }
}

#[test]
fn what_is_to_be_paid_and_is_not_there_is_missing_unless_it_gets_no_link() {
    use Class::{Matched, MissingAtPayu};
    for (facts, expected) in [
        (&[][..], [MissingAtPayu; 4]),
        (&[Fact::Nothing], [MissingAtPayu; 4]),
        (&[Fact::Link], [MissingAtPayu; 4]),
        (&[Fact::Cancelled], [MissingAtPayu; 4]),
        (&[Fact::Parked], [MissingAtPayu; 4]),
        // A failure explains it, but where somebody has seen a link.
        (&[Fact::NoLink], [Matched, MissingAtPayu, Matched, Matched]),
        (&[Fact::Link, Fact::NoLink], [MissingAtPayu; 4]),
    ] {
        for (claim, expected) in claims().into_iter().zip(expected) {
            let row = pays(2, "a", "100", claim);
            assert_eq!(class(&row, facts, &nothing()), expected, "{facts:?}");
        }
    }
}

#[test]
fn a_link_that_file_denies_is_unknown_to_us_whoever_tells_of_it() {
    use Class::{Matched, UnknownToUs};
    for (facts, seen, expected) in [
        (&[][..], nothing(), Matched),
        (&[Fact::NoLink], nothing(), Matched),
        (&[Fact::Parked], nothing(), Matched),
        (&[Fact::Link], nothing(), UnknownToUs),
        (&[Fact::Cancelled], nothing(), UnknownToUs),
        (&[], link(|_| ()), UnknownToUs),
        (&[Fact::NoLink], link(|_| ()), UnknownToUs),
        (&[], worded(Some("EXPIRED"), None, |_| ()), UnknownToUs),
    ] {
        assert_eq!(class(&no_link(2, "a", "failed"), facts, &seen), expected, "{facts:?} {seen:?}");
    }
}

#[test]
fn each_state_of_a_link_matches_only_if_it_does_what_it_was_made_for() {
    for (status, payment, matches) in [
        ("PENDING", None, true),
        ("APPROVAL_PENDING", None, true),
        ("APPROVED", None, true),
        ("INITIATED", None, true),
        ("SUCCESS", Some("SUCCESS"), true),
        ("EXPIRED", Some("SUCCESS"), true),
        ("PENDING", Some("FAILED"), true),
        ("SUCCESS", Some("REVERSED"), false),
        ("EXPIRED", Some("FAILED"), false),
        ("EXPIRED", None, false),
        ("CANCELLED", None, false),
        ("REJECTED", None, false),
        ("FAILED", None, false),
        ("GONE FISHING", None, false),
    ] {
        let seen = worded(Some(status), payment, |_| ());
        let expected = if matches { Class::Matched } else { Class::Differing };
        assert_eq!(class(&wanted(2, "a", "100"), &[], &seen), expected, "{status} {payment:?}");
    }
    // Its event explains it.
    let cancelled = worded(Some("CANCELLED"), None, |_| ());
    let facts = [Fact::Link, Fact::Cancelled];
    assert_eq!(class(&wanted(2, "a", "100"), &facts, &cancelled), Class::Matched);
}

fn differences(row: &Row, announced: Option<&Announced>, seen: &Seen, reveal: bool) -> Vec<String> {
    let verdict = judge(row, announced, seen, &undated());
    let Verdict::Differing(differences) = &verdict else { panic!("{verdict:?}") };
    differences.iter().map(|it| it.text(reveal)).collect()
}

#[test]
fn each_field_that_differs_is_named_with_both_values_and_nothing_private() {
    let row = pays(2, "a", "100", Claim::Link(Private::new(LINK)));
    let other = LinkHosts::Any.admit(&Private::new("https://payu.in/l?id=2")).unwrap();
    let seen = worded(Some("EXPIRED"), Some("FAILED"), |details| {
        details.amount = Some(amount("90"));
        details.mobile = Some(Private::new(OTHER_MOBILE));
        if let DetailsLink::Here(made) = &mut details.link {
            made.link = other;
        }
    });
    let mut events = Announced::default();
    events.add(Fact::Link, Some(amount("80.5")), None);
    assert_eq!(
        differences(&row, Some(&events), &seen, false),
        [
            "amount: FILE 100.00, event 80.50, PayU 90.00",
            "status: FILE created, PayU EXPIRED, payment FAILED",
            "link: FILE hidden, PayU hidden",
            "custMobile: FILE hidden, PayU hidden",
        ]
    );
    let shown = differences(&row, Some(&events), &seen, true);
    assert_eq!(shown[2], format!("link: FILE {LINK}, PayU https://payu.in/l?id=2"));
    assert_eq!(shown[3], format!("custMobile: FILE {MOBILE}, PayU {OTHER_MOBILE}"));
    let foreign = link(|details| details.link = DetailsLink::Foreign);
    assert_eq!(
        differences(&wanted(2, "a", "100"), None, &foreign, true),
        ["link: FILE -, PayU on a host that is not in link_hosts"]
    );
}

#[test]
fn a_difference_in_presentation_is_none_and_what_cannot_be_compared_is_no_match() {
    let row = pays(2, "a", "100.00", Claim::Link(Private::new(LINK.replace("%2B", "+"))));
    let masked = link(|details| details.mobile = Some(Private::new("******9999")));
    for (seen, contact_compared) in [(&masked, false), (&link(|_| ()), true)] {
        let verdict = judge(&row, None, seen, &undated());
        let Verdict::Matched(agreement) = verdict else { panic!("{verdict:?}") };
        assert_eq!(agreement, Agreement::Link { contact_compared });
    }
    let linkless = link(|details| details.link = DetailsLink::Absent);
    assert_eq!(class(&row, &[], &linkless), Class::Matched);
    let unpriced = link(|details| details.amount = None);
    assert_eq!(class(&row, &[], &unpriced), Class::NotLookedAt);
}

#[test]
fn what_is_younger_than_the_quarantine_is_too_early_to_tell_from_the_latest_moment_known() {
    let row = wanted(2, "a", "100");
    for (sent, event, expected) in [
        (None, None, Class::MissingAtPayu),
        (Some("2026-11-24T09:55:00Z"), None, Class::MissingAtPayu),
        (Some("2026-11-24T09:55:01Z"), None, Class::TooEarly),
        (None, Some("2026-11-24T09:55:00Z"), Class::MissingAtPayu),
        (None, Some("2026-11-24T09:55:01Z"), Class::TooEarly),
        (Some("2026-11-24T08:00:00Z"), Some("2026-11-24T09:59:00Z"), Class::TooEarly),
        (Some("2026-11-24T09:59:00Z"), Some("2026-11-24T08:00:00Z"), Class::TooEarly),
        (Some("2027-01-01T00:00:00Z"), None, Class::TooEarly),
    ] {
        let timing = sent.map_or_else(undated, sent_at);
        let events = event.map(|time| {
            let mut announced = Announced::default();
            announced.add(Fact::Link, None, Some(at(time)));
            announced
        });
        let verdict = judge(&row, events.as_ref(), &nothing(), &timing);
        assert_eq!(verdict.class(), expected, "{sent:?} {event:?}");
    }
    let timing = sent_at("2026-11-24T09:55:01Z");
    let early = judge(&row, None, &nothing(), &timing);
    assert!(early.evidence(false).ends_with("after 2026-11-24T10:00:01Z"), "{early:?}");
    let missing = judge(&row, None, &nothing(), &undated());
    assert!(missing.evidence(false).ends_with("how old it is, nobody says"), "{missing:?}");
    // What is there, or gets no link, is so at any age.
    let linked = judge(&row, None, &link(|_| ()), &timing);
    assert_eq!(linked.class(), Class::Matched);
}

#[test]
fn only_what_nobody_ever_told_of_is_sent_again_and_only_what_is_parked_is_replayed() {
    let (old, young) = (sent_at("2026-11-24T09:00:00Z"), sent_at("2026-11-24T09:59:00Z"));
    let next = |row: &Row, facts: &[Fact], readback: bool, timing: &Timing| {
        let rows = vec![row.clone(), wanted(3, "other", "100")];
        let other = if readback { link(|_| ()) } else { nothing() };
        let mut findings =
            findings(rows, &[("a", nothing()), ("other", other)], &Events::default(), timing);
        let item = &mut findings.items[0];
        item.announced = (!facts.is_empty()).then(|| announced(facts));
        item.verdict = judge(row, item.announced.as_ref(), &nothing(), timing);
        findings.next(&findings.items[0])
    };
    let row = wanted(2, "a", "100");
    assert_eq!(next(&row, &[], true, &old), Some(Next::Submit));
    for (facts, readback, timing, expected) in [
        (&[][..], false, &old, Next::LookUp),
        (&[], true, &undated(), Next::LookUp),
        (&[], true, &young, Next::AskAgain),
        (&[Fact::Nothing], true, &old, Next::LookUp),
        (&[Fact::Link], true, &old, Next::LookUp),
        (&[Fact::Parked], true, &old, Next::Replay),
        (&[Fact::Parked, Fact::Link], true, &old, Next::LookUp),
    ] {
        assert_eq!(next(&row, facts, readback, timing), Some(expected), "{facts:?}");
    }
    for claim in [Claim::Wanted(None), Claim::Open, Claim::Link(Private::new(LINK))] {
        let row = pays(2, "a", "100", claim);
        assert_eq!(next(&row, &[], true, &old), Some(Next::LookUp));
    }
    // An event that cannot be read may announce it.
    let answers = [("a", nothing()), ("b", link(|_| ()))];
    let rows = vec![row, wanted(3, "b", "100")];
    let mut found = findings(rows, &answers, &Events::default(), &old);
    assert_eq!(found.next(&found.items[0]), Some(Next::Submit));
    found.broken_events = 1;
    assert_eq!(found.next(&found.items[0]), Some(Next::LookUp));
    let parked = pays(2, "a", "100", Claim::Parked);
    assert_eq!(next(&parked, &[], true, &old), Some(Next::Replay));
    assert_eq!(next(&no_link(2, "a", "failed"), &[], true, &old), None);
}

#[test]
fn a_parked_intent_whose_link_is_there_is_replayed_so_that_it_is_announced() {
    let rows = vec![
        pays(2, "a", "100", Claim::Parked),
        pays(3, "b", "99", Claim::Parked),
        pays(4, "c", "100", Claim::Open),
    ];
    let answers = [("a", link(|_| ())), ("b", link(|_| ())), ("c", link(|_| ()))];
    let findings = findings(rows, &answers, &Events::default(), &undated());
    let next: Vec<_> = findings.items.iter().map(|item| findings.next(item)).collect();
    assert_eq!(next, [Some(Next::Replay), Some(Next::LookUp), Some(Next::LookUp)]);
}

#[test]
fn what_was_not_learnt_is_never_a_match() {
    let failed = Seen::Unlearnt(Unlearnt::Unanswered("PayU did not answer".to_owned()));
    for row in [wanted(2, "a", "100"), no_link(2, "a", "failed")] {
        assert_eq!(class(&row, &[Fact::Link], &failed), Class::NotLookedAt);
    }
    // A reference that comes again would count one link twice.
    let rows = vec![wanted(2, "a", "100"), wanted(3, "a", "100"), wanted(4, "b", "7")];
    let found = findings(rows, &[("a", link(|_| ()))], &Events::default(), &undated());
    let classes: Vec<_> = found.items.iter().map(|item| item.verdict.class()).collect();
    assert_eq!(classes, [Class::Matched, Class::NotLookedAt, Class::NotLookedAt]);
    let why = found.items[1].verdict.evidence(false);
    assert!(why.starts_with("its reference is that of row 2"), "{why}");
    assert_eq!(found.outcome(), Outcome::Undecided);
    assert_eq!(found.stopped_after(), Some(3));
}
