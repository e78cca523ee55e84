//! One decision, and why it was taken: the table of every decision, row by row.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::duration::shortest;
use crate::domain::decide::{
    CreateKind, Decision, Disposition, IntentDecision, Policy, RetryLater,
};
use crate::domain::event::Reason;
use crate::domain::record::{Doubt, Record, Seen, State};
use crate::domain::reference::Reference;
use crate::domain::verdict::{LinkSource, Verdict};

/// An intent's way.
#[derive(Clone, Debug)]
pub struct Walk {
    pub reference: Reference,
    pub start: Timestamp,
    pub steps: Vec<Step>,
    pub next: Next,
    /// How many answers were left over.
    pub unused: usize,
}

/// What would be asked if there were another answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is decided.
    Nothing,
    Create,
    Lookup,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the arrival.
    pub at: Duration,
    pub decision: String,
    pub why: String,
    /// How long after the arrival it goes on, which for a wait is the next lookup.
    pub due: Option<Duration>,
    /// The answer that was put in, and what it was taken for.
    pub answer: Option<(String, &'static str)>,
}

impl Step {
    pub(super) fn new(
        at: Duration,
        decision: &IntentDecision<'_>,
        record: &Record,
        policy: &Policy,
    ) -> Self {
        let lasts = match decision {
            Decision::Wait(lasts) | Decision::Pause(lasts) | Decision::PauseUpTo(lasts) => {
                Some(*lasts)
            }
            Decision::Dispose(Disposition::RetryLater(later)) => Some(later.delay.duration()),
            Decision::Attempt(_)
            | Decision::Lookup(_)
            | Decision::Dispose(
                Disposition::Settle(_) | Disposition::Requeue | Disposition::Abandon,
            ) => None,
        };
        Self {
            at,
            decision: words(decision),
            why: why(decision, record, policy),
            due: lasts.map(|lasts| at.saturating_add(lasts)),
            answer: None,
        }
    }
}

fn words(decision: &IntentDecision<'_>) -> String {
    match decision {
        Decision::Attempt(call) => match call.kind() {
            CreateKind::First => "create".to_owned(),
            CreateKind::Resend => "create once more, with the same reference".to_owned(),
        },
        Decision::Lookup(_) => "look up".to_owned(),
        Decision::Wait(lasts) => format!("wait {} for the next lookup", spoken(*lasts)),
        Decision::Pause(lasts) => format!("pause {}", spoken(*lasts)),
        Decision::PauseUpTo(lasts) => format!("pause, at most {}", spoken(*lasts)),
        Decision::Dispose(Disposition::RetryLater(later)) => {
            format!("retry queue of {}", spoken(later.delay.duration()))
        }
        Decision::Dispose(Disposition::Settle(verdict)) => verdict_words(verdict),
        Decision::Dispose(Disposition::Requeue) => "requeue".to_owned(),
        Decision::Dispose(Disposition::Abandon) => "leave it to RabbitMQ".to_owned(),
    }
}

fn verdict_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Created { source: LinkSource::Create, .. } => "link.created".to_owned(),
        Verdict::Created { source: LinkSource::Lookup(_), .. } => {
            "link.created, recovered".to_owned()
        }
        Verdict::Failed(why) => format!("link.failed {}", why.reason().code),
        Verdict::Rejected(why) => {
            format!("intent.rejected {}, the original parked", why.reason().code)
        }
        Verdict::Unresolved(why) => format!("park, link.unresolved {}", why.reason().code),
    }
}

fn why(decision: &IntentDecision<'_>, record: &Record, policy: &Policy) -> String {
    match decision {
        Decision::Attempt(call) if call.kind() == CreateKind::Resend => format!(
            "in doubt; {}; the policy allows to send the same reference again, once per quarantine",
            progress(record, policy)
        ),
        Decision::Attempt(_) if record.attempts > 0 => {
            "it was turned away, which is no doubt: sent again without a lookup".to_owned()
        }
        Decision::Attempt(_) if policy.is_strict() => {
            "new, and the lookup that policy = \"strict\" asks for found nothing".to_owned()
        }
        Decision::Attempt(_) => "new: nothing was sent before".to_owned(),
        Decision::Lookup(call) if call.precedes_create => {
            "new, and policy = \"strict\" looks up before every first create".to_owned()
        }
        Decision::Lookup(_) | Decision::Wait(_) => {
            format!("{}; {}", doubt(record), progress(record, policy))
        }
        Decision::Pause(_) => "nothing may be created yet".to_owned(),
        Decision::PauseUpTo(_) => {
            "nothing was sent, and a quick try comes first; the record stays as it was".to_owned()
        }
        Decision::Dispose(Disposition::RetryLater(later)) => returned(record, *later),
        Decision::Dispose(Disposition::Settle(verdict)) => verdict_why(verdict),
        Decision::Dispose(Disposition::Requeue | Disposition::Abandon) => {
            "the delivery cannot be settled".to_owned()
        }
    }
}

/// Why it may have been sent.
fn doubt(record: &Record) -> String {
    let State::InDoubt(Doubt { seen, code, .. }) = &record.state else {
        return "new, and past its deadline or max_age: no create any more, but a lookup"
            .to_owned();
    };
    let why = match seen {
        Seen::Unknown => "the create had no answer that makes sense, and may have made a link",
        Seen::Duplicate => "PayU has a link for the reference; whose, only a lookup can tell",
        Seen::Refused => "PayU refused it, which may hide a link",
        Seen::TurnedAway => "it was turned away, and policy = \"strict\" does not believe that",
        Seen::Redelivered => "RabbitMQ delivered it before",
        Seen::Recent => "this process has handled its reference recently",
        Seen::Accepted => "a command was accepted",
    };
    let code = code.map(|code| format!(" (code {code})")).unwrap_or_default();
    format!("in doubt: {why}{code}")
}

/// How far the lookups are.
fn progress(record: &Record, policy: &Policy) -> String {
    format!(
        "{} of {} lookups have found nothing, {} of the quarantine of {} are over",
        record.lookups,
        policy.lookups,
        spoken(record.quarantined),
        spoken(policy.quarantine)
    )
}

fn returned(record: &Record, later: RetryLater) -> String {
    let kind = if later.counted { "a trip that counts" } else { "the record stays as it was" };
    let doubt = if record.is_in_doubt() { "; in doubt" } else { "" };
    format!("{}; {kind}{doubt}", later.why)
}

fn verdict_why(verdict: &Verdict) -> String {
    let message = |reason: Reason| reason.message.into_owned();
    match verdict {
        Verdict::Created { source: LinkSource::Create, .. } => {
            "PayU has answered with a link".to_owned()
        }
        Verdict::Created { source: LinkSource::Lookup(_), .. } => {
            "found, live, with the same amount and customer".to_owned()
        }
        Verdict::Failed(why) => message(why.reason()),
        Verdict::Rejected(why) => message(why.reason()),
        Verdict::Unresolved(why) => message(why.reason()),
    }
}

/// A duration for a person: 147500ms is 147.5s.
pub(super) fn spoken(duration: Duration) -> String {
    let whole = duration.as_millis().is_multiple_of(1000);
    if whole || duration < Duration::from_secs(1) {
        return shortest(duration);
    }
    format!("{}s", duration.as_secs_f64())
}
