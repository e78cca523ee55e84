//! What an outcome is called, and whether what it was asked for may go again as it is.

use super::*;

#[test]
fn each_outcome_of_a_create_has_its_word_and_only_what_was_not_sent_has_reached_nobody() {
    let Outcome::Created(made) = create(200, Some(success(Some(LINK)))) else { panic!() };
    for (outcome, word, is_unsent, is_answered) in [
        (Outcome::Created(made), "created", false, true),
        (Outcome::ForeignLink, "foreign_link", false, false),
        (Outcome::Rejected(1101), "rejected", false, true),
        (Outcome::Duplicate(None), "duplicate", false, true),
        (Outcome::Refused(Some(1128)), "refused", false, true),
        (Outcome::NotSent(NotSent::Dns), "not_sent", true, false),
        (Outcome::NoToken(NoToken::Refused), "no_token", true, false),
        (Outcome::StaleToken, "stale_token", false, false),
        (Outcome::Throttled(None), "throttled", false, false),
        (Outcome::Denied(Denial::Forbidden), "denied", false, false),
        (Outcome::Unknown(UnknownReason::NoLink), "unknown", false, false),
    ] {
        assert_eq!(outcome.word(), word);
        assert_eq!(
            (outcome.is_unsent(), outcome.is_answered()),
            (is_unsent, is_answered),
            "{word}"
        );
    }
}

#[test]
fn each_outcome_of_a_lookup_has_its_word() {
    for (lookup, word, is_answered) in [
        (lookup(200, Some(found(LINK))), "found", true),
        (Lookup::NotFound, "not_found", true),
        (Lookup::Failed(LookupFailure::Odd), "failed", false),
        (Lookup::Failed(LookupFailure::NotSent(NotSent::Dns)), "failed", false),
        (Lookup::NoToken(NoToken::Throttled(None)), "no_token", false),
        (Lookup::Throttled(None), "throttled", false),
        (Lookup::Denied(Denial::Unauthorized), "denied", false),
    ] {
        assert_eq!((lookup.word(), lookup.is_answered()), (word, is_answered));
    }
}

/// What a guard on money counts: a create that may have left, unless it was a reference's second one.
#[test]
fn a_create_may_have_spent_something_unless_it_was_not_sent_or_made_nothing_new() {
    let spent = [
        Outcome::Rejected(1105),
        Outcome::Refused(None),
        Outcome::Throttled(None),
        Outcome::StaleToken,
        Outcome::Unknown(UnknownReason::NoEnvelope),
        Outcome::ForeignLink,
    ];
    for outcome in spent {
        assert!(outcome.may_have_spent(), "{outcome:?}");
    }
    let unspent = [Outcome::NotSent(NotSent::Connect), Outcome::Duplicate(Some(1103))];
    for outcome in unspent {
        assert!(!outcome.may_have_spent(), "{outcome:?}");
    }
}
