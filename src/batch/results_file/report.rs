//! A report, read back.

use csv::{ReaderBuilder, StringRecord};
use strum::{EnumString, IntoStaticStr};

use super::lines::HEADER;

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
pub fn is_report(bytes: &[u8]) -> bool {
    let mut reader = ReaderBuilder::new().from_reader(without_mark(bytes));
    reader.headers().is_ok_and(|header| header == HEADER[..])
}

/// `None` if it is not such a report.
pub fn read(report: &[u8]) -> Option<Vec<ReportLine>> {
    if !is_report(report) {
        return None;
    }
    let mut reader = ReaderBuilder::new().from_reader(without_mark(report));
    reader.records().map(|record| line(&record.ok()?)).collect()
}

/// A spreadsheet puts a byte order mark before what it saves.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn line(record: &StringRecord) -> Option<ReportLine> {
    let [row, reference, amount, outcome, link, _] = record.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let outcome = outcome.parse().ok()?;
    let [row, reference, amount, link] = [row, reference, amount, link].map(str::to_owned);
    Some(ReportLine { row, reference, amount, outcome, link })
}
