//! The status of each row.
//!
//! Only a confirm says that the broker has an intent, and only an event says how it ended.
//! Everything else is unknown and is called so: a "failed" that was only a lost connection would
//! make someone pay again by hand.

use std::collections::{BTreeMap, HashMap};

use super::validate::{CellError, InvalidRow, ValidRow};
use crate::domain::amount::{Amount, Total};
use crate::domain::customer::Private;
use crate::domain::event::{EventIds, Reason, Received, ReceivedResult};
use crate::domain::reference::Reference;

/// What is known of one row.
#[derive(Debug)]
pub(super) enum RowStatus {
    /// It is a bad row and was not sent.
    Skipped(Vec<CellError>),
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
    Created(Private),
    /// An event says that it has no link and gets none.
    Failed(Reason),
    /// An event says that it is not acted on; another message may have made a link.
    Rejected(Reason),
    /// An event says that only a person can decide.
    Unresolved(Reason),
}

#[derive(Debug)]
pub(super) struct TrackedRow {
    /// The number that a spreadsheet shows.
    pub(super) number: usize,
    /// Its reference, if that is valid.
    pub(super) reference: Option<Reference>,
    /// Its amount, if that is valid.
    pub(super) amount: Option<Amount>,
    pub(super) status: RowStatus,
    /// Distinguishes its events from another one's. A bad row has none.
    pub(super) event_ids: Option<EventIds>,
    /// The amount of a link that its reference got by another intent, as an event says.
    pub(super) other_link: Option<Amount>,
}

/// All rows, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct BatchStatus {
    rows: Vec<TrackedRow>,
    by_reference: HashMap<Reference, Place>,
    by_intent_id: HashMap<String, Place>,
    settled: usize,
}

/// A row's index.
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

#[derive(Debug, Default)]
pub(super) struct Share {
    pub(super) rows: usize,
    /// As far as their amounts are valid.
    pub(super) rupees: Total,
}

impl ByCode {
    fn add(&mut self, row: &TrackedRow, reason: &Reason) {
        self.all.add(row);
        self.codes.entry(reason.code.to_string()).or_default().add(row);
    }
}

impl Share {
    pub(super) fn add(&mut self, row: &TrackedRow) {
        self.rows = self.rows.saturating_add(1);
        if let Some(amount) = row.amount {
            self.rupees = self.rupees.plus(amount);
        }
    }
}

impl BatchStatus {
    pub(super) fn add_valid(&mut self, number: usize, row: ValidRow, intent_id: String) -> Place {
        let ValidRow { reference, amount, event_ids, .. } = row;
        let place = self.rows.len();
        self.by_reference.insert(reference.clone(), place);
        self.by_intent_id.insert(intent_id, place);
        self.rows.push(TrackedRow {
            number,
            reference: Some(reference),
            amount: Some(amount),
            status: RowStatus::Unsent,
            event_ids: Some(event_ids),
            other_link: None,
        });
        place
    }

    pub(super) fn add_skipped(&mut self, number: usize, row: InvalidRow) {
        let InvalidRow { reference, amount, errors } = row;
        let status = RowStatus::Skipped(errors);
        self.rows.push(TrackedRow::new(number, (reference, amount), status));
    }

    /// Records that a publish has begun: until its confirm the broker may or may not have it.
    pub(super) fn publishing(&mut self, place: Place) {
        self.change(place, |status| matches!(status, RowStatus::Unsent), RowStatus::Unconfirmed);
    }

    pub(super) fn confirmed(&mut self, place: Place) {
        self.change(place, |status| matches!(status, RowStatus::Unconfirmed), RowStatus::Sent);
    }

    /// Records that the broker refused it.
    pub(super) fn refused(&mut self, place: Place) {
        self.change(place, |status| matches!(status, RowStatus::Unconfirmed), RowStatus::Unsent);
    }

    /// Records a confirm. An event can come before it, and then outweighs it.
    fn change(&mut self, place: Place, applies: fn(&RowStatus) -> bool, status: RowStatus) {
        if let Some(row) = self.rows.get_mut(place)
            && applies(&row.status)
        {
            row.status = status;
        }
    }

    /// Records an event. One reference with another amount or customer is another intent, of another
    /// file or another day: its end is not this row's, but a link of it may be in this row's way.
    pub(super) fn settle(&mut self, event: &[u8]) {
        let Some(event) = Received::from_json(event) else { return };
        let Some(row) = self.row_of(&event) else { return };
        if !row.event_ids.as_ref().is_some_and(|ids| ids.include(&event)) {
            if let ReceivedResult::Created(_) = event.result {
                row.other_link = event.amount;
            }
            return;
        }
        let was_open = row.is_open();
        let status = RowStatus::from(event.result);
        // A link that exists outweighs anything earlier.
        let is_late_link =
            matches!(status, RowStatus::Created(_)) && !matches!(row.status, RowStatus::Created(_));
        if was_open || is_late_link {
            row.status = status;
        }
        self.settled = self.settled.saturating_add(usize::from(was_open));
    }

    /// An intent that cannot be read may have no reference in its event.
    fn row_of(&mut self, event: &Received) -> Option<&mut TrackedRow> {
        let place = match &event.reference {
            Some(reference) => self.by_reference.get(reference),
            None => self.by_intent_id.get(&event.intent_id),
        };
        self.rows.get_mut(*place?)
    }

    /// How many rows have been settled by an event.
    pub(super) fn settled(&self) -> usize {
        self.settled
    }

    pub(super) fn rows(&self) -> &[TrackedRow] {
        &self.rows
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.rows {
            counts.add(row);
        }
        counts
    }
}

impl Counts {
    pub(super) fn add(&mut self, row: &TrackedRow) {
        self.rows.add(row);
        match &row.status {
            RowStatus::Skipped(_) | RowStatus::Contradicts => self.skipped.add(row),
            RowStatus::Unsent | RowStatus::NotStarted => self.unsent.add(row),
            RowStatus::Unconfirmed => self.unconfirmed.add(row),
            RowStatus::Sent | RowStatus::InDoubt => self.open.add(row),
            RowStatus::Created(_) => self.created.add(row),
            RowStatus::Failed(reason) => self.failed.add(row, reason),
            RowStatus::Rejected(reason) => self.rejected.add(row, reason),
            RowStatus::Unresolved(reason) => self.unresolved.add(row, reason),
        }
        if row.is_sent() {
            self.sent.add(row);
        }
    }
}

impl TrackedRow {
    /// One that no event is awaited for.
    pub(super) fn new(
        number: usize,
        (reference, amount): (Option<Reference>, Option<Amount>),
        status: RowStatus,
    ) -> Self {
        Self { number, reference, amount, status, event_ids: None, other_link: None }
    }

    /// Whether the broker has, or had, its intent.
    fn is_sent(&self) -> bool {
        use RowStatus::{Contradicts, NotStarted, Skipped, Unconfirmed, Unsent};
        !matches!(self.status, Skipped(_) | Contradicts | Unsent | NotStarted | Unconfirmed)
    }

    fn is_open(&self) -> bool {
        matches!(self.status, RowStatus::Unsent | RowStatus::Unconfirmed | RowStatus::Sent)
    }
}

impl From<ReceivedResult> for RowStatus {
    fn from(result: ReceivedResult) -> Self {
        match result {
            ReceivedResult::Created(link) => Self::Created(link),
            ReceivedResult::Failed(reason) => Self::Failed(reason),
            ReceivedResult::Rejected(reason) => Self::Rejected(reason),
            ReceivedResult::Unresolved(reason) => Self::Unresolved(reason),
        }
    }
}
