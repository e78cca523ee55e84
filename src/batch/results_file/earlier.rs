//! What earlier reports say.

use std::collections::HashMap;
use std::path::Path;

use super::report::{Outcome, ReportLine, read};

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

/// Whether a new report says all that an earlier one said. What is not a report, or was written by
/// another version, may say anything.
pub(super) fn says_no_more(earlier: &[u8], new: &[u8]) -> bool {
    let (Some(earlier), Some(new)) = (read(earlier), read(new)) else { return false };
    let key = |line: &ReportLine| [line.reference.clone(), line.amount.clone()];
    let new: HashMap<_, _> = new.into_iter().map(|line| (key(&line), knowledge(&line))).collect();
    earlier.into_iter().all(|line| match (&knowledge(&line), new.get(&key(&line))) {
        (Knowledge::Nothing, _) => true,
        (link @ Knowledge::Link(_), new) => new == Some(link),
        (earlier, new) => new.is_some_and(|new| new >= earlier),
    })
}

/// A sentence for each reference that has a link in a report, without the link.
pub(super) fn links(path: &Path, report: &[u8]) -> Vec<(String, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let has_link = |line: &ReportLine| line.outcome == Outcome::Created;
    let lines = read(report).unwrap_or_default().into_iter().filter(has_link);
    let sentences = lines.map(|ReportLine { row, reference, amount, .. }| {
        (reference, format!("row {row} of {name} has a link for this reference, over {amount}"))
    });
    sentences.collect()
}

fn knowledge(line: &ReportLine) -> Knowledge {
    match line.outcome {
        Outcome::Skipped | Outcome::Unsent => Knowledge::Nothing,
        Outcome::Unknown => Knowledge::Sent,
        Outcome::Failed | Outcome::Rejected | Outcome::Unresolved => Knowledge::Ended,
        Outcome::Created => Knowledge::Link(line.link.clone()),
    }
}
