//! The report's text.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula. Links begin with
//! `http`. References are written unchanged, because programs join on them: of the four signs they
//! can begin only with `-`, and no formula of letters, digits, `_` and `-` reaches anything outside
//! its sheet. A reason that begins with such a sign gets an apostrophe before it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;

use super::report::{HEADER, Outcome};
use crate::batch::status::{RowStatus, TrackedRow};
use crate::domain::event::Reason;

/// The report. A row without a link says where one is known for its reference, since that decides
/// whether it may be paid: `links` has those of earlier reports.
pub(super) fn write(rows: &[TrackedRow], links: &HashMap<String, String>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = || {
        write_header(&mut writer)?;
        rows.iter().try_for_each(|row| {
            let reference = row.reference.as_ref().map_or("", |reference| reference.as_str());
            write_row(&mut writer, row, links.get(reference).map(String::as_str))
        })
    };
    #[expect(clippy::expect_used, reason = "all records have six cells, and a vector grows")]
    write().expect("a vector takes everything");
    writer.into_inner().unwrap_or_default()
}

pub(in crate::batch) fn write_header<W: Write>(writer: &mut csv::Writer<W>) -> csv::Result<()> {
    writer.write_record(HEADER)
}

/// The line of a row, and what is known of a link for its reference from elsewhere.
pub(in crate::batch) fn write_row<W: Write>(
    writer: &mut csv::Writer<W>,
    row: &TrackedRow,
    known: Option<&str>,
) -> csv::Result<()> {
    let TrackedRow { number, reference, amount, status, other_link, .. } = row;
    let reference = reference.as_ref().map_or("", |reference| reference.as_str());
    let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
    let (outcome, mut reason) = outcome_and_reason(status);
    let link = if let RowStatus::Created(link) = status { link.expose() } else { "" };
    let other = other_link
        .map(|amount| format!("meanwhile a link for this reference was announced, over {amount}"));
    if link.is_empty() {
        for known in other.as_deref().into_iter().chain(known) {
            reason = format!("{reason}; {known}").into();
        }
    }
    writer.write_record([
        &number.to_string(),
        reference,
        &amount,
        outcome.into_str(),
        link,
        &harmless(&reason),
    ])
}

fn outcome_and_reason(status: &RowStatus) -> (Outcome, Cow<'static, str>) {
    match status {
        RowStatus::Skipped(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            (Outcome::Skipped, errors.join("; ").into())
        }
        RowStatus::Contradicts => (
            Outcome::Skipped,
            "an earlier run has, or may have, sent another amount or customer under this \
             reference; write the row as it was, or pay it under a new reference"
                .into(),
        ),
        RowStatus::Unsent => (Outcome::Unsent, "it was not sent; submit it again".into()),
        RowStatus::NotStarted => {
            (Outcome::Unsent, "it was not sent; run the same batch again".into())
        }
        RowStatus::InDoubt => (
            Outcome::Unknown,
            "it may have been sent; run the same batch again, which looks it up first".into(),
        ),
        RowStatus::Unconfirmed => (
            Outcome::Unknown,
            "RabbitMQ did not confirm it, and may have it or not; submit it again with the same \
             reference"
                .into(),
        ),
        RowStatus::Sent => (
            Outcome::Unknown,
            "it is with the worker, and no event was seen before the wait ended; look for its \
             event before you do anything else"
                .into(),
        ),
        RowStatus::Created(_) => (Outcome::Created, "".into()),
        RowStatus::Failed(reason) => (Outcome::Failed, text(reason).into()),
        RowStatus::Rejected(reason) => (Outcome::Rejected, text(reason).into()),
        RowStatus::Unresolved(reason) => (Outcome::Unresolved, text(reason).into()),
    }
}

/// `CODE 1101: sentence; field error; field error`.
fn text(Reason { code, provider_code, message, errors }: &Reason) -> String {
    let number = provider_code.map(|number| format!(" {number}")).unwrap_or_default();
    let errors: Vec<_> =
        errors.iter().map(|error| format!("; {} {}", error.field, error.message)).collect();
    format!("{code}{number}: {message}{}", errors.concat())
}

/// The text as a cell that a spreadsheet does not take for a formula.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}
