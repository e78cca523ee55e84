//! Whether an earlier report says more than a new one.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};

use super::lines::HEADER;

/// What a report says of one reference and amount, the least first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Knowledge {
    /// It was not sent.
    Nothing,
    /// It was sent, or may have been.
    Sent,
    /// An event tells how it ended, without a link.
    Ended,
    /// It has this link.
    Link(String),
}

/// Whether a new report says all that an earlier one said. What is not a report, or was written by
/// another version, may say anything.
pub(super) fn says_no_more(earlier: &[u8], new: &[u8]) -> bool {
    let (Some(earlier), Some(new)) = (read(earlier), read(new)) else { return false };
    earlier.into_iter().all(|(key, earlier)| match (earlier, new.get(&key)) {
        (Knowledge::Nothing, _) => true,
        (link @ Knowledge::Link(_), new) => new == Some(&link),
        (earlier, new) => new.is_some_and(|new| *new >= earlier),
    })
}

/// By reference and amount; `None` if it is not such a report.
fn read(report: &[u8]) -> Option<HashMap<[String; 2], Knowledge>> {
    let mut reader = ReaderBuilder::new().from_reader(report);
    if reader.headers().ok()? != HEADER[..] {
        return None;
    }
    reader.records().map(|record| line(&record.ok()?)).collect()
}

fn line(record: &StringRecord) -> Option<([String; 2], Knowledge)> {
    let [_, reference, amount, outcome, link, _] = record.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    let knowledge = match outcome {
        "skipped" | "unsent" => Knowledge::Nothing,
        "unknown" => Knowledge::Sent,
        "failed" | "rejected" | "unresolved" => Knowledge::Ended,
        "created" => Knowledge::Link(link.to_owned()),
        _ => return None,
    };
    Some(([reference.to_owned(), amount.to_owned()], knowledge))
}
