//! Amounts are read by the contract's grammar and written back exactly.

use proptest::prelude::*;
use rust_decimal::Decimal;

use smartsend::domain::amount::{Amount, Total};

fn written(text: &str) -> Option<String> {
    Amount::parse(text).ok().map(|amount| amount.to_string())
}

#[test]
fn an_amount_is_digits_with_at_most_two_decimals() {
    for (text, expected) in [
        ("1", "1.00"),
        ("100.5", "100.50"),
        ("100.50", "100.50"),
        ("0.01", "0.01"),
        ("0.1", "0.10"),
        ("10", "10.00"),
        ("200000.00", "200000.00"),
    ] {
        assert_eq!(written(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_not_written_by_the_grammar_is_not_an_amount() {
    let wrong = [
        "", " ", "1 ", " 1", "1e2", "1E2", "-1", "-0.01", "+1", "0.001", "1.000", "NaN", "inf",
        "01", "00", "00.5", ".5", "5.", ".", "1_0", "1,000", "1.2.3", "0x10", "١٢", "１", "1\n",
        "1.٥", "₹1",
    ];
    for text in wrong {
        assert_eq!(written(text), None, "{text:?}");
    }
}

#[test]
fn nothing_is_not_an_amount() {
    for text in ["0", "0.0", "0.00"] {
        assert_eq!(Amount::parse(text), Err("must be more than 0"), "{text}");
    }
}

#[test]
fn eighteen_digits_before_the_point_are_exact_to_the_paisa_and_nineteen_are_refused() {
    assert_eq!(written("123456789012345678.01").as_deref(), Some("123456789012345678.01"));
    assert_eq!(written("999999999999999999.99").as_deref(), Some("999999999999999999.99"));
    assert_eq!(written("9007199254740993").as_deref(), Some("9007199254740993.00"));
    assert_eq!(written("1000000000000000000"), None);
    assert_eq!(written("1000000000000000000.00"), None);
}

#[test]
fn amounts_are_equal_by_value_and_ordered() {
    let amount = |text| Amount::parse(text).unwrap();
    assert_eq!(amount("1"), amount("1.00"));
    assert!(amount("9.99") < amount("10"));
    assert!(amount("200000.01") > amount("200000"));
}

#[test]
fn the_providers_echo_may_have_any_number_of_zeros_at_its_end() {
    for (echo, ours) in
        [("25.0", "25"), ("1.0", "1"), ("1.00", "1"), ("100.5000", "100.50"), ("0.10", "0.1")]
    {
        assert_eq!(Amount::parse_echo(echo), Amount::parse(ours).ok(), "{echo}");
    }
}

#[test]
fn an_echo_is_read_by_its_value_in_any_notation_of_json() {
    for (echo, ours) in
        [("1.005E2", "100.50"), ("2.5e1", "25"), ("1E+2", "100"), ("10050e-2", "100.50")]
    {
        assert_eq!(Amount::parse_echo(echo), Amount::parse(ours).ok(), "{echo}");
    }
}

#[test]
fn an_echo_with_a_third_decimal_or_a_sign_is_not_an_amount() {
    let long = "9".repeat(40);
    for echo in [
        "25.001",
        "-25.0",
        "+25",
        "1.0005e1",
        "1e30",
        "1e",
        "e2",
        "1_0",
        "1_0e1",
        "",
        "null",
        "025.0",
        ".50",
        "0.00",
        "1e-3",
        "1e999999999999",
        &long,
    ] {
        assert_eq!(Amount::parse_echo(echo), None, "{echo}");
    }
}

#[test]
fn a_debug_shows_the_amount_as_it_is_written() {
    assert_eq!(format!("{:?}", Amount::parse("100.5").unwrap()), "Amount(100.50)");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_the_same_amount(
        text in r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,2})?"
    ) {
        let zero = text.bytes().all(|b| b == b'0' || b == b'.');
        let Ok(amount) = Amount::parse(&text) else {
            prop_assert!(zero, "{} was refused", text);
            return Ok(());
        };
        prop_assert!(!zero);
        let shown = amount.to_string();
        prop_assert_eq!(Amount::parse(&shown), Ok(amount));
        prop_assert_eq!(Amount::parse_echo(&format!("{shown}00")), Some(amount));
        let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
        prop_assert_eq!(shown, format!("{whole}.{decimals:0<2}"));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r"[0-9+\-_.eE ]{0,24}|\PC{0,24}") {
        let shape = text.len() <= 21
            && text.split('.').count() <= 2
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        prop_assert!(shape || Amount::parse(&text).is_err());
    }
}

#[test]
fn a_total_is_exact_and_has_two_decimals() {
    let total = |amounts: &[&str]| {
        let amounts = amounts.iter().map(|text| Amount::parse(text).unwrap());
        amounts.fold(Total::default(), Total::plus).to_string()
    };
    assert_eq!(total(&[]), "0.00");
    assert_eq!(total(&["0.1", "0.2"]), "0.30");
    assert_eq!(total(&["999999999999999999.99", "0.01", "5"]), "1000000000000000005.00");
}

#[test]
fn a_total_exceeds_only_what_is_less() {
    let total = Total::from(Amount::parse("100.00").unwrap());
    for (rupees, exceeds) in [("99.99", true), ("100.00", false), ("100.01", false)] {
        assert_eq!(total.exceeds(rupees.parse::<Decimal>().unwrap()), exceeds, "{rupees}");
    }
}
