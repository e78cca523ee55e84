//! What earlier reports say.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::report::{Outcome, ReportLine, lines, read};

/// What a report says of one reference and amount, the least first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::batch) enum Knowledge {
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
    let Some(new) = read(new) else { return false };
    let new = new.into_iter().map(|line| {
        let knowledge = knowledge(&line);
        ([line.reference, line.amount], knowledge)
    });
    let new: HashMap<_, _> = new.collect();
    is_known(earlier, |reference, amount| {
        new.get(&[reference.to_owned(), amount.to_owned()]).cloned()
    })
}

/// Whether all that an earlier report said is known, by reference and amount.
pub(in crate::batch) fn is_known(
    earlier: impl Read,
    known: impl Fn(&str, &str) -> Option<Knowledge>,
) -> bool {
    let Some(mut lines) = lines(earlier) else { return false };
    lines.all(|line| {
        let Some(said) = line else { return false };
        match (knowledge(&said), known(&said.reference, &said.amount)) {
            (Knowledge::Nothing, _) => true,
            (Knowledge::Link(link), known) => known == Some(Knowledge::Link(link)),
            (earlier, known) => known.is_some_and(|known| known >= earlier),
        }
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
