//! How long is waited, and in which queue.

use super::*;

use smartsend::domain::retry_delays::{RetryDelay, quick_wait_max};

#[test]
fn the_queue_is_the_longest_that_is_not_above_the_time_left_else_the_shortest() {
    let delays = policy().delays;
    let all: Vec<_> = delays.iter().map(RetryDelay::duration).collect();
    assert_eq!(all, [1, 5, 30, 120, 600].map(Duration::from_secs));
    let places: Vec<_> = delays.iter().map(RetryDelay::index).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
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
    let waits = [one.shortest(), one.after(9), one.longest()];
    assert_eq!(waits.map(RetryDelay::duration), [Duration::from_secs(7); 3]);
    assert_eq!(of(&[1, 5]).unwrap().longest().duration(), Duration::from_secs(5));
}

#[test]
fn a_quick_try_waits_twice_as_long_each_time_up_to_a_limit() {
    let waits = [0, 1, 2, 3, 4, 5, u32::MAX].map(quick_wait_max);
    assert_eq!(waits, [100, 200, 400, 800, 1600, 1600, 1600].map(Duration::from_millis));
    let (intent, policy) = (intent(), policy());
    let mut play = Play::first(&intent, &policy);
    for millis in [200, 400] {
        let decision = play.create(Outcome::NotSent(NotSent::Connect));
        assert_eq!(decision, Decision::TryAgain(Duration::from_millis(millis)));
    }
}

#[test]
fn a_create_was_tried_before_in_this_delivery_or_in_an_earlier_one() {
    let (intent, policy) = (intent(), policy());
    let mut first = Play::first(&intent, &policy);
    assert!(!first.case.was_tried());
    first.create(Outcome::NotSent(NotSent::Connect));
    assert!(first.case.was_tried());
    for (returns, was_tried) in [(0, false), (1, true), (2, true)] {
        let record = Record { returns, ..Record::first(account(), start()) };
        assert_eq!(Play::with(&record, &intent, &policy).case.was_tried(), was_tried, "{returns}");
    }
}

/// `(why, whether a later answer could change it, what makes the intent in doubt while untold)`
const UNRESOLVED: [(Unresolved, bool, Seen); 9] = [
    (Unresolved::OutcomeUnknown, true, Seen::Recent),
    (Unresolved::NotSent, true, Seen::Recent),
    (Unresolved::Refused(None), false, Seen::Recent),
    (Unresolved::LinkUnknown, false, Seen::Duplicate),
    (Unresolved::LinkClosed, false, Seen::Duplicate),
    (Unresolved::LinkHost, false, Seen::Duplicate),
    (Unresolved::ReferenceConflict, false, Seen::Duplicate),
    (Unresolved::OverLimit, false, Seen::Recent),
    (Unresolved::AccountChanged, false, Seen::Recent),
];

fn created() -> Verdict {
    Verdict::Created { made: link(), recovered: false }
}

#[test]
fn only_what_an_answer_could_still_change_is_decided_for_want_of_one() {
    for (why, is_for_want, _) in UNRESOLVED {
        let verdict = Verdict::Unresolved(why);
        assert_eq!(verdict.is_for_want_of_an_answer(), is_for_want, "{why:?}");
    }
    for verdict in [created(), Verdict::Failed(Failure::DeadlinePassed)] {
        assert!(!verdict.is_for_want_of_an_answer(), "{verdict:?}");
    }
}

#[test]
fn where_there_is_a_link_it_stays_known_while_nobody_takes_the_event() {
    for (why, _, seen) in UNRESOLVED {
        assert_eq!(Verdict::Unresolved(why).if_untold(), seen, "{why:?}");
    }
    assert_eq!(created().if_untold(), Seen::Duplicate);
    assert_eq!(Verdict::Failed(Failure::Rejected(1105)).if_untold(), Seen::Recent);
}
