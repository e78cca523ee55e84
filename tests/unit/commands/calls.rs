//! Rows of the calls that a command leads to: who they go before, and until when they start.

use smartsend::domain::call::Priority;
use smartsend::domain::classify::Denial;
use smartsend::domain::decide::ManageCall;

use super::*;

/// The call that is attempted now, after as many lookups and waits as it takes.
fn call<'a>(play: &mut Play<'a>, shown: &Lookup) -> ManageCall<'a> {
    let mut input = Input::Start;
    loop {
        input = match play.case.decide(input, &play.around) {
            Decision::Attempt(call) => return call,
            Decision::Lookup(_) => Input::Lookup(shown.clone()),
            Decision::Wait(wait) => {
                play.around.now += wait;
                play.around.age += wait;
                Input::Waited(wait)
            }
            other @ (Decision::Pause(_) | Decision::PauseUpTo(_) | Decision::Dispose(_)) => {
                panic!("{other:?}")
            }
        };
    }
}

#[test]
fn a_first_cancel_is_like_a_new_intent_and_what_was_looked_up_goes_before_it() {
    let policy = policy();
    let command = cancel();
    let mut play = Play::first(&command, &policy);
    let first = call(&mut play, &open());
    assert_eq!((first.priority(), first.must_start_by()), (Priority::New, policy.lease));
    play.attempted(ManageOutcome::Refused(None));
    let again = call(&mut play, &open());
    assert!(play.around.age >= QUARANTINE, "it may still take effect");
    let by = play.around.age + policy.lease;
    assert_eq!((again.priority(), again.must_start_by()), (Priority::Retry, by));

    let command = extend();
    let mut play = Play::first(&command, &policy);
    let first = call(&mut play, &open());
    assert_eq!((first.priority(), first.must_start_by()), (Priority::Retry, policy.lease));
}

/// Its lookups alone are turned away, while others are answered.
#[test]
fn a_lookup_that_is_turned_away_ends_a_command_only_if_that_is_old_and_alone() {
    let (command, policy) = (extend(), policy());
    for (waited, is_alone, gives_up) in [
        (MAX_AGE, true, true),
        (MAX_AGE, false, false),
        (Duration::ZERO, true, false),
        (Duration::ZERO, false, false),
    ] {
        let mut play = Play::first(&command, &policy);
        let before = play.around.now;
        let record = Record {
            waited,
            turned_away_at: is_alone.then_some(before),
            ..play.case.record().clone()
        };
        play.deliver(&record, false);
        play.around.now = before + Duration::from_mins(1);
        play.around.last_answers.lookup = Some(before + Duration::from_secs(30));
        assert_eq!(play.next(), Next::Lookup);
        let next = play.lookup(Lookup::Denied(Denial::Forbidden));
        assert_eq!(
            matches!(next, Next::Unresolved(_)),
            gives_up,
            "{waited:?} {is_alone}: {next:?}"
        );
    }
}
