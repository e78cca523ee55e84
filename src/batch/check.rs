//! One look at every row before the first is sent.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::pace::Pace;
use super::read::{ReadError, Row, Sheet};
use super::repeats::{Hashes, RepeatedPayments, RepeatedReferences, Repeats, hash, payments};
use super::row_errors::RowErrors;
use super::row_ranges::RowRanges;
use super::validate::{Validated, validate};
use super::written::Note;
use crate::config::Merchant;
use crate::domain::amount::Total;

/// What there is to say of a file as a whole.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) rows: usize,
    pub(super) bad: usize,
    /// Of the good rows.
    pub(super) rupees: Total,
    pub(super) errors: RowErrors,
    pub(super) notes: BTreeMap<Note, RowRanges>,
    /// The good rows whose deadline is before their turn.
    pub(super) late: RowRanges,
    /// The good rows that pay the same customer the same amount.
    pub(super) repeats: Repeats,
}

/// Each row with the result of its validation, in the order of the file.
pub(super) fn rows<'a>(
    sheet: &'a Sheet,
    merchant: &'a Merchant,
    repeated: &'a RepeatedReferences,
) -> impl Iterator<Item = Result<(Row, Validated), ReadError>> + use<'a> {
    sheet.rows().map(|row| {
        let row = row?;
        let mut validated = validate(&row, sheet.form.columns(), merchant);
        repeated.reject(&mut validated);
        Ok((row, validated))
    })
}

/// Checks a file, and finds the references that stand in it more than once.
pub(super) fn check(
    sheet: &Sheet,
    merchant: &Merchant,
    now: Timestamp,
) -> Result<(Findings, RepeatedReferences), ReadError> {
    let mut repeated = RepeatedReferences::default();
    let (mut findings, mut seen) = look(sheet, merchant, &repeated, now)?;
    let twice = std::mem::take(&mut seen.references).repeated();
    if !twice.is_empty() {
        let none = RepeatedReferences::default();
        for row in rows(sheet, merchant, &none) {
            let (_, row) = row?;
            let reference = row.reference().filter(|reference| twice.contains(hash(reference)));
            if let Some(reference) = reference {
                repeated.add(reference, row.number);
            }
        }
        (findings, seen) = look(sheet, merchant, &repeated, now)?;
    }
    let twice = seen.payments.repeated();
    if !twice.is_empty() {
        let mut repeats = RepeatedPayments::of(twice);
        for row in rows(sheet, merchant, &repeated) {
            let (_, Validated { number, result, .. }) = row?;
            repeats.add(result.iter().flat_map(|row| payments(&row.intent)), number);
        }
        findings.repeats = repeats.found();
    }
    Ok((findings, repeated))
}

/// What stands in the rows, as hashes.
#[derive(Default)]
struct Seen {
    references: Hashes,
    payments: Hashes,
}

fn look(
    sheet: &Sheet,
    merchant: &Merchant,
    repeated: &RepeatedReferences,
    now: Timestamp,
) -> Result<(Findings, Seen), ReadError> {
    let pace = Pace::of(merchant);
    let (mut findings, mut seen) = (Findings::default(), Seen::default());
    for row in rows(sheet, merchant, repeated) {
        let (_, row) = row?;
        findings.rows = findings.rows.saturating_add(1);
        if let Some(reference) = row.reference() {
            seen.references.add(hash(reference));
        }
        let Ok(good) = &row.result else {
            findings.bad = findings.bad.saturating_add(1);
            findings.errors.add(&row);
            continue;
        };
        findings.rupees = findings.rupees.plus(good.intent.amount);
        for note in &row.notes {
            findings.notes.entry(*note).or_default().add(row.number);
        }
        payments(&good.intent).for_each(|payment| seen.payments.add(payment));
        let turn = pace.least(findings.rows.saturating_sub(findings.bad));
        let is_late = |deadline: Timestamp| deadline.duration_since(now) < turn;
        if good.intent.deadline.is_some_and(is_late) {
            findings.late.add(row.number);
        }
    }
    Ok((findings, seen))
}
