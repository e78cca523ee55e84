//! How long is waited, and in which queue.

use super::*;

use smartsend::domain::call::Priority;
use smartsend::domain::retry_delays::{RetryDelay, quick_wait_max};

#[test]
fn the_queue_is_the_longest_that_is_not_above_the_time_left_else_the_shortest() {
    let delays = policy().delays;
    let all: Vec<Duration> = delays.iter().map(RetryDelay::duration).collect();
    let indices: Vec<usize> = delays.iter().map(RetryDelay::index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    assert_eq!(all, [1, 5, 30, 120, 600].map(Duration::from_secs));
    assert_eq!(delays.durations(), all);
    assert_eq!(delays.shortest().duration(), Duration::from_secs(1));
    for (left_millis, seconds) in [
        (0, 1),
        (999, 1),
        (1_000, 1),
        (4_999, 1),
        (5_000, 5),
        (29_999, 5),
        (130_000, 120),
        (600_000, 600),
        (86_400_000, 600),
    ] {
        let left = Duration::from_millis(left_millis);
        assert_eq!(delays.within(left).duration(), Duration::from_secs(seconds), "{left:?}");
    }
}

#[test]
fn delays_ascend_and_there_is_at_least_one() {
    let of = |seconds: &[u64]| {
        RetryDelays::new(&seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>())
    };
    assert_eq!((of(&[]), of(&[5, 1]), of(&[1, 1])), (None, None, None));
    let one = of(&[7]).unwrap();
    let waits = [one.shortest(), one.after(9), one.longest()].map(RetryDelay::duration);
    assert_eq!(waits, [Duration::from_secs(7); 3]);
    assert_eq!(of(&[1, 5]).unwrap().longest(), of(&[1, 5]).unwrap().after(1));
}

#[test]
fn a_quick_try_waits_twice_as_long_each_time_up_to_a_limit() {
    let waits = [0, 1, 2, 3, 4, 5, u32::MAX].map(quick_wait_max);
    assert_eq!(waits, [100, 200, 400, 800, 1600, 1600, 1600].map(Duration::from_millis));
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    for millis in [200, 400] {
        let decision = play.create(Outcome::NotSent(NotSent::Connect));
        assert_eq!(decision, Next::TryAgain(Duration::from_millis(millis)));
    }
}

#[test]
fn a_create_that_was_tried_before_gives_way_to_others() {
    let (intent, policy) = (intent(), policy());
    let priority = |play: &mut Play<'_>| {
        play.next();
        let Some(Decision::Attempt(call)) = &play.decision else { panic!() };
        call.priority()
    };
    let mut first = Play::first(&intent, &policy);
    assert_eq!(priority(&mut first), Priority::New);
    first.create(Outcome::NotSent(NotSent::Connect));
    assert_eq!(priority(&mut first), Priority::Retry);
    for (returns, expected) in [(0, Priority::New), (1, Priority::Retry), (2, Priority::Retry)] {
        let record = Record { returns, ..Record::first(account(), start()) };
        assert_eq!(priority(&mut Play::with(&record, &intent, &policy)), expected, "{returns}");
    }
}

#[test]
fn a_first_create_starts_while_its_delivery_is_young_and_a_resend_within_a_lease_from_now() {
    let (intent, policy) = (due_in(SETTLE), policy());
    let mut play = Play::first(&intent, &policy);
    play.around.age = SETTLE;
    play.next();
    let Some(Decision::Attempt(call)) = play.decision.clone() else { panic!() };
    assert_eq!((call.must_start_by(), call.needs_vouching()), (LEASE, false));
    let almost = Duration::from_millis(59_999);
    let at = |after, age| Surroundings { now: start() + after, age, ..around() };
    assert_eq!(call.start(&at(SETTLE, almost)), Start::Now);
    assert_eq!(call.start(&at(SETTLE, LEASE)), Start::Late);
    assert_eq!(call.start(&at(SETTLE * 2, almost)), Start::Overdue);
    // A clock that has jumped judges no deadline.
    let jumped = Surroundings { clocks_agree: false, ..at(SETTLE, almost) };
    assert_eq!(call.start(&jumped), Start::Overdue);
    let intent = Intent { deadline: None, ..intent };
    let mut play = Play::redelivered(&intent, &policy);
    play.around.age = LEASE;
    assert_eq!(kind(&play.lookups(&Lookup::NotFound)), Some(CreateKind::Resend));
    let Some(Decision::Attempt(call)) = play.decision.clone() else { panic!() };
    assert_eq!((call.must_start_by(), call.needs_vouching()), (LEASE * 2, true));
    assert_eq!(call.priority(), Priority::Retry);
}

#[test]
fn only_what_is_about_an_intent_is_a_call_and_only_what_follows_another_a_repeat() {
    let priorities = [
        (Priority::Probe, false, false),
        (Priority::Token, false, false),
        (Priority::Lookup, true, true),
        (Priority::Retry, true, true),
        (Priority::New, true, false),
        (Priority::Spare, true, false),
    ];
    for (priority, is_call, is_repeat) in priorities {
        assert_eq!(
            (priority.is_call(), priority.is_repeat()),
            (is_call, is_repeat),
            "{priority:?}"
        );
    }
}

#[test]
fn what_goes_back_says_why() {
    let (intent, policy) = (intent(), policy());
    for (interrupted, why) in [
        (Interrupted::Stopping, "the process is stopping"),
        (Interrupted::BreakerOpen, "the circuit breaker is open"),
        (Interrupted::Late, "it could not start in time"),
        (Interrupted::LookupLate, "it could not start in time"),
        (Interrupted::CacheFull, "the dedup cache is full"),
        (Interrupted::NoPlace(SETTLE), "no place is free to wait"),
        (Interrupted::ReferenceBusy, "another copy is being processed"),
    ] {
        let mut play = Play::first(&intent, &policy);
        play.interrupted(interrupted);
        let Some(Decision::Dispose(Disposition::RetryLater(later))) = play.decision else {
            panic!("{interrupted:?} does not go back");
        };
        assert_eq!(later.why, why);
    }
}

#[test]
fn a_lookup_goes_first_unless_it_comes_before_a_first_create() {
    let (intent, policy) = (intent(), policy());
    let call = |play: &mut Play<'_>| {
        play.next();
        let Some(Decision::Lookup(call)) = &play.decision else { panic!() };
        *call
    };
    let due = Record { quarantined: SETTLE, ..unsure(Seen::Unknown) };
    let lookup = call(&mut Play::with(&due, &intent, &policy));
    assert_eq!((lookup.priority, lookup.precedes_create), (Priority::Lookup, false));
    let strict = Policy { in_doubt: InDoubtPolicy::Strict, ..policy.clone() };
    let lookup = call(&mut Play::first(&intent, &strict));
    assert_eq!((lookup.priority, lookup.precedes_create), (Priority::New, true));
    // Half of the lease that is left is the create's.
    assert_eq!(lookup.must_start_by, LEASE / 2);
    let mut aged = Play::first(&intent, &strict);
    aged.around.age = LEASE / 2;
    assert_eq!(call(&mut aged).must_start_by, LEASE / 2 + LEASE / 4);
    let overdue = Intent { deadline: Some(start() - SETTLE), ..intent.clone() };
    assert!(!call(&mut Play::first(&overdue, &policy)).precedes_create);
    let old = Record { waited: policy.max_age, ..Record::first(account(), start()) };
    assert!(!call(&mut Play::with(&old, &intent, &policy)).precedes_create);
}
