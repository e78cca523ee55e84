//! The classification, enumerated: every status, every code, every shape.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the outcome that it wants")]

mod codes;
mod explained;
mod likeness;
mod links;
mod lookups;
mod manage;
mod statuses;
mod words;

use std::time::Duration;

use proptest::prelude::*;

use smartsend::domain::account::Api;
use smartsend::domain::call::{Answer, CallResult, Data, Envelope, NoAnswer, NotSent, RetryAfter};
use smartsend::domain::classify::comparison::{Comparison, Match};
use smartsend::domain::classify::create::Outcome;
use smartsend::domain::classify::link_status::{Approval, LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use smartsend::domain::classify::table::{
    ByStatus, DUPLICATE_WORDS, NOT_FOUND_WORDS, STATUS_ROWS, THROTTLE_WORDS, by_status,
};
use smartsend::domain::classify::{ClassifyRules, Denial, NoToken, UnknownReason};
use smartsend::domain::codes::{CODES, Code, Meaning};
use smartsend::domain::customer::{ConfirmedContact, Private};
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire::parse;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::readback::Fields;
use smartsend::domain::reference::Reference;
use smartsend::explain::{COLUMNS, explain, explain_all};

const LINK: &str = "https://www.payumoney.com/smartPay?id=abc";

fn reference() -> Reference {
    Reference::parse("order-1").unwrap()
}

fn rules() -> ClassifyRules {
    let hosts = ["payumoney.com", "payu.in"].map(str::to_owned).to_vec();
    ClassifyRules { rejects: Vec::new(), link_hosts: LinkHosts::Only(hosts) }
}

#[test]
fn a_reference_is_shown_as_it_is() {
    assert_eq!(format!("{} {:?}", reference(), reference()), "order-1 Reference(order-1)");
}

fn answer(status: u16, envelope: Option<Envelope>) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope })
}

fn create(status: u16, envelope: Option<Envelope>) -> Outcome {
    Outcome::classify(answer(status, envelope), &reference(), &rules())
}

fn lookup(status: u16, envelope: Option<Envelope>) -> Lookup {
    Lookup::classify(answer(status, envelope), &reference(), &rules())
}

fn success(link: Option<&str>) -> Envelope {
    let data = Data { link: link.map(Private::new), ..Data::default() };
    Envelope { status: 0, codes: Vec::new(), texts: vec![Private::new("Success")], data }
}

fn refusal(codes: &[i64], texts: &[&str]) -> Envelope {
    let texts = texts.iter().map(|text| Private::new(*text)).collect();
    Envelope { status: 1, codes: codes.to_vec(), texts, data: Data::default() }
}

fn refused_with(codes: &[i64]) -> Outcome {
    create(200, Some(refusal(codes, &["Fail"])))
}

fn found(link: &str) -> Envelope {
    let data = Data {
        reference: Some("order-1".to_owned()),
        link: Some(Private::new(link)),
        link_id: Some(Private::new("0b0e-uuid")),
        link_status: Some("PENDING".to_owned()),
        amount: Some("100.5".to_owned()),
        mobile: Some(Private::new("9999999999")),
        email: Some(Private::new("asha@example.com")),
        ..Data::default()
    };
    Envelope { status: 0, codes: Vec::new(), texts: Vec::new(), data }
}

fn not_found() -> Envelope {
    let text = "Smart Send Record not found with merchant reference id - order-1. for Payout \
                Merchant Id - 1111312. Kindly fetch details after some time.";
    let data = Data { reference: Some("order-1".to_owned()), ..Data::default() };
    Envelope { status: 1, codes: Vec::new(), texts: vec![Private::new(text)], data }
}
