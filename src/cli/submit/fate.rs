//! What became of each row, as far as it is known.
//!
//! Only a confirm says that the broker has an intent, and only an event says what became of it.
//! Everything else is unknown and is called so: a "failed" that was only a lost connection would
//! make someone pay again by hand.

use std::collections::{BTreeMap, HashMap};

use super::rows::{CellError, Judged, Ready};
use crate::domain::amount::Amount;
use crate::domain::customer::Private;
use crate::domain::event::{Reason, Received, ReceivedResult};
use crate::domain::reference::Reference;

/// The fate of one row.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is a bad row and was not sent.
    Skipped(Vec<CellError>),
    /// It was not sent, because the command was ended before its turn.
    NotSent,
    /// It was sent, and no confirm came: the broker may have it or not.
    Unconfirmed,
    /// The broker has it, and what became of it is not known.
    Sent,
    /// It has a link.
    Created(Private),
    /// An event says that it has none.
    Failed(Reason),
    /// An event says that only a person can tell.
    Unresolved(Reason),
}

/// One row with its fate.
#[derive(Debug)]
pub(super) struct Line {
    /// Its reference, if that is valid.
    pub(super) reference: Option<Reference>,
    /// What became of it.
    pub(super) fate: Fate,
    amount: Option<Amount>,
}

/// All rows, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Fates {
    lines: Vec<Line>,
    by_reference: HashMap<Reference, usize>,
    by_intent_id: HashMap<String, usize>,
}

/// How many rows came to what.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) rows: usize,
    pub(super) skipped: usize,
    pub(super) unsent: usize,
    pub(super) unconfirmed: usize,
    pub(super) open: usize,
    pub(super) created: usize,
    /// By code.
    pub(super) failed: BTreeMap<String, usize>,
    /// By code.
    pub(super) unresolved: BTreeMap<String, usize>,
}

/// Where a row stands among all.
pub(super) type Place = usize;

impl Fates {
    /// Takes a row in, and gives what is to be sent of it.
    pub(super) fn add(
        &mut self,
        row: Judged,
        intent_id: impl Fn(&Reference) -> String,
    ) -> Option<(Place, String, Ready)> {
        let place = self.lines.len();
        let Judged { reference, verdict, .. } = row;
        match (&reference, verdict) {
            (Some(known), Ok(ready)) => {
                let id = intent_id(known);
                self.by_reference.insert(known.clone(), place);
                self.by_intent_id.insert(id.clone(), place);
                let amount = Some(ready.amount);
                self.lines.push(Line { reference, fate: Fate::NotSent, amount });
                Some((place, id, ready))
            }
            (_, verdict) => {
                let fate = Fate::Skipped(verdict.err().unwrap_or_default());
                self.lines.push(Line { reference, fate, amount: None });
                None
            }
        }
    }

    /// A publish has begun: until its confirm, the broker may have it or not.
    pub(super) fn began(&mut self, place: Place) {
        self.change(place, |fate| matches!(fate, Fate::NotSent).then_some(Fate::Unconfirmed));
    }

    /// The broker has confirmed it.
    pub(super) fn confirmed(&mut self, place: Place) {
        self.change(place, |fate| matches!(fate, Fate::Unconfirmed).then_some(Fate::Sent));
    }

    /// The broker has said that it keeps nothing of it.
    pub(super) fn refused(&mut self, place: Place) {
        self.change(place, |fate| matches!(fate, Fate::Unconfirmed).then_some(Fate::NotSent));
    }

    fn change(&mut self, place: Place, next: impl FnOnce(&Fate) -> Option<Fate>) {
        if let Some(line) = self.lines.get_mut(place)
            && let Some(fate) = next(&line.fate)
        {
            line.fate = fate;
        }
    }

    /// Reads an event; whether it settled a row that was open. Others' events are passed over.
    pub(super) fn settle(&mut self, event: &[u8]) -> bool {
        let Ok(event) = Received::from_json(event) else { return false };
        let Some(line) = self.line_of(&event) else { return false };
        let was_open = line.is_open();
        let fate = Fate::from(event.result);
        // A link that exists outweighs whatever was said before it.
        let is_late_link =
            matches!(fate, Fate::Created(_)) && !matches!(line.fate, Fate::Created(_));
        if was_open || is_late_link {
            line.fate = fate;
        }
        was_open
    }

    /// An intent that cannot be read may have no reference in its event. One reference with
    /// another amount is another intent, of another file or another day.
    fn line_of(&mut self, event: &Received) -> Option<&mut Line> {
        let place = match &event.reference {
            Some(reference) => self.by_reference.get(reference),
            None => self.by_intent_id.get(&event.intent_id),
        };
        let line = self.lines.get_mut(*place?)?;
        (event.amount.is_none() || event.amount == line.amount).then_some(line)
    }

    /// The rows, in the order of the file.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many rows came to what.
    pub(super) fn count(&self) -> Count {
        let mut count = Count { rows: self.lines.len(), ..Count::default() };
        for line in &self.lines {
            let slot = match &line.fate {
                Fate::Skipped(_) => &mut count.skipped,
                Fate::NotSent => &mut count.unsent,
                Fate::Unconfirmed => &mut count.unconfirmed,
                Fate::Sent => &mut count.open,
                Fate::Created(_) => &mut count.created,
                Fate::Failed(reason) => count.failed.entry(reason.code.to_string()).or_default(),
                Fate::Unresolved(reason) => {
                    count.unresolved.entry(reason.code.to_string()).or_default()
                }
            };
            *slot = slot.saturating_add(1);
        }
        count
    }
}

impl Line {
    fn is_open(&self) -> bool {
        matches!(self.fate, Fate::NotSent | Fate::Unconfirmed | Fate::Sent)
    }
}

impl From<ReceivedResult> for Fate {
    fn from(result: ReceivedResult) -> Self {
        match result {
            ReceivedResult::Created(link) => Self::Created(link),
            ReceivedResult::Failed(reason) => Self::Failed(reason),
            ReceivedResult::Unresolved(reason) => Self::Unresolved(reason),
        }
    }
}
