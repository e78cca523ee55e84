//! What it watches for in commands.

use jiff::Timestamp;
use smartsend::domain::call::Data;
use smartsend::domain::command::Action;

use super::*;
use crate::support::model::{Change, accepted, refusal};

fn until() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

/// An oracle that has seen a link, and then commands for it, which the first process was given.
fn asked(actions: &[Action]) -> Oracle {
    let planned = |(number, action): (usize, &Action)| PlannedCommand {
        id: format!("c{number}"),
        reference: "r0".to_owned(),
        body: String::new(),
        action: Some(*action),
        at: vec![at(2)],
    };
    let commands: Vec<_> = actions.iter().enumerate().map(planned).collect();
    let mut oracle = oracle_of(&commands);
    answered(&mut oracle, 2, Called::Create, &accepted(Data::default()));
    let link = created(URL, "");
    published(&mut oracle, &link);
    oracle.see(at(2), &Step::Confirmed { process: 0, outgoing: &link });
    oracle.see(at(2), &Step::Acknowledged { process: 0, tag: 1 });
    for (number, one) in commands.iter().enumerate() {
        let message = Message::from_upstream("{}", properties_of(&one.id));
        let tag = 10 + number as u64;
        oracle.see(at(2), &Step::Queued { message: &message, returned: false });
        oracle.see(at(2), &Step::Delivered { process: 0, tag, message: &message });
    }
    assert_eq!(oracle.broken, None);
    oracle
}

fn properties_of(id: &str) -> Properties {
    let id = Some(id.to_owned());
    Properties { message_id: id.clone(), correlation_id: id, ..Properties::default() }
}

/// An event of the first command, or of the one that is named.
fn announce(oracle: &mut Oracle, seconds: u64, kind: EventKind, code: &str) {
    announce_of(oracle, seconds, kind, (code, "c0", "e"));
}

fn announce_of(
    oracle: &mut Oracle,
    seconds: u64,
    kind: EventKind,
    (code, command, event_id): (&str, &str, &str),
) {
    let data = format!(r#"{{"merchantRefId":"r0","reason":{{"code":"{code}"}}}}"#);
    let Outgoing::Event(mut event) = event(kind, &data) else { unreachable!() };
    event.properties.correlation_id = Some(command.to_owned());
    event.properties.message_id = Some(event_id.to_owned());
    let outgoing = Outgoing::Event(event);
    oracle.see(at(seconds), &Step::Published { process: 0, outgoing: &outgoing, fault: None });
}

fn becomes(oracle: &mut Oracle, seconds: u64, change: Change, request: Option<usize>) {
    let reference = &reference();
    oracle.see(at(seconds), &Step::Changed { request, reference, change });
}

#[test]
fn it_sees_a_cancel_of_a_link_that_can_be_claimed_or_is() {
    let mut open = asked(&[Action::Cancel]);
    announce(&mut open, 4, EventKind::Cancelled, "");
    expect(&open, "its link is Some(Open)");
    let mut claimed = asked(&[Action::Cancel]);
    becomes(&mut claimed, 3, Change::Claimed, None);
    becomes(&mut claimed, 3, Change::Cancelled, Some(7));
    announce(&mut claimed, 4, EventKind::Cancelled, "");
    expect(&claimed, "its link is Some(Claimed)");
    let mut cancelled = asked(&[Action::Cancel]);
    becomes(&mut cancelled, 3, Change::Cancelled, Some(7));
    announce(&mut cancelled, 4, EventKind::Cancelled, "");
    cancelled.judge();
    assert_eq!(cancelled.broken, None);
}

#[test]
fn it_sees_a_reason_that_was_never_so() {
    for code in ["CLAIMED", "PAID", "EXPIRED", "REJECTED", "CANCELLED", "LINK_NOT_FOUND", "REFUSED"]
    {
        let mut oracle = asked(&[Action::Cancel]);
        announce(&mut oracle, 4, EventKind::CancelFailed, code);
        expect(&oracle, "ends with CancelFailed");
    }
    let mut oracle = asked(&[Action::Cancel]);
    becomes(&mut oracle, 3, Change::Claimed, None);
    becomes(&mut oracle, 4, Change::PaymentFailed, None);
    announce(&mut oracle, 5, EventKind::CancelFailed, "CLAIMED"); // it was so
    assert_eq!(oracle.broken, None);
    announce(&mut oracle, 5, EventKind::CancelFailed, "PAID");
    expect(&oracle, "PAID");
}

#[test]
fn it_sees_an_extend_that_was_not_made() {
    let mut oracle = asked(&[Action::Extend(until())]);
    becomes(&mut oracle, 3, Change::Extended(until() - Duration::from_secs(1)), Some(7));
    announce(&mut oracle, 4, EventKind::Extended, "");
    expect(&oracle, "ends with Extended");
}

#[test]
fn it_sees_an_event_of_an_intent_for_a_command_and_the_reverse() {
    let mut oracle = asked(&[Action::Cancel]);
    announce(&mut oracle, 4, EventKind::Failed, "DEADLINE_PASSED");
    expect(&oracle, "ends with Failed");
    let mut oracle = asked(&[Action::Cancel]);
    becomes(&mut oracle, 3, Change::Cancelled, Some(7));
    announce_of(&mut oracle, 4, EventKind::Cancelled, ("", "i0", "e"));
    expect(&oracle, "ends like a command");
}

#[test]
fn it_sees_that_no_event_says_what_was_done() {
    let mut cancel = asked(&[Action::Cancel]);
    announce_refused(&mut cancel, EventKind::CancelFailed);
    becomes(&mut cancel, 9, Change::Cancelled, Some(7));
    cancel.judge();
    expect(&cancel, "r0 is cancelled, and no event says so");
    let mut extend = asked(&[Action::Extend(until())]);
    announce_refused(&mut extend, EventKind::ExtendFailed);
    becomes(&mut extend, 9, Change::Extended(until()), Some(7));
    extend.judge();
    expect(&extend, "expires at 2027-01-01T00:00:00.000Z, and no event says so");
}

fn announce_refused(oracle: &mut Oracle, kind: EventKind) {
    answered(oracle, 4, Called::Manage, &refusal(1119));
    announce(oracle, 5, kind, "REFUSED");
    assert_eq!(oracle.broken, None);
}

/// A command's call is sent two seconds before, and a create was.
fn answered(oracle: &mut Oracle, seconds: u64, called: Called, result: &CallResult) {
    let (process, reference) = (0, &reference());
    if called == Called::Manage {
        let (work, sent) = (Work::Commands, Some(reference));
        let step = Step::Sent { process, work, request: 7, called, reference: sent };
        oracle.see(at(seconds - 2), &step);
    }
    oracle.see(at(seconds), &Step::Answered { process, called, reference, result });
}

#[test]
fn it_sees_two_events_of_one_cancelled_link_and_a_command_that_is_lost() {
    let mut oracle = asked(&[Action::Cancel, Action::Cancel]);
    becomes(&mut oracle, 3, Change::Cancelled, Some(7));
    announce_of(&mut oracle, 4, EventKind::Cancelled, ("", "c0", "one"));
    announce_of(&mut oracle, 4, EventKind::Cancelled, ("", "c1", "other"));
    oracle.judge();
    expect(&oracle, "in more than one event");
    let mut oracle = asked(&[Action::Cancel]);
    oracle.see(at(4), &Step::Acknowledged { process: 0, tag: 10 });
    expect(&oracle, "c0 is acknowledged, and nothing replaces it");
    let mut oracle = asked(&[Action::Cancel]);
    oracle.judge();
    expect(&oracle, "c0 has no end");
}

#[test]
fn it_sees_a_command_that_is_new_again_or_goes_to_the_other_queue() {
    let back = |work| {
        let headers = [("state".to_owned(), Value::Text("new".to_owned()))].into_iter().collect();
        let copy = Copied { headers, properties: properties_of("c0"), ..copy(&[]) };
        Outgoing::Retry { work, delay: shortest(), copy }
    };
    let mut oracle = asked(&[Action::Cancel]);
    published(&mut oracle, &back(Work::Intents));
    expect(&oracle, "the other queue");
    let mut oracle = asked(&[Action::Cancel]);
    oracle.see(at(3), &Step::Requeued { process: 0, tag: 10 });
    let message =
        Message { redelivered: true, ..Message::from_upstream("{}", properties_of("c0")) };
    let mut process_1 = oracle;
    process_1.see(at(3), &Step::Delivered { process: 1, tag: 11, message: &message });
    let outgoing = &back(Work::Commands);
    process_1.see(at(3), &Step::Published { process: 1, outgoing, fault: None });
    expect(&process_1, "new again");
}
