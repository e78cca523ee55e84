//! The rule of each field.

use super::*;

#[test]
fn an_amount_may_be_a_string_or_a_number_and_is_read_digit_for_digit() {
    for (value, expected) in [
        ("100.5", "100.50"),
        ("\"100.5\"", "100.50"),
        ("123456789012345678.01", "123456789012345678.01"),
        ("0.10", "0.10"),
    ] {
        assert_eq!(read(&[("amount", value)]).unwrap().amount.to_string(), expected);
    }
    for value in ["1e2", "-1", "0", "0.001", "1.0e1", "1000000000000000000", "\" 1\"", "\"1e2\""] {
        assert_eq!(fields(read(&[("amount", value)])), ["amount"], "{value}");
    }
    // JSON itself does not allow these.
    for value in ["01", ".5", "5.", "+1", "NaN"] {
        of_body(with(&[("amount", value)]).as_bytes());
    }
}

#[test]
fn half_a_surrogate_pair_is_an_error_of_its_field() {
    for field in ["description", "custName", "merchantRefId", "custEmail"] {
        assert_eq!(fields(read(&[(field, r#""a\ud83d""#)])), [field]);
    }
    assert_eq!(fields(read(&[("metadata", r#"{"a":"\udc00"}"#)])), ["metadata"]);
    let whole = read(&[("description", r#""\ud83d\ude00""#)]).unwrap();
    assert_eq!(whole.description.expose(), "😀");
}

#[test]
fn texts_hold_no_control_characters() {
    for escape in ["\\n", "\\u0000", "\\u001b", "\\u007f", "\\u0085", "\\t"] {
        for field in ["description", "custName", "merchantRefId", "custEmail", "custMobile"] {
            let value = format!("\"a{escape}b\"");
            assert_eq!(fields(read(&[(field, &value)])), [field], "{field} {escape}");
        }
        for entry in [format!(r#"{{"a{escape}b":"c"}}"#), format!(r#"{{"a":"b{escape}c"}}"#)] {
            assert_eq!(fields(read(&[("metadata", &entry)])), ["metadata"], "{escape}");
        }
    }
}

#[test]
fn lengths_are_counted_in_characters() {
    for (field, most) in [("description", 250), ("custName", 100)] {
        let text = |count: usize| format!("\"{}\"", "ü".repeat(count));
        assert!(read(&[(field, &text(1))]).is_ok());
        assert!(read(&[(field, &text(most))]).is_ok());
        assert_eq!(fields(read(&[(field, &text(most + 1))])), [field]);
        assert_eq!(fields(read(&[(field, &text(0))])), [field]);
    }
}

#[test]
fn a_reference_is_1_to_40_letters_digits_underscores_and_hyphens() {
    let longest = format!("\"{}\"", "a".repeat(40));
    for value in ["\"a\"", "\"A-z_09\"", &longest] {
        assert!(read(&[("merchantRefId", value)]).is_ok(), "{value}");
    }
    let too_long = format!("\"{}\"", "a".repeat(41));
    for value in ["\"\"", "\"a b\"", "\"a.b\"", "\"ä\"", "\"a/b\"", "\"a\\u0000\"", &too_long] {
        assert_eq!(fields(read(&[("merchantRefId", value)])), ["merchantRefId"], "{value}");
    }
}

#[test]
fn a_mobile_is_ten_digits_beginning_6_to_9_with_or_without_91() {
    for value in ["\"6000000000\"", "\"9999999999\"", "\"+919999999999\""] {
        let intent = read(&[("custMobile", value)]).unwrap();
        assert_eq!(intent.contact.mobile().unwrap().expose().len(), 10);
    }
    for value in [
        "\"5999999999\"",
        "\"999999999\"",
        "\"99999999999\"",
        "\"919999999999\"",
        "\"+9199\"",
        "\"+91+919999999999\"",
        "\"09999999999\"",
        "\" 9999999999\"",
        "\"९९९९९९९९९९\"",
        "9999999999",
        "\"+91 9999999999\"",
    ] {
        assert_eq!(fields(read(&[("custMobile", value)])), ["custMobile"], "{value}");
    }
}

#[test]
fn an_email_is_one_ascii_address() {
    let local = "a".repeat(64);
    let long = format!("\"{local}@{}.example.com\"", ["b"; 91].join("."));
    assert_eq!(long.len(), 64 + 1 + 181 + 12 + 2);
    // RFC 5321 with its erratum 1690: 254 characters and no more.
    let of = |last: usize| {
        format!("\"{local}@{}.{}.{}\"", "b".repeat(63), "c".repeat(63), "d".repeat(last))
    };
    let (longest, too_long) = (of(61), of(62));
    assert_eq!(longest.len(), 254 + 2);
    for value in ["\"a@example.com\"", "\"first.last+tag@mail.example.com\"", &longest] {
        assert!(read(&[("custEmail", value)]).is_ok(), "{value}");
    }
    for value in [
        "\"a\"",
        "\"@example.com\"",
        "\"a@\"",
        "\"a@b@c.com\"",
        "\"a@example.com,b@example.com\"",
        "\"a@example.com;b@example.com\"",
        "\"a@example.com b@example.com\"",
        "\"Asha <a@example.com>\"",
        "\"<a@example.com>\"",
        "\"ä@example.com\"",
        "\"a@exämple.com\"",
        r#""\"a b\"@example.com""#,
        "\"a@[127.0.0.1]\"",
        "\"a@example.com\\r\\nBcc: b@c.de\"",
        "\"a@example.com \"",
        "\"a(b)@example.com\"",
        "\"a..b@example.com\"",
        &long,
        &too_long,
    ] {
        assert_eq!(fields(read(&[("custEmail", value)])), ["custEmail"], "{value}");
    }
}

#[test]
fn an_empty_contact_counts_as_absent_and_one_of_the_two_is_needed() {
    let email = ("custEmail", "\"a@example.com\"");
    assert!(read(&[("custMobile", ""), email]).is_ok());
    assert!(read(&[("custMobile", "\"\""), email]).is_ok());
    assert!(read(&[("custEmail", "\"\"")]).unwrap().contact.email().is_none());
    for empty in [vec![("custMobile", "")], vec![("custMobile", "\"\""), ("custEmail", "\"\"")]] {
        let errors = read(&empty).unwrap_err().errors;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].message, "or custEmail is needed: at least one of them");
    }
    // A wrong one is reported as wrong, and not also as missing.
    assert_eq!(fields(read(&[("custMobile", "\"1\"")])), ["custMobile"]);
    assert_eq!(fields(read(&[("custMobile", "\"1\""), email])), ["custMobile"]);
}

#[test]
fn fields_of_v2_are_errors_on_v1_and_not_ignored() {
    for (field, value) in [
        ("expiryDate", "\"2026-12-01T00:00:00.000Z\""),
        ("expiryDate", "\"\""),
        ("disableApprovalFlow", "false"),
    ] {
        assert_eq!(fields(read(&[(field, value)])), [field], "{field} {value}");
    }
}

#[test]
fn on_v2_its_fields_are_a_time_and_a_boolean() {
    let read =
        |field, value| parse(with(&[("custName", "\"Asha\""), (field, value)]).as_bytes(), Api::V2);
    for value in ["\"\"", "\"2026-12-01\"", "\"tomorrow\"", "1796083200", "true"] {
        assert_eq!(fields(read("expiryDate", value)), ["expiryDate"], "{value}");
    }
    for value in ["\"false\"", "\"\"", "0", "[]"] {
        assert_eq!(fields(read("disableApprovalFlow", value)), ["disableApprovalFlow"], "{value}");
    }
    let expiry = read("expiryDate", "\"2026-12-01T05:30:00+05:30\"").unwrap().expiry;
    assert_eq!(expiry, Some("2026-12-01T00:00:00Z".parse().unwrap()));
    assert_eq!(read("disableApprovalFlow", "true").unwrap().disable_approval, Some(true));
}

#[test]
fn v2_needs_the_customers_name_and_v1_does_not() {
    assert!(read(&[]).unwrap().name.is_none());
    assert_eq!(fields(parse(with(&[]).as_bytes(), Api::V2)), ["custName"]);
    assert!(parse(with(&[("custName", "\"Asha\"")]).as_bytes(), Api::V2).is_ok());
}

#[test]
fn metadata_is_up_to_16_short_strings() {
    let entries = |count: usize| {
        let entries: Vec<String> = (0..count).map(|n| format!("\"k{n}\":\"v\"")).collect();
        format!("{{{}}}", entries.join(","))
    };
    let entry =
        |key: usize, value: usize| format!("{{\"{}\":\"{}\"}}", "k".repeat(key), "ü".repeat(value));
    for good in [entries(0), entries(16), entry(64, 256), entry(1, 0)] {
        assert!(read(&[("metadata", &good)]).is_ok(), "{good}");
    }
    let repeated = r#"{"a":"1","a":"1"}"#.to_owned();
    for bad in [entries(17), entry(65, 1), entry(1, 257), entry(0, 1), repeated] {
        assert_eq!(fields(read(&[("metadata", &bad)])), ["metadata"], "{bad}");
    }
}

#[test]
fn a_deadline_is_a_time_by_rfc_3339() {
    for good in [
        "2026-11-25T18:30:00Z",
        "2026-11-25T18:30:00.123Z",
        "2026-11-26T00:00:00+05:30",
        "2026-11-25T18:30:00-00:00",
    ] {
        assert!(read(&[("deadline", &format!("\"{good}\""))]).is_ok(), "{good}");
    }
    for bad in [
        "",
        "2026-11-25",
        "2026-11-25T18:30:00",
        "2026-11-25 18:30:00Z",
        "2026-11-25T18:30Z",
        "2026-11-25T18Z",
        "20261125T183000Z",
        "2026-11-25T18:30:00+0530",
        "2026-11-25T18:30:00+05",
        "2026-13-25T18:30:00Z",
        "2026-02-30T18:30:00Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T18:30:00+05:30[Asia/Kolkata]",
        "2026-11-25T18:30:00Z[u-ca=iso8601]",
        "2026-11-25T18:30:00,5Z",
        "2026-11-25T18:30:00+05:30:15",
        "2026-11-25T18:30:00.Z",
        "+002026-11-25T18:30:00Z",
        " 2026-11-25T18:30:00Z",
        "2026-11-25T18:30:00Z ",
        "1764095400",
    ] {
        assert_eq!(fields(read(&[("deadline", &format!("\"{bad}\""))])), ["deadline"], "{bad}");
    }
}
