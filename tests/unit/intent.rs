//! An intent is read by the contract, and everything that is wrong with it is reported at once.

mod fields;

use proptest::prelude::*;

use smartsend::domain::account::Api;
use smartsend::domain::intent::wire::{FIELDS, parse};
use smartsend::domain::intent::{Intent, Invalid};
use smartsend::domain::object::BODY_BYTES_MAX;

const REQUIRED: [(&str, &str); 4] = [
    ("merchantRefId", r#""order-8841-r1""#),
    ("amount", r#""100.50""#),
    ("description", r#""Refund""#),
    ("custMobile", r#""9999999999""#),
];

/// A valid intent with some members replaced or added; the value is raw JSON, `""` leaves it out.
fn with(changes: &[(&str, &str)]) -> String {
    let mut members: Vec<(&str, &str)> = REQUIRED.to_vec();
    for (name, value) in changes {
        members.retain(|(known, _)| known != name);
        if !value.is_empty() {
            members.push((name, value));
        }
    }
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn read(changes: &[(&str, &str)]) -> Result<Intent, Box<Invalid>> {
    parse(with(changes).as_bytes(), Api::V1)
}

fn fields(result: Result<Intent, Box<Invalid>>) -> Vec<String> {
    result.unwrap_err().errors.into_iter().map(|error| error.field).collect()
}

fn of_body(body: &[u8]) -> String {
    let errors = parse(body, Api::V1).unwrap_err().errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].field, "body");
    errors[0].message.clone()
}

#[test]
fn the_contracts_example_is_read() {
    let body = r#"{ "merchantRefId": "order-8841-r1", "amount": "100.50",
        "description": "Refund for order 8841", "custName": "Asha Rao", "custMobile": "9999999999",
        "custEmail": "asha@example.com", "expiryDate": "2026-12-01T00:00:00.000Z",
        "disableApprovalFlow": false, "deadline": "2026-11-25T18:30:00Z",
        "metadata": { "orderId": "8841" } }"#;
    let intent = parse(body.as_bytes(), Api::V2).unwrap();
    assert_eq!(intent.reference.as_str(), "order-8841-r1");
    assert_eq!(intent.amount.to_string(), "100.50");
    assert_eq!(intent.description.expose(), "Refund for order 8841");
    assert_eq!(intent.name.unwrap().expose(), "Asha Rao");
    assert_eq!(intent.contact.mobile().unwrap().expose(), "9999999999");
    assert_eq!(intent.contact.email().unwrap().expose(), "asha@example.com");
    assert_eq!(intent.expiry, Some("2026-12-01T00:00:00Z".parse().unwrap()));
    assert_eq!(intent.disable_approval, Some(false));
    assert_eq!(intent.deadline, Some("2026-11-25T18:30:00Z".parse().unwrap()));
    assert_eq!(intent.metadata["orderId"], "8841");
}

#[test]
fn every_error_is_reported_at_once_by_field_in_the_order_of_the_fields() {
    let body = br#"{"custemail":"a@example.com","merchantRefId":"no spaces","amount":"-1",
        "description":"","custName":5,"custMobile":"123","custEmail":"nobody","expiryDate":"x",
        "disableApprovalFlow":1,"deadline":"soon","metadata":[]}"#;
    let mut expected = vec!["custemail"];
    expected.extend(FIELDS);
    assert_eq!(fields(parse(body, Api::V1)), expected);
}

#[test]
fn an_empty_object_lacks_what_is_required() {
    let expected = ["merchantRefId", "amount", "description", "custMobile"];
    assert_eq!(fields(parse(b"{}", Api::V1)), expected);
}

#[test]
fn a_misspelt_field_does_not_vanish() {
    assert_eq!(fields(read(&[("custemail", r#""a@example.com""#)])), ["custemail"]);
    assert_eq!(fields(read(&[("Amount", "1")])), ["Amount"]);
}

#[test]
fn of_two_amounts_none_is_the_right_one() {
    let body = with(&[]).replacen('{', r#"{"amount":"100.50","#, 1);
    let invalid = parse(body.as_bytes(), Api::V1).unwrap_err();
    assert_eq!(invalid.errors[0].field, "amount");
    assert_eq!(invalid.errors[0].message, "is given more than once");
    assert_eq!((invalid.errors.len(), invalid.valid.amount), (1, None));
    // Also when one of them is written with an escape.
    let body = with(&[]).replacen('{', r#"{"\u0061mount":"7","#, 1);
    assert_eq!(fields(parse(body.as_bytes(), Api::V1)), ["amount"]);
}

#[test]
fn every_field_may_be_given_only_once() {
    let v2 = r#"{"merchantRefId":"r","amount":1,"description":"d","custName":"n",
        "custMobile":"9999999999","custEmail":"a@example.com","expiryDate":"e",
        "disableApprovalFlow":true,"deadline":"2026-11-25T18:30:00Z","metadata":{}}"#;
    for field in FIELDS {
        let repeated = v2.replacen('{', &format!("{{\"{field}\":\"\","), 1);
        assert!(fields(parse(repeated.as_bytes(), Api::V1)).contains(&field.to_owned()), "{field}");
    }
}

#[test]
fn a_field_of_the_wrong_type_is_an_error_of_that_field() {
    let others = ["true", "1.5", "[]", "{}", "[\"x\"]"];
    for field in ["merchantRefId", "description", "custName", "custMobile", "custEmail", "deadline"]
    {
        for value in others {
            assert_eq!(fields(read(&[(field, value)])), [field], "{field} {value}");
        }
    }
    for field in ["merchantRefId", "description"] {
        assert_eq!(fields(read(&[(field, "null")])), [field]);
    }
    for value in ["null", "true", "[]", "{}", "\"\""] {
        assert_eq!(fields(read(&[("amount", value)])), ["amount"], "{value}");
    }
    for value in ["true", "1", "[]", "\"x\"", r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":{}}"#] {
        assert_eq!(fields(read(&[("metadata", value)])), ["metadata"], "{value}");
    }
}

#[test]
fn an_optional_field_that_is_null_counts_as_absent() {
    let optional =
        ["custName", "custEmail", "expiryDate", "disableApprovalFlow", "deadline", "metadata"];
    let bare = r#"{"merchantRefId":"r","amount":1,"description":"d","custMobile":"9999999999"}"#;
    let absent = parse(bare.as_bytes(), Api::V1).unwrap();
    for field in optional {
        let null = bare.replacen('{', &format!("{{\"{field}\":null,"), 1);
        assert_eq!(parse(null.as_bytes(), Api::V1).as_ref(), Ok(&absent), "{field}");
    }
    // Without the mobile, and on V2 without the name, they are needed.
    let no_contact = bare.replace("\"9999999999\"", "null");
    assert_eq!(fields(parse(no_contact.as_bytes(), Api::V1)), ["custMobile"]);
    let no_name = bare.replacen('{', "{\"custName\":null,", 1);
    assert_eq!(fields(parse(no_name.as_bytes(), Api::V2)), ["custName"]);
    let twice = bare.replacen('{', "{\"deadline\":null,\"deadline\":null,", 1);
    assert_eq!(fields(parse(twice.as_bytes(), Api::V1)), ["deadline"]);
}

#[test]
fn a_body_of_64_kib_is_read_and_one_byte_more_is_not() {
    let body = with(&[]);
    let largest = format!("{body}{}", " ".repeat(BODY_BYTES_MAX - body.len()));
    assert!(parse(largest.as_bytes(), Api::V1).is_ok());
    assert!(parse(format!("{largest} ").as_bytes(), Api::V1).unwrap_err().is_too_large);
    assert!(!parse(b"{", Api::V1).unwrap_err().is_too_large);
    assert_eq!(
        of_body(format!("{largest} ").as_bytes()),
        "has 65537 bytes; at most 65536 are read"
    );
}

#[test]
fn a_body_that_is_not_utf_8_is_reported_as_such() {
    let mut body = with(&[]).into_bytes();
    body[20] = 0xff;
    assert_eq!(of_body(&body), "is not UTF-8: it breaks after byte 20");
}

#[test]
fn a_body_that_is_not_a_json_object_is_reported_as_such() {
    for body in
        ["", " ", "null", "1", "\"x\"", "[]", "[{}]", "{", "{}{}", "{}x", "{'a':1}", "\u{feff}{}"]
    {
        assert!(of_body(body.as_bytes()).starts_with("is not a JSON object"), "{body}");
    }
}

#[test]
fn deep_nesting_ends_in_an_error_and_not_in_a_crash() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for field in ["metadata", "custName", "amount", "unknown"] {
        assert_eq!(fields(read(&[(field, &deep)])), [field]);
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(9_000), "}".repeat(9_000));
    assert_eq!(fields(read(&[("metadata", &deep)])), ["metadata"]);
    of_body("[".repeat(60_000).as_bytes());
}

#[test]
fn what_is_valid_by_itself_is_kept_for_the_event() {
    let changes =
        [("description", "\"\""), ("custEmail", "\"a@example.com\""), ("metadata", r#"{"a":"b"}"#)];
    let valid = read(&changes).unwrap_err().valid;
    assert_eq!(valid.reference.unwrap().as_str(), "order-8841-r1");
    assert_eq!(valid.amount.unwrap().to_string(), "100.50");
    assert!(valid.description.is_none());
    assert!(valid.contact.unwrap().email().is_some());
    assert_eq!(valid.metadata["a"], "b");
}

#[test]
fn no_error_quotes_a_value() {
    let secret = "QQQ";
    let quoted = format!("\"{secret}\\u0007{secret}\"");
    for field in FIELDS.into_iter().chain(["unknown"]) {
        for value in [quoted.as_str(), "{\"QQQ\":\"QQQ\",\"QQQ\":1}", "[\"QQQ\"]"] {
            for error in read(&[(field, value)]).unwrap_err().errors {
                assert!(!error.message.contains(secret), "{error:?}");
                assert_ne!(error.field, secret);
            }
        }
    }
    let broken = format!("{{\"custName\":\"{secret}\", {secret}");
    assert!(!of_body(broken.as_bytes()).contains(secret));
    let shown =
        format!("{:?}", read(&[("custName", "\"QQQ\""), ("description", "\"QQQ\"")]).unwrap());
    assert!(!shown.contains(secret));
}

// Ten thousand errors in a header are more than a frame: the parked copy could never be published.
#[test]
fn thousands_of_unknown_fields_make_a_short_list_of_errors() {
    let members: Vec<String> = (0..7_000).map(|n| format!("\"{n:x}\":1")).collect();
    let errors =
        parse(format!("{{{}}}", members.join(",")).as_bytes(), Api::V1).unwrap_err().errors;
    assert!(errors.len() < 40, "{}", errors.len());
    assert!(errors.iter().any(|error| error.message == "has 6980 more fields that are unknown"));
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(parse(&body, Api::V1).is_err());
    }

    #[test]
    fn an_invalid_intent_always_says_why(value in r#"[\[\]{}",:a0\\.-]{0,12}"#, field in 0_usize..10) {
        let body = with(&[(FIELDS[field], &value)]);
        if let Err(invalid) = parse(body.as_bytes(), Api::V1) {
            prop_assert!(!invalid.errors.is_empty());
        }
    }
}
