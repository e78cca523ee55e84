//! What stands in more than one row.
//!
//! Of a million rows, eight bytes each are kept; only what is there twice by those is then looked
//! at in full. A file may pay every customer twice, so not even all of that is kept.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;

use super::row_ranges::RowRanges;
use super::validate::{CellError, Validated};
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;

/// How many payments are kept with their rows: the mobile and the e-mail address of each group that is
/// shown.
const KEPT_MAX: usize = 40;

#[derive(Debug, Default)]
pub(super) struct Hashes(Vec<u64>);

/// Hashes that were added more than once: each once, and sorted.
#[derive(Debug, Default)]
pub(super) struct Repeated(Vec<u64>);

impl Hashes {
    pub(super) fn add(&mut self, hash: u64) {
        self.0.push(hash);
    }

    pub(super) fn repeated(mut self) -> Repeated {
        self.0.sort_unstable();
        let same = self.0.chunk_by(|a, b| a == b);
        let repeated = same.filter_map(|same| match same {
            [hash, _, ..] => Some(*hash),
            [_] | [] => None,
        });
        Repeated(repeated.collect())
    }
}

impl Repeated {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, hash: u64) -> bool {
        self.place(hash).is_some()
    }

    fn place(&self, hash: u64) -> Option<usize> {
        self.0.binary_search(&hash).ok()
    }
}

pub(super) fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The references that stand in more than one row, with the first two rows of each.
#[derive(Debug, Default)]
pub(super) struct RepeatedReferences(HashMap<Reference, (usize, Option<usize>)>);

impl RepeatedReferences {
    pub(super) fn add(&mut self, reference: &Reference, row: usize) {
        match self.0.get_mut(reference) {
            None => {
                self.0.insert(reference.clone(), (row, None));
            }
            Some((_, second)) => *second = second.or(Some(row)),
        }
    }

    /// Of two rows with one reference the worker would fail or look up the second. Only a person
    /// knows which one is meant, so both are bad.
    pub(super) fn reject(&self, row: &mut Validated) {
        let rows = row.reference().and_then(|reference| self.0.get(reference));
        let Some((first, Some(second))) = rows else { return };
        let other = if *first == row.number { second } else { first };
        row.add_error(CellError::of("merchantRefId", format!("is the same as in row {other}")));
    }
}

/// What makes two rows with different references a payment that may be meant once: the amount, with
/// the mobile or with the e-mail address.
pub(super) fn payments(intent: &Intent) -> impl Iterator<Item = u64> {
    let amount = intent.amount.to_string();
    let mobile = intent.contact.mobile().map(|mobile| hash((&amount, 'm', mobile.expose())));
    let email = intent.contact.email().map(|email| hash((&amount, 'e', email.folded())));
    mobile.into_iter().chain(email)
}

/// The groups of rows that have the same payment.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// The first ones, in the order of their first rows. Who shares a mobile and an e-mail address
    /// repeats both, and is here once.
    pub(super) groups: Vec<RowRanges>,
    /// How many rows begin another one.
    pub(super) more: usize,
}

/// Finds the groups, row by row.
#[derive(Debug)]
pub(super) struct RepeatedPayments {
    repeated: Repeated,
    /// Which of those have been met.
    met: Vec<bool>,
    kept: HashMap<u64, usize>,
    found: Repeats,
}

impl RepeatedPayments {
    pub(super) fn of(repeated: Repeated) -> Self {
        let met = vec![false; repeated.0.len()];
        Self { repeated, met, kept: HashMap::new(), found: Repeats::default() }
    }

    pub(super) fn add(&mut self, payments: impl Iterator<Item = u64>, row: usize) {
        let Self { repeated, met, kept, found } = self;
        let has_room = kept.len() < KEPT_MAX;
        let mut begins_more = false;
        for payment in payments {
            let met = repeated.place(payment).and_then(|place| met.get_mut(place));
            let Some(met) = met else { continue };
            let is_first = !mem::replace(met, true);
            if is_first && has_room {
                kept.insert(payment, found.groups.len());
                found.groups.push(RowRanges::default());
            }
            match kept.get(&payment).and_then(|place| found.groups.get_mut(*place)) {
                Some(rows) => rows.add(row),
                None => begins_more |= is_first,
            }
        }
        found.more = found.more.saturating_add(usize::from(begins_more));
    }

    pub(super) fn found(mut self) -> Repeats {
        self.found.groups.dedup();
        self.found
    }
}

impl Repeats {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.groups.len().saturating_add(self.more)
    }
}
