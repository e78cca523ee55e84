//! The report's text.
//!
//! No cell may be taken for a formula. Links begin with `http`. References are written unchanged,
//! because programs join on them: of the signs that make one they can begin only with `-`, and no
//! formula of letters, digits, `_` and `-` reaches anything outside its sheet. A reason that begins
//! with such a sign gets an apostrophe before it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use super::report::{HEADER, Outcome};
use crate::batch::formula::harmless;
use crate::batch::status::RowStatus;
use crate::domain::amount::Amount;
use crate::domain::event::Reason;
use crate::domain::reference::Reference;

/// A row of the file, and how far it has come.
pub(in crate::batch) struct ReportRow<'a> {
    /// The number that a spreadsheet shows.
    pub(in crate::batch) number: usize,
    /// Its reference, if that is valid.
    pub(in crate::batch) reference: Option<&'a Reference>,
    /// Its amount, if that is valid.
    pub(in crate::batch) amount: Option<Amount>,
    pub(in crate::batch) status: RowStatus<'a>,
    /// The amount of a link that its reference got by another intent.
    pub(in crate::batch) other_link: Option<Amount>,
}

/// Writes a report line by line.
pub(in crate::batch) struct Report<'a, W: Write> {
    csv: csv::Writer<W>,
    links: Option<&'a HashMap<String, String>>,
}

impl<'a, W: Write> Report<'a, W> {
    pub(in crate::batch) fn begin(out: W) -> io::Result<Self> {
        let mut report = Self::resume(out);
        report.csv.write_record(HEADER)?;
        Ok(report)
    }

    /// Goes on with one that has its column names.
    pub(in crate::batch) fn resume(out: W) -> Self {
        Self { csv: csv::Writer::from_writer(out), links: None }
    }

    /// A row without a link will say where an earlier report has one for its reference, since that
    /// decides whether it may be paid.
    pub(super) fn with_links(self, links: &'a HashMap<String, String>) -> Self {
        Self { links: Some(links), ..self }
    }

    pub(in crate::batch) fn add(&mut self, row: &ReportRow<'_>) -> io::Result<()> {
        let ReportRow { number, reference, amount, status, other_link } = row;
        let reference = reference.map_or("", Reference::as_str);
        let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
        let (outcome, mut reason) = outcome_and_reason(*status);
        let link = if let RowStatus::Created(link) = status { link.expose() } else { "" };
        let other = other_link.map(|amount| {
            format!("meanwhile a link for this reference was announced, over {amount}")
        });
        if link.is_empty() {
            let earlier = self.links.and_then(|links| links.get(reference));
            for known in other.iter().chain(earlier) {
                reason = format!("{reason}; {known}").into();
            }
        }
        let number = number.to_string();
        let cells = [&*number, reference, &amount, outcome.into_str(), link, &harmless(&reason)];
        Ok(self.csv.write_record(cells)?)
    }

    pub(in crate::batch) fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()
    }

    /// Gives back what it was written to, with every line in it.
    pub(in crate::batch) fn end(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

fn outcome_and_reason(status: RowStatus<'_>) -> (Outcome, Cow<'static, str>) {
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
