//! Rows of what follows for a command.

use smartsend::domain::call::{NoAnswer, NotSent};
use smartsend::domain::classify::{Denial, UnknownReason};
use smartsend::domain::codes::{EXPIRY_DATE_INVALID, LINK_NOT_FOUND};
use smartsend::domain::decide::{Interrupted, Start};
use smartsend::domain::record::{Seen, State};

use super::*;

const FRESH: Next = Next::Attempt { vouched: false };
const AGAIN: Next = Next::Attempt { vouched: true };

fn lost() -> ManageOutcome {
    ManageOutcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout))
}

#[test]
fn a_cancel_goes_out_at_once_and_is_believed_when_a_lookup_shows_it() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    assert_eq!(play.next(), FRESH);
    assert_eq!(play.attempted(ManageOutcome::Done), Next::Lookup);
    assert_eq!(play.lookup(cancelled()), Next::Cancelled);
}

#[test]
fn whatever_a_cancel_is_answered_details_decides() {
    let (command, policy) = (cancel(), policy());
    for outcome in
        [ManageOutcome::Done, ManageOutcome::Refused(Some(1110)), ManageOutcome::Refused(None)]
    {
        for (status, payment, expected) in [
            (LinkStatus::Cancelled, Payment::None, Next::Cancelled),
            (LinkStatus::Cancelled, Payment::Failed, Next::Cancelled),
            (LinkStatus::Cancelled, Payment::Underway, Next::Failed(CommandFailure::Claimed)),
            (LinkStatus::Claimed, Payment::None, Next::Failed(CommandFailure::Claimed)),
            (LinkStatus::Claimed, Payment::Underway, Next::Failed(CommandFailure::Claimed)),
            (LinkStatus::Claimed, Payment::Arrived, Next::Failed(CommandFailure::Paid)),
            (LinkStatus::Expired, Payment::None, Next::Failed(CommandFailure::Expired)),
            (LinkStatus::Rejected, Payment::None, Next::Failed(CommandFailure::Rejected)),
        ] {
            let mut play = Play::first(&command, &policy);
            play.next();
            play.attempted(outcome.clone());
            assert_eq!(play.lookup(shown(status, payment)), expected, "{outcome:?}");
        }
    }
}

#[test]
fn a_lost_answer_is_looked_up_and_the_cancel_sent_again_once_per_quarantine() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    play.next();
    let mut next = play.attempted(lost());
    assert_eq!(next, Next::Wait(FIRST_LOOKUP));
    for _ in 0..5 {
        let sent = play.around.now;
        assert_eq!(play.until_other(next, &open()), AGAIN);
        assert!(play.around.now >= sent + QUARANTINE, "it may still take effect");
        next = play.attempted(lost());
    }
    assert_eq!(play.until_other(next, &cancelled()), Next::Cancelled);
}

#[test]
fn what_is_accepted_twice_and_shows_nothing_is_for_a_person() {
    for command in [cancel(), extend()] {
        let policy = policy();
        let mut play = Play::first(&command, &policy);
        let first = play.next();
        play.until_other(first, &open());
        let next = play.attempted(ManageOutcome::Done);
        assert_eq!(play.until_other(next, &open()), AGAIN);
        let next = play.attempted(ManageOutcome::Done);
        let unresolved = Next::Unresolved(CommandUnresolved::OutcomeUnknown);
        assert_eq!(play.until_other(next, &open()), unresolved);
    }
}

#[test]
fn what_is_refused_twice_of_a_live_link_has_failed() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    play.next();
    let next = play.attempted(ManageOutcome::Refused(Some(1119)));
    assert_eq!(play.until_other(next, &open()), AGAIN);
    let next = play.attempted(ManageOutcome::Refused(Some(1119)));
    let refused = CommandFailure::Refused(Some(1119));
    assert_eq!(play.until_other(next, &open()), Next::Failed(refused));
}

// Its link was made at the last moment, and details is late.
#[test]
fn at_max_age_what_was_refused_may_still_show() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    let waited = MAX_AGE.saturating_sub(Duration::from_secs(1));
    let record = Record { waited, ..play.case.record().clone() };
    play.deliver(&record, false);
    play.next();
    let next = play.attempted(ManageOutcome::Refused(Some(1119)));
    assert_eq!(next, Next::Lookup);
    assert_eq!(play.lookup(open()), Next::Wait(FIRST_LOOKUP));
    let next = play.wait(FIRST_LOOKUP); // it is too old from here on
    let Next::Wait(_) = play.lookup(open()) else { panic!("after {next:?}") };
    let sent = play.around.now;
    let refused = CommandFailure::Refused(Some(1119));
    assert_eq!(play.until_other(Next::Lookup, &open()), Next::Failed(refused), "sent no more");
    assert!(play.around.now + FIRST_LOOKUP >= sent + QUARANTINE);
}

// PayU's pages do not say whether V1's cancel knows V2's links.
#[test]
fn a_cancel_that_payu_finds_no_link_for_is_not_sent_over_and_over() {
    let (command, policy) = (cancel(), policy());
    let not_found = || ManageOutcome::Refused(Some(LINK_NOT_FOUND));
    let mut play = Play::first(&command, &policy);
    play.next();
    let next = play.attempted(not_found());
    let sent = play.around.now;
    assert_eq!(play.until_other(next, &open()), AGAIN);
    assert!(play.around.now >= sent + QUARANTINE);
    let next = play.attempted(not_found());
    let refused = CommandFailure::Refused(Some(LINK_NOT_FOUND));
    assert_eq!(play.until_other(next, &open()), Next::Failed(refused));
}

#[test]
fn a_cancel_that_overtakes_its_create_stands_until_there_is_a_link() {
    let (command, policy) = (cancel(), policy());
    for outcome in [ManageOutcome::Refused(Some(LINK_NOT_FOUND)), lost(), ManageOutcome::Done] {
        let mut play = Play::first(&command, &policy);
        play.next();
        let next = play.attempted(outcome.clone());
        let next = if let Next::Wait(wait) = next { play.wait(wait) } else { next };
        assert_eq!(next, Next::Lookup);
        assert_eq!(play.lookup(Lookup::NotFound), Next::Return(Duration::from_secs(1)));
        play.come_back();
        let (came_back, next) = (play.around.now, play.next());
        assert_eq!(play.until_other(next, &open()), AGAIN, "after {outcome:?}");
        assert!(play.around.now <= came_back + FIRST_LOOKUP, "after {outcome:?}");
        assert_eq!(play.attempted(ManageOutcome::Done), Next::Lookup);
        assert_eq!(play.lookup(cancelled()), Next::Cancelled);
    }
}

#[test]
fn without_a_link_until_max_age_it_may_still_be_made() {
    let policy = policy();
    for command in [cancel(), extend()] {
        let mut play = Play::first(&command, &policy);
        let mut next = play.next();
        if next == FRESH {
            next = play.attempted(ManageOutcome::Refused(Some(LINK_NOT_FOUND)));
        }
        let failed = Next::Failed(CommandFailure::LinkNotFound);
        assert_eq!(play.until_other(next, &Lookup::NotFound), failed);
        assert!(play.around.now >= start() + MAX_AGE);
    }
}

// Lookups may not show links of this account at all, and then "not found" says nothing of a cancel.
#[test]
fn a_cancel_that_may_be_done_is_not_called_failed_where_no_lookup_shows_a_link() {
    let (command, policy) = (cancel(), policy());
    let unresolved = Next::Unresolved(CommandUnresolved::OutcomeUnknown);
    for outcome in [ManageOutcome::Done, lost(), ManageOutcome::Refused(Some(1119))] {
        let mut play = Play::first(&command, &policy);
        play.next();
        let next = play.attempted(outcome.clone());
        assert_eq!(play.until_other(next, &Lookup::NotFound), unresolved, "after {outcome:?}");
        assert!(play.around.now >= start() + MAX_AGE);
    }
    let mut play = Play::open(&command, &policy, &Headers::new(), true);
    let next = play.next();
    assert_eq!(play.until_other(next, &Lookup::NotFound), unresolved, "another worker sent it");
    // An extend is sent only once a lookup has shown the link.
    let command = extend();
    let mut play = Play::open(&command, &policy, &Headers::new(), true);
    let next = play.next();
    let failed = Next::Failed(CommandFailure::LinkNotFound);
    assert_eq!(play.until_other(next, &Lookup::NotFound), failed);
}

#[test]
fn an_extend_looks_first_and_compares_to_the_second() {
    let (command, policy) = (extend(), policy());
    let mut play = Play::first(&command, &policy);
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookup(open()), FRESH);
    assert_eq!(play.attempted(ManageOutcome::Done), Next::Lookup);
    let within_the_second = until() + Duration::from_millis(778);
    assert_eq!(play.lookup(expiring(within_the_second)), Next::Extended);

    let mut play = Play::first(&command, &policy);
    play.next();
    assert_eq!(play.lookup(expiring(until())), Next::Extended, "it is so already");
    let mut play = Play::first(&command, &policy);
    play.next();
    let later = expiring(until() + Duration::from_secs(1));
    assert_eq!(play.lookup(later), Next::Failed(CommandFailure::ExpiryInvalid));
    let mut play = Play::first(&command, &policy);
    play.next();
    assert_eq!(play.lookup(cancelled()), Next::Failed(CommandFailure::Cancelled));
}

#[test]
fn an_expiry_that_payu_refuses_has_failed_after_one_lookup() {
    let (command, policy) = (extend(), policy());
    let mut play = Play::first(&command, &policy);
    play.next();
    play.lookup(open());
    assert_eq!(play.attempted(ManageOutcome::Refused(Some(EXPIRY_DATE_INVALID))), Next::Lookup);
    assert_eq!(play.lookup(open()), Next::Failed(CommandFailure::ExpiryInvalid));

    // An extend whose answer was lost may have been carried out, and show late.
    let mut play = Play::first(&command, &policy);
    play.next();
    play.lookup(open());
    let next = play.attempted(lost());
    assert_eq!(play.until_other(next, &open()), AGAIN);
    let next = play.attempted(ManageOutcome::Refused(Some(EXPIRY_DATE_INVALID)));
    assert_eq!(next, Next::Lookup);
    assert_eq!(play.lookup(open()), Next::Wait(FIRST_LOOKUP));
    assert_eq!(play.wait(FIRST_LOOKUP), Next::Lookup);
    assert_eq!(play.lookup(expiring(until())), Next::Extended);
}

#[test]
fn what_comes_back_is_looked_up_before_it_is_sent() {
    let policy = policy();
    for command in [cancel(), extend()] {
        let mut play = Play::open(&command, &policy, &Headers::new(), true);
        assert_eq!(play.next(), Next::Wait(FIRST_LOOKUP));
        assert_eq!(play.wait(FIRST_LOOKUP), Next::Lookup);
        assert_eq!(play.lookup(open()), AGAIN);
    }
    // Its second attempt may have left, though its record says that the first was refused.
    let command = cancel();
    let mut play = Play::first(&command, &policy);
    play.next();
    play.attempted(ManageOutcome::Refused(Some(1119)));
    let record = play.case.record().clone();
    play.deliver(&record, true);
    let State::InDoubt(doubt) = &play.case.record().state else { panic!() };
    assert_eq!((doubt.seen, play.case.record().attempts), (Seen::Redelivered, 2));
}

#[test]
fn what_is_turned_away_or_not_sent_goes_back_and_is_sent_later() {
    let (command, policy) = (cancel(), policy());
    for outcome in [ManageOutcome::Throttled(None), ManageOutcome::Denied(Denial::Forbidden)] {
        let mut play = Play::first(&command, &policy);
        play.next();
        assert_eq!(play.attempted(outcome), Next::HandBack);
        play.come_back();
        assert!(play.case.record().is_in_doubt(), "not processed is the provider's word only");
    }
    let mut play = Play::first(&command, &policy);
    play.next();
    for _ in 0..2 {
        assert_eq!(play.attempted(ManageOutcome::NotSent(NotSent::Connect)), Next::Pause);
        assert_eq!(play.next(), FRESH);
    }
    let not_sent = ManageOutcome::NotSent(NotSent::Connect);
    assert_eq!(play.attempted(not_sent), Next::Return(Duration::from_secs(1)));
    play.come_back();
    assert_eq!(play.next(), FRESH);
}

#[test]
fn a_provider_that_is_down_ends_no_command() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    play.next();
    play.attempted(lost());
    let record = Record { waited: MAX_AGE, ..play.case.record().clone() };
    play.deliver(&record, false);
    play.around.requests = Requests::Unanswered;
    assert_eq!(play.next(), Next::Wait(FIRST_LOOKUP));
    assert_eq!(play.wait(FIRST_LOOKUP), Next::Lookup);
    for _ in 0..20 {
        let Next::Wait(wait) = play.lookup(silence()) else { panic!("it waits") };
        assert_eq!(play.wait(wait), Next::Lookup);
    }
    play.around.requests = Requests::Flow;
    let unresolved = Next::Unresolved(CommandUnresolved::OutcomeUnknown);
    assert_eq!(play.lookup(silence()), unresolved);
}

#[test]
fn what_could_not_be_sent_until_max_age_is_parked_as_not_sent() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    let record = Record { waited: MAX_AGE, ..play.case.record().clone() };
    play.deliver(&record, false);
    assert_eq!(play.next(), Next::Lookup);
    assert_eq!(play.lookup(open()), Next::Unresolved(CommandUnresolved::NotSent));
}

#[test]
fn a_command_of_another_account_is_parked_as_it_is() {
    let (command, policy) = (cancel(), policy());
    let account = Account { api: Api::V1, ..policy.account.clone() };
    let record = Record::first(account, start());
    let mut play = Play::open(&command, &policy, &record.to_headers(None), false);
    assert_eq!(play.next(), Next::Unresolved(CommandUnresolved::AccountChanged));
}

#[test]
fn a_first_call_starts_within_the_lease_and_a_later_one_after_the_broker_s_word() {
    let (command, policy) = (cancel(), policy());
    let mut play = Play::first(&command, &policy);
    let Decision::Attempt(call) = play.case.decide(Input::Start, &play.around) else { panic!() };
    play.around.age = policy.lease;
    assert_eq!((call.start(&play.around), call.needs_vouching()), (Start::Late, false));
    assert_eq!(play.decide(Interrupted::Late.at_once()), Next::HandBack);
    assert_eq!(play.decide(Interrupted::ChannelEnded.at_once()), Next::Abandon);
}
