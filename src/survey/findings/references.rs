//! What follows from refusals, and from a reference that is used twice.

use crate::domain::codes::{Code, Meaning};
use crate::domain::decide::InDoubtPolicy;
use crate::survey::called::{Called, Came};
use crate::survey::finding::Finding;
use crate::survey::observed::{Refusal, Repeat, RepeatEnd};
use crate::survey::present::Present;
use crate::survey::question::Question;

const STRICT: &str = "in_doubt.policy = \"strict\"";

pub(super) fn refusal(refusal: &Refusal) -> Finding {
    let question = Question::Refusal;
    let called = &refusal.called;
    if refusal.made_link {
        return Finding::found(
            question,
            format!("none: a create without a contact made a link, {called}"),
            "none: an intent without a contact is rejected before it is sent",
        );
    }
    let Came::Status(_) = called.came else {
        return unclear(question, called);
    };
    let shape = called.shape.as_deref().unwrap_or("no JSON");
    let seen = format!("{called}; {shape}");
    if !refusal.is_read {
        return Finding::found(
            question,
            seen,
            "the worker cannot read it as a refusal: a bad intent is looked up, and parked",
        );
    }
    let setting = if called.codes.is_empty() {
        "it has no code: a bad intent is parked as REFUSED, and never fails by itself"
    } else {
        "none: the worker reads it"
    };
    Finding::found(question, seen, setting)
}

pub(super) fn second(second: &Repeat, present: &Present) -> Finding {
    let Repeat { called, end } = second;
    let resend = || resend(present);
    let (seen, setting) = match end {
        RepeatEnd::Refused => (
            format!("refused, {}; no second link", code(called)),
            resend_unless_odd(called, present),
        ),
        RepeatEnd::RefusedUnseen => (
            format!("refused, {}; details does not show whether it made a link", code(called)),
            resend_unless_odd(called, present),
        ),
        RepeatEnd::SameLink => {
            (format!("the first link again, {called}; no second link"), resend())
        }
        RepeatEnd::OtherLink => (
            format!("a second link, {called}"),
            format!("{STRICT}: PayU does not keep a reference to one link"),
        ),
        RepeatEnd::Unclear => return unclear(Question::SecondCreate, called),
    };
    Finding::found(Question::SecondCreate, seen, setting)
}

pub(super) fn freed(again: &Repeat, present: &Present) -> Finding {
    let Repeat { called, end } = again;
    let (seen, setting) = match end {
        RepeatEnd::Refused | RepeatEnd::RefusedUnseen => {
            (format!("no: refused, {}", code(called)), resend(present))
        }
        RepeatEnd::SameLink => (format!("no: the cancelled link again, {called}"), resend(present)),
        RepeatEnd::OtherLink => (
            format!("yes: a new link, {called}"),
            format!("{STRICT}, or cancel nothing that may still be on its way"),
        ),
        RepeatEnd::Unclear => return unclear(Question::FreedReference, called),
    };
    Finding::found(Question::FreedReference, seen, setting)
}

/// A refusal whose code is not one of PayU's three for a duplicate is looked up all the same.
fn resend_unless_odd(called: &Called, present: &Present) -> String {
    let is_duplicate =
        |code: &i64| Code::find(*code).is_some_and(|code| code.meaning == Meaning::Duplicate);
    if called.codes.iter().any(is_duplicate) {
        return resend(present);
    }
    format!(
        "{}; ask PayU about this answer, which is none of its three for a duplicate",
        resend(present)
    )
}

fn resend(present: &Present) -> String {
    match present.policy {
        InDoubtPolicy::Resend => "none: in_doubt.policy = \"resend\" is safe in this",
        InDoubtPolicy::Park | InDoubtPolicy::Strict => {
            "in_doubt.policy = \"resend\" would be safe in this"
        }
    }
    .to_owned()
}

fn code(called: &Called) -> String {
    if called.codes.is_empty() { format!("{called} without a code") } else { called.to_string() }
}

fn unclear(question: Question, called: &Called) -> Finding {
    Finding::open(question, format!("{called}, which settles nothing"))
}
