//! The status of each row.
//!
//! Only a confirm says that the broker has an intent, and only an event says how it ended.
//! Everything else is unknown and is called so: a "failed" that was only a lost connection would
//! make someone pay again by hand.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::validate::{CellError, ValidRow};
use crate::domain::amount::{Amount, Total};
use crate::domain::customer::Private;
use crate::domain::event::{EventIds, Reason, Received, ReceivedResult};
use crate::domain::reference::Reference;

/// What is known of one row.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowStatus<'a> {
    /// It is a bad row and was not sent.
    Skipped(&'a [CellError]),
    /// An earlier `batch` has, or may have, sent something else under its reference.
    Contradicts,
    /// It was not sent, because the command ended first.
    Unsent,
    /// The same, with `batch`.
    NotStarted,
    /// `batch` may have sent it; how it ended is not known.
    InDoubt,
    /// It was sent, but not confirmed: the broker may or may not have it.
    Unconfirmed,
    /// The broker has it; how it ended is not known.
    Sent,
    /// It has a link.
    Created(&'a Private),
    /// An event says that it has no link and gets none.
    Failed(&'a Reason),
    /// An event says that it is not acted on; another message may have made a link.
    Rejected(&'a Reason),
    /// An event says that only a person can decide.
    Unresolved(&'a Reason),
}

/// What the broker said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Unsent,
    Unconfirmed,
    Sent,
}

/// The good rows that sending has come to, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct BatchStatus {
    /// A byte for each: a million rows are sent without more of them in memory.
    sending: Vec<Sending>,
    /// What events say, if they are waited for.
    results: Option<Results>,
}

/// What events say, at some hundred bytes for each row.
#[derive(Debug, Default)]
struct Results {
    rows: Vec<Awaited>,
    by_reference: HashMap<Reference, Place>,
    by_intent_id: HashMap<Uuid, Place>,
    settled: usize,
}

#[derive(Debug)]
struct Awaited {
    /// Distinguishes its events from another one's.
    event_ids: EventIds,
    result: Option<Box<ReceivedResult>>,
    /// The amount of a link that its reference got by another intent, as an event says.
    other_link: Option<Amount>,
}

/// A good row's index.
pub(super) type Place = usize;

/// How many rows there are of each status, and their rupees.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: Share,
    pub(super) skipped: Share,
    pub(super) unsent: Share,
    pub(super) unconfirmed: Share,
    pub(super) sent: Share,
    /// Sent, and without an event.
    pub(super) open: Share,
    pub(super) created: Share,
    pub(super) failed: ByCode,
    pub(super) rejected: ByCode,
    pub(super) unresolved: ByCode,
}

/// The rows whose events give a reason.
#[derive(Debug, Default)]
pub(super) struct ByCode {
    pub(super) all: Share,
    pub(super) codes: BTreeMap<String, Share>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    pub(super) rows: usize,
    /// As far as their amounts are valid.
    pub(super) rupees: Total,
}

impl ByCode {
    fn add(&mut self, amount: Option<Amount>, reason: &Reason) {
        self.all.add(amount);
        self.codes.entry(reason.code.to_string()).or_default().add(amount);
    }
}

impl Share {
    pub(super) fn add(&mut self, amount: Option<Amount>) {
        self.rows = self.rows.saturating_add(1);
        if let Some(amount) = amount {
            self.rupees = self.rupees.plus(amount);
        }
    }
}

impl Counts {
    /// Counts a row, with its amount as far as that is valid.
    pub(super) fn add(&mut self, status: RowStatus<'_>, amount: Option<Amount>) {
        use RowStatus::{Contradicts, InDoubt, NotStarted, Skipped, Unconfirmed, Unsent};
        self.rows.add(amount);
        match status {
            Skipped(_) | Contradicts => self.skipped.add(amount),
            Unsent | NotStarted => self.unsent.add(amount),
            Unconfirmed => self.unconfirmed.add(amount),
            RowStatus::Sent | InDoubt => self.open.add(amount),
            RowStatus::Created(_) => self.created.add(amount),
            RowStatus::Failed(reason) => self.failed.add(amount, reason),
            RowStatus::Rejected(reason) => self.rejected.add(amount, reason),
            RowStatus::Unresolved(reason) => self.unresolved.add(amount, reason),
        }
        if !matches!(status, Skipped(_) | Contradicts | Unsent | NotStarted | Unconfirmed) {
            self.sent.add(amount);
        }
    }
}

impl BatchStatus {
    pub(super) fn new(is_awaited: bool) -> Self {
        Self { sending: Vec::new(), results: is_awaited.then(Results::default) }
    }

    /// Records that the next good row is about to be published: until its confirm the broker may or
    /// may not have it.
    pub(super) fn publishing(&mut self, row: &ValidRow, intent_id: Uuid, merchant: &str) -> Place {
        let place = self.sending.len();
        self.sending.push(Sending::Unconfirmed);
        if let Some(results) = &mut self.results {
            let event_ids = EventIds::of(&row.intent, &row.body, merchant);
            results.by_reference.insert(row.intent.reference.clone(), place);
            results.by_intent_id.insert(intent_id, place);
            results.rows.push(Awaited { event_ids, result: None, other_link: None });
        }
        place
    }

    pub(super) fn confirmed(&mut self, place: Place) {
        self.change(place, Sending::Sent);
    }

    /// Records that the broker refused it.
    pub(super) fn refused(&mut self, place: Place) {
        self.change(place, Sending::Unsent);
    }

    fn change(&mut self, place: Place, to: Sending) {
        if let Some(sending) = self.sending.get_mut(place) {
            *sending = to;
        }
    }

    /// Records an event. One reference with another amount or customer is another intent, of another
    /// file or another day: its end is not this row's, but a link of it may be in this row's way.
    pub(super) fn settle(&mut self, event: &[u8]) {
        let Some(event) = Received::from_json(event) else { return };
        let Some(results) = &mut self.results else { return };
        let Some(row) = results.row_of(&event) else { return };
        if !row.event_ids.include(&event) {
            if let ReceivedResult::Created(_) = event.result {
                row.other_link = event.amount;
            }
            return;
        }
        let is_link = |result: &ReceivedResult| matches!(result, ReceivedResult::Created(_));
        let was_open = row.result.is_none();
        // A link that exists outweighs anything earlier.
        let is_late_link = is_link(&event.result) && !row.result.as_deref().is_some_and(is_link);
        if was_open || is_late_link {
            row.result = Some(Box::new(event.result));
        }
        results.settled = results.settled.saturating_add(usize::from(was_open));
    }

    /// How many rows have been settled by an event.
    pub(super) fn settled(&self) -> usize {
        self.results.as_ref().map_or(0, |results| results.settled)
    }

    /// What is known of a good row. An event outweighs what the broker said: it can come before the
    /// confirm.
    pub(super) fn of(&self, place: Place) -> RowStatus<'_> {
        let awaited = self.results.as_ref().and_then(|results| results.rows.get(place));
        match (awaited.and_then(|row| row.result.as_deref()), self.sending.get(place)) {
            (Some(result), _) => result.into(),
            (None, None | Some(Sending::Unsent)) => RowStatus::Unsent,
            (None, Some(Sending::Unconfirmed)) => RowStatus::Unconfirmed,
            (None, Some(Sending::Sent)) => RowStatus::Sent,
        }
    }

    /// The amount of a link that a good row's reference got by another intent.
    pub(super) fn other_link(&self, place: Place) -> Option<Amount> {
        self.results.as_ref()?.rows.get(place)?.other_link
    }
}

impl Results {
    /// An intent that cannot be read may have no reference in its event.
    fn row_of(&mut self, event: &Received) -> Option<&mut Awaited> {
        let place = match &event.reference {
            Some(reference) => self.by_reference.get(reference),
            None => self.by_intent_id.get(&event.intent_id.parse().ok()?),
        };
        self.rows.get_mut(*place?)
    }
}

impl<'a> From<&'a ReceivedResult> for RowStatus<'a> {
    fn from(result: &'a ReceivedResult) -> Self {
        match result {
            ReceivedResult::Created(link) => Self::Created(link),
            ReceivedResult::Failed(reason) => Self::Failed(reason),
            ReceivedResult::Rejected(reason) => Self::Rejected(reason),
            ReceivedResult::Unresolved(reason) => Self::Unresolved(reason),
        }
    }
}
