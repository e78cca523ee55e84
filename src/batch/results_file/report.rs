//! The words of a report, and how it is read back.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use strum::{EnumString, IntoStaticStr};

/// The columns. A bad row may have no reference that could be written, but it has its row.
pub(super) const HEADER: [&str; 6] = ["row", "reference", "amount", "outcome", "link", "reason"];

/// One line of a report, its cells as they are written.
pub struct ReportLine {
    pub row: String,
    pub reference: String,
    pub amount: String,
    pub outcome: Outcome,
    /// The link, of a row that has one.
    pub link: String,
}

/// How a row ended, by the word in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Outcome {
    Skipped,
    Unsent,
    Unknown,
    Created,
    Failed,
    Rejected,
    Unresolved,
}

/// Whether a file begins as a report does.
pub(in crate::batch) fn is_report(bytes: &[u8]) -> bool {
    lines(bytes).is_some()
}

/// `None` if it is not such a report.
pub(in crate::batch) fn read(report: &[u8]) -> Option<Vec<ReportLine>> {
    lines(report)?.collect()
}

/// The lines of a report, each `None` if it is not one of ours; `None` if the whole is not such a
/// report.
pub(super) fn lines(report: impl Read) -> Option<impl Iterator<Item = Option<ReportLine>>> {
    let mut reader = ReaderBuilder::new().from_reader(report);
    let is_report = reader.headers().is_ok_and(|header| header == HEADER[..]);
    is_report.then(|| reader.into_records().map(|record| line(&record.ok()?)))
}

fn line(record: &StringRecord) -> Option<ReportLine> {
    let [row, reference, amount, outcome, link, _] = record.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let outcome = outcome.parse().ok()?;
    let [row, reference, amount, link] = [row, reference, amount, link].map(str::to_owned);
    Some(ReportLine { row, reference, amount, outcome, link })
}
