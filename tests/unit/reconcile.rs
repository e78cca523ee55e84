//! A file against PayU and the events: every class, in every direction, and sums that add up.

mod command;
mod files;
mod sums;
mod verdicts;

use std::collections::BTreeMap;

use jiff::Timestamp;
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::CreatedLink;
use smartsend::domain::classify::link_status::{Approval, LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink};
use smartsend::domain::customer::{Contact, Mobile, Private};
use smartsend::domain::link::LinkHosts;
use smartsend::domain::reference::Reference;
use smartsend::reconcile::events::Events;
use smartsend::reconcile::findings::Findings;
use smartsend::reconcile::row::{Claim, Payout, Row, Says};
use smartsend::reconcile::seen::{AtPayu, Seen};
use smartsend::reconcile::verdict::Timing;
use smartsend::whereabouts::SeenLink;

use crate::support::canary::{LINK, MOBILE};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When PayU was asked.
fn asked_at() -> Timestamp {
    at("2026-11-24T10:00:00Z")
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

/// Five minutes, of which FILE says nothing.
fn undated() -> Timing {
    Timing { grace: std::time::Duration::from_mins(5), sent_by: None }
}

fn sent_at(time: &str) -> Timing {
    Timing { sent_by: Some(at(time)), ..undated() }
}

fn pays(number: usize, name: &str, rupees: &str, claim: Claim) -> Row {
    let contact = Some(Contact::Mobile(Mobile::parse(MOBILE).unwrap()));
    let (reference, amount) = (reference(name), amount(rupees));
    Row { number, says: Says::Pays(Payout { reference, amount, contact, claim }) }
}

fn wanted(number: usize, name: &str, rupees: &str) -> Row {
    pays(number, name, rupees, Claim::Wanted(Some(Private::new("{}"))))
}

fn no_link(number: usize, name: &str, word: &'static str) -> Row {
    let (reference, amount) = (Some(reference(name)), Some(amount("50")));
    Row { number, says: Says::NoLink { reference, amount, word } }
}

/// What details shows of an open link over 100 rupees, changed.
fn link(change: impl FnOnce(&mut Details)) -> Seen {
    worded(Some("PENDING"), None, change)
}

/// The same, in PayU's words.
fn worded(status: Option<&str>, payment: Option<&str>, change: impl FnOnce(&mut Details)) -> Seen {
    let link = LinkHosts::Any.admit(&Private::new(LINK)).unwrap();
    let made = CreatedLink { link, link_id: None, expiry: None, approval: Approval::Unknown };
    let mut details = Details {
        status: LinkStatus::read(status),
        payment: Payment::read(payment),
        link: DetailsLink::Here(made),
        link_id: None,
        expiry: None,
        amount: Some(amount("100")),
        mobile: Some(Private::new(MOBILE)),
        email: None,
    };
    change(&mut details);
    let link = SeenLink::new(&details, status, payment);
    Seen::Link(Box::new(AtPayu { details, link }))
}

fn nothing() -> Seen {
    Seen::Nothing { at: asked_at() }
}

fn findings(
    rows: Vec<Row>,
    answers: &[(&str, Seen)],
    events: &Events,
    timing: &Timing,
) -> Findings {
    let answers: BTreeMap<_, _> =
        answers.iter().map(|(name, seen)| (reference(name), seen.clone())).collect();
    Findings::new(rows, 0, events, &answers, timing)
}
