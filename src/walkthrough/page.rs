//! A walk, for a person and for a program.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::step::{Next, Step, Walk, spoken};
use crate::domain::record::headers::written;
use crate::page::Page;

/// Where the texts of the page begin.
const INDENT: usize = 10;

/// The walk for a person.
pub fn text(walk: &Walk) -> String {
    let mut page = Page::default();
    page.row("0s", INDENT, &format!("{} arrives, at {}", walk.reference, written(walk.start)));
    for Step { at, decision, why, due, answer } in &walk.steps {
        let due = due.map(|due| format!(" (goes on {} after its arrival)", spoken(due)));
        let due = due.unwrap_or_default();
        page.row(&shown(*at), INDENT, &format!("{decision}{due}"));
        page.row("", INDENT, &format!("because: {why}"));
        if let Some((word, means)) = answer {
            page.row("", INDENT, &format!("answer: {word}, which is {means}"));
        }
    }
    match walk.next {
        Next::Nothing if walk.unused == 0 => page.row("end", INDENT, "it is decided"),
        Next::Nothing => {
            page.row(
                "end",
                INDENT,
                &format!("it is decided; answers that nobody asked for: {}", walk.unused),
            );
        }
        Next::Create => {
            page.row("end", INDENT, "the answers are over: the next one would be to the create");
        }
        Next::Lookup => {
            page.row("end", INDENT, "the answers are over: the next one would be to the lookup");
        }
    }
    page.into_text()
}

fn shown(at: Duration) -> String {
    if at.is_zero() { "0s".to_owned() } else { spoken(at) }
}

/// The same for a program.
pub fn json(walk: &Walk) -> String {
    let time = |after: Duration| {
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
        written(walk.start.checked_add(after).unwrap_or(Timestamp::MAX))
    };
    let millis = |after: Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    let step = |step: &Step| {
        let answer = step.answer.as_ref();
        json!({
            "afterMs": millis(step.at),
            "at": time(step.at),
            "decision": step.decision,
            "why": step.why,
            "dueAfterMs": step.due.map(millis),
            "dueAt": step.due.map(time),
            "answer": answer.map(|(word, _)| word),
            "outcome": answer.map(|(_, means)| means),
        })
    };
    let steps: Vec<Value> = walk.steps.iter().map(step).collect();
    let next = match walk.next {
        Next::Nothing => None,
        Next::Create => Some("create"),
        Next::Lookup => Some("lookup"),
    };
    let json = json!({
        "merchantRefId": walk.reference.as_str(),
        "start": written(walk.start),
        "steps": steps,
        "decided": walk.next == Next::Nothing,
        "next": next,
        "unusedAnswers": walk.unused,
    });
    format!("{json}\n")
}
