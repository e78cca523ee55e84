//! What stands in more than one row.
//!
//! Of a million rows, eight bytes each are kept; only what is there twice by those is then looked
//! at in full.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::row_ranges::RowRanges;
use super::validate::{CellError, Validated};
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;

#[derive(Debug, Default)]
pub(super) struct Hashes(Vec<u64>);

impl Hashes {
    pub(super) fn add(&mut self, hash: u64) {
        self.0.push(hash);
    }

    /// Those that were added more than once.
    pub(super) fn repeated(mut self) -> HashSet<u64> {
        self.0.sort_unstable();
        let same = self.0.array_windows().filter(|[a, b]| a == b);
        same.map(|[a, _]| *a).collect()
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

/// The rows with the same payment, in the order of their first rows.
#[derive(Debug, Default)]
pub(super) struct RepeatedPayments {
    groups: Vec<RowRanges>,
    place_of: HashMap<u64, usize>,
}

impl RepeatedPayments {
    pub(super) fn add(&mut self, payment: u64, row: usize) {
        let place = *self.place_of.entry(payment).or_insert(self.groups.len());
        if place == self.groups.len() {
            self.groups.push(RowRanges::default());
        }
        if let Some(rows) = self.groups.get_mut(place) {
            rows.add(row);
        }
    }

    /// Each group once: who shares a mobile and an e-mail address repeats both.
    pub(super) fn groups(mut self) -> Vec<RowRanges> {
        self.groups.dedup();
        self.groups
    }
}
