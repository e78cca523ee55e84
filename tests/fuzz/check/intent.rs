//! Intents: any body becomes an intent that keeps the contract, or errors that say so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use smartsend::domain::account::Api;
use smartsend::domain::event::wire::errors_json;
use smartsend::domain::event::{Event, Origin};
use smartsend::domain::intent::wire::{FIELDS, parse};
use smartsend::domain::intent::{Intent, Invalid};
use smartsend::domain::reference::REFERENCE_LEN_MAX;
use smartsend::domain::trace::Trace;
use smartsend::payu::wire::create_body;

/// The most errors of one body: the fields of the contract, 20 unknown names, and how many more.
const ERRORS_MAX: usize = FIELDS.len() + 20 + 1;
/// In characters; the contract says nothing of its own, and the errors travel in a header.
const MESSAGE_CHARS_MAX: usize = 120;
/// In characters.
const NAME_CHARS_MAX: usize = 40;
/// In bytes; a header frame of RabbitMQ holds 128 KiB by default, with everything else in it.
const ERRORS_SIZE_MAX: usize = 16 * 1024;

/// Checks one body.
pub(crate) fn check(data: &[u8]) {
    for api in [Api::V1, Api::V2] {
        let read = parse(data, api);
        assert_eq!(read, parse(data, api), "the same body is read in two ways");
        match read {
            Ok(intent) => check_intent(&intent, data, api),
            Err(invalid) => check_invalid(&invalid, data),
        }
    }
}

fn origin() -> Origin<'static> {
    Origin {
        payout_merchant_id: "1111312",
        merchant: "default",
        message_id: None,
        trace: Trace::default(),
        now: Timestamp::UNIX_EPOCH,
    }
}

fn check_intent(intent: &Intent, body: &[u8], api: Api) {
    let reference = intent.reference.as_str();
    assert!((1..=REFERENCE_LEN_MAX).contains(&reference.len()), "{reference}");
    assert!(api == Api::V1 || intent.name.is_some(), "v2 needs a name");
    assert!(intent.contact.mobile().is_some() || intent.contact.email().is_some());

    // An amount is what was written, to the last digit, by a reading that knows no number types.
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).unwrap();
    let written: String = match members["amount"].get() {
        text if text.starts_with('"') => serde_json::from_str(text).unwrap(),
        digits => digits.to_owned(),
    };
    let amount = intent.amount.to_string();
    assert_eq!(amount, with_two_decimals(&written), "of {written}");
    assert!(amount.bytes().any(|b| matches!(b, b'1'..=b'9')), "{amount} is nothing");

    // What goes to the provider, read again, is the intent but for what the provider does not get.
    let sent = create_body(intent, api).expect("an intent can be sent");
    if intent.expiry.is_some_and(|expiry| expiry < Timestamp::UNIX_EPOCH) {
        return; // PayU's pattern has no year before 0, and its dates are of links to come
    }
    let to_seconds = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap();
    let expected = Intent {
        expiry: intent.expiry.map(to_seconds),
        deadline: None,
        metadata: BTreeMap::new(),
        ..intent.clone()
    };
    assert_eq!(parse(&sent, api).as_ref(), Ok(&expected));
}

/// The text of a decimal number with two decimals.
fn with_two_decimals(text: &str) -> String {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    assert!(decimals.len() <= 2, "{text} has more than two decimals");
    format!("{whole}.{decimals:0<2}")
}

fn check_invalid(invalid: &Invalid, body: &[u8]) {
    let Invalid { errors, valid, is_too_large, is_command: _ } = invalid;
    assert_eq!(*is_too_large, body.len() > 64 * 1024);
    assert!(!errors.is_empty(), "it is not an intent, and nobody knows why");
    assert!(errors.len() <= ERRORS_MAX, "{} errors", errors.len());
    for error in errors {
        assert!(error.field.chars().count() <= NAME_CHARS_MAX, "{}", error.field);
        assert!(error.message.chars().count() <= MESSAGE_CHARS_MAX, "{}", error.message);
        assert!(!format!("{}{}", error.field, error.message).contains(char::is_control));
    }
    assert!(errors_json(errors).len() <= ERRORS_SIZE_MAX);
    if let Some(amount) = valid.amount {
        assert!(amount.to_string().bytes().any(|b| matches!(b, b'1'..=b'9')));
    }
    let event = Event::of_invalid(invalid, body, origin());
    let event: serde_json::Value = serde_json::from_slice(&event.to_json()).unwrap();
    assert_eq!(event["type"], "smartsend.intent.rejected");
    assert_eq!(event["data"]["reason"]["code"], "INVALID_INTENT");
}
