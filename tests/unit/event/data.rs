//! Which fields of `data` an event has.

use smartsend::domain::command::wire::parse as parse_command;
use smartsend::domain::verdict::{CommandFailure, CommandUnresolved, CommandVerdict};
use smartsend::domain::work::Work;

use super::*;

#[test]
fn a_link_s_event_has_the_expiry_that_payu_gave() {
    let expiry = "2026-12-01T00:00:00Z".parse().ok();
    let source = LinkSource::Lookup(ConfirmedContact::Both);
    let verdict = Verdict::Created { made: CreatedLink { expiry, ..made() }, source };
    assert_eq!(json_of(&event(verdict))["data"]["expiryDate"], "2026-12-01T00:00:00.000Z");
}

/// It is not about an intent, and has none of its fields.
#[test]
fn a_command_that_a_person_has_to_decide_is_exactly_this() {
    let body = r#"{"command":"cancel","merchantRefId":"order-1"}"#;
    let verdict = CommandVerdict::Unresolved(CommandUnresolved::OutcomeUnknown);
    let command = parse_command(body.as_bytes()).unwrap();
    let event = Event::of_command(&command, verdict, body.as_bytes(), origin(Some("m-1")));
    let data = &json_of(&event)["data"];
    let fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["merchant", "merchantRefId", "reason"]);
}

#[test]
fn every_kind_of_event_is_of_one_work() {
    let of = |work| EventKind::of(work).iter().map(|kind| kind.event_type()).collect::<Vec<_>>();
    assert_eq!(
        of(Work::Intents),
        [
            "smartsend.link.created",
            "smartsend.link.failed",
            "smartsend.intent.rejected",
            "smartsend.link.unresolved"
        ]
    );
    assert_eq!(
        of(Work::Commands),
        [
            "smartsend.link.cancelled",
            "smartsend.link.extended",
            "smartsend.link.cancel_failed",
            "smartsend.link.extend_failed",
            "smartsend.command.unresolved"
        ]
    );
}

#[test]
fn a_command_that_was_refused_says_with_which_code() {
    let body = r#"{"command":"cancel","merchantRefId":"order-1"}"#;
    let command = parse_command(body.as_bytes()).unwrap();
    for (code, expected) in [(Some(1119), json!(1119)), (None, Value::Null)] {
        let verdict = CommandVerdict::Failed { why: CommandFailure::Refused(code), shown: None };
        let event = Event::of_command(&command, verdict, body.as_bytes(), origin(None));
        assert_eq!(json_of(&event)["data"]["reason"]["providerCode"], expected);
    }
}

#[test]
fn every_code_that_a_command_is_parked_with_is_known() {
    let codes: Vec<_> = Reason::parked_codes_of_commands().collect();
    let expected = [
        "INVALID_COMMAND",
        "WRONG_QUEUE",
        "NOT_SIGNED",
        "OUTCOME_UNKNOWN",
        "NOT_SENT",
        "ACCOUNT_CHANGED",
    ];
    assert_eq!(codes, expected);
}
