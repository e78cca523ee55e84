//! What a lookup's answer means.

use super::*;

#[test]
fn the_documented_not_found_is_not_found() {
    assert_eq!(lookup(200, Some(not_found())), Lookup::NotFound);
    assert_eq!(lookup(404, Some(not_found())), Lookup::NotFound);
    assert_eq!(lookup(200, Some(refusal(&[1112], &["SmartPay Link not found"]))), Lookup::NotFound);
    assert_eq!(lookup(200, Some(refusal(&[1112], &[]))), Lookup::NotFound);
    assert_eq!(lookup(200, Some(refusal(&[], &["Record NOT FOUND"]))), Lookup::NotFound);
    let wordless = Envelope { texts: Vec::new(), ..not_found() };
    assert_eq!(lookup(200, Some(wordless)), Lookup::NotFound);
    let mut blank = not_found();
    blank.data.link = Some(Private::new(""));
    blank.data.link_status = Some(String::new());
    assert_eq!(lookup(200, Some(blank)), Lookup::NotFound);
}

// Each of these, taken for "not found", would in the end send again or announce that there is none.
#[test]
fn a_failure_that_does_not_say_not_found_is_a_failed_look() {
    let odd = Lookup::Failed(LookupFailure::Odd);
    assert_eq!(lookup(200, Some(refusal(&[], &["Something went wrong"]))), odd);
    assert_eq!(lookup(200, Some(refusal(&[], &[]))), odd);
    assert_eq!(lookup(200, Some(refusal(&[1100], &["not found"]))), odd);
    assert_eq!(lookup(200, Some(refusal(&[1112, 1128], &[]))), odd);
    let spring = Envelope { status: 404, ..refusal(&[], &["Not Found", "No message available"]) };
    assert_eq!(lookup(404, Some(spring.clone())), odd);
    assert_eq!(lookup(200, Some(spring)), odd);
    assert_eq!(lookup(200, None), odd);
    assert_eq!(lookup(200, Some(success(None))), odd);
    let with_link = Envelope { status: 1, ..found(LINK) };
    assert_eq!(lookup(200, Some(with_link)), odd);
}

#[test]
fn a_lookup_reads_only_2xx_and_404_and_every_other_status_fails_it() {
    for status in 100..=599 {
        let expected = match status {
            429 => Lookup::Throttled(None),
            401 => Lookup::Denied(Denial::Unauthorized),
            200..=299 | 404 => Lookup::NotFound,
            _ => Lookup::Failed(LookupFailure::Status(status)),
        };
        assert_eq!(lookup(status, Some(not_found())), expected, "{status}");
    }
}

// Trace 17: a lookup for an unknown reference answers 403; the gate closed and opened for ever.
#[test]
fn trace_17_a_lookups_403_is_a_failed_lookup_and_denies_nobody() {
    assert_eq!(lookup(403, None), Lookup::Failed(LookupFailure::Status(403)));
    assert_eq!(
        lookup(403, Some(refusal(&[1100], &[]))),
        Lookup::Failed(LookupFailure::Status(403))
    );
}

#[test]
fn a_link_is_closed_when_details_calls_it_final_and_lives_by_any_other_word() {
    for (status, closed) in [
        ("EXPIRED", true),
        ("CANCELLED", true),
        ("REJECTED", true),
        ("FAILED", true),
        ("expired", true),
        (" Failed ", true),
        ("PENDING", false),
        ("APPROVAL_PENDING", false),
        ("APPROVED", false),
        ("INITIATED", false),
        ("SUCCESS", false),
        ("SOMETHING_NEW", false),
    ] {
        let mut envelope = found(LINK);
        envelope.data.link_status = Some(status.to_owned());
        let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!("{status}") };
        assert_eq!(details.status.is_closed(), closed, "{status}");
    }
}

#[test]
fn a_found_link_may_be_absent_and_an_empty_one_is_absent() {
    for link in [None, Some(Private::new("")), Some(Private::new(" "))] {
        let mut envelope = found(LINK);
        envelope.data.link = link;
        let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!() };
        assert_eq!(details.link, DetailsLink::Absent);
    }
}
