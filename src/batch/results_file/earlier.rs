//! What earlier reports say.

use std::collections::HashMap;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::lines::HEADER;

/// What a report says of one reference and amount, the least first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Knowledge {
    /// It was not sent: there is nothing that a new report could lose.
    Nothing,
    /// It was sent, or may have been.
    Sent,
    /// An event says how it ended, without a link.
    Ended,
    Link(String),
}

struct Line {
    row: String,
    reference: String,
    amount: String,
    knowledge: Knowledge,
}

/// Whether a new report says all that an earlier one said. What is not a report, or was written by
/// another version, may say anything.
pub(super) fn says_no_more(earlier: &[u8], new: &[u8]) -> bool {
    let (Some(earlier), Some(new)) = (read(earlier), read(new)) else { return false };
    let key = |line: &Line| [line.reference.clone(), line.amount.clone()];
    let new: HashMap<_, _> = new.into_iter().map(|line| (key(&line), line.knowledge)).collect();
    earlier.into_iter().all(|line| match (&line.knowledge, new.get(&key(&line))) {
        (Knowledge::Nothing, _) => true,
        (link @ Knowledge::Link(_), new) => new == Some(link),
        (earlier, new) => new.is_some_and(|new| new >= earlier),
    })
}

/// A sentence for each reference that has a link in a report, without the link.
pub(super) fn links(path: &Path, report: &[u8]) -> Vec<(String, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let has_link = |line: &Line| matches!(line.knowledge, Knowledge::Link(_));
    let lines = read(report).unwrap_or_default().into_iter().filter(has_link);
    let sentences = lines.map(|Line { row, reference, amount, .. }| {
        (reference, format!("row {row} of {name} has a link for this reference, over {amount}"))
    });
    sentences.collect()
}

/// `None` if it is not such a report.
fn read(report: &[u8]) -> Option<Vec<Line>> {
    let mut reader = ReaderBuilder::new().from_reader(report);
    if reader.headers().ok()? != HEADER[..] {
        return None;
    }
    reader.records().map(|record| line(&record.ok()?)).collect()
}

fn line(record: &StringRecord) -> Option<Line> {
    let [row, reference, amount, outcome, link, _] = record.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let knowledge = match outcome {
        "skipped" | "unsent" => Knowledge::Nothing,
        "unknown" => Knowledge::Sent,
        "failed" | "rejected" | "unresolved" => Knowledge::Ended,
        "created" => Knowledge::Link(link.to_owned()),
        _ => return None,
    };
    let [row, reference, amount] = [row, reference, amount].map(str::to_owned);
    Some(Line { row, reference, amount, knowledge })
}
