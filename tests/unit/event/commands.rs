//! The events of commands.

use smartsend::domain::amount::Amount;
use smartsend::domain::command::wire::parse as parse_command;
use smartsend::domain::command::{Command, InvalidCommand};
use smartsend::domain::event::{
    CommandResult, Fact, NAMESPACE, Received, ReceivedCommand, StoredEvent,
};
use smartsend::domain::verdict::{CommandFailure, CommandUnresolved, CommandVerdict, LinkView};

use super::*;

const CANCEL: &str = r#"{"command":"cancel","merchantRefId":"order-1"}"#;
const EXTEND: &str =
    r#"{"command":"extend","merchantRefId":"order-1","expiryDate":"2026-12-08T05:30:00+05:30"}"#;

fn command(body: &str) -> Command {
    parse_command(body.as_bytes()).unwrap()
}

fn view() -> LinkView {
    LinkView {
        amount: Amount::parse("100.5").ok(),
        link_id: Some(Private::new("0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001")),
        expiry: Some("2026-12-08T00:00:00Z".parse().unwrap()),
    }
}

fn json(body: &str, verdict: CommandVerdict, message_id: Option<&str>) -> Value {
    json_of(&Event::of_command(&command(body), verdict, body.as_bytes(), origin(message_id)))
}

fn by(name: &str) -> String {
    uuid::Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

#[test]
fn a_cancelled_link_s_event_says_what_details_shows_and_nothing_of_the_customer() {
    assert_eq!(
        json(CANCEL, CommandVerdict::Cancelled(view()), Some("m-1")),
        json!({
            "specversion": "1.0",
            "id": by("life\ndefault\norder-1\nsmartsend.link.cancelled\n"),
            "source": "urn:smartsend:1111312:default",
            "type": "smartsend.link.cancelled",
            "subject": "order-1",
            "time": "2026-11-24T09:30:00.123Z",
            "datacontenttype": "application/json",
            "data": {
                "merchant": "default",
                "merchantRefId": "order-1",
                "amount": "100.50",
                "linkId": "0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001",
                "expiryDate": "2026-12-08T00:00:00.000Z",
                "observedAt": "2026-11-24T09:30:00.123Z",
            },
        })
    );
}

#[test]
fn what_is_true_of_the_link_has_one_id_and_what_is_true_of_a_command_its_own() {
    let id = |body, verdict, message_id| json(body, verdict, message_id)["id"].clone();
    let cancelled = |message_id| id(CANCEL, CommandVerdict::Cancelled(view()), message_id);
    assert_eq!(cancelled(Some("m-1")), cancelled(Some("m-2")));
    let extended = "life\ndefault\norder-1\nsmartsend.link.extended\n2026-12-08T00:00:00.000Z";
    assert_eq!(id(EXTEND, CommandVerdict::Extended(view()), Some("m-1")), by(extended));

    let failed = |message_id| {
        let verdict = CommandVerdict::Failed { why: CommandFailure::Paid, shown: Some(view()) };
        id(CANCEL, verdict, message_id)
    };
    let name = "life\ndefault\norder-1\nsmartsend.link.cancel_failed";
    assert_eq!(failed(Some("m-1")), by(&format!("{name}\nm-1")));
    assert_ne!(failed(Some("m-1")), failed(Some("m-2")));
    assert_eq!(failed(None), by(&format!("{name}\n{}", by(CANCEL))));
}

#[test]
fn only_what_is_true_of_the_link_is_a_fact_of_it() {
    let failed = CommandVerdict::Failed { why: CommandFailure::Paid, shown: Some(view()) };
    for (verdict, fact) in [
        (CommandVerdict::Cancelled(view()), Fact::Cancelled),
        (CommandVerdict::Extended(view()), Fact::Link),
        (failed, Fact::Nothing),
        (CommandVerdict::Unresolved(CommandUnresolved::ALL[0]), Fact::Nothing),
    ] {
        let json = json(CANCEL, verdict, Some("m-1"));
        let stored = StoredEvent::from_json(json.to_string().as_bytes()).unwrap();
        assert_eq!((stored.fact, stored.reference.unwrap().as_str()), (fact, "order-1"));
    }
}

#[test]
fn a_command_that_failed_gives_its_reason_and_is_never_link_failed() {
    for (why, code) in [
        (CommandFailure::Claimed, "CLAIMED"),
        (CommandFailure::Paid, "PAID"),
        (CommandFailure::Expired, "EXPIRED"),
        (CommandFailure::Cancelled, "CANCELLED"),
        (CommandFailure::Rejected, "REJECTED"),
        (CommandFailure::LinkNotFound, "LINK_NOT_FOUND"),
        (CommandFailure::ExpiryInvalid, "EXPIRY_INVALID"),
        (CommandFailure::Refused(None), "REFUSED"),
        (CommandFailure::Refused(Some(1119)), "REFUSED"),
    ] {
        let verdict = || CommandVerdict::Failed { why, shown: None };
        for (body, kind) in [(CANCEL, "cancel_failed"), (EXTEND, "extend_failed")] {
            let event = json(body, verdict(), None);
            assert_eq!(event["type"], format!("smartsend.link.{kind}"));
            assert_eq!(event["data"]["reason"]["code"], code);
            assert_eq!(event["data"]["observedAt"], "2026-11-24T09:30:00.123Z");
        }
    }
    let verdict = CommandVerdict::Unresolved(CommandUnresolved::OutcomeUnknown);
    let event = json(CANCEL, verdict, None);
    assert_eq!(event["type"], "smartsend.command.unresolved");
    assert_eq!(event["data"]["reason"]["code"], "OUTCOME_UNKNOWN");
}

#[test]
fn what_is_not_a_command_is_called_invalid_or_on_the_wrong_queue() {
    let event = |body: &str| {
        let invalid: InvalidCommand = *parse_command(body.as_bytes()).unwrap_err();
        json_of(&Event::of_invalid_command(&invalid, body.as_bytes(), origin(None)))
    };
    let broken = event(r#"{"command":"stop","merchantRefId":"order-1"}"#);
    assert_eq!(broken["type"], "smartsend.command.unresolved");
    assert_eq!(
        (&broken["subject"], &broken["data"]["merchantRefId"]),
        (&"order-1".into(), &"order-1".into())
    );
    assert_eq!(broken["data"]["reason"]["code"], "INVALID_COMMAND");
    assert_eq!(broken["data"]["errors"][0]["field"], "command");
    assert_eq!(event(EXAMPLE)["data"]["reason"]["code"], "WRONG_QUEUE");
    assert_ne!(event("{")["id"], event("[")["id"]);

    let invalid = parse(CANCEL.as_bytes(), Api::V1).unwrap_err();
    let among_intents = json_of(&Event::of_invalid(&invalid, CANCEL.as_bytes(), origin(None)));
    assert_eq!(among_intents["type"], "smartsend.intent.rejected");
    assert_eq!(among_intents["data"]["reason"]["code"], "WRONG_QUEUE");
}

// `submit --wait` sees every event of its merchant.
#[test]
fn a_reader_of_intents_passes_the_events_of_commands_over() {
    let verdict = CommandVerdict::Cancelled(view());
    let command = command(CANCEL);
    let event = Event::of_command(&command, verdict, CANCEL.as_bytes(), origin(None));
    assert_eq!(Received::from_json(&event.to_json()), None);
}

fn read(body: &str, verdict: CommandVerdict) -> ReceivedCommand {
    let command = command(body);
    let event = Event::of_command(&command, verdict, body.as_bytes(), origin(None));
    ReceivedCommand::from_json(&event.to_json()).unwrap()
}

#[test]
fn every_event_of_a_command_is_read_as_it_was_written() {
    let cancelled = read(CANCEL, CommandVerdict::Cancelled(view()));
    assert_eq!(cancelled.reference.unwrap().as_str(), "order-1");
    assert_eq!(cancelled.result, CommandResult::Cancelled);
    let data: Value = serde_json::from_str(cancelled.data.expose()).unwrap();
    assert_eq!(data, json(CANCEL, CommandVerdict::Cancelled(view()), None)["data"]);

    let extended = read(EXTEND, CommandVerdict::Extended(view()));
    assert_eq!(extended.result, CommandResult::Extended(view().expiry));
    let codes = CommandFailure::ALL.into_iter().chain([CommandFailure::Refused(Some(1119))]);
    for why in codes {
        for body in [CANCEL, EXTEND] {
            let failed = read(body, CommandVerdict::Failed { why, shown: Some(view()) });
            assert_eq!(failed.result, CommandResult::Failed(why.reason()));
        }
    }
    for why in CommandUnresolved::ALL {
        let unresolved = read(CANCEL, CommandVerdict::Unresolved(why));
        assert_eq!(unresolved.result, CommandResult::Unresolved(why.reason()));
    }
    let invalid = parse_command(b"{").unwrap_err();
    let event = Event::of_invalid_command(&invalid, b"{", origin(None));
    let read = ReceivedCommand::from_json(&event.to_json()).unwrap();
    assert_eq!(read.reference, None);
    let CommandResult::Unresolved(reason) = read.result else { panic!("it is unresolved") };
    assert_eq!((&*reason.code, reason.errors), ("INVALID_COMMAND", invalid.errors));
}

#[test]
fn a_command_that_failed_for_a_reason_that_is_not_known_is_unresolved() {
    let mut event = json(CANCEL, CommandVerdict::Cancelled(view()), None);
    event["type"] = "smartsend.link.cancel_failed".into();
    let read = |event: &Value| ReceivedCommand::from_json(event.to_string().as_bytes());
    assert_eq!(read(&event), None, "it has no reason");
    event["data"]["reason"] = json!({ "code": "NEW", "message": "a later version's" });
    let CommandResult::Unresolved(reason) = read(&event).unwrap().result else {
        panic!("it is not known")
    };
    assert_eq!(reason.code, "NEW");
    event["data"]["merchantRefId"] = "no reference".into();
    assert_eq!(read(&event), None);
    event["type"] = "smartsend.link.claimed".into();
    assert_eq!(read(&event), None);
    let of_intent = json_of(&super::event(created()));
    assert_eq!(read(&of_intent), None);
    assert_eq!(ReceivedCommand::from_json(b"{"), None);
}

#[test]
fn what_is_true_of_the_link_settles_any_wish_for_it_and_a_failure_only_its_own() {
    let (cancel, extend) = (command(CANCEL), command(EXTEND));
    let cancelled = read(CANCEL, CommandVerdict::Cancelled(view()));
    assert!(cancelled.settles(&cancel, false) && !cancelled.settles(&extend, true));
    let other = command(&CANCEL.replace("order-1", "order-2"));
    assert!(!cancelled.settles(&other, false));

    let extended_to = |expiry: Option<&str>| {
        let expiry = expiry.map(|expiry| expiry.parse().unwrap());
        read(EXTEND, CommandVerdict::Extended(LinkView { expiry, ..view() }))
    };
    let same = extended_to(Some("2026-12-08T00:00:00.999Z"));
    assert!(same.settles(&extend, false) && !same.settles(&cancel, true));
    assert!(!extended_to(Some("2026-12-08T00:00:01Z")).settles(&extend, true));
    let undated = extended_to(None);
    assert!(undated.settles(&extend, true) && !undated.settles(&extend, false));

    let failed = CommandVerdict::Failed { why: CommandFailure::Paid, shown: None };
    let failed = read(CANCEL, failed);
    assert!(failed.settles(&cancel, true) && !failed.settles(&cancel, false));
    let unresolved = read(CANCEL, CommandVerdict::Unresolved(CommandUnresolved::OutcomeUnknown));
    assert!(unresolved.settles(&cancel, true) && !unresolved.settles(&cancel, false));
}
