//! Who goes next.

use smartsend::admission::Admission;
use smartsend::admission::signal::Signal;
use smartsend::domain::call::Priority::{self, Lookup, New, Probe, Retry, Spare, Token};

use super::{at, closed, closed_with, enqueue, granted, half_open, limits};

/// What goes at once.
fn going(admission: &mut Admission, now: u64) -> Vec<Priority> {
    granted(admission, at(now)).iter().map(|grant| grant.ticket.priority()).collect()
}

/// What goes when every call is over before the next one goes.
fn going_one_by_one(admission: &mut Admission, now: u64) -> Vec<Priority> {
    let mut went = Vec::new();
    loop {
        let grants = granted(admission, at(now));
        if grants.is_empty() {
            return went;
        }
        for grant in grants {
            went.push(grant.ticket.priority());
            admission.release(&grant);
        }
    }
}

#[test]
fn the_order_is_probe_token_lookup_retry_new() {
    let mut admission = closed();
    for priority in [New, Retry, Lookup, Token, Probe] {
        admission.enqueue(priority);
    }
    // A new create waits, so the retry waits for it.
    assert_eq!(going(&mut admission, 1), [Probe, Token, Lookup, New, Retry]);
}

/// It is there to learn something, and nothing may wait for it.
#[test]
fn what_is_to_spare_goes_only_while_nothing_else_waits_and_requests_flow() {
    let mut admission = closed_with(limits(2));
    for priority in [Spare, New, Retry, Lookup] {
        admission.enqueue(priority);
    }
    assert_eq!(going(&mut admission, 1), [Lookup, New]);
    let mut admission = closed_with(limits(2));
    enqueue(&mut admission, [Spare, New, New]);
    let grants = granted(&mut admission, at(1));
    assert_eq!(grants.iter().map(|grant| grant.ticket.priority()).collect::<Vec<_>>(), [New, New]);
    assert_eq!(granted(&mut admission, at(2)), [], "it needs a place too");
    admission.release(&grants[0]);
    assert_eq!(going(&mut admission, 2), [Spare]);
    assert_eq!(admission.in_flight(), 2);

    let mut admission = half_open();
    admission.enqueue(Spare);
    assert_eq!(going(&mut admission, 1), [], "a probe of the breaker is not for it to be");
}

#[test]
fn within_a_priority_they_go_in_the_order_of_arrival() {
    for priority in [Probe, Token, Lookup, Retry, New] {
        let mut admission = closed();
        let tickets = enqueue(&mut admission, [priority; 5]);
        let grants = granted(&mut admission, at(1));
        assert_eq!(grants.iter().map(|grant| grant.ticket).collect::<Vec<_>>(), tickets);
    }
}

#[test]
fn who_gives_up_leaves_the_queue() {
    let mut admission = closed();
    let [first, second, third] = enqueue(&mut admission, [New; 3]);
    admission.leave(second);
    let grants = granted(&mut admission, at(1));
    assert_eq!(grants.iter().map(|grant| grant.ticket).collect::<Vec<_>>(), [first, third]);
    assert_eq!(admission.in_flight(), 2);
}

#[test]
fn as_many_calls_are_in_flight_as_the_concurrency_allows() {
    let mut admission = closed_with(limits(3));
    enqueue(&mut admission, [New, Retry, Lookup, New, Token, Probe]);
    let grants = granted(&mut admission, at(1));
    assert_eq!(grants.len(), 5, "a token and a probe are not calls in flight");
    assert_eq!(admission.in_flight(), 3);
    admission.release(&grants[0]);
    admission.release(&grants[1]);
    assert_eq!(admission.in_flight(), 3, "a token and a probe hold no place");
    admission.release(&grants[2]);
    assert_eq!(granted(&mut admission, at(1)).len(), 1);
}

#[test]
fn while_a_new_create_waits_every_second_permit_goes_to_one() {
    let mut admission = closed_with(limits(1));
    enqueue(&mut admission, [Lookup, Lookup, Retry, New, New, New, New]);
    let went = going_one_by_one(&mut admission, 1);
    assert_eq!(went, [Lookup, New, Retry, New, Lookup, New, New]);
}

/// Lookups and retries count together: neither is a way around the other's share.
#[test]
fn a_new_create_that_comes_after_many_lookups_is_next() {
    let mut admission = closed_with(limits(1));
    enqueue(&mut admission, [Lookup, Lookup, Retry]);
    let first = granted(&mut admission, at(1));
    enqueue(&mut admission, [New, New]);
    admission.release(&first[0]);
    assert_eq!(going_one_by_one(&mut admission, 1), [New, Retry, New, Lookup]);
}

/// However many lookups come, a create that one of them has led to does not become too old.
#[test]
fn a_retry_waits_for_one_lookup_at_most_and_a_lookup_for_one_retry() {
    let mut admission = closed_with(limits(1));
    enqueue(&mut admission, [Lookup; 4]);
    enqueue(&mut admission, [Retry; 4]);
    let went = going_one_by_one(&mut admission, 1);
    assert_eq!(went, [Lookup, Retry, Lookup, Retry, Lookup, Retry, Lookup, Retry]);
}

/// Lookups that get no answer keep their places for the whole timeout.
#[test]
fn while_a_new_create_waits_lookups_and_retries_hold_at_most_half_of_the_places() {
    for (concurrency, repeats_max) in [(16, 8), (5, 2), (3, 1), (2, 1), (1, 1)] {
        let mut admission = closed_with(limits(concurrency));
        enqueue(&mut admission, [Lookup; 20]);
        enqueue(&mut admission, [Retry; 20]);
        enqueue(&mut admission, [New; 20]);
        let went = going(&mut admission, 1);
        let repeats = went.iter().filter(|priority| priority.is_repeat()).count();
        assert_eq!((went.len(), repeats), (concurrency as usize, repeats_max), "{went:?}");
    }
}

#[test]
fn while_no_new_create_waits_lookups_and_retries_have_all_the_places() {
    let mut admission = closed_with(limits(16));
    enqueue(&mut admission, [Lookup; 10]);
    enqueue(&mut admission, [Retry; 10]);
    assert_eq!(going(&mut admission, 1).len(), 16);
}

#[test]
fn under_backpressure_probes_and_tokens_go_and_nothing_else() {
    let mut admission = closed();
    admission.set_backpressure(true);
    enqueue(&mut admission, [New, Retry, Lookup, Token, Probe]);
    assert_eq!(going(&mut admission, 1), [Probe, Token]);
    admission.set_backpressure(false);
    assert_eq!(going(&mut admission, 1), [Lookup, New, Retry]);
}

/// Only a create closes the breaker, and a lookup can take as long as the timeout.
#[test]
fn while_half_open_one_call_goes_at_a_time_and_creates_before_lookups() {
    let mut admission = half_open();
    enqueue(&mut admission, [Lookup, Lookup, New, Retry, Token]);
    assert_eq!(going(&mut admission, 1), [Token, Retry]);
    assert_eq!(admission.in_flight(), 1);

    let mut admission = half_open();
    enqueue(&mut admission, [Lookup, Lookup, New, Retry]);
    assert_eq!(going_one_by_one(&mut admission, 1), [Retry, New, Lookup, Lookup]);
}

#[test]
fn while_half_open_retries_leave_new_creates_every_second_permit_too() {
    let mut admission = half_open();
    enqueue(&mut admission, [Retry, Retry, Retry, New, New]);
    assert_eq!(going_one_by_one(&mut admission, 1), [Retry, New, Retry, New, Retry]);
}

#[test]
fn a_half_open_breaker_lets_the_others_go_once_a_create_is_answered() {
    let mut admission = half_open();
    enqueue(&mut admission, [New; 5]);
    assert_eq!(going(&mut admission, 1), [New]);
    admission.record(None, Signal::Answered, at(2));
    assert_eq!(going(&mut admission, 2), [New; 4]);
}

/// What was in flight when it became half-open counts as the one call.
#[test]
fn who_takes_over_sends_nothing_before_what_was_in_flight_is_over() {
    let mut admission = closed();
    enqueue(&mut admission, [New, New]);
    let before = granted(&mut admission, at(1));
    admission.on_activated(at(1));
    admission.enqueue(New);
    admission.release(&before[0]);
    assert_eq!(going(&mut admission, 2), []);
    admission.release(&before[1]);
    assert_eq!(going(&mut admission, 2), [New]);
}
