//! What an outcome is called, and whether what it was asked for may go again as it is.

use super::*;

#[test]
fn each_outcome_of_a_create_has_its_word_and_few_of_them_are_certain_to_have_done_nothing() {
    let Outcome::Created(made) = create(200, Some(success(Some(LINK)))) else { panic!() };
    for (outcome, word, is_unprocessed) in [
        (Outcome::Created(made), "created", false),
        (Outcome::ForeignLink, "foreign_link", false),
        (Outcome::Rejected(1101), "rejected", false),
        (Outcome::Duplicate(None), "duplicate", false),
        (Outcome::Refused(Some(1128)), "refused", false),
        (Outcome::NotSent(NotSent::Dns), "not_sent", true),
        (Outcome::Throttled(None), "throttled", true),
        (Outcome::Denied(Denial::Forbidden), "denied", true),
        (Outcome::Unknown(UnknownReason::NoLink), "unknown", false),
    ] {
        assert_eq!((outcome.word(), outcome.is_unprocessed()), (word, is_unprocessed));
    }
}

#[test]
fn each_outcome_of_a_lookup_has_its_word() {
    for (lookup, word) in [
        (lookup(200, Some(found(LINK))), "found"),
        (Lookup::NotFound, "not_found"),
        (Lookup::Failed(LookupFailure::Odd), "failed"),
        (Lookup::Throttled(None), "throttled"),
        (Lookup::Denied(Denial::Unauthorized), "denied"),
    ] {
        assert_eq!(lookup.word(), word);
    }
}
