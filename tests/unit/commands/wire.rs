//! The JSON of a command.

use smartsend::domain::command::wire::{expiry, parse, to_json};
use smartsend::domain::object::BODY_BYTES_MAX;

use super::*;

fn fields(body: &str) -> Vec<String> {
    let errors = parse(body.as_bytes()).unwrap_err().errors;
    errors.into_iter().map(|error| error.field).collect()
}

#[test]
fn a_cancel_names_a_reference_and_an_extend_a_time_too() {
    let read = parse(br#"{"command":"cancel","merchantRefId":"order-1"}"#).unwrap();
    assert_eq!(read, cancel());
    let with_null = br#"{"command":"cancel","merchantRefId":"order-1","expiryDate":null}"#;
    assert_eq!(parse(with_null).unwrap(), cancel());
    let read = parse(
        br#"{"expiryDate":"2026-12-08T05:30:00.000+05:30","command":"extend","merchantRefId":"order-1"}"#,
    );
    assert_eq!(read.unwrap(), extend());
}

#[test]
fn every_error_is_named_at_once() {
    assert_eq!(fields("{}"), ["command", "merchantRefId"]);
    assert_eq!(
        fields(r#"{"command":"Cancel","merchantRefId":"a b"}"#),
        ["command", "merchantRefId"]
    );
    assert_eq!(fields(r#"{"command":"extend","merchantRefId":"a"}"#), ["expiryDate"]);
    assert_eq!(
        fields(r#"{"command":"extend","merchantRefId":"a","expiryDate":"2026-12-08"}"#),
        ["expiryDate"]
    );
    assert_eq!(
        fields(r#"{"command":"cancel","merchantRefId":"a","expiryDate":"2026-12-08T00:00:00Z"}"#),
        ["expiryDate"]
    );
    assert_eq!(
        fields(r#"{"comand":"cancel","command":"cancel","command":"extend","merchantRefId":1}"#),
        ["comand", "command", "merchantRefId"]
    );
    assert_eq!(fields("[]"), ["body"]);
}

#[test]
fn an_intent_among_commands_is_known_by_what_it_has_and_has_not() {
    let is_intent = |body: &str| parse(body.as_bytes()).unwrap_err().is_intent;
    assert!(is_intent(r#"{"merchantRefId":"a","amount":"1"}"#));
    assert!(!is_intent(r#"{"merchantRefId":"a"}"#));
    assert!(!is_intent(r#"{"command":"cancel","merchantRefId":"a","amount":"1"}"#));
}

#[test]
fn what_is_valid_of_the_reference_is_kept_and_what_is_too_large_is_not_read() {
    let invalid = parse(br#"{"command":"stop","merchantRefId":"order-1"}"#).unwrap_err();
    assert_eq!(invalid.reference.unwrap().as_str(), "order-1");
    let large = format!("{}{}", r#"{"command":"cancel"}"#, " ".repeat(BODY_BYTES_MAX));
    assert!(parse(large.as_bytes()).unwrap_err().is_too_large);
}

#[test]
fn what_is_written_is_read_again() {
    let extend = r#"{"command":"extend","merchantRefId":"order-1","expiryDate":"2026-12-08T05:30:00.5+05:30"}"#;
    for body in [r#"{"command":"cancel","merchantRefId":"-1"}"#, extend] {
        let command = parse(body.as_bytes()).unwrap();
        assert_eq!(parse(&to_json(&command)), Ok(command));
    }
    let written = to_json(&parse(extend.as_bytes()).unwrap());
    let text = String::from_utf8(written).unwrap();
    assert!(text.contains("\"2026-12-08T00:00:00.500Z\""), "{text}");
}

/// As a person writes it on the command line.
#[test]
fn a_date_by_itself_is_read_as_that_of_an_extend() {
    let at = expiry("2026-12-08T05:30:00+05:30").unwrap();
    assert_eq!(at, "2026-12-08T00:00:00Z".parse().unwrap());
    assert!(expiry("2026-12-08").is_err(), "a day is not a moment");
}
