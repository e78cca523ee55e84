//! Asks PayU about each reference, at the pace of a person's questions.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::events::Events;
use super::row::Row;
use super::seen::{AtPayu, Seen, Unlearnt};
use crate::clock::SystemClock;
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::inquiry::{Inquiry, Shown};
use crate::ports::Clock;
use crate::whereabouts::SeenLink;

/// After so many questions in a row that brought nothing, no more are asked.
const FAILURES_MAX: usize = 5;

/// What PayU has said.
#[derive(Default)]
pub struct Answers {
    pub seen: BTreeMap<Reference, Seen>,
    /// Why not everything was asked.
    pub halted: Option<String>,
    /// Whether that was a person's wish.
    pub is_stopped: bool,
}

impl Answers {
    /// Nothing, since a person stopped it.
    pub fn stopped() -> Self {
        let halted = Some("it was stopped".to_owned());
        Self { seen: BTreeMap::new(), halted, is_stopped: true }
    }
}

/// The references below the row `after`, each once, in the order of FILE.
pub fn references(rows: &[Row], after: usize) -> Vec<Reference> {
    let mut known = BTreeSet::new();
    let first = rows.iter().filter_map(|row| {
        let reference = row.reference()?;
        (known.insert(reference) && row.number > after).then(|| reference.clone())
    });
    first.collect()
}

/// Those of links that only events announce: FILE has no row for them.
pub fn only_in_events(rows: &[Row], events: &Events) -> Vec<Reference> {
    let known: BTreeSet<_> = rows.iter().filter_map(Row::reference).collect();
    let strays = events.strays(|it| known.contains(it));
    strays.map(|(reference, _)| reference.clone()).collect()
}

/// Asks until everything is known, or `stop`, or PayU wants no more. `progress` gets how many
/// were asked.
pub async fn ask(
    inquiry: &Inquiry<'_>,
    references: &[Reference],
    stop: &CancellationToken,
    mut progress: impl FnMut(usize),
) -> Answers {
    let clock = SystemClock::start();
    let (mut answers, mut failures) = (Answers::default(), 0_usize);
    for reference in references {
        // A link that is made later need not be shown in the answer.
        let at = clock.now().wall;
        let Some(shown) = stop.run_until_cancelled(inquiry.details(reference)).await else {
            return Answers { seen: answers.seen, ..Answers::stopped() };
        };
        let why = shown.why_not().unwrap_or_default();
        let is_answered = shown.lookup.is_answered();
        failures = if is_answered { 0 } else { failures.saturating_add(1) };
        let is_turned_away =
            matches!(shown.lookup, Lookup::Throttled(_) | Lookup::NoToken(_) | Lookup::Denied(_));
        let seen = match shown {
            Shown { lookup: Lookup::Found(details), status, payment, .. } => {
                let link = SeenLink::new(&details, status.as_deref(), payment.as_deref());
                Seen::Link(Box::new(AtPayu { details, link }))
            }
            Shown { lookup: Lookup::NotFound, .. } => Seen::Nothing { at },
            Shown { .. } => Seen::Unlearnt(Unlearnt::Unanswered(why.clone())),
        };
        answers.seen.insert(reference.clone(), seen);
        progress(answers.seen.len());
        if is_turned_away || failures == FAILURES_MAX {
            answers.halted = Some(why);
            break;
        }
    }
    answers
}
