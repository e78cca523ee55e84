//! Of what everyone has said, the one sentence for the support desk.
//!
//! It must never make anyone pay twice. So wherever something may be on its way, or was not seen, it
//! says not to pay again; and nothing is called unknown while a part of the answer is missing.

use jiff::Timestamp;

use super::facts::{AmountAgreement, Facts, Part};
use super::parked_copy::ParkedCopy;
use super::seen_link::{SeenLink, Standing};
use crate::telemetry::status::{Known, Step};

/// Whether it is known where the payout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// At least one of them has it.
    Yes,
    /// None of them has it, and each was seen whole.
    No,
    /// None of those that were seen has it, and it may be where nobody looked.
    Undecided,
}

/// Whether it is known where the payout is.
pub fn found(facts: &Facts) -> Found {
    let is_known = facts.known().is_some() || facts.link().is_some();
    if is_known || !facts.copies().is_empty() {
        Found::Yes
    } else if facts.missing().is_empty() && facts.unread() == Some(0) {
        Found::No
    } else {
        Found::Undecided
    }
}

/// One sentence for whoever talks to the customer.
pub fn sentence(facts: &Facts) -> String {
    match (facts.link(), facts.known(), facts.copies()) {
        (Some(link), _, copies) => of_link(facts, link, copies),
        (None, Some((known, now)), _) => of_known(&known, now),
        (None, None, [copy, ..]) => of_copy(copy),
        (None, None, []) => of_nothing(facts),
    }
}

fn of_link(facts: &Facts, link: &SeenLink, copies: &[ParkedCopy]) -> String {
    if facts.amount_agreement() == AmountAgreement::Differs {
        return "PayU has a link for this reference with another amount than what is parked: pay \
                nothing again before a person has compared the two."
            .to_owned();
    }
    let ending = link.ending().map(|ending| format!(", which ends in {ending}"));
    let ending = ending.unwrap_or_default();
    let text = match link.standing {
        Standing::Claimable => format!(
            "There is a link for it{ending}, and the customer can claim it, or can once it is \
             approved: send no other, and pay nothing again"
        ),
        Standing::Claimed => {
            "The customer has claimed the link, and PayU is paying: wait, and pay nothing again"
                .to_owned()
        }
        Standing::Paid => "It is paid, as PayU shows it: pay nothing again".to_owned(),
        Standing::Reversed => {
            "It was paid, and PayU shows that the money came back: a person has to find out why \
             before it is paid under a new reference"
                .to_owned()
        }
        Standing::PaymentFailed => {
            "The customer has claimed the link, and the payment failed, but may be tried again by \
             the same link: pay nothing under a new reference while that can be claimed"
                .to_owned()
        }
        Standing::Expired => closed("has expired"),
        Standing::Cancelled => closed("is cancelled"),
        Standing::Rejected => closed("was rejected by the merchant's approver"),
        Standing::Failed => {
            "There is a link for it that PayU calls failed: pay nothing under a new reference \
             before PayU says that it cannot be claimed any more"
                .to_owned()
        }
        Standing::Unlisted => {
            "There is a link for it in a state that PayU's pages do not list: pay nothing again \
             before PayU has said what that means"
                .to_owned()
        }
    };
    let at_work = if facts.known().is_some() { "; a worker is still at work on it" } else { "" };
    let parked = if copies.is_empty() { "" } else { "; a person has to settle what is parked" };
    format!("{text}{at_work}{parked}.")
}

fn closed(how: &str) -> String {
    format!(
        "Its link {how} and cannot be claimed: if the money is still owed, it takes a new reference, \
         and a person who has seen that nothing was paid"
    )
}

fn of_known(known: &Known, now: Timestamp) -> String {
    let doubt = if known.in_doubt { ", and may have been sent" } else { "" };
    let until = match (known.step, known.until) {
        (Step::LookupDue | Step::RetryQueue, Some(until)) if until.0 >= now => {
            format!("; it goes on at {:.0}", until.0)
        }
        (
            Step::Call
            | Step::Lookup
            | Step::LookupDue
            | Step::Pause
            | Step::Settle
            | Step::RetryQueue,
            _,
        ) => String::new(),
    };
    format!(
        "It is being worked on{doubt}{until}: wait for its event, and pay nothing under another \
         reference."
    )
}

fn of_copy(copy: &ParkedCopy) -> String {
    let since = copy.parked_at.map(|at| format!(" since {at:.0}")).unwrap_or_default();
    let reason = copy
        .reason
        .as_ref()
        .map(|reason| format!(" as {reason} (`smartsend explain {reason}` says what to do)"));
    let reason = reason.unwrap_or_default();
    format!(
        "It is parked{since}{reason} and waits for a person: pay nothing under another reference \
         before that person has decided."
    )
}

fn of_nothing(facts: &Facts) -> String {
    let missing = facts.missing();
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.into_iter().map(part).collect();
        return format!(
            "Where it is cannot be said, since a part of the answer is missing ({}): ask again, and \
             pay nothing under another reference meanwhile.",
            missing.join(", ")
        );
    }
    match facts.unread() {
        Some(0) => {
            "None of them knows it: it never came here for this merchant, it ended without a link \
             and downstream has its `link.failed`, a person discarded it, or a file of `smartsend \
             batch` has it; ask upstream and whoever deals with parked messages, and pay nothing \
             under another reference before one of them has answered."
                .to_owned()
        }
        Some(_) | None => {
            "It may be among the messages that wait and were not read: ask again in a \
                           few minutes, and pay nothing under another reference meanwhile."
                .to_owned()
        }
    }
}

/// What is missing, for a person.
fn part(part: Part) -> &'static str {
    match part {
        Part::Worker => "the worker that works for the merchant",
        Part::Queues => "the number of messages that wait",
        Part::Parked => "the parked queue, or a part of it",
        Part::Provider => "PayU",
    }
}
